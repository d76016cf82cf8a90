/*
 * The whole picture is sent in phases, each a walk by numbers that stay valid while the catalog
 * grows: when the channel is full the walk stops and goes on when it has drained. Changes are sent
 * meanwhile as well; what is said twice does no harm, since every frame says a whole thing.
 */
#include "engine/publish.h"
#include "base/channel.h"
#include "base/log.h"
#include "model/declare.h"
#include "model/message.h"

#include <string.h>
#include <unistd.h>

#include "base/banned.h"

enum { QUEUE_MAX = 16 << 20, AT_ONCE = 500, LIVE_BYTES = 20, SEEN_BYTES = 12, ANSWERS_MAX = 1000 };

struct answer {
	uint32_t request;
	unsigned status;
	char *text;
};

struct publish {
	struct publish_parts parts;
	struct publish_handlers handlers;
	void *owner;
	struct channel *channel; /* NULL: gone */
	struct frame_writer *writer, *live;
	struct loop_timer *live_timer;
	GQueue events;      /* struct store_event *, owned, oldest first */
	GPtrArray *alerts;  /* of the walk */
	GPtrArray *sources; /* of the walk: ids, owned; NULL: not begun */
	GArray *marks;      /* of the walk: ids; NULL: not begun */
	GQueue answers;     /* struct answer *: refused, to be sent first */
	size_t phase, index;
	uint64_t dropped;
	bool syncing, again, step_due;
};

enum step { STEP_MORE, STEP_FULL, STEP_END };

/* -- the phases of the whole picture -- */

static bool send_frame(struct publish *p)
{
	return channel_send(p->channel, p->writer, NULL);
}

static void live_flush(void *owner)
{
	struct publish *p = owner;
	if (p->channel && p->live->length > FRAME_HEADER) {
		size_t count = (p->live->length - FRAME_HEADER) / LIVE_BYTES;
		if (!channel_send(p->channel, p->live, NULL)) {
			p->dropped += count;
		}
		message_start(p->live, MESSAGE_LIVE);
	}
}

static enum step send_sync(struct publish *p, uint8_t phase)
{
	message_start(p->writer, MESSAGE_SYNC);
	frame_put_u8(p->writer, phase);
	return send_frame(p) ? STEP_END : STEP_FULL;
}

static enum step step_begin(struct publish *p)
{
	return send_sync(p, 0);
}

static enum step step_services(struct publish *p)
{
	if (p->index >= catalog_service_limit(p->parts.catalog)) {
		return STEP_END;
	}
	const struct service *service = catalog_service_by_id(p->parts.catalog, (uint32_t)p->index);
	bool sent = !service || declare_send(p->channel, p->writer, service, service->id, NULL);
	return sent ? STEP_MORE : STEP_FULL;
}

static bool send_host(struct publish *p, const struct host *host)
{
	static const struct store_host unseen;
	const struct store_host *seen = hosts_find(p->parts.hosts, host->name);
	char strip[STORE_STRIP + 1];
	hosts_strip(seen ? seen : &unseen, wall_now(), strip);
	seen = seen ? seen : &unseen;
	message_start(p->writer, MESSAGE_HOST);
	frame_put_text(p->writer, host->name);
	frame_put_text(p->writer, host->group);
	frame_put_u8(p->writer, seen->up);
	frame_put_i64(p->writer, seen->seen.ms);
	frame_put_u32(p->writer, seen->step_s);
	frame_put_text(p->writer, seen->error);
	frame_put_text(p->writer, strip);
	p->handlers.host(p->owner, host->name, p->writer);
	return send_frame(p);
}

static enum step step_hosts(struct publish *p)
{
	const GPtrArray *hosts = catalog_hosts(p->parts.catalog);
	if (p->index >= hosts->len) {
		return STEP_END;
	}
	return send_host(p, hosts->pdata[p->index]) ? STEP_MORE : STEP_FULL;
}

/* True as well if it went meanwhile: then its end is told. */
static bool send_source(struct publish *p, const char *id)
{
	return !sources_write(p->parts.sources, id, wall_now(), p->writer) || send_frame(p);
}

static enum step step_sources(struct publish *p)
{
	if (!p->index || !p->sources) {
		g_clear_pointer(&p->sources, g_ptr_array_unref);
		p->sources = sources_ids(p->parts.sources);
	}
	if (p->index >= p->sources->len) {
		g_clear_pointer(&p->sources, g_ptr_array_unref);
		return STEP_END;
	}
	return send_source(p, p->sources->pdata[p->index]) ? STEP_MORE : STEP_FULL;
}

static bool send_mark(struct publish *p, uint64_t id)
{
	const struct mark *mark = mark_table_find(p->parts.marks, id);
	if (mark) {
		mark_put(p->writer, mark);
	} else {
		mark_gone_put(p->writer, id);
	}
	return send_frame(p);
}

static enum step step_marks(struct publish *p)
{
	if (!p->index || !p->marks) {
		g_clear_pointer(&p->marks, g_array_unref);
		p->marks = mark_table_ids(p->parts.marks);
	}
	if (p->index >= p->marks->len) {
		g_clear_pointer(&p->marks, g_array_unref);
		return STEP_END;
	}
	return send_mark(p, g_array_index(p->marks, uint64_t, p->index)) ? STEP_MORE : STEP_FULL;
}

static bool send_limits(struct publish *p, uint32_t series_id)
{
	for (size_t i = 0; p->handlers.limit; i++) {
		if (!p->handlers.limit(p->owner, series_id, i, p->writer)) {
			break;
		}
		if (!send_frame(p)) {
			return false;
		}
	}
	return true;
}

static enum step step_limits(struct publish *p)
{
	if (p->index >= catalog_series_limit(p->parts.catalog)) {
		return STEP_END;
	}
	return send_limits(p, (uint32_t)p->index) ? STEP_MORE : STEP_FULL;
}

static enum step step_alerts(struct publish *p)
{
	if (!p->index) {
		g_ptr_array_set_size(p->alerts, 0);
		if (p->handlers.alerts) {
			p->handlers.alerts(p->owner, p->alerts);
		}
	}
	if (p->index >= p->alerts->len) {
		return STEP_END;
	}
	live_flush(p);
	p->handlers.alert(p->owner, p->alerts->pdata[p->index], p->writer);
	return send_frame(p) ? STEP_MORE : STEP_FULL;
}

static bool send_event(struct publish *p, const struct store_event *event)
{
	message_start(p->writer, MESSAGE_EVENT);
	frame_put_i64(p->writer, event->at.ms);
	frame_put_text(p->writer, event->kind);
	frame_put_text(p->writer, event->object);
	frame_put_text(p->writer, event->text);
	return send_frame(p);
}

static enum step step_events(struct publish *p)
{
	const struct store_event *event = g_queue_peek_nth(&p->events, (guint)p->index);
	if (!event) {
		return STEP_END;
	}
	return send_event(p, event) ? STEP_MORE : STEP_FULL;
}

/* The latest value of each series, as many as fit into one frame at a time. */
static enum step step_values(struct publish *p)
{
	uint32_t limit = catalog_series_limit(p->parts.catalog);
	uint32_t id = (uint32_t)p->index;
	struct sample sample;
	message_start(p->writer, MESSAGE_LIVE);
	size_t empty = frame_room(p->writer);
	for (; id < limit && frame_room(p->writer) >= LIVE_BYTES; id++) {
		if (window_last(p->parts.window, id, &sample)) {
			frame_put_u32(p->writer, id);
			frame_put_i64(p->writer, sample.at.ms);
			frame_put_f64(p->writer, sample.value);
		}
	}
	if (frame_room(p->writer) < empty && !send_frame(p)) {
		return STEP_FULL;
	}
	p->index = id - 1; /* the walk itself adds one */
	return id < limit ? STEP_MORE : STEP_END;
}

static void put_seen(struct publish *p, uint32_t series_id)
{
	struct seen_span span = seen_of(p->parts.seen, series_id);
	if (span.first_s || span.last_s) {
		frame_put_u32(p->writer, series_id);
		frame_put_u32(p->writer, span.first_s);
		frame_put_u32(p->writer, span.last_s);
	}
}

static enum step step_seen(struct publish *p)
{
	uint32_t limit = catalog_series_limit(p->parts.catalog);
	uint32_t id = (uint32_t)p->index;
	message_start(p->writer, MESSAGE_SEEN);
	size_t empty = frame_room(p->writer);
	for (; id < limit && frame_room(p->writer) >= SEEN_BYTES; id++) {
		put_seen(p, id);
	}
	if (frame_room(p->writer) < empty && !send_frame(p)) {
		return STEP_FULL;
	}
	p->index = id - 1; /* as in step_values() */
	return id < limit ? STEP_MORE : STEP_END;
}

static enum step step_status(struct publish *p)
{
	p->handlers.status(p->owner, p->writer);
	return send_frame(p) ? STEP_END : STEP_FULL;
}

static enum step step_complete(struct publish *p)
{
	return send_sync(p, 1);
}

/* Values before alerts: beside an alert's own text the page shows the value it was made of. */
static enum step (*const phases[])(struct publish *p) = {step_begin, step_services, step_seen,
	step_hosts, step_sources, step_marks, step_limits, step_values, step_alerts, step_events,
	step_status, step_complete};

static void sync_walk(void *owner);

static void walk_later(struct publish *p)
{
	if (!p->step_due) {
		p->step_due = true;
		loop_defer(p->parts.loop, sync_walk, p);
	}
}

static void sync_start(struct publish *p)
{
	p->syncing = true;
	p->again = false;
	p->phase = 0;
	p->index = 0;
	walk_later(p);
}

static void sync_walk(void *owner)
{
	struct publish *p = owner;
	p->step_due = false;
	for (int i = 0; i < AT_ONCE && p->syncing && p->channel; i++) {
		enum step step = phases[p->phase](p);
		if (step == STEP_FULL) {
			return; /* on_drained() goes on */
		}
		p->index++;
		if (step == STEP_END) {
			p->index = 0;
			p->syncing = ++p->phase < ARRAY_LENGTH(phases);
		}
	}
	if (p->syncing && p->channel) {
		walk_later(p);
	} else if (p->again) {
		sync_start(p);
	}
}

/* -- changes -- */

/* Something that matters was refused: all of it again, later. */
static void missed(struct publish *p)
{
	if (p->channel) {
		p->again = true;
	}
}

static void told(struct publish *p, bool sent)
{
	if (!sent) {
		missed(p);
	}
}

void publish_declare(struct publish *p, const struct service *service)
{
	told(p, !p->channel || declare_send(p->channel, p->writer, service, service->id, NULL));
}

void publish_forget(struct publish *p, uint32_t service_id)
{
	message_start(p->writer, MESSAGE_FORGET);
	frame_put_u32(p->writer, service_id);
	told(p, !p->channel || send_frame(p));
}

void publish_seen(struct publish *p, const struct service *service)
{
	message_start(p->writer, MESSAGE_SEEN);
	size_t empty = frame_room(p->writer);
	for (size_t i = 0; i < service_field_count(service); i++) {
		put_seen(p, service_field(service, i)->series_id);
	}
	told(p, !p->channel || frame_room(p->writer) >= empty || send_frame(p));
}

void publish_source(struct publish *p, const char *id)
{
	told(p, !p->channel || send_source(p, id));
}

void publish_mark(struct publish *p, uint64_t id)
{
	told(p, !p->channel || send_mark(p, id));
}

void publish_source_gone(struct publish *p, const char *id)
{
	source_gone_put(p->writer, id);
	told(p, !p->channel || send_frame(p));
}

void publish_limits(struct publish *p, const struct service *service)
{
	for (size_t i = 0; p->channel && i < service_field_count(service); i++) {
		told(p, send_limits(p, service_field(service, i)->series_id));
	}
}

void publish_host(struct publish *p, const char *name)
{
	const struct host *host = p->channel ? catalog_host(p->parts.catalog, name) : NULL;
	if (host && !send_host(p, host)) {
		missed(p);
	}
}

/* The value an alert was made of arrives before it. */
void publish_alert(struct publish *p, void *alert)
{
	if (p->channel) {
		live_flush(p);
		p->handlers.alert(p->owner, alert, p->writer);
		told(p, send_frame(p));
	}
}

void publish_status(struct publish *p)
{
	if (p->channel) {
		p->handlers.status(p->owner, p->writer);
		(void)send_frame(p); /* the next one comes in a second */
	}
}

void publish_statistics(struct publish *p, const struct publish_statistic *statistics, size_t count)
{
	message_start(p->writer, MESSAGE_STATISTIC);
	for (size_t i = 0; i < count; i++) {
		frame_put_text(p->writer, statistics[i].name);
		frame_put_f64(p->writer, statistics[i].value);
	}
	if (p->channel) {
		(void)send_frame(p);
	}
}

static void event_free(gpointer data)
{
	struct store_event *event = data;
	g_free(event->kind);
	g_free(event->object);
	g_free(event->text);
	g_free(event);
}

void publish_event(struct publish *p, const struct store_event *event, bool live)
{
	struct store_event *copy = g_new(struct store_event, 1);
	*copy = (struct store_event){
		event->at, g_strdup(event->kind), g_strdup(event->object), g_strdup(event->text)};
	g_queue_push_tail(&p->events, copy);
	if (g_queue_get_length(&p->events) > PUBLISH_EVENTS) {
		event_free(g_queue_pop_head(&p->events));
	}
	if (live && p->channel && !send_event(p, event)) {
		missed(p);
	}
}

/* -- live values -- */

void publish_value(struct publish *p, uint32_t series_id, struct wall at, double value)
{
	if (!p->channel) {
		return;
	}
	if (p->live->length == FRAME_HEADER) {
		loop_timer_after(p->live_timer, PUBLISH_LIVE_MS);
	}
	frame_put_u32(p->live, series_id);
	frame_put_i64(p->live, at.ms);
	frame_put_f64(p->live, value);
	if (frame_room(p->live) < LIVE_BYTES) {
		live_flush(p);
	}
}

uint64_t publish_dropped(const struct publish *p)
{
	return p->dropped;
}

/* -- questions -- */

static bool send_answer(struct publish *p, const struct answer *answer)
{
	message_start(p->writer, MESSAGE_ANSWER);
	frame_put_u32(p->writer, answer->request);
	frame_put_u8(p->writer, (uint8_t)answer->status);
	frame_put_text(p->writer, answer->text);
	return send_frame(p);
}

static void answer_free(gpointer data)
{
	struct answer *answer = data;
	g_free(answer->text);
	g_free(answer);
}

void publish_answer(struct publish *p, uint32_t request, unsigned status, const char *text)
{
	struct answer answer = {request, status, (char *)text};
	if (!p->channel || send_answer(p, &answer) || g_queue_get_length(&p->answers) >= ANSWERS_MAX) {
		return;
	}
	struct answer *kept = g_new(struct answer, 1);
	*kept = (struct answer){request, status, g_strdup(text)};
	g_queue_push_tail(&p->answers, kept);
}

static void on_ask(struct publish *p, const struct frame *frame)
{
	struct frame_reader r = frame_read(frame);
	uint32_t request = frame_get_u32(&r);
	g_autofree char *token = frame_get_text(&r);
	g_autofree char *verb = frame_get_text(&r);
	g_autofree char *json = frame_get_text(&r);
	if (!frame_read_done(&r)) {
		publish_answer(p, request, ERR_PROTOCOL, "a question that is not as promised");
		return;
	}
	p->handlers.ask(p->owner, request, token, verb, json);
}

/* -- the channel -- */

static void on_frame(void *owner, const struct frame *frame, int fd)
{
	if (fd >= 0) {
		close(fd);
	}
	if (frame->type == MESSAGE_ASK) {
		on_ask(owner, frame);
	}
}

static void drop_channel(struct publish *p)
{
	channel_destroy(g_steal_pointer(&p->channel));
	g_queue_clear_full(&p->answers, answer_free);
	message_start(p->live, MESSAGE_LIVE);
	loop_timer_stop(p->live_timer);
	p->syncing = false;
	p->again = false;
}

static void on_closed(void *owner, const struct error *why)
{
	log_info("publish.closed", "why=\"%s\"", log_safe(why->text));
	drop_channel(owner);
}

static void on_drained(void *owner)
{
	struct publish *p = owner;
	struct answer *answer;
	while ((answer = g_queue_peek_head(&p->answers))) {
		if (!send_answer(p, answer)) {
			return;
		}
		answer_free(g_queue_pop_head(&p->answers));
	}
	if (p->syncing) {
		walk_later(p);
	} else if (p->again) {
		sync_start(p);
	}
}

void publish_peer(struct publish *p, int fd)
{
	static const struct channel_handlers handlers = {
		.frame = on_frame, .closed = on_closed, .drained = on_drained};
	drop_channel(p);
	p->channel = channel_create(
		p->parts.loop, &message_table, ROLE_ENGINE, ROLE_WEB, QUEUE_MAX, &handlers, p, fd);
	sync_start(p);
}

void publish_resync(struct publish *p)
{
	if (p->channel) {
		sync_start(p);
	}
}

struct publish *publish_create(
	const struct publish_parts *parts, const struct publish_handlers *handlers, void *owner)
{
	struct publish *p = g_new0(struct publish, 1);
	p->parts = *parts;
	p->handlers = *handlers;
	p->owner = owner;
	p->writer = g_new(struct frame_writer, 1);
	p->live = g_new(struct frame_writer, 1);
	p->alerts = g_ptr_array_new();
	p->live_timer = loop_timer_create(parts->loop, live_flush, p);
	g_queue_init(&p->events);
	g_queue_init(&p->answers);
	message_start(p->live, MESSAGE_LIVE);
	return p;
}

void publish_destroy(struct publish *p)
{
	if (p) {
		drop_channel(p);
		loop_timer_destroy(p->live_timer);
		g_queue_clear_full(&p->events, event_free);
		g_ptr_array_unref(p->alerts);
		g_clear_pointer(&p->sources, g_ptr_array_unref);
		g_clear_pointer(&p->marks, g_array_unref);
		g_free(p->writer);
		g_free(p->live);
		g_free(p);
	}
}
