#include "web/replica.h"
#include "base/text.h"
#include "model/declare.h"
#include "model/message.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * I1: frames change `target`: the picture under construction between SYNC 0 and SYNC 1, else the
 * one that is shown. I2: listeners hear of changes in the shown picture only; at SYNC 1 they are
 * told that all is new. I3: a channel that breaks in mid-picture leaves the shown one as it was.
 */
enum { SERIES_MAX = 4 << 20, LIMITS_MAX = 16, EVENT_NAME_MAX = 500, EVENT_TEXT_MAX = 4000 };

struct picture {
	struct catalog *catalog;
	GHashTable *hosts;      /* name -> struct replica_host, owned */
	GPtrArray *host_list;   /* the same, sorted */
	GHashTable *alerts;     /* id -> struct replica_alert, owned */
	GPtrArray *alert_list;  /* the same, sorted when asked for */
	GHashTable *limits;     /* series id -> GPtrArray of struct replica_limit */
	GHashTable *statistics; /* name -> double */
	GArray *last;           /* struct sample by series id; at.ms 0: none */
	struct replica_status status;
	bool alerts_unsorted, hosts_unsorted;
};

struct replica {
	struct picture *shown, *coming;
	struct declare_reader reader;
	GPtrArray *events;
	replica_changed_fn changed;
	void *owner;
	bool complete, stale;
	int64_t stale_since_ms;
};

static const char *const level_names[] = {"ok", "notice", "warning", "critical", "unknown"};
static const char *const state_names[] = {"pending", "firing", "recovering"};

const char *replica_level_name(unsigned level)
{
	return level_names[level < ARRAY_LENGTH(level_names) ? level : LEVEL_UNKNOWN];
}

const char *replica_state_name(unsigned state)
{
	return state_names[state < ARRAY_LENGTH(state_names) ? state : ALERT_FIRING];
}

/* -- objects -- */

static void host_free(gpointer data)
{
	struct replica_host *host = data;
	g_free(host->name);
	g_free(host->group);
	g_free(host->error);
	g_free(host);
}

static void alert_free(gpointer data)
{
	struct replica_alert *a = data;
	char *const texts[] = {a->rule, a->host, a->service, a->field, a->value_text, a->threshold_text,
		a->summary, a->info, a->runbook, a->suppressed_by};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		g_free(texts[i]);
	}
	g_free(a);
}

static void limit_free(gpointer data)
{
	struct replica_limit *limit = data;
	g_free(limit->rule);
	g_free(limit);
}

static void event_free(gpointer data)
{
	struct replica_event *event = data;
	g_free(event->kind);
	g_free(event->object);
	g_free(event->text);
	g_free(event);
}

static struct picture *picture_create(void)
{
	struct picture *p = g_new0(struct picture, 1);
	p->catalog = catalog_create();
	p->hosts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, host_free);
	p->host_list = g_ptr_array_new();
	p->alerts = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, alert_free);
	p->alert_list = g_ptr_array_new();
	p->limits = g_hash_table_new_full(
		g_direct_hash, g_direct_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
	p->statistics = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	p->last = g_array_new(FALSE, TRUE, sizeof(struct sample));
	p->status.complaint = g_strdup("");
	return p;
}

static void picture_destroy(struct picture *p)
{
	if (p) {
		g_ptr_array_unref(p->host_list);
		g_ptr_array_unref(p->alert_list);
		g_hash_table_unref(p->hosts);
		g_hash_table_unref(p->alerts);
		g_hash_table_unref(p->limits);
		g_hash_table_unref(p->statistics);
		g_array_unref(p->last);
		g_free(p->status.complaint);
		catalog_destroy(p->catalog);
		g_free(p);
	}
}

struct replica *replica_create(replica_changed_fn changed, void *owner)
{
	struct replica *replica = g_new0(struct replica, 1);
	replica->shown = picture_create();
	replica->events = g_ptr_array_new_with_free_func(event_free);
	replica->changed = changed;
	replica->owner = owner;
	replica->stale = true;
	return replica;
}

void replica_destroy(struct replica *replica)
{
	if (replica) {
		declare_reader_finish(&replica->reader);
		picture_destroy(replica->shown);
		picture_destroy(replica->coming);
		g_ptr_array_unref(replica->events);
		g_free(replica);
	}
}

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

static gint compare_hosts(gconstpointer a, gconstpointer b)
{
	const struct replica_host *x = *(struct replica_host *const *)a;
	const struct replica_host *y = *(struct replica_host *const *)b;
	int by_group = strcmp(x->group, y->group);
	return by_group ? by_group : strcmp(x->name, y->name);
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

static bool strip_is_good(const char *strip)
{
	return strlen(strip) == REPLICA_STRIP && strspn(strip, "onwcu-") == REPLICA_STRIP;
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
	if (!frame_read_done(r) || !ident_is_host(name) || !ident_is_group(group) ||
		(*strip && !strip_is_good(strip))) {
		return false;
	}
	struct replica_host *host = host_for(target(replica), name, group);
	host->up = up;
	host->last_seen_ms = last_seen_ms;
	host->step_s = step_s;
	g_free(host->error);
	host->error = text_clean(error, strlen(error), 1000);
	if (*strip) {
		memcpy(host->strip, strip, sizeof(host->strip));
	}
	tell(replica, CHANGE_HOST, host);
	return true;
}

static bool take_live(struct replica *replica, struct frame_reader *r)
{
	GArray *last = target(replica)->last;
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
		}
	}
	return frame_read_done(r);
}

static bool picture_last(const struct picture *p, uint32_t series_id, struct sample *last)
{
	if (series_id >= p->last->len || !g_array_index(p->last, struct sample, series_id).at.ms) {
		return false;
	}
	*last = g_array_index(p->last, struct sample, series_id);
	return true;
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
		alert_free(a);
		return false;
	}
	struct picture *p = target(replica);
	struct sample last;
	a->sample = picture_last(p, a->series_id, &last) && !isnan(a->value) ? last.value : NAN;
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
		tell(replica, CHANGE_ALERT_GONE, alert);
		alert_free(alert);
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

static char *get_clean(struct frame_reader *r, size_t limit)
{
	g_autofree char *raw = frame_get_text(r);
	return text_clean(raw, strlen(raw), limit);
}

static bool take_event(struct replica *replica, struct frame_reader *r)
{
	struct replica_event *event = g_new0(struct replica_event, 1);
	event->t_ms = frame_get_i64(r);
	event->kind = get_clean(r, EVENT_NAME_MAX);
	event->object = get_clean(r, EVENT_NAME_MAX);
	event->text = get_clean(r, EVENT_TEXT_MAX);
	if (!frame_read_done(r)) {
		event_free(event);
		return false;
	}
	for (guint i = 0; i < replica->events->len; i++) {
		const struct replica_event *known = replica->events->pdata[i];
		if (known->t_ms == event->t_ms && !strcmp(known->kind, event->kind) &&
			!strcmp(known->object, event->object) && !strcmp(known->text, event->text)) {
			event_free(event); /* told again with a new picture */
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
		limits = g_ptr_array_new_with_free_func(limit_free);
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

static bool take(struct replica *replica, const struct frame *frame)
{
	struct frame_reader r = frame_read(frame);
	switch (frame->type) {
	case MESSAGE_SYNC: return take_sync(replica, &r);
	case MESSAGE_SERVICE:
	case MESSAGE_FIELDS: return take_declaration(replica, frame);
	case MESSAGE_HOST: return take_host(replica, &r);
	case MESSAGE_LIVE: return take_live(replica, &r);
	case MESSAGE_ALERT: return take_alert(replica, &r);
	case MESSAGE_ALERT_GONE: return take_alert_gone(replica, &r);
	case MESSAGE_STATUS: return take_status(replica, &r);
	case MESSAGE_EVENT: return take_event(replica, &r);
	case MESSAGE_LIMIT: return take_limit(replica, &r);
	case MESSAGE_STATISTIC: return take_statistic(replica, &r);
	default: return false;
	}
}

bool replica_take(struct replica *replica, const struct frame *frame, struct error *err)
{
	return take(replica, frame) || error_set(err, ERR_PROTOCOL, "frame %s is not as promised",
									   frame_name(&message_table, frame->type));
}

void replica_lost(struct replica *replica, struct wall now)
{
	declare_reader_finish(&replica->reader);
	picture_destroy(replica->coming); /* see I3 */
	replica->coming = NULL;
	if (!replica->stale) {
		replica->stale = true;
		replica->stale_since_ms = now.ms;
		tell(replica, CHANGE_STALE, NULL);
	}
}

/* -- questions -- */

bool replica_complete(const struct replica *replica)
{
	return replica->complete;
}

bool replica_stale(const struct replica *replica, int64_t *since_ms)
{
	if (since_ms) {
		*since_ms = replica->stale ? replica->stale_since_ms : 0;
	}
	return replica->stale;
}

const struct catalog *replica_catalog(const struct replica *replica)
{
	return replica->shown->catalog;
}

const GPtrArray *replica_hosts(const struct replica *replica)
{
	struct picture *p = replica->shown;
	if (p->hosts_unsorted) {
		g_ptr_array_sort(p->host_list, compare_hosts);
		p->hosts_unsorted = false;
	}
	return p->host_list;
}

const struct replica_host *replica_host(const struct replica *replica, const char *name)
{
	return g_hash_table_lookup(replica->shown->hosts, name);
}

const struct replica_status *replica_status(const struct replica *replica)
{
	return &replica->shown->status;
}

const GPtrArray *replica_events(const struct replica *replica)
{
	return replica->events;
}

/* Worst first; then what fires before what is pending; then the oldest; then by number. */
static gint compare_alerts(gconstpointer a, gconstpointer b)
{
	static const unsigned weight[] = {0, 1, 3, 4, 2};
	const struct replica_alert *x = *(struct replica_alert *const *)a;
	const struct replica_alert *y = *(struct replica_alert *const *)b;
	if ((x->state == ALERT_PENDING) != (y->state == ALERT_PENDING)) {
		return x->state == ALERT_PENDING ? 1 : -1;
	}
	if (weight[x->level] != weight[y->level]) {
		return weight[x->level] > weight[y->level] ? -1 : 1;
	}
	if (x->since_ms != y->since_ms) {
		return x->since_ms < y->since_ms ? -1 : 1;
	}
	return x->id < y->id ? -1 : x->id > y->id;
}

const GPtrArray *replica_alerts(const struct replica *replica)
{
	struct picture *p = replica->shown;
	if (p->alerts_unsorted) {
		GHashTableIter iter;
		gpointer alert = NULL;
		g_ptr_array_set_size(p->alert_list, 0);
		g_hash_table_iter_init(&iter, p->alerts);
		while (g_hash_table_iter_next(&iter, NULL, &alert)) {
			g_ptr_array_add(p->alert_list, alert);
		}
		g_ptr_array_sort(p->alert_list, compare_alerts);
		p->alerts_unsorted = false;
	}
	return p->alert_list;
}

bool replica_last(const struct replica *replica, uint32_t series_id, struct sample *last)
{
	return picture_last(replica->shown, series_id, last);
}

const GPtrArray *replica_limits(const struct replica *replica, uint32_t series_id)
{
	return g_hash_table_lookup(replica->shown->limits, GUINT_TO_POINTER(series_id));
}

void replica_each_statistic(const struct replica *replica,
	void (*fn)(void *owner, const char *name, double value), void *owner)
{
	GList *names =
		g_list_sort(g_hash_table_get_keys(replica->shown->statistics), (GCompareFunc)strcmp);
	for (const GList *at = names; at; at = at->next) {
		const double *value = g_hash_table_lookup(replica->shown->statistics, at->data);
		fn(owner, at->data, *value);
	}
	g_list_free(names);
}
