#pragma once
#include "base/resolve.h"
#include "collector/munin/node_dialogue.h"

/*
 * A node that connects out to its server and is asked over that connection, for hosts that cannot
 * be reached from outside (collector/munin/push_proof.h has the greeting). It connects again
 * whenever the connection is lost, after 1 s at first and twice as long each time up to a minute,
 * a quarter more or less by chance.
 */
struct node_push;

struct node_push_options {
	const struct node_matter *matter; /* borrowed; its host is whom the node claims to be */
	struct resolver *resolver;
	const char *server;     /* "HOST:PORT" */
	const char *token_file; /* read anew for each connection */
	const char *ca;         /* authorities that may vouch for the server; NULL: the system's */
};

/* Begins to connect. NULL (CONFIG, STORAGE): it makes no sense or the certificates are unusable. */
MUST_USE struct node_push *node_push_create(
	const struct node_push_options *options, struct error *err);
void node_push_destroy(struct node_push *push); /* NULL allowed */

/* The plugins are known now: answers what waited for that. */
void node_push_wake(struct node_push *push);
