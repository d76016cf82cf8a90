#pragma once
#include "collector/munin/session.h"
#include "collector/target.h"

/*
 * The way to a munin-node as it is configured: TCP, a Unix socket, or through a program that the
 * runner runs (ssh://, cmd://), with TLS or without, and the sessions begun over it.
 */
struct node_link;

/* `settings` outlives it. NULL (CONFIG): the address makes no sense. */
MUST_USE struct node_link *node_link_create(struct target *target, struct error *err);
void node_link_destroy(struct node_link *link); /* NULL allowed; ends what is under way */

/* How the next session is to be. */
struct node_link_wish {
	bool pipelining;
	bool plain; /* in clear, though TLS would be tried (tls auto, after that failed) */
};

/*
 * Begins to connect. `begun` is called with the session, the callee's now, or with NULL and why
 * not: inside this call, or later where a program has to be started first.
 */
typedef void (*node_link_fn)(void *owner, struct session *session, const struct error *why);
void node_link_open(struct node_link *link, const struct node_link_wish *wish,
	const struct session_handlers *handlers, node_link_fn begun, void *owner);

/* A session over a stream that is open already (taken). NULL: it cannot be. */
struct session *node_link_adopt(struct node_link *link, struct stream *stream,
	const struct session_handlers *handlers, void *owner, struct error *err);

/* `begun` is not called any more. */
void node_link_cancel(struct node_link *link);
bool node_link_opening(const struct node_link *link); /* a program is being started */
