#include "web/replica.h"
#include "web/replica_parts.h"

#include <string.h>

#include "base/banned.h"

/*
 * The picture that is shown, and the questions that are answered from it. Lists are sorted when
 * somebody asks for them; alerts are found by host, so that the state of all hosts costs as much as
 * there are hosts and alerts, not their product. How the picture changes is in replica_take.c.
 */
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
	g_strfreev(host->tags);
	g_free(host);
}

void replica_alert_free(gpointer data)
{
	struct replica_alert *a = data;
	char *const texts[] = {a->rule, a->host, a->service, a->field, a->value_text, a->threshold_text,
		a->summary, a->info, a->runbook, a->suppressed_by};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		g_free(texts[i]);
	}
	g_free(a);
}

void replica_limit_free(gpointer data)
{
	struct replica_limit *limit = data;
	g_free(limit->rule);
	g_free(limit);
}

void replica_event_free(gpointer data)
{
	struct replica_event *event = data;
	g_free(event->kind);
	g_free(event->object);
	g_free(event->text);
	g_free(event);
}

static void source_free(gpointer data)
{
	source_state_finish(data);
	g_free(data);
}

struct picture *picture_create(void)
{
	struct picture *p = g_new0(struct picture, 1);
	p->catalog = catalog_create();
	p->hosts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, host_free);
	p->host_list = g_ptr_array_new();
	p->alerts = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, replica_alert_free);
	p->by_host =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
	p->alert_list = g_ptr_array_new();
	p->sources = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, source_free);
	p->source_list = g_ptr_array_new();
	p->limits = g_hash_table_new_full(
		g_direct_hash, g_direct_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
	p->statistics = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	p->last = g_array_new(FALSE, TRUE, sizeof(struct sample));
	p->seen = g_array_new(FALSE, TRUE, sizeof(struct replica_span));
	p->marks = mark_table_create();
	p->status.complaint = g_strdup("");
	return p;
}

void picture_destroy(struct picture *p)
{
	if (p) {
		g_ptr_array_unref(p->host_list);
		g_ptr_array_unref(p->alert_list);
		g_hash_table_unref(p->hosts);
		g_hash_table_unref(p->by_host);
		g_hash_table_unref(p->alerts);
		g_ptr_array_unref(p->source_list);
		g_hash_table_unref(p->sources);
		g_hash_table_unref(p->limits);
		g_hash_table_unref(p->statistics);
		g_array_unref(p->last);
		g_array_unref(p->seen);
		mark_table_destroy(p->marks);
		g_free(p->status.complaint);
		catalog_destroy(p->catalog);
		g_free(p);
	}
}

struct replica *replica_create(replica_changed_fn changed, void *owner)
{
	struct replica *replica = g_new0(struct replica, 1);
	replica->shown = picture_create();
	replica->events = g_ptr_array_new_with_free_func(replica_event_free);
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

bool picture_last(const struct picture *p, uint32_t series_id, struct sample *last)
{
	if (series_id >= p->last->len || !g_array_index(p->last, struct sample, series_id).at.ms) {
		return false;
	}
	*last = g_array_index(p->last, struct sample, series_id);
	return true;
}

void replica_lost(struct replica *replica, struct wall now)
{
	declare_reader_finish(&replica->reader);
	picture_destroy(replica->coming); /* see I3 */
	replica->coming = NULL;
	if (!replica->stale) {
		replica->stale = true;
		replica->stale_since_ms = now.ms;
		replica->changed(replica->owner, CHANGE_STALE, NULL);
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

static gint compare_hosts(gconstpointer a, gconstpointer b)
{
	const struct replica_host *x = *(struct replica_host *const *)a;
	const struct replica_host *y = *(struct replica_host *const *)b;
	int by_group = strcmp(x->group, y->group);
	return by_group ? by_group : strcmp(x->name, y->name);
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

static gint compare_sources(gconstpointer a, gconstpointer b)
{
	const struct source_state *x = *(struct source_state *const *)a;
	const struct source_state *y = *(struct source_state *const *)b;
	int by_group = strcmp(x->group, y->group);
	return by_group ? by_group : strcmp(x->id, y->id);
}

const GPtrArray *replica_sources(const struct replica *replica)
{
	struct picture *p = replica->shown;
	if (p->sources_unsorted) {
		GHashTableIter iter;
		gpointer source = NULL;
		g_ptr_array_set_size(p->source_list, 0);
		g_hash_table_iter_init(&iter, p->sources);
		while (g_hash_table_iter_next(&iter, NULL, &source)) {
			g_ptr_array_add(p->source_list, source);
		}
		g_ptr_array_sort(p->source_list, compare_sources);
		p->sources_unsorted = false;
	}
	return p->source_list;
}

const struct source_state *replica_source(const struct replica *replica, const char *id)
{
	return g_hash_table_lookup(replica->shown->sources, id);
}

const GPtrArray *replica_alerts_of(const struct replica *replica, const char *host)
{
	return g_hash_table_lookup(replica->shown->by_host, host);
}

struct replica_span replica_span(const struct replica *replica, uint32_t series_id)
{
	const GArray *seen = replica->shown->seen;
	return series_id < seen->len ? g_array_index(seen, struct replica_span, series_id)
								 : (struct replica_span){0};
}

const GPtrArray *replica_marks(const struct replica *replica, const char *host)
{
	return mark_table_of(replica->shown->marks, host);
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
