#include "collector/collectord.h"
#include "base/channel.h"
#include "base/log.h"
#include "base/role.h"
#include "base/text.h"
#include "collector/host/sampler.h"
#include "collector/outbox.h"
#include "collector/schedule.h"
#include "model/config.h"
#include "model/message.h"

#include <string.h>

#include "base/banned.h"

/*
 * The role: a timer, the sampler of this host, and the outbox.
 *
 * The first round is taken at once, so that a page has something to show; the next ones at the
 * slots of the interval. This host's own splay is 0: its slots are the multiples of the interval,
 * and a row of the archive is exactly one sample. (Reading /proc disturbs nobody; splay is for
 * asking others.)
 */
struct collector {
	struct role *role;
	struct sampler *sampler;
	struct schedule plan;
	struct outbox *outbox;
	struct channel *engine;
	struct loop_timer *timer;
	struct wall due; /* of the round to come */
	uint64_t rounds, turns;
	char host[IDENT_HOST_MAX + 1];
	char group[IDENT_GROUP_MAX + 1];
	uint32_t interval_s;
};

enum { COLLECTOR_LATE_MS = 5000, COLLECTOR_TICK_MS = 2000 };

static void collector_push(struct collector *c)
{
	if (outbox_flush(c->outbox)) {
		(void)outbox_declare(c->outbox, sampler_source(c->sampler));
	}
}

static void collector_frame(void *owner UNUSED, const struct frame *frame UNUSED, int fd)
{
	/* the table lets the engine say nothing to a collector */
	if (fd >= 0) {
		close(fd);
	}
}

static void collector_closed(void *owner, const struct error *why)
{
	struct collector *c = owner;
	log_info(
		"engine.lost", "error=\"%s\" next=\"keep rounds and wait for it\"", log_safe(why->text));
	outbox_connect(c->outbox, NULL);
	channel_destroy(c->engine);
	c->engine = NULL;
	role_lost_peer(c->role, ROLE_ENGINE);
}

static void collector_drained(void *owner)
{
	collector_push(owner);
}

static void collector_round(struct collector *c, struct wall now)
{
	struct mono began = mono_now();
	struct wall at = schedule_stamp(&c->plan, now);
	sampler_round(c->sampler, schedule_slot(&c->plan, now));
	struct outbox_seen seen = {.at = at,
		.up = true,
		.took_ms = (uint32_t)(mono_now().ms - began.ms),
		.step_s = c->interval_s,
		.cpus = sampler_cpus(),
		.group = c->group,
		.host = c->host};
	outbox_begin(c->outbox, at);
	(void)outbox_put(c->outbox, sampler_source(c->sampler), at);
	outbox_end(c->outbox, &seen);
	source_sweep(sampler_source(c->sampler));
	collector_push(c);
	c->rounds++;
	/* a round a little early was that slot's: not twice */
	c->due = schedule_next(&c->plan, at.ms > now.ms ? at : now);
}

/*
 * The clock may be set while we wait, and a machine may sleep: so never wait long in one piece, and
 * look anew. A clock that was set back leaves `due` too far away: the next slot of the new time
 * counts then.
 */
static void collector_tick(void *owner)
{
	struct collector *c = owner;
	struct wall now = wall_now();
	if (now.ms >= c->due.ms) {
		collector_round(c, now);
	} else if (c->due.ms - now.ms > c->plan.step_ms + SCHEDULE_SNAP_MS) {
		c->due = schedule_next(&c->plan, now);
	}
	int64_t wait_ms = c->due.ms - wall_now().ms;
	loop_timer_after(c->timer, wait_ms < COLLECTOR_TICK_MS ? wait_ms : COLLECTOR_TICK_MS);
}

/* Whether what is sampled now is what the configuration asks for. */
static bool collector_same(const struct collector *c, const struct config *config)
{
	return c->sampler && c->interval_s == config->interval_s &&
		   !strcmp(c->host, config->host_name) && !strcmp(c->group, config->host_group);
}

/* Brings the sampling in line with the role's bundle. False: it cannot be; then nothing changed. */
static bool collector_configure(struct collector *c, struct error *err)
{
	AUTO(config) config = config_read(c->role->bundle, err);
	if (!config) {
		return false;
	}
	if (collector_same(c, config)) {
		return true;
	}
	struct sampler *sampler = sampler_create(&(struct sampler_options){
		.group = config->host_group, .host = config->host_name, .step_s = config->interval_s});
	if (!sampler) {
		return error_set(err, ERR_STORAGE, "the root directory cannot be opened");
	}
	sampler_destroy(c->sampler);
	c->sampler = sampler;
	c->interval_s = config->interval_s;
	c->plan = (struct schedule){.step_ms = (int64_t)c->interval_s * 1000, .back_off = 1};
	text_copy(c->host, sizeof(c->host), config->host_name);
	text_copy(c->group, sizeof(c->group), config->host_group);
	c->due = (struct wall){0}; /* at once */
	loop_timer_after(c->timer, 0);
	log_info("host.sampled", "host=%s group=%s interval_s=%u", c->host, c->group, c->interval_s);
	return true;
}

static void collector_destroy(void *state)
{
	struct collector *c = state;
	loop_timer_destroy(c->timer);
	channel_destroy(c->engine);
	outbox_destroy(c->outbox);
	sampler_destroy(c->sampler);
	g_free(c);
}

static void *collector_create(struct role *role, struct error *err)
{
	struct collector *c = g_new0(struct collector, 1);
	c->role = role;
	c->outbox = outbox_create();
	c->timer = loop_timer_create(role->loop, collector_tick, c);
	if (!collector_configure(c, err)) {
		collector_destroy(c);
		return NULL;
	}
	return c;
}

static void collector_peer(void *state, unsigned peer, unsigned instance UNUSED, int fd)
{
	static const struct channel_handlers handlers = {
		.frame = collector_frame, .closed = collector_closed, .drained = collector_drained};
	struct collector *c = state;
	if (peer != ROLE_ENGINE) {
		close(fd);
		return;
	}
	channel_destroy(c->engine);
	c->engine = channel_create(
		c->role->loop, &message_table, ROLE_COLLECTOR, peer, OUTBOX_QUEUE_BYTES, &handlers, c, fd);
	outbox_connect(c->outbox, c->engine);
	collector_push(c);
}

static void collector_apply(void *state)
{
	struct error err;
	if (!collector_configure(state, &err)) {
		log_error(
			"config.apply", "error=\"%s\" next=\"go on with the old one\"", log_safe(err.text));
	}
}

/*
 * Being asked shows that the loop turns; whether the work is done shows in the timer. So the number
 * grows with every question unless the round that is due does not happen.
 */
static uint64_t collector_progress(void *state)
{
	struct collector *c = state;
	if (!c->rounds || wall_now().ms <= c->due.ms + COLLECTOR_LATE_MS) {
		c->turns++;
	}
	return c->rounds + c->turns;
}

static void collector_stop(void *state)
{
	struct collector *c = state;
	loop_timer_stop(c->timer);
	role_stopped(c->role);
}

int collector_role_main(void)
{
	static const struct role_handlers handlers = {
		.create = collector_create,
		.peer = collector_peer,
		.apply = collector_apply,
		.progress = collector_progress,
		.stop = collector_stop,
		.destroy = collector_destroy,
	};
	return role_run(ROLE_COLLECTOR, "collector", &message_table, &handlers);
}
