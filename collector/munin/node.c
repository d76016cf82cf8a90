/*
 * A munin-node as a source: see node_client.h, which the kind `push` shares.
 */
#include "collector/munin/node_client.h"

#include "base/banned.h"

static void *node_create(struct target *target, struct error *err)
{
	return node_client_create(target, err);
}

static void node_begin(void *state, struct wall at)
{
	node_client_begin(state, at);
}

static void node_cancel(void *state)
{
	node_client_cancel(state);
}

static void node_destroy(void *state)
{
	node_client_destroy(state);
}

extern const struct target_kind target_node;
const struct target_kind target_node = {
	.create = node_create,
	.begin = node_begin,
	.cancel = node_cancel,
	.destroy = node_destroy,
	.speaks_for_host = true,
};
