#pragma once
#include "base/stream.h"
#include "collector/target.h"

/*
 * Rounds with a munin-node: which plugins it has, their configuration, their values. What is known
 * of the node is kept between rounds. The kinds `munin` and `push` are a thin cover over it.
 */
struct node_client;

/* For target->settings->node; the target outlives it. NULL (CONFIG): the address makes no sense. */
MUST_USE struct node_client *node_client_create(struct target *target, struct error *err);
void node_client_destroy(struct node_client *client); /* NULL allowed */

/* A round: over the connection it was given, else it opens one by the configured address. Ends
 * with target_done(). */
void node_client_begin(struct node_client *client, struct wall at);
void node_client_cancel(struct node_client *client);

/*
 * Takes an open stream on which the node waits as if we had connected (its banner comes next, or
 * has come): rounds are held over it until it closes. A connection given before is closed.
 * `settings->node.address` may then be NULL. Not during a round's callbacks.
 */
void node_client_give(struct node_client *client, struct stream *stream);
bool node_client_connected(const struct node_client *client); /* a given connection is there */
