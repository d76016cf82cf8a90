#pragma once
#include "base/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The door in front of the HTTP library. Accepts connections, looks at the head of each request
 * without taking it (MSG_PEEK) until it is whole, refuses what web/head refuses, and closes what
 * takes too long. Only a connection with a good head is handed on.
 */
struct gate;
struct gate_connection;

struct gate_limits {
	unsigned per_address; /* connections of one IPv4 address or IPv6 /64 at a time */
	unsigned total;
	int64_t head_ms, body_ms, idle_ms; /* deadlines: head since accept, body, next request */
};

extern const struct gate_limits
	gate_default_limits; /* 50, 1,000; 9 s so that all is over in 10, 30 s, 15 s */

struct gate_counters {
	uint64_t accepted, handed, refused, late, crowded;
	unsigned open;
};

struct gate_handlers {
	/* Takes over `fd`, in which a whole, good head waits. Calls gate_left() when it is closed. */
	void (*hand)(void *owner, struct gate_connection *connection, int fd);
};

struct gate *gate_create(struct loop *loop, const struct gate_limits *limits,
	const struct gate_handlers *handlers, void *owner);

/* Connections that were handed on must be gone (gate_left) before. NULL allowed. */
void gate_destroy(struct gate *gate);

/* Accepts from `fd` from now on; takes it. An earlier one is closed. */
void gate_listen(struct gate *gate, int fd);

/* Closes the listening socket; connections go on. */
void gate_close(struct gate *gate);

/* -- what the server tells about a connection that was handed on -- */

enum gate_pass {
	GATE_SEEN,   /* its head passed the check */
	GATE_UNSEEN, /* it came too fast to be looked at: nothing behind it may be read, so close */
	GATE_DEAD,   /* refused already: nothing may be done for it */
};

/* A request begins. */
enum gate_pass gate_request(struct gate_connection *connection, bool has_body);
void gate_body_done(struct gate_connection *connection);
void gate_answered(struct gate_connection *connection); /* the next request may come */
void gate_left(struct gate_connection *connection);     /* closed; the pointer is dead */

/* Ends a connection from our side: its socket is shut down, the server will see that. */
void gate_shut(struct gate_connection *connection);

/* Looks at heads of further requests that wait; call before the library reads. */
void gate_inspect(struct gate *gate);

const struct gate_counters *gate_count(const struct gate *gate);
