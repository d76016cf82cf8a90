#pragma once
#include "base/loop.h"
#include "base/tls.h"

#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/*
 * A munin-node for tests, on the test's own loop, behind a Unix socket: it says a banner and
 * answers lines by a table, well or badly.
 */
struct fake_node;

enum fake_manner {
	FAKE_ANSWER,
	FAKE_CLOSE,   /* answers and closes */
	FAKE_FINISH,  /* answers and sends no more (half-close) */
	FAKE_SILENT,  /* nothing, and nothing more */
	FAKE_DROP,    /* nothing; the next line is answered */
	FAKE_DRIBBLE, /* one byte of the answer each 10 ms */
	FAKE_TLS,     /* answers and begins TLS as `tls` of the script says */
};

struct fake_reply {
	const char *command; /* the line, or its beginning before a "*"; NULL ends the table */
	const char *reply;
	size_t length; /* 0: that of the text */
	enum fake_manner manner;
};

struct fake_script {
	const char *banner; /* NULL: "# munin node at web1\n" */
	enum fake_manner banner_manner;
	const struct fake_reply *replies; /* what is not in it gets "# Unknown command" */
	bool one_per_read;                /* of what comes at once only the first line is taken */
	const struct tls_settings *tls;
};

/* `script` is borrowed and may be changed between connections. */
struct fake_node *fake_node_create(struct loop *loop, const struct fake_script *script);
void fake_node_destroy(struct fake_node *node);

const char *fake_node_address(const struct fake_node *node); /* "unix:@…" */
unsigned fake_node_connections(const struct fake_node *node);

/* All lines but "quit" received since the last call, each with its "\n". The caller frees it. */
char *fake_node_heard(struct fake_node *node);

/* A connected pair: one end is served, the other returned. */
int fake_node_pair(struct fake_node *node);
