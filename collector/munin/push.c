/*
 * The kind `push`: a host whose node connects to us. Rounds are those of any munin-node
 * (collector/munin/node_client.h) over the connection that came last; while there is none, a round
 * fails and says so.
 */
#include "collector/munin/node_client.h"
#include "collector/munin/push_hub.h"
#include "collector/target.h"

#include "base/banned.h"

struct push {
	struct target *target;
	struct node_client *client;
	struct push_seat *seat;
};

static bool push_taken(void *owner)
{
	const struct push *push = owner;
	return node_client_connected(push->client);
}

static void push_arrived(void *owner, struct stream *stream)
{
	struct push *push = owner;
	node_client_give(push->client, stream);
}

static void *push_create(struct target *target, struct error *err)
{
	static const struct push_handlers handlers = {.taken = push_taken, .arrived = push_arrived};
	if (!target->world->push) {
		error_set(err, ERR_CONFIG, "nodes connect to the running server, not to this command");
		return NULL;
	}
	struct node_client *client = node_client_create(target, err);
	if (!client) {
		return NULL;
	}
	struct push *push = g_new0(struct push, 1);
	push->target = target;
	push->client = client;
	push->seat = push_hub_add(target->world->push, target->settings->host->name,
		target->settings->node.token_file, &handlers, push);
	return push;
}

static void push_begin(void *state, struct wall at)
{
	struct push *push = state;
	if (node_client_connected(push->client)) {
		node_client_begin(push->client, at);
		return;
	}
	struct target_result result = {.alive = false};
	error_set(&result.error, ERR_UNREACHABLE, "connect: its node is not connected to us");
	target_done(push->target, &result);
}

static void push_cancel(void *state)
{
	struct push *push = state;
	node_client_cancel(push->client);
}

static void push_destroy(void *state)
{
	struct push *push = state;
	push_hub_remove(push->seat);
	node_client_destroy(push->client);
	g_free(push);
}

const struct target_kind target_push = {.create = push_create,
	.begin = push_begin,
	.cancel = push_cancel,
	.destroy = push_destroy,
	.speaks_for_host = true};
