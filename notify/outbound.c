/*
 * An order goes from waiting to active to done. Done ones stay as an answer to a repeated order
 * until OUTBOUND_REMEMBERED newer ones came; of those only success is remembered, a failed one may
 * be ordered again at once.
 *
 * I1: `orders` holds each order exactly once, by its delivery number; the queues point into it.
 * I2: an order with the number of another but a different dedup key is another order: numbers begin
 * anew with a new state database.
 */
#include "notify/outbound.h"

#include <string.h>

#include "base/log.h"
#include "base/text.h"

#include "base/banned.h"

enum order_state { ORDER_WAITING, ORDER_ACTIVE, ORDER_UNREPORTED, ORDER_REMEMBERED };

/* What goes over one channel. Lanes are kept: there are no more than channels that ever were. */
struct lane {
	char *channel;
	GQueue waiting; /* struct order * */
	unsigned active;
};

struct order {
	struct outbound *outbound;
	struct lane *lane;
	enum order_state state;
	uint64_t id;
	struct notice *notice; /* NULL once done */
	char *dedup_key;
	struct delivery *delivery; /* while active */
	struct delivery_result result;
};

struct outbound {
	struct loop *loop;
	const struct config *config;
	struct httpclient *http;
	outbound_report_fn report;
	void *owner;
	GHashTable *orders; /* uint64_t -> struct order *, owned */
	GHashTable *lanes;  /* channel's name -> struct lane *, owned */
	GQueue unreported, remembered;
	unsigned waiting, active; /* in all lanes */
	bool draining;
};

static void outbound_free_order(void *p)
{
	struct order *order = p;
	delivery_cancel(order->delivery);
	notice_destroy(order->notice);
	g_free(order->dedup_key);
	g_free(order);
}

static void outbound_free_lane(void *p)
{
	struct lane *lane = p;
	g_queue_clear(&lane->waiting);
	g_free(lane->channel);
	g_free(lane);
}

struct outbound *outbound_create(struct loop *loop, outbound_report_fn report, void *owner)
{
	struct outbound *o = g_new0(struct outbound, 1);
	o->loop = loop;
	o->http = httpclient_create(loop);
	o->report = report;
	o->owner = owner;
	o->orders = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, outbound_free_order);
	o->lanes = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, outbound_free_lane);
	return o;
}

void outbound_destroy(struct outbound *o)
{
	if (o) {
		g_hash_table_destroy(o->orders);
		g_hash_table_destroy(o->lanes);
		g_queue_clear(&o->unreported);
		g_queue_clear(&o->remembered);
		httpclient_destroy(o->http);
		g_free(o);
	}
}

static void outbound_settle(struct order *order)
{
	struct outbound *o = order->outbound;
	if (!o->report(o->owner, order->id, &order->result)) {
		order->state = ORDER_UNREPORTED;
		g_queue_push_tail(&o->unreported, order);
		return;
	}
	if (order->result.outcome != DELIVERY_SENT) {
		g_hash_table_remove(o->orders, &order->id);
		return;
	}
	order->state = ORDER_REMEMBERED;
	g_queue_push_tail(&o->remembered, order);
	if (o->remembered.length > OUTBOUND_REMEMBERED) {
		struct order *oldest = g_queue_pop_head(&o->remembered);
		g_hash_table_remove(o->orders, &oldest->id);
	}
}

static void outbound_log(const struct order *order)
{
	const struct notice *n = order->notice;
	const char *channel = log_safe(n->channel);
	if (order->result.outcome == DELIVERY_SENT) {
		log_info("notify.sent", "delivery=%llu channel=%s rule=%s host=%s code=%u",
			(unsigned long long)order->id, channel, log_safe(n->rule), log_safe(n->host),
			(unsigned)order->result.code);
	} else {
		log_warn(order->result.outcome == DELIVERY_RETRY ? "notify.failed" : "notify.refused",
			"delivery=%llu channel=%s attempt=%u code=%u error=\"%s\"",
			(unsigned long long)order->id, channel, (unsigned)n->attempt,
			(unsigned)order->result.code, log_safe(order->result.detail));
	}
}

static void outbound_done(struct order *order, const struct delivery_result *result)
{
	order->result = *result;
	outbound_log(order);
	notice_destroy(STEAL(order->notice));
	outbound_settle(order);
}

static void outbound_begin_next(struct outbound *o, struct lane *lane);

/* The order has left its place among the active ones. */
static void outbound_leave(struct order *order)
{
	order->outbound->active--;
	order->lane->active--;
}

static void outbound_answered(void *owner, const struct delivery_result *result)
{
	struct order *order = owner;
	struct outbound *o = order->outbound;
	struct lane *lane = order->lane;
	order->delivery = NULL;
	outbound_leave(order);
	outbound_done(order, result);
	outbound_begin_next(o, lane);
}

static void outbound_begin(struct outbound *o, struct order *order)
{
	struct delivery_result refused = {.outcome = DELIVERY_NEVER};
	const struct config_channel *channel = config_channel(o->config, order->notice->channel);
	if (!channel) {
		text_copy(refused.detail, sizeof(refused.detail), "no channel of that name is configured");
		outbound_done(order, &refused);
		return;
	}
	struct delivery_job job = {
		.config = o->config, .channel = channel, .notice = order->notice, .now = wall_now()};
	order->delivery = delivery_start(o->http, &job, outbound_answered, order, &refused);
	if (!order->delivery) {
		outbound_done(order, &refused);
		return;
	}
	order->state = ORDER_ACTIVE;
	o->active++;
	order->lane->active++;
}

static void outbound_begin_next(struct outbound *o, struct lane *lane)
{
	struct order *order;
	while (!o->draining && lane->active < OUTBOUND_LANE_MAX &&
		   (order = g_queue_pop_head(&lane->waiting))) {
		o->waiting--;
		outbound_begin(o, order);
	}
}

static struct lane *outbound_lane(struct outbound *o, const char *channel)
{
	struct lane *lane = g_hash_table_lookup(o->lanes, channel);
	if (!lane) {
		lane = g_new0(struct lane, 1);
		lane->channel = g_strdup(channel);
		g_hash_table_insert(o->lanes, lane->channel, lane);
	}
	return lane;
}

void outbound_configure(struct outbound *o, const struct config *config)
{
	o->config = config;
}

/* Takes what is known under this number out of the way; true if the order is a new one. */
static bool outbound_is_new(struct outbound *o, const struct notice *notice)
{
	struct order *known = g_hash_table_lookup(o->orders, &notice->delivery);
	if (!known) {
		return true;
	}
	if (strcmp(known->dedup_key, notice->dedup_key) == 0) {
		if (known->state == ORDER_REMEMBERED) {
			o->report(o->owner, known->id, &known->result); /* if lost, it is ordered again */
		}
		return false;
	}
	struct lane *lane = known->lane;
	o->waiting -= g_queue_remove(&lane->waiting, known);
	g_queue_remove(&o->unreported, known);
	g_queue_remove(&o->remembered, known);
	if (known->state == ORDER_ACTIVE) {
		outbound_leave(known);
	}
	g_hash_table_remove(o->orders, &known->id); /* cancels it if it is under way */
	outbound_begin_next(o, lane);
	return true;
}

void outbound_order(struct outbound *o, struct notice *notice)
{
	AUTO(notice) taken = notice;
	if (!outbound_is_new(o, taken)) {
		return;
	}
	if (o->waiting >= OUTBOUND_WAITING_MAX || o->draining) {
		struct delivery_result busy = {.outcome = DELIVERY_RETRY};
		text_copy(busy.detail, sizeof(busy.detail), "too many messages are waiting here");
		o->report(o->owner, taken->delivery, &busy); /* if lost, the engine's deadline tells */
		return;
	}
	struct order *order = g_new0(struct order, 1);
	order->outbound = o;
	order->id = taken->delivery;
	order->dedup_key = g_strdup(taken->dedup_key);
	order->lane = outbound_lane(o, taken->channel);
	order->notice = STEAL(taken);
	g_hash_table_insert(o->orders, &order->id, order);
	g_queue_push_tail(&order->lane->waiting, order);
	o->waiting++;
	outbound_begin_next(o, order->lane);
}

void outbound_report(struct outbound *o)
{
	for (unsigned left = o->unreported.length; left > 0; left--) {
		outbound_settle(g_queue_pop_head(&o->unreported));
	}
}

void outbound_drain(struct outbound *o)
{
	o->draining = true;
}

bool outbound_idle(const struct outbound *o)
{
	return o->active == 0;
}
