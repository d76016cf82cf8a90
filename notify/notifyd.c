/*
 * The notify role: orders come from the engine, messages go out, results go back. It keeps nothing
 * on disk: the engine's outbox is the memory, and orders again whatever it has no result for.
 */
#include "notify/notifyd.h"

#include <unistd.h>

#include "base/log.h"
#include "base/partner.h"
#include "model/config.h"
#include "model/message.h"
#include "notify/outbound.h"

#include "base/banned.h"

enum { QUEUE_MAX = 4 << 20, DRAIN_STEP_MS = 50, DRAIN_MS = 3000 };

struct notifyd {
	struct role *role;
	struct config *config;
	struct outbound *outbound;
	struct partner *engine;
	struct frame_writer *writer;
	struct loop_timer *drain;
	struct mono drain_until;
	uint64_t progress;
};

static bool notifyd_report(void *owner, uint64_t delivery, const struct delivery_result *result)
{
	struct notifyd *d = owner;
	message_start(d->writer, MESSAGE_DELIVERED);
	frame_put_u64(d->writer, delivery);
	frame_put_u8(d->writer, (uint8_t)result->outcome);
	frame_put_u16(d->writer, result->code);
	frame_put_text(d->writer, result->detail);
	return partner_send(d->engine, d->writer, NULL);
}

static void notifyd_frame(void *owner, const struct frame *frame, int fd)
{
	struct notifyd *d = owner;
	if (fd >= 0) {
		close(fd);
	}
	if (frame->type != MESSAGE_DELIVER) {
		return;
	}
	struct error err = {.kind = ERR_NONE};
	struct notice *notice = notice_read(frame, &err);
	if (!notice) {
		log_error("notify.order", "error=\"%s\"", log_safe(err.text));
		return;
	}
	outbound_order(d->outbound, notice);
}

/* The channel is new or has room again. */
static void notifyd_ready(void *owner)
{
	outbound_report(((struct notifyd *)owner)->outbound);
}

static void *notifyd_create(struct role *role, struct error *err)
{
	static const struct partner_handlers handlers = {
		.frame = notifyd_frame, .ready = notifyd_ready};
	struct config *config = config_read(role->bundle, err);
	if (!config) {
		return NULL;
	}
	struct notifyd *d = g_new0(struct notifyd, 1);
	d->role = role;
	d->config = config;
	d->writer = g_new0(struct frame_writer, 1);
	d->outbound = outbound_create(role->loop, notifyd_report, d);
	outbound_configure(d->outbound, config);
	d->engine = partner_create(role,
		&(struct partner_options){
			.table = &message_table, .id = ROLE_ENGINE, .queue_max = QUEUE_MAX, .needed = true},
		&handlers, d);
	return d;
}

static void notifyd_peer(void *state, unsigned peer, unsigned instance UNUSED, int fd)
{
	if (peer == ROLE_ENGINE) {
		partner_join(((struct notifyd *)state)->engine, fd);
	} else {
		close(fd);
	}
}

static void notifyd_apply(void *state)
{
	struct notifyd *d = state;
	struct error err = {.kind = ERR_NONE};
	struct config *config = config_read(d->role->bundle, &err);
	if (!config) {
		log_error("notify.config", "error=\"%s\" the old one stays", log_safe(err.text));
		return;
	}
	config_destroy(d->config);
	d->config = config;
	outbound_configure(d->outbound, config);
}

/* The loop turns, so messages move: nothing in this role waits. */
static uint64_t notifyd_progress(void *state)
{
	return ++((struct notifyd *)state)->progress;
}

static void notifyd_drain(void *owner)
{
	struct notifyd *d = owner;
	if (outbound_idle(d->outbound) || mono_now().ms >= d->drain_until.ms) {
		role_stopped(d->role);
		return;
	}
	loop_timer_after(d->drain, DRAIN_STEP_MS);
}

/* What is under way gets a moment to end, so that it need not be sent twice. */
static void notifyd_stop(void *state)
{
	struct notifyd *d = state;
	outbound_drain(d->outbound);
	d->drain_until.ms = mono_now().ms + DRAIN_MS;
	d->drain = loop_timer_create(d->role->loop, notifyd_drain, d);
	notifyd_drain(d);
}

static void notifyd_destroy(void *state)
{
	struct notifyd *d = state;
	loop_timer_destroy(d->drain);
	outbound_destroy(d->outbound);
	partner_destroy(d->engine);
	config_destroy(d->config);
	g_free(d->writer);
	g_free(d);
}

int notify_role_main(void)
{
	static const struct role_handlers handlers = {
		.create = notifyd_create,
		.peer = notifyd_peer,
		.apply = notifyd_apply,
		.progress = notifyd_progress,
		.stop = notifyd_stop,
		.destroy = notifyd_destroy,
	};
	return role_run(ROLE_NOTIFY, "notify", &message_table, &handlers);
}
