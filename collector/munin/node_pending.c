#include "collector/munin/node_state.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * Samples that say when they were measured: they wait until the answers of a round are known to be
 * in step, and are then handed over per service in rising order of time. What is not newer than the
 * newest of its service was handed over before. Munin keeps one such instant for a whole node, and
 * so loses what a lagging plugin spooled; here each service has its own.
 */
struct node_pending {
	struct remote_service *service;
	int64_t at_s;
	uint32_t field, place; /* place: order of arrival */
	double value;
};
_Static_assert(sizeof(struct node_pending) == NODE_PENDING_BYTES, "as node_state.c makes room for");

void node_pending_add(struct node_state *state, struct remote_service *service,
	const struct node_sample *sample, struct wall at)
{
	if (sample->at_s * 1000 > at.ms + NODE_AHEAD_S * 1000) {
		state->ahead++;
		return;
	}
	if (sample->at_s <= service->newest_s || state->pending->len >= NODE_PENDING_MAX) {
		return;
	}
	struct node_pending pending = {.service = service,
		.at_s = sample->at_s,
		.field = sample->field,
		.place = state->pending->len,
		.value = sample->value};
	g_array_append_val(state->pending, pending);
}

static int by_service_and_time(const void *a, const void *b)
{
	const struct node_pending *left = a;
	const struct node_pending *right = b;
	if (left->service != right->service) {
		return left->service < right->service ? -1 : 1;
	}
	if (left->at_s != right->at_s) {
		return left->at_s < right->at_s ? -1 : 1;
	}
	return left->place < right->place ? -1 : 1;
}

static struct wall sample_time(const struct remote_plugin *plugin, int64_t at_s)
{
	return wall_from_s(plugin->aligned && plugin->rate_s ? at_s - at_s % plugin->rate_s : at_s);
}

/* All samples of one service and instant; returns the place behind them. */
static guint emit_instant(struct node_state *state, guint first)
{
	const struct node_pending *head = &g_array_index(state->pending, struct node_pending, first);
	struct remote_service *service = head->service;
	struct feed *feed = service->feed;
	guint at = first;
	for (; at < state->pending->len; at++) {
		const struct node_pending *p = &g_array_index(state->pending, struct node_pending, at);
		if (p->service != service || p->at_s != head->at_s) {
			break;
		}
		if (p->field < feed_count(feed) && isnan(feed->values[p->field])) {
			feed->values[p->field] = p->value; /* the first one counts (hostile 22) */
		}
	}
	feed->fresh = true;
	service->newest_s = head->at_s;
	target_hand_over_feed(state->target, feed, sample_time(service->plugin, head->at_s));
	return at;
}

/* All of one service. What the feed holds of this round besides is kept for its end. */
static guint emit_service(struct node_state *state, guint first, size_t *instants)
{
	const struct node_pending *head = &g_array_index(state->pending, struct node_pending, first);
	struct remote_service *service = head->service;
	struct feed *feed = service->feed;
	size_t bytes = feed_count(feed) * sizeof(double);
	g_autofree double *kept = feed->fresh ? g_memdup2(feed->values, bytes) : NULL;
	feed_begin(feed);
	guint at = first;
	while (at < state->pending->len &&
		   g_array_index(state->pending, struct node_pending, at).service == service) {
		at = emit_instant(state, at);
		++*instants;
	}
	if (kept) {
		memcpy(feed->values, kept, bytes);
		feed->fresh = true;
	}
	return at;
}

size_t node_state_emit(struct node_state *state, struct wall at G_GNUC_UNUSED)
{
	size_t instants = 0;
	if (!state->pending->len) {
		return 0;
	}
	qsort(state->pending->data, state->pending->len, sizeof(struct node_pending),
		by_service_and_time);
	for (guint i = 0; i < state->pending->len;) {
		i = emit_service(state, i, &instants);
	}
	g_array_set_size(state->pending, 0);
	return instants;
}
