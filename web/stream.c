#include "web/stream.h"
#include "base/text.h"
#include "web/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/*
 * Each client has a buffer of what is to be sent; publishing appends to all of them and wakes those
 * that sleep. A client that does not read grows its buffer to STREAM_BACKLOG and is dropped.
 *
 * I1: ids are "BOOT-NUMBER", BOOT the start of this process: a number alone would begin again after
 * a restart, and a browser with a greater one would wait in silence. I2: only what is in the ring
 * has an id, so that Last-Event-ID always names a place in it.
 */
enum { TICK_MS = 1000, COMMENT_TICKS = 15, SOURCES_AT_ONCE = 100 };

struct subscription {
	uint32_t series_id;
	int64_t sent_ms;
	char *name; /* "host:service:field" */
};

struct client {
	struct client *next, **link;
	struct stream *stream;
	struct exchange *x;
	GString *out;
	size_t taken; /* of `out` */
	GArray *subscriptions;
	char **wanted;     /* names of series, or NULL */
	char *wanted_host; /* or NULL */
	bool wants_sources;
	bool dropped;
};

struct kept {
	uint64_t number;
	char *text;
};

struct stream {
	struct loop *loop;
	struct loop_timer *tick;
	const struct replica *replica;
	struct view *view;
	char boot[24];
	uint64_t number; /* of the newest event in the ring */
	struct kept ring[STREAM_RING];
	struct client *clients;
	size_t client_count;
	GHashTable *dirty_hosts;   /* names, owned */
	GHashTable *dirty_sources; /* ids, owned: changed or gone */
	const struct catalog *catalog;
	uint64_t catalog_version;
	unsigned ticks;
	bool status_due;
	void (*append_status)(void *owner, GString *out);
	void *status_owner;
};

static void subscription_clear(gpointer data)
{
	struct subscription *s = data;
	g_free(s->name);
}

static void on_tick(void *owner);

struct stream *event_stream_create(
	struct loop *loop, const struct replica *replica, struct view *view)
{
	struct stream *stream = g_new0(struct stream, 1);
	stream->loop = loop;
	stream->replica = replica;
	stream->view = view;
	stream->tick = loop_timer_create(loop, on_tick, stream);
	stream->dirty_hosts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	stream->dirty_sources = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	snprintf(stream->boot, sizeof(stream->boot), "%llx", (unsigned long long)wall_now().ms);
	return stream;
}

void event_stream_destroy(struct stream *stream)
{
	if (stream) {
		loop_timer_destroy(stream->tick);
		g_hash_table_unref(stream->dirty_hosts);
		g_hash_table_unref(stream->dirty_sources);
		for (size_t i = 0; i < STREAM_RING; i++) {
			g_free(stream->ring[i].text);
		}
		g_free(stream);
	}
}

size_t stream_clients(const struct stream *stream)
{
	return stream->client_count;
}

void stream_on_status(struct stream *stream, void (*append)(void *owner, GString *out), void *owner)
{
	stream->append_status = append;
	stream->status_owner = owner;
}

/* -- to clients -- */

static void send_text(struct client *c, const char *text, size_t length)
{
	if (c->dropped) {
		return;
	}
	if (c->out->len - c->taken + length > STREAM_BACKLOG) {
		c->dropped = true;
		exchange_drop(c->x);
		return;
	}
	g_string_append_len(c->out, text, (gssize)length);
	exchange_wake(c->x);
}

static void send_to_all(struct stream *stream, const char *text, size_t length)
{
	for (struct client *c = stream->clients; c; c = c->next) {
		send_text(c, text, length);
	}
}

/* JSON of ours holds no line ends, so one data line is enough. */
static void append_event(GString *out, const char *name, const char *json)
{
	g_string_append_printf(out, "event: %s\ndata: %s\n\n", name, json);
}

static void send_event(struct client *c, const char *name, const char *json)
{
	GString *text = g_string_new(NULL);
	append_event(text, name, json);
	send_text(c, text->str, text->len);
	g_string_free(text, TRUE);
}

static void broadcast(struct stream *stream, const char *name, const char *json)
{
	GString *text = g_string_new(NULL);
	append_event(text, name, json);
	send_to_all(stream, text->str, text->len);
	g_string_free(text, TRUE);
}

void stream_publish(struct stream *stream, const char *name, const char *json)
{
	GString *text = g_string_new(NULL);
	struct kept *place = &stream->ring[++stream->number % STREAM_RING];
	g_string_append_printf(text, "id: %s-%llu\n", stream->boot, (unsigned long long)stream->number);
	append_event(text, name, json);
	send_to_all(stream, text->str, text->len);
	g_free(place->text);
	place->number = stream->number;
	place->text = g_string_free(text, FALSE);
}

/* -- a client comes and goes -- */

static ssize_t client_read(void *owner, char *buffer, size_t room)
{
	struct client *c = owner;
	size_t left = c->out->len - c->taken;
	size_t n = left < room ? left : room;
	memcpy(buffer, c->out->str + c->taken, n);
	c->taken += n;
	if (c->taken >= c->out->len / 2) {
		/* also for a client that never quite catches up, or its buffer would grow for ever */
		g_string_erase(c->out, 0, (gssize)c->taken);
		c->taken = 0;
	}
	return (ssize_t)n;
}

static void client_closed(void *owner)
{
	struct client *c = owner;
	*c->link = c->next;
	if (c->next) {
		c->next->link = c->link;
	}
	c->stream->client_count--;
	g_array_unref(c->subscriptions);
	g_strfreev(c->wanted);
	g_free(c->wanted_host);
	g_string_free(c->out, TRUE);
	g_free(c);
}

static void subscribe(struct client *c, const struct field *field, GHashTable *sent)
{
	char name[IDENT_SERIES_MAX + 1];
	if (!field || !field->series_id || c->subscriptions->len == STREAM_SERIES_MAX) {
		return;
	}
	field_series_name(field, name);
	gpointer known = g_hash_table_lookup(sent, name);
	struct subscription s = {.series_id = field->series_id, .name = g_strdup(name)};
	s.sent_ms = known ? *(int64_t *)known : 0;
	g_array_append_val(c->subscriptions, s);
}

static void subscribe_host(struct client *c, GHashTable *sent)
{
	const struct host *host = catalog_host(replica_catalog(c->stream->replica), c->wanted_host);
	for (guint i = 0; host && i < host->services->len; i++) {
		const struct service *service = host->services->pdata[i];
		for (size_t f = 0; f < service_field_count(service); f++) {
			subscribe(c, service_field(service, f), sent);
		}
	}
}

/* Names to numbers, again after each change of the catalog; what was sent is remembered. */
static void resolve(struct client *c)
{
	GHashTable *sent = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	for (guint i = 0; i < c->subscriptions->len; i++) {
		const struct subscription *s = &g_array_index(c->subscriptions, struct subscription, i);
		g_hash_table_replace(sent, g_strdup(s->name), g_memdup2(&s->sent_ms, sizeof(s->sent_ms)));
	}
	g_array_set_size(c->subscriptions, 0);
	for (size_t i = 0; c->wanted && c->wanted[i]; i++) {
		subscribe(c, catalog_find(replica_catalog(c->stream->replica), c->wanted[i]), sent);
	}
	if (c->wanted_host) {
		subscribe_host(c, sent);
	}
	g_hash_table_unref(sent);
}

static void send_hello(struct client *c)
{
	GString *json = g_string_new(NULL);
	struct jsonout j = jsonout_begin(json);
	jsonout_open(&j, NULL, '{');
	jsonout_text(&j, "boot", c->stream->boot);
	jsonout_int(&j, "now_ms", wall_now().ms);
	jsonout_text(&j, "version", MAGPIE_VERSION);
	jsonout_bool(&j, "stale", replica_stale(c->stream->replica, NULL));
	jsonout_close(&j);
	send_text(c, "retry: 2000\n\n", 13);
	send_event(c, "hello", json->str);
	g_string_free(json, TRUE);
}

/* See I1: an id of another process, of the future or of long ago means "load everything". */
static void replay(struct client *c, const char *last_id)
{
	struct stream *stream = c->stream;
	size_t boot = strlen(stream->boot);
	char *end = NULL;
	unsigned long long number = 0;
	bool ours = !strncmp(last_id, stream->boot, boot) && last_id[boot] == '-';
	if (ours) {
		number = strtoull(last_id + boot + 1, &end, 10);
	}
	if (!ours || *end || end == last_id + boot + 1 || number > stream->number ||
		stream->number - number > STREAM_RING) {
		send_event(c, "resync", "{}");
		return;
	}
	GString *missed = g_string_new(NULL);
	for (uint64_t n = number + 1; n <= stream->number; n++) {
		g_string_append(missed, stream->ring[n % STREAM_RING].text);
	}
	if (missed->len > STREAM_BACKLOG / 2) {
		send_event(c, "resync", "{}");
	} else {
		send_text(c, missed->str, missed->len);
	}
	g_string_free(missed, TRUE);
}

static bool read_wishes(struct client *c, const struct request *request)
{
	const char *series = request_text(request, "series");
	const char *sources = request_text(request, "sources");
	c->wants_sources = sources && !strcmp(sources, "1");
	c->wanted_host = g_strdup(request_text(request, "host"));
	c->wanted = series ? g_strsplit(series, ",", STREAM_SERIES_MAX + 1) : NULL;
	return !c->wanted || g_strv_length(c->wanted) <= STREAM_SERIES_MAX;
}

void stream_open(struct stream *stream, struct exchange *x)
{
	struct client *c = g_new0(struct client, 1);
	c->stream = stream;
	c->x = x;
	c->out = g_string_new(NULL);
	c->subscriptions = g_array_new(FALSE, TRUE, sizeof(struct subscription));
	g_array_set_clear_func(c->subscriptions, subscription_clear);
	c->next = stream->clients;
	c->link = &stream->clients;
	if (c->next) {
		c->next->link = &c->next;
	}
	stream->clients = c;
	if (!stream->client_count++) {
		loop_timer_after(stream->tick, TICK_MS);
	}
	if (!read_wishes(c, &x->request)) {
		client_closed(c);
		reply_problem(&x->reply, 400, "more than %d series", STREAM_SERIES_MAX);
		return;
	}
	resolve(c);
	send_hello(c);
	if (x->request.last_event_id) {
		replay(c, x->request.last_event_id);
	}
	x->reply.status = 200;
	x->reply.type = "text/event-stream";
	x->reply.source = (struct reply_source){client_read, client_closed, c};
}

/* -- once a second -- */

static void open_live(struct jsonout *j, GString *json, int64_t t_ms)
{
	g_string_truncate(json, 0);
	*j = jsonout_begin(json);
	jsonout_open(j, NULL, '{');
	jsonout_int(j, "t", wall_s((struct wall){t_ms}));
	jsonout_open(j, "v", '{');
}

/* Sends what is newer than what was sent; values of one instant in one event. */
static void send_live(struct client *c)
{
	GString *json = g_string_new(NULL);
	for (;;) {
		struct jsonout j;
		int64_t t_ms = 0;
		for (guint i = 0; i < c->subscriptions->len; i++) {
			struct subscription *s = &g_array_index(c->subscriptions, struct subscription, i);
			struct sample last;
			if (!replica_last(c->stream->replica, s->series_id, &last) ||
				last.at.ms <= s->sent_ms || (t_ms && last.at.ms != t_ms)) {
				continue;
			}
			if (!t_ms) {
				t_ms = last.at.ms;
				open_live(&j, json, t_ms);
			}
			jsonout_number(&j, s->name, last.value);
			s->sent_ms = last.at.ms;
		}
		if (!t_ms) {
			break;
		}
		jsonout_close(&j);
		jsonout_close(&j);
		send_event(c, "live", json->str);
	}
	g_string_free(json, TRUE);
}

static void send_hosts(struct stream *stream)
{
	GHashTableIter iter;
	gpointer name = NULL;
	GString *json = g_string_new(NULL);
	g_hash_table_iter_init(&iter, stream->dirty_hosts);
	while (g_hash_table_iter_next(&iter, &name, NULL)) {
		const struct replica_host *host = replica_host(stream->replica, name);
		if (host && !view_host_left(host, wall_now())) {
			g_string_truncate(json, 0);
			struct jsonout j = jsonout_begin(json);
			jsonout_open(&j, NULL, '{');
			view_host_members(stream->view, &j, host, wall_now(), true);
			jsonout_close(&j);
			broadcast(stream, "host", json->str);
		}
	}
	g_hash_table_remove_all(stream->dirty_hosts);
	g_string_free(json, TRUE);
}

/* {"sources": [changed ones], "gone": [ids]}; too many at once: {"all": true}, to be asked for. */
static void append_sources(struct stream *stream, struct jsonout *j)
{
	GHashTableIter iter;
	gpointer id = NULL;
	if (g_hash_table_size(stream->dirty_sources) > SOURCES_AT_ONCE) {
		jsonout_bool(j, "all", true);
		return;
	}
	jsonout_open(j, "sources", '[');
	g_hash_table_iter_init(&iter, stream->dirty_sources);
	while (g_hash_table_iter_next(&iter, &id, NULL)) {
		const struct source_state *source = replica_source(stream->replica, id);
		if (source) {
			view_source(stream->replica, j, source);
		}
	}
	jsonout_close(j);
	jsonout_open(j, "gone", '[');
	g_hash_table_iter_init(&iter, stream->dirty_sources);
	while (g_hash_table_iter_next(&iter, &id, NULL)) {
		if (!replica_source(stream->replica, id)) {
			jsonout_text(j, NULL, id);
		}
	}
	jsonout_close(j);
}

static void send_sources(struct stream *stream)
{
	if (!g_hash_table_size(stream->dirty_sources)) {
		return;
	}
	GString *json = g_string_new(NULL);
	struct jsonout j = jsonout_begin(json);
	jsonout_open(&j, NULL, '{');
	append_sources(stream, &j);
	jsonout_close(&j);
	for (struct client *c = stream->clients; c; c = c->next) {
		if (c->wants_sources) {
			send_event(c, "sources", json->str);
		}
	}
	g_hash_table_remove_all(stream->dirty_sources);
	g_string_free(json, TRUE);
}

static void follow_catalog(struct stream *stream)
{
	const struct catalog *catalog = replica_catalog(stream->replica);
	if (catalog == stream->catalog && catalog_version(catalog) == stream->catalog_version) {
		return;
	}
	stream->catalog = catalog;
	stream->catalog_version = catalog_version(catalog);
	for (struct client *c = stream->clients; c; c = c->next) {
		resolve(c);
	}
	if (view_categories_changed(stream->view)) {
		stream_publish(stream, "resync", "{}");
	}
}

static void on_tick(void *owner)
{
	struct stream *stream = owner;
	follow_catalog(stream);
	send_hosts(stream);
	send_sources(stream);
	if (stream->status_due && stream->append_status) {
		GString *json = g_string_new(NULL);
		stream->append_status(stream->status_owner, json);
		broadcast(stream, "status", json->str);
		g_string_free(json, TRUE);
	}
	stream->status_due = false;
	for (struct client *c = stream->clients; c; c = c->next) {
		send_live(c);
	}
	if (++stream->ticks % COMMENT_TICKS == 0) {
		send_to_all(stream, ":hb\n\n", 5);
	}
	if (stream->clients) {
		loop_timer_after(stream->tick, TICK_MS);
	}
}

/* -- changes -- */

static void mark_host(struct stream *stream, const char *name)
{
	if (stream->clients) {
		g_hash_table_add(stream->dirty_hosts, g_strdup(name));
	}
}

static void mark_source(struct stream *stream, const char *id)
{
	if (stream->clients) {
		g_hash_table_add(stream->dirty_sources, g_strdup(id));
	}
}

static void publish_alert(struct stream *stream, const struct replica_alert *alert, bool gone)
{
	GString *json = g_string_new(NULL);
	struct jsonout j = jsonout_begin(json);
	if (gone) {
		jsonout_open(&j, NULL, '{');
		jsonout_int(&j, "id", alert->id);
		jsonout_close(&j);
	} else {
		view_alert(stream->replica, &j, alert);
	}
	stream_publish(stream, gone ? "alert_gone" : "alert", json->str);
	g_string_free(json, TRUE);
	mark_host(stream, alert->host);
}

static void publish_event(struct stream *stream, const struct replica_event *event)
{
	GString *json = g_string_new(NULL);
	struct jsonout j = jsonout_begin(json);
	view_event(&j, NULL, event);
	stream_publish(stream, "event", json->str);
	g_string_free(json, TRUE);
}

static void broadcast_stale(struct stream *stream)
{
	int64_t since_ms = 0;
	GString *json = g_string_new(NULL);
	struct jsonout j = jsonout_begin(json);
	jsonout_open(&j, NULL, '{');
	jsonout_bool(&j, "stale", replica_stale(stream->replica, &since_ms));
	jsonout_moment(&j, "since", since_ms);
	jsonout_close(&j);
	broadcast(stream, "stale", json->str);
	g_string_free(json, TRUE);
}

void stream_changed(struct stream *stream, enum replica_change change, const void *object)
{
	switch (change) {
	case CHANGE_PICTURE:
		g_hash_table_remove_all(stream->dirty_hosts);
		g_hash_table_remove_all(stream->dirty_sources);
		(void)view_categories_changed(stream->view);
		stream_publish(stream, "resync", "{}");
		break;
	case CHANGE_ALERT: publish_alert(stream, object, false); break;
	case CHANGE_ALERT_GONE: publish_alert(stream, object, true); break;
	case CHANGE_HOST: mark_host(stream, ((const struct replica_host *)object)->name); break;
	case CHANGE_SOURCE: mark_source(stream, ((const struct source_state *)object)->id); break;
	case CHANGE_SOURCE_GONE: mark_source(stream, object); break;
	case CHANGE_EVENT: publish_event(stream, object); break;
	case CHANGE_STATUS: stream->status_due = true; break;
	case CHANGE_STALE: broadcast_stale(stream); break;
	case CHANGE_DECLARED: break; /* follow_catalog() sees it */
	}
}
