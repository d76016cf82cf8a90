/*
 * The engine's frames, each checked and put into the picture. What is in them was cleaned by the
 * engine; it is cleaned or refused here all the same, since from here on it is only written out.
 *
 * I1: frames change `target`: the picture under construction between SYNC 0 and SYNC 1, else the
 * one that is shown. I2: listeners hear of changes in the shown picture only; at SYNC 1 they are
 * told that all is new. I3: a channel that breaks in mid-picture leaves the shown one as it was.
 */
#include "base/text.h"
#include "model/message.h"
#include "web/replica_parts.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

enum {
	SERIES_MAX = 4 << 20,
	LIMITS_MAX = 16,
	EVENT_NAME_MAX = 500,
	EVENT_TEXT_MAX = 4000,
	TAGS_MAX = 256,
	TAG_MAX = 256
};

/* See I1 and I2. */
static struct picture *target(struct replica *replica)
{
	return replica->coming ? replica->coming : replica->shown;
}

static void tell(struct replica *replica, enum replica_change change, const void *object)
{
	if (!replica->coming) {
		replica->changed(replica->owner, change, object);
	}
}

static struct replica_host *host_for(struct picture *p, const char *name, const char *group)
{
	struct replica_host *host = g_hash_table_lookup(p->hosts, name);
	if (!host) {
		host = g_new0(struct replica_host, 1);
		host->name = g_strdup(name);
		host->error = g_strdup("");
		memset(host->strip, '-', REPLICA_STRIP);
		g_hash_table_insert(p->hosts, host->name, host);
		g_ptr_array_add(p->host_list, host);
	}
	if (!host->group || strcmp(host->group, group)) {
		g_free(host->group);
		host->group = g_strdup(group);
		p->hosts_unsorted = true;
	}
	return host;
}

/* -- frames -- */

static bool take_sync(struct replica *replica, struct frame_reader *r)
{
	unsigned phase = frame_get_u8(r);
	if (!frame_read_done(r) || phase > 1) {
		return false;
	}
	declare_reader_finish(&replica->reader);
	if (phase == 0) {
		picture_destroy(replica->coming);
		replica->coming = picture_create();
		return true;
	}
	if (replica->coming) {
		picture_destroy(replica->shown);
		replica->shown = replica->coming;
		replica->coming = NULL;
	}
	bool was_stale = replica->stale;
	replica->complete = true;
	replica->stale = false;
	tell(replica, CHANGE_PICTURE, NULL);
	if (was_stale) {
		tell(replica, CHANGE_STALE, NULL);
	}
	return true;
}

static bool take_declaration(struct replica *replica, const struct frame *frame)
{
	struct service *service = NULL;
	if (!declare_read(&replica->reader, frame, &service, NULL)) {
		return false;
	}
	if (!service) {
		return true;
	}
	for (size_t i = 0; i < service_field_count(service); i++) {
		if (service_field(service, i)->series_id >= SERIES_MAX) {
			service_destroy(service);
			return false;
		}
	}
	if (!service->id || service->id >= SERIES_MAX) {
		service_destroy(service);
		return false;
	}
	bool changed = false;
	struct picture *p = target(replica);
	struct service *entry = catalog_declare(p->catalog, service, &changed);
	host_for(p, entry->host_name, entry->group);
	if (changed) {
		tell(replica, CHANGE_DECLARED, entry);
	}
	return true;
}

/* A host that had nothing else goes with it. */
static bool take_forget(struct replica *replica, struct frame_reader *r)
{
	uint32_t id = frame_get_u32(r);
	struct picture *p = target(replica);
	const struct service *service = catalog_service_by_id(p->catalog, id);
	g_autofree char *host = service ? g_strdup(service->host_name) : NULL;
	if (!frame_read_done(r)) {
		return false;
	}
	catalog_remove(p->catalog, id);
	struct replica_host *left = host ? g_hash_table_lookup(p->hosts, host) : NULL;
	if (left && !catalog_host(p->catalog, host)) {
		g_ptr_array_remove(p->host_list, left);
		g_hash_table_remove(p->hosts, host);
	}
	return true;
}

static bool strip_is_good(const char *strip)
{
	return strlen(strip) == REPLICA_STRIP && strspn(strip, "onwcu-") == REPLICA_STRIP;
}

static char *get_clean(struct frame_reader *r, size_t limit)
{
	g_autofree char *raw = frame_get_text(r);
	return text_clean(raw, strlen(raw), limit);
}

/* NULL-terminated; what is beyond TAGS_MAX fails. */
static char **get_tags(struct frame_reader *r)
{
	unsigned n = frame_get_u16(r);
	r->failed |= n > TAGS_MAX;
	char **tags = g_new0(char *, (r->failed ? 0 : n) + 1);
	for (unsigned i = 0; !r->failed && i < n; i++) {
		tags[i] = get_clean(r, TAG_MAX);
	}
	return tags;
}

static bool take_host(struct replica *replica, struct frame_reader *r)
{
	char name[IDENT_HOST_MAX + 1];
	char group[IDENT_GROUP_MAX + 1];
	char strip[REPLICA_STRIP + 1];
	frame_get_text_into(r, name, sizeof(name));
	frame_get_text_into(r, group, sizeof(group));
	bool up = frame_get_u8(r);
	int64_t last_seen_ms = frame_get_i64(r);
	uint32_t step_s = frame_get_u32(r);
	g_autofree char *error = frame_get_text(r);
	frame_get_text_into(r, strip, sizeof(strip));
	bool configured = frame_get_u8(r);
	g_auto(GStrv) tags = get_tags(r);
	if (!frame_read_done(r) || !ident_is_host(name) || !ident_is_group(group) ||
		(*strip && !strip_is_good(strip))) {
		return false;
	}
	struct replica_host *host = host_for(target(replica), name, group);
	host->up = up;
	host->last_seen_ms = last_seen_ms;
	host->step_s = step_s;
	host->configured = configured;
	g_strfreev(host->tags);
	host->tags = g_steal_pointer(&tags);
	g_free(host->error);
	host->error = text_clean(error, strlen(error), 1000);
	if (*strip) {
		memcpy(host->strip, strip, sizeof(host->strip));
	}
	tell(replica, CHANGE_HOST, host);
	return true;
}

static struct replica_span *span_at(struct picture *p, uint32_t series_id)
{
	if (series_id >= p->seen->len) {
		g_array_set_size(p->seen, series_id + 1);
	}
	return &g_array_index(p->seen, struct replica_span, series_id);
}

static void note_known(struct picture *p, uint32_t series_id, struct sample sample)
{
	if (!isnan(sample.value)) {
		struct replica_span *span = span_at(p, series_id);
		span->last_s = MAX(span->last_s, wall_s(sample.at));
	}
}

static bool take_seen(struct replica *replica, struct frame_reader *r)
{
	struct picture *p = target(replica);
	while (!r->failed && frame_left(r)) {
		uint32_t id = frame_get_u32(r);
		struct replica_span span = {.first_s = frame_get_u32(r)};
		span.last_s = frame_get_u32(r);
		if (r->failed || id >= SERIES_MAX) {
			return false;
		}
		struct replica_span *known = span_at(p, id);
		known->first_s = span.first_s;
		known->last_s = MAX(known->last_s, span.last_s);
	}
	return frame_read_done(r);
}

static bool take_source(struct replica *replica, const struct frame *frame)
{
	struct picture *p = target(replica);
	struct source_state read;
	if (!source_state_read(&read, frame, NULL)) {
		return false;
	}
	struct source_state *source = g_new(struct source_state, 1);
	*source = read;
	p->sources_unsorted = true;
	g_hash_table_replace(p->sources, source->id, source);
	tell(replica, CHANGE_SOURCE, source);
	return true;
}

static bool take_source_gone(struct replica *replica, const struct frame *frame)
{
	struct picture *p = target(replica);
	g_autofree char *id = source_gone_read(frame, NULL);
	if (!id) {
		return false;
	}
	if (g_hash_table_remove(p->sources, id)) {
		p->sources_unsorted = true;
		tell(replica, CHANGE_SOURCE_GONE, id);
	}
	return true;
}

static bool take_live(struct replica *replica, struct frame_reader *r)
{
	struct picture *p = target(replica);
	GArray *last = p->last;
	while (!r->failed && frame_left(r)) {
		uint32_t id = frame_get_u32(r);
		struct sample sample = {.at.ms = frame_get_i64(r)};
		sample.value = frame_get_f64(r);
		if (r->failed || id >= SERIES_MAX) {
			return false;
		}
		if (id >= last->len) {
			g_array_set_size(last, id + 1);
		}
		struct sample *known = &g_array_index(last, struct sample, id);
		if (sample.at.ms > known->at.ms) {
			*known = sample;
			note_known(p, id, sample);
		}
	}
	return frame_read_done(r);
}

static void join_host(struct picture *p, struct replica_alert *alert)
{
	GPtrArray *list = g_hash_table_lookup(p->by_host, alert->host);
	if (!list) {
		list = g_ptr_array_new();
		g_hash_table_insert(p->by_host, g_strdup(alert->host), list);
	}
	g_ptr_array_add(list, alert);
}

/* NULL: there was none. */
static void leave_host(struct picture *p, struct replica_alert *alert)
{
	GPtrArray *list = alert ? g_hash_table_lookup(p->by_host, alert->host) : NULL;
	if (list && g_ptr_array_remove_fast(list, alert) && !list->len) {
		g_hash_table_remove(p->by_host, alert->host);
	}
}

static bool take_alert(struct replica *replica, struct frame_reader *r)
{
	struct replica_alert *a = g_new0(struct replica_alert, 1);
	char **const texts[] = {&a->rule, &a->host, &a->service, &a->field, &a->value_text,
		&a->threshold_text, &a->summary, &a->info, &a->runbook, &a->suppressed_by};
	a->id = frame_get_u32(r);
	a->series_id = frame_get_u32(r);
	a->level = frame_get_u8(r);
	a->state = frame_get_u8(r);
	a->since_ms = frame_get_i64(r);
	a->value = frame_get_f64(r);
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		*texts[i] = frame_get_text(r);
	}
	if (!frame_read_done(r) || a->level > LEVEL_UNKNOWN || a->state > ALERT_RECOVERING) {
		replica_alert_free(a);
		return false;
	}
	struct picture *p = target(replica);
	struct sample last;
	a->sample = picture_last(p, a->series_id, &last) && !isnan(a->value) ? last.value : NAN;
	leave_host(p, g_hash_table_lookup(p->alerts, GUINT_TO_POINTER(a->id)));
	join_host(p, a);
	g_hash_table_replace(p->alerts, GUINT_TO_POINTER(a->id), a);
	p->alerts_unsorted = true;
	tell(replica, CHANGE_ALERT, a);
	return true;
}

static bool take_alert_gone(struct replica *replica, struct frame_reader *r)
{
	struct picture *p = target(replica);
	uint32_t id = frame_get_u32(r);
	gpointer alert = NULL;
	if (!frame_read_done(r)) {
		return false;
	}
	if (g_hash_table_steal_extended(p->alerts, GUINT_TO_POINTER(id), NULL, &alert)) {
		p->alerts_unsorted = true;
		leave_host(p, alert);
		tell(replica, CHANGE_ALERT_GONE, alert);
		replica_alert_free(alert);
	}
	return true;
}

static bool take_status(struct replica *replica, struct frame_reader *r)
{
	struct replica_status s = {.series = frame_get_u64(r)};
	s.samples_per_s = frame_get_f64(r);
	s.samples = frame_get_u64(r);
	s.journal_sequence = frame_get_u64(r);
	s.rules_loaded_ms = frame_get_i64(r);
	g_autofree char *complaint = frame_get_text(r);
	if (!frame_read_done(r)) {
		return false;
	}
	/* lines and tabs are its layout; all else that is no text is cleaned by the writers */
	s.complaint = g_steal_pointer(&complaint);
	struct replica_status *mine = &target(replica)->status;
	g_free(mine->complaint);
	*mine = s;
	tell(replica, CHANGE_STATUS, mine);
	return true;
}

static bool take_event(struct replica *replica, struct frame_reader *r)
{
	struct replica_event *event = g_new0(struct replica_event, 1);
	event->t_ms = frame_get_i64(r);
	event->kind = get_clean(r, EVENT_NAME_MAX);
	event->object = get_clean(r, EVENT_NAME_MAX);
	event->text = get_clean(r, EVENT_TEXT_MAX);
	if (!frame_read_done(r)) {
		replica_event_free(event);
		return false;
	}
	for (guint i = 0; i < replica->events->len; i++) {
		const struct replica_event *known = replica->events->pdata[i];
		if (known->t_ms == event->t_ms && !strcmp(known->kind, event->kind) &&
			!strcmp(known->object, event->object) && !strcmp(known->text, event->text)) {
			replica_event_free(event); /* told again with a new picture */
			return true;
		}
	}
	g_ptr_array_insert(replica->events, 0, event);
	if (replica->events->len > REPLICA_EVENTS) {
		g_ptr_array_set_size(replica->events, REPLICA_EVENTS);
	}
	tell(replica, CHANGE_EVENT, event);
	return true;
}

static void drop_limits(GPtrArray *limits, const char *rule)
{
	for (guint i = limits->len; i-- > 0;) {
		const struct replica_limit *limit = limits->pdata[i];
		if (!strcmp(limit->rule, rule)) {
			g_ptr_array_remove_index(limits, i);
		}
	}
}

static bool take_limit(struct replica *replica, struct frame_reader *r)
{
	GHashTable *all = target(replica)->limits;
	uint32_t id = frame_get_u32(r);
	g_autofree char *rule = frame_get_text(r);
	unsigned n = frame_get_u8(r);
	GPtrArray *limits = g_hash_table_lookup(all, GUINT_TO_POINTER(id));
	if (!limits) {
		limits = g_ptr_array_new_with_free_func(replica_limit_free);
		g_hash_table_insert(all, GUINT_TO_POINTER(id), limits);
	}
	drop_limits(limits, rule);
	for (unsigned i = 0; i < n && !r->failed; i++) {
		unsigned level = frame_get_u8(r);
		bool below = frame_get_u8(r);
		double value = frame_get_f64(r);
		if (!r->failed && level <= LEVEL_UNKNOWN && isfinite(value) && limits->len < LIMITS_MAX) {
			struct replica_limit *limit = g_new0(struct replica_limit, 1);
			*limit = (struct replica_limit){g_strdup(rule), (uint8_t)level, below, value};
			g_ptr_array_add(limits, limit);
		}
	}
	if (!limits->len) {
		g_hash_table_remove(all, GUINT_TO_POINTER(id));
	}
	return frame_read_done(r);
}

static bool take_statistic(struct replica *replica, struct frame_reader *r)
{
	GHashTable *statistics = target(replica)->statistics;
	while (!r->failed && frame_left(r)) {
		g_autofree char *name = frame_get_text(r);
		double value = frame_get_f64(r);
		if (r->failed || !text_is_plain(name, 100)) {
			return false;
		}
		g_hash_table_replace(statistics, g_steal_pointer(&name), g_memdup2(&value, sizeof(value)));
	}
	return frame_read_done(r);
}

static bool take_mark(struct replica *replica, const struct frame *frame)
{
	struct mark_table *marks = target(replica)->marks;
	uint64_t id = 0;
	if (frame->type == MESSAGE_MARK_GONE) {
		if (mark_gone_read(frame, &id)) {
			mark_table_remove(marks, id);
		}
		return id;
	}
	struct mark *mark = mark_read(frame, NULL);
	if (mark) {
		mark_table_put(marks, mark);
	}
	return mark;
}

static bool take(struct replica *replica, const struct frame *frame)
{
	struct frame_reader r = frame_read(frame);
	switch (frame->type) {
	case MESSAGE_SYNC: return take_sync(replica, &r);
	case MESSAGE_SERVICE:
	case MESSAGE_FIELDS: return take_declaration(replica, frame);
	case MESSAGE_FORGET: return take_forget(replica, &r);
	case MESSAGE_HOST: return take_host(replica, &r);
	case MESSAGE_SOURCE: return take_source(replica, frame);
	case MESSAGE_SOURCE_GONE: return take_source_gone(replica, frame);
	case MESSAGE_SEEN: return take_seen(replica, &r);
	case MESSAGE_LIVE: return take_live(replica, &r);
	case MESSAGE_ALERT: return take_alert(replica, &r);
	case MESSAGE_ALERT_GONE: return take_alert_gone(replica, &r);
	case MESSAGE_STATUS: return take_status(replica, &r);
	case MESSAGE_EVENT: return take_event(replica, &r);
	case MESSAGE_LIMIT: return take_limit(replica, &r);
	case MESSAGE_MARK:
	case MESSAGE_MARK_GONE: return take_mark(replica, frame);
	case MESSAGE_STATISTIC: return take_statistic(replica, &r);
	default: return false;
	}
}

bool replica_take(struct replica *replica, const struct frame *frame, struct error *err)
{
	return take(replica, frame) || error_set(err, ERR_PROTOCOL, "frame %s is not as promised",
									   frame_name(&message_table, frame->type));
}
