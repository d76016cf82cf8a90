#pragma once
#include "base/loop.h"

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/*
 * A server on loopback for tests, on the test's own loop: it plays an HTTP server (one answer to
 * every request) or a mail server (a table of replies), keeps all it was told, and can behave
 * badly.
 */
struct peer;

struct peer_reply {
	const char
		*command;      /* beginning of the line, any case; "." stands for the end of the message */
	const char *reply; /* with its CRLF; NULL: no answer; "": the connection is closed */
};

struct peer_script {
	bool smtp;
	const char *greeting;             /* SMTP; NULL: 220; "": none */
	const struct peer_reply *replies; /* SMTP: looked at before the ordinary ones; ends with {0} */
	const char *answer;               /* HTTP: raw; NULL: never answers */
	size_t flood_bytes; /* HTTP: that many bytes behind the answer; SMTP: before the greeting */
};

struct peer *peer_create(struct loop *loop, const struct peer_script *script);
void peer_destroy(struct peer *peer);

uint16_t peer_port(const struct peer *peer);
unsigned peer_connections(const struct peer *peer);

/* All bytes received over all connections; for a mail server including the message as sent. */
const char *peer_received(const struct peer *peer);

/* Mail: the last message as it went over the wire, without the closing dot; "" if none was
 * completed. */
const char *peer_message(const struct peer *peer);
