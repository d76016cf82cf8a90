#pragma once
#include "base/loop.h"
#include "web/gate.h"
#include "web/reply.h"
#include "web/request.h"

/*
 * HTTP on the loop of the role: libmicrohttpd behind the gate. For each request one exchange is
 * handed to the handler, which fills the reply now, or holds the exchange and answers later.
 */
struct server;

struct exchange {
	struct request request;
	struct reply reply;
	bool head_only; /* HEAD */
	bool held;      /* see exchange_hold() */
	void *pending;  /* of who holds it */
};

struct server_handlers {
	/* A request is complete. Fills `x->reply` before it returns, or calls exchange_hold(). */
	void (*request)(void *owner, struct exchange *x);
};

struct server *server_create(struct loop *loop, const struct gate_limits *limits,
	const struct server_handlers *handlers, void *owner, struct error *err);

/* Ends all exchanges (held ones must have been answered), closes everything. NULL allowed. */
void server_destroy(struct server *server);

/* Serves what connects to `fd`; takes it. */
void server_listen(struct server *server, int fd);

/* The reply comes later. The exchange lives until exchange_answer(), also if the client leaves. */
void exchange_hold(struct exchange *x);

/* The reply of a held exchange is filled. */
void exchange_answer(struct exchange *x);

/* The reply's source has something again. */
void exchange_wake(struct exchange *x);

/* Ends the connection of an exchange whose reply is a source. */
void exchange_drop(struct exchange *x);

struct server_counters {
	uint64_t requests, by_class[6]; /* by first digit of the status */
};
const struct server_counters *server_count(const struct server *server);
const struct gate_counters *server_gate_count(const struct server *server);
