#include "web/view.h"
#include "model/plot.h"
#include "model/hint.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * One letter per category says the state of a host on the wall, so that 500 hosts of 40 categories
 * are 20,000 bytes. Which category stands at which place is one list over all hosts, kept until the
 * catalog's version changes.
 */
enum { CATEGORY_MAX = 64, SILENT_STEPS = 3 };

struct view {
	const struct replica *replica;
	GPtrArray *categories;
	GHashTable *places; /* category -> index + 1 */
	const struct catalog *catalog;
	uint64_t version, told;
};

/* What every host has comes first, in this order; all else follows by name. */
static const char *const first_categories[] = {"disk", "network", "system", "processes", "time"};

struct view *view_create(const struct replica *replica)
{
	struct view *view = g_new0(struct view, 1);
	view->replica = replica;
	view->categories = g_ptr_array_new_with_free_func(g_free);
	view->places = g_hash_table_new(g_str_hash, g_str_equal);
	return view;
}

void view_destroy(struct view *view)
{
	if (view) {
		g_hash_table_unref(view->places);
		g_ptr_array_unref(view->categories);
		g_free(view);
	}
}

char *view_category(const struct service *service, char *out)
{
	const char *raw = attributes_or(&service->attributes, "graph_category", "other");
	size_t n = 0;
	for (; raw[n] && n < CATEGORY_MAX - 1; n++) {
		out[n] = g_ascii_tolower(raw[n]);
	}
	while (raw[n] && n && (out[n - 1] & 0x80)) {
		n--; /* too long and cut: not in the middle of a character */
	}
	out[n] = '\0';
	if (!n) {
		memcpy(out, "other", sizeof("other"));
	}
	return out;
}

static unsigned category_rank(const char *name)
{
	unsigned i = 0;
	while (i < ARRAY_LENGTH(first_categories) && strcmp(first_categories[i], name)) {
		i++;
	}
	return i;
}

static gint compare_categories(gconstpointer a, gconstpointer b)
{
	const char *x = *(const char *const *)a;
	const char *y = *(const char *const *)b;
	unsigned rx = category_rank(x);
	unsigned ry = category_rank(y);
	return rx != ry ? (rx < ry ? -1 : 1) : strcmp(x, y);
}

static void collect_categories(struct view *view)
{
	const GPtrArray *hosts = catalog_hosts(view->catalog);
	char name[CATEGORY_MAX];
	g_hash_table_remove_all(view->places);
	g_ptr_array_set_size(view->categories, 0);
	for (guint i = 0; i < hosts->len; i++) {
		const struct host *host = hosts->pdata[i];
		for (guint s = 0; s < host->services->len; s++) {
			view_category(host->services->pdata[s], name);
			if (!g_hash_table_contains(view->places, name)) {
				char *kept = g_strdup(name);
				g_ptr_array_add(view->categories, kept);
				g_hash_table_insert(view->places, kept, GUINT_TO_POINTER(1));
			}
		}
	}
	g_ptr_array_sort(view->categories, compare_categories);
	for (guint i = 0; i < view->categories->len; i++) {
		g_hash_table_insert(view->places, view->categories->pdata[i], GUINT_TO_POINTER(i + 1));
	}
}

const GPtrArray *view_categories(struct view *view)
{
	const struct catalog *catalog = replica_catalog(view->replica);
	if (catalog != view->catalog || catalog_version(catalog) != view->version) {
		view->catalog = catalog;
		view->version = catalog_version(catalog);
		collect_categories(view);
	}
	return view->categories;
}

bool view_categories_changed(struct view *view)
{
	uint64_t sum = 14695981039346656037U; /* FNV-1a */
	const GPtrArray *all = view_categories(view);
	for (guint i = 0; i < all->len; i++) {
		for (const char *c = all->pdata[i];; c++) {
			sum = (sum ^ (unsigned char)*c) * 1099511628211U;
			if (!*c) {
				break;
			}
		}
	}
	bool changed = sum != view->told;
	view->told = sum;
	return changed;
}

/* -- states -- */

static unsigned weight(unsigned level)
{
	static const unsigned weights[] = {0, 1, 3, 4, 2};
	return weights[level];
}

static unsigned worse(unsigned a, unsigned b)
{
	return weight(a) >= weight(b) ? a : b;
}

static bool in_force(const struct replica_alert *a)
{
	return a->state != ALERT_PENDING;
}

bool view_host_silent(const struct replica_host *host, struct wall now)
{
	int64_t step_ms = host->step_s ? (int64_t)host->step_s * 1000 : 10000;
	return now.ms - host->last_seen_ms > SILENT_STEPS * step_ms;
}

bool view_host_left(const struct replica_host *host, struct wall now)
{
	return !host->configured && view_host_silent(host, now);
}

bool view_host_made(const struct replica *replica, const struct replica_host *host)
{
	const struct host *entry = catalog_host(replica_catalog(replica), host->name);
	if (host->last_seen_ms || !entry || !entry->services->len) {
		return false;
	}
	for (guint i = 0; i < entry->services->len; i++) {
		const struct service *service = entry->services->pdata[i];
		for (size_t k = 0; k < service_field_count(service); k++) {
			if (service_field(service, k)->series_id) {
				return false;
			}
		}
	}
	return true;
}

unsigned view_host_state(
	const struct replica *replica, const struct replica_host *host, struct wall now)
{
	bool silent = view_host_silent(host, now) && !view_host_made(replica, host);
	unsigned level = silent ? LEVEL_UNKNOWN : LEVEL_OK;
	const GPtrArray *alerts = replica_alerts_of(replica, host->name);
	for (guint i = 0; alerts && i < alerts->len; i++) {
		const struct replica_alert *a = alerts->pdata[i];
		if (in_force(a) && !*a->suppressed_by) {
			level = worse(level, a->level);
		}
	}
	return level;
}

unsigned view_service_state(const struct replica *replica, const struct service *service)
{
	unsigned level = LEVEL_OK;
	const GPtrArray *alerts = replica_alerts_of(replica, service->host_name);
	for (guint i = 0; alerts && i < alerts->len; i++) {
		const struct replica_alert *a = alerts->pdata[i];
		if (in_force(a) && !*a->suppressed_by && !strcmp(a->service, service->name)) {
			level = worse(level, a->level);
		}
	}
	return level;
}

/* -- cells -- */

static guint place_of(struct view *view, const struct service *service)
{
	char name[CATEGORY_MAX];
	return GPOINTER_TO_UINT(g_hash_table_lookup(view->places, view_category(service, name)));
}

static unsigned letter_weight(char letter)
{
	const char *order = ".oxsnuwc";
	const char *at = strchr(order, letter);
	return at ? (unsigned)(at - order) : 0;
}

static void raise_cells(struct view *view, const char *host, char *cells)
{
	static const char letters[] = "onwcu";
	const GPtrArray *alerts = replica_alerts_of(view->replica, host);
	for (guint i = 0; alerts && i < alerts->len; i++) {
		const struct replica_alert *a = alerts->pdata[i];
		if (!in_force(a)) {
			continue;
		}
		const struct service *service = catalog_service(view->catalog, host, a->service);
		guint place = service ? place_of(view, service) : 0;
		char letter = *a->suppressed_by ? 's' : letters[a->level];
		if (place && letter_weight(letter) > letter_weight(cells[place - 1])) {
			cells[place - 1] = letter;
		}
	}
}

/* One letter per category (g_malloc). */
static char *host_cells(struct view *view, const struct replica_host *host, struct wall now)
{
	const GPtrArray *categories = view_categories(view);
	char *cells = g_strnfill(categories->len, '.');
	const struct host *entry = catalog_host(view->catalog, host->name);
	bool silent = view_host_silent(host, now) && !view_host_made(view->replica, host);
	char calm = silent ? 'x' : 'o';
	for (guint i = 0; entry && i < entry->services->len; i++) {
		guint place = place_of(view, entry->services->pdata[i]);
		if (place) {
			cells[place - 1] = calm;
		}
	}
	raise_cells(view, host->name, cells);
	return cells;
}

void view_host_members(struct view *view, struct jsonout *j, const struct replica_host *host,
	struct wall now, bool cells)
{
	jsonout_text(j, "host", host->name);
	jsonout_text(j, "group", host->group);
	jsonout_text(j, "state", replica_level_name(view_host_state(view->replica, host, now)));
	jsonout_bool(j, "up", host->up);
	jsonout_moment(j, "last_seen", host->last_seen_ms);
	jsonout_int(j, "step", host->step_s);
	jsonout_text(j, "error", host->error);
	jsonout_text(j, "strip", host->strip);
	jsonout_bool(j, "configured", host->configured);
	jsonout_open(j, "tags", '[');
	for (size_t i = 0; host->tags && host->tags[i]; i++) {
		jsonout_text(j, NULL, host->tags[i]);
	}
	jsonout_close(j);
	if (cells) {
		g_autofree char *letters = host_cells(view, host, now);
		jsonout_text(j, "cells", letters);
	}
}

/* -- objects -- */

/* The limit that the alert's level stands for, if the rule has a constant one. */
static double threshold_of(const struct replica *replica, const struct replica_alert *alert)
{
	const GPtrArray *limits = replica_limits(replica, alert->series_id);
	for (guint i = 0; limits && i < limits->len; i++) {
		const struct replica_limit *limit = limits->pdata[i];
		if (limit->level == alert->level && !strcmp(limit->rule, alert->rule)) {
			return limit->value;
		}
	}
	return NAN;
}

/* Beside a constant threshold the value stands in the same scale, the field's own; it is the one
 * that `value_text` and the summary were made of. */
static double value_of(const struct replica_alert *alert, double threshold)
{
	return isnan(threshold) || isnan(alert->sample) ? alert->value : alert->sample;
}

void view_alert(const struct replica *replica, struct jsonout *j, const struct replica_alert *alert)
{
	const struct replica_host *host = replica_host(replica, alert->host);
	const struct service *service =
		catalog_service(replica_catalog(replica), alert->host, alert->service);
	const struct field *field = service ? service_find_field(service, alert->field) : NULL;
	double threshold = threshold_of(replica, alert);
	jsonout_open(j, NULL, '{');
	jsonout_int(j, "id", alert->id);
	jsonout_text(j, "rule", alert->rule);
	jsonout_text(j, "host", alert->host);
	jsonout_text(j, "group", host ? host->group : "");
	jsonout_text(j, "service", alert->service);
	jsonout_text(j, "field", alert->field);
	jsonout_text(j, "title",
		service ? attributes_or(&service->attributes, "graph_title", service->name)
				: alert->service);
	jsonout_text(j, "label", field ? field->label : alert->field);
	jsonout_text(j, "level", replica_level_name(alert->level));
	jsonout_text(j, "state", replica_state_name(alert->state));
	jsonout_moment(j, "since", alert->since_ms);
	jsonout_number(j, "value", value_of(alert, threshold));
	jsonout_text(j, "value_text", alert->value_text);
	jsonout_number(j, "threshold", threshold);
	jsonout_text(j, "threshold_text", alert->threshold_text);
	jsonout_text(j, "summary", alert->summary);
	jsonout_text(j, "info", alert->info);
	jsonout_text(j, "runbook", alert->runbook);
	jsonout_text(j, "extinfo", field ? attributes_get(&field->attributes, "extinfo") : NULL);
	jsonout_text(j, "suppressed_by", *alert->suppressed_by ? alert->suppressed_by : NULL);
	jsonout_close(j);
}

/* -- sources -- */

static void view_complaints(struct jsonout *j, const struct source_state *source)
{
	jsonout_open(j, "complaints", '[');
	for (uint32_t i = 0; i < source->complaint_count; i++) {
		jsonout_open(j, NULL, '{');
		jsonout_text(j, "plugin", source->complaints[i].plugin);
		jsonout_text(j, "error", source->complaints[i].error);
		jsonout_close(j);
	}
	jsonout_close(j);
}

/* What to do about it. */
static const char *view_advice(const struct source_state *source, bool stale)
{
	if (stale || source->state == SOURCE_STALE) {
		return "The part of Magpie that asks it does not report: look at its log. Nothing is known "
			   "of "
			   "the source itself.";
	}
	if (source->state == SOURCE_COMPLAINING) {
		return "It answers; what is named here gives no values. Everything else of it is stored as "
			   "ever.";
	}
	return *source->error ? hint_for_text(source->kind, source->error) : "";
}

/* While the engine is away nothing can be known of a source. */
void view_source(
	const struct replica *replica, struct jsonout *j, const struct source_state *source)
{
	int64_t stale_ms = 0;
	bool stale = replica_stale(replica, &stale_ms) && source->state != SOURCE_STALE;
	jsonout_open(j, NULL, '{');
	jsonout_text(j, "id", source->id);
	jsonout_text(j, "host", source->host);
	jsonout_text(j, "group", source->group);
	jsonout_text(j, "kind", source->kind);
	jsonout_text(j, "name", source->name);
	jsonout_text(j, "where", source->where);
	jsonout_text(j, "state", source_condition_name(stale ? SOURCE_STALE : source->state));
	jsonout_moment(j, "since", stale ? stale_ms : source->since.ms);
	jsonout_moment(j, "last", source->last.ms);
	jsonout_moment(j, "next", source->next.ms);
	jsonout_number(j, "took_s", (double)source->took_ms / 1000);
	jsonout_int(j, "every_s", source->step_s);
	jsonout_int(j, "services", source->services);
	jsonout_int(j, "series", source->series);
	jsonout_int(j, "failures", source->failures);
	jsonout_text(j, "version", source->version);
	jsonout_text(j, "error", source->error);
	jsonout_text(j, "advice", view_advice(source, stale));
	view_complaints(j, source);
	jsonout_text(j, "strip", source->strip);
	jsonout_moment(j, "first_seen", source->first.ms);
	jsonout_close(j);
}

void view_span(struct jsonout *j, struct replica_span span)
{
	jsonout_moment(j, "first_seen", (int64_t)span.first_s * 1000);
	jsonout_moment(j, "last_seen", (int64_t)span.last_s * 1000);
}

struct replica_span view_service_span(const struct replica *replica, const struct service *service)
{
	struct replica_span all = {0};
	for (size_t i = 0; i < service_field_count(service); i++) {
		struct replica_span span = replica_span(replica, service_field(service, i)->series_id);
		if (span.first_s && (!all.first_s || span.first_s < all.first_s)) {
			all.first_s = span.first_s;
		}
		all.last_s = MAX(all.last_s, span.last_s);
	}
	return all;
}

void view_event(struct jsonout *j, const char *name, const struct replica_event *event)
{
	jsonout_open(j, name, '{');
	jsonout_moment(j, "t", event->t_ms);
	jsonout_text(j, "kind", event->kind);
	jsonout_text(j, "object", event->object);
	jsonout_text(j, "text", event->text);
	jsonout_close(j);
}

static void view_last(const struct replica *replica, struct jsonout *j, const struct field *field)
{
	struct sample last;
	if (!field->series_id || !replica_last(replica, field->series_id, &last)) {
		jsonout_null(j, "last");
		return;
	}
	jsonout_open(j, "last", '{');
	jsonout_int(j, "t", wall_s(last.at));
	jsonout_number(j, "v", last.value);
	jsonout_close(j);
}

static void view_limits(const struct replica *replica, struct jsonout *j, const struct field *field)
{
	const GPtrArray *limits = replica_limits(replica, field->series_id);
	jsonout_open(j, "limits", '[');
	for (guint i = 0; field->series_id && limits && i < limits->len; i++) {
		const struct replica_limit *limit = limits->pdata[i];
		jsonout_open(j, NULL, '{');
		jsonout_text(j, "rule", limit->rule);
		jsonout_text(j, "level", replica_level_name(limit->level));
		jsonout_bool(j, "below", limit->below);
		jsonout_number(j, "value", limit->value);
		jsonout_close(j);
	}
	jsonout_close(j);
}

/* A row of a graph's fields, whether it is one or made of others. */
struct shown {
	const char *name, *label;
	const struct attributes *attributes;
	const char *draw;
	bool drawn;
	const struct field *field; /* whose samples they are; NULL: of several, or of none */
};

static void view_shown(const struct replica *replica, struct jsonout *j,
	const struct service *service, const struct shown *shown)
{
	static const char *const plain[] = {"colour", "negative", "cdef", "unit", "info", "extinfo"};
	const struct field *field = shown->field;
	const struct attributes *a = shown->attributes;
	uint32_t series_id = field ? field->series_id : 0;
	g_autofree char *id =
		g_strdup_printf("%s:%s:%s", service->host_name, service->name, shown->name);
	jsonout_text(j, "field", shown->name);
	jsonout_text(j, "id", id);
	jsonout_text(j, "label", shown->label);
	jsonout_text(j, "type", field_type_name(field ? field->type : FIELD_GAUGE));
	jsonout_text(j, "draw", shown->draw);
	for (size_t i = 0; i < ARRAY_LENGTH(plain); i++) {
		jsonout_text(j, plain[i], attributes_or(a, plain[i], ""));
	}
	jsonout_number(j, "min", field ? field->min : NAN);
	jsonout_number(j, "max", field ? field->max : NAN);
	jsonout_bool(j, "graph", shown->drawn);
	jsonout_text(j, "warning", attributes_get(a, "warning"));
	jsonout_text(j, "critical", attributes_get(a, "critical"));
	jsonout_bool(j, "gone", field && field->gone);
	view_span(j, series_id ? replica_span(replica, series_id) : (struct replica_span){0});
}

void view_field(const struct replica *replica, struct jsonout *j, const struct field *field)
{
	const struct attributes *a = &field->attributes;
	struct shown shown = {.name = field->name,
		.label = field->label,
		.attributes = a,
		.draw = attributes_or(a, "draw", ""),
		.drawn = attributes_flag(a, "graph", true) && !attributes_flag(a, "skipdraw", false),
		.field = field};
	jsonout_open(j, NULL, '{');
	view_shown(replica, j, field->service, &shown);
	view_last(replica, j, field);
	view_limits(replica, j, field);
	jsonout_close(j);
}

/* `limits` and `last` are those of samples: a curve made of others has none. */
static void view_curve(const struct replica *replica, struct jsonout *j, const struct plot *plot,
	const struct plot_curve *curve)
{
	static const char *const kinds[] = {"own", "borrowed", "sum", "stacked"};
	char id[IDENT_SERIES_MAX + 1];
	struct shown shown = {.name = curve->name,
		.label = curve->label,
		.attributes = curve->attributes,
		.draw = curve->draw,
		.drawn = curve->drawn};
	jsonout_open(j, NULL, '{');
	view_shown(replica, j, plot->service, &shown);
	jsonout_null(j, "last");
	jsonout_open(j, "limits", '[');
	jsonout_close(j);
	jsonout_text(j, "made", kinds[curve->kind]);
	jsonout_text(j, "broken", curve->broken);
	jsonout_text(j, "missing", curve->missing);
	jsonout_open(j, "sources", '[');
	for (size_t i = 0; i < curve->source_count; i++) {
		jsonout_text(j, NULL, field_series_name(curve->sources[i], id));
	}
	jsonout_close(j);
	jsonout_close(j);
}

static void view_plot(
	const struct replica *replica, struct jsonout *j, const struct service *service)
{
	AUTO(plot) plot = plot_create(replica_catalog(replica), service);
	g_autoptr(GString) order = g_string_new(NULL);
	jsonout_open(j, "fields", '[');
	for (size_t i = 0; i < plot->count; i++) {
		const struct plot_curve *curve = &plot->curves[i];
		g_string_append_printf(order, "%s%s", i ? " " : "", curve->name);
		if (curve->kind == PLOT_OWN) {
			view_field(replica, j, curve->sources[0]);
		} else {
			view_curve(replica, j, plot, curve);
		}
	}
	jsonout_close(j);
	jsonout_text(j, "order", order->str);
}

void view_fields(const struct replica *replica, struct jsonout *j, const struct service *service)
{
	const struct attributes *a = &service->attributes;
	bool made = strchr(attributes_or(a, "graph_order", ""), '=') ||
				strchr(attributes_or(a, "graph_sources", ""), '=');
	for (size_t i = 0; i < service_field_count(service) && !made; i++) {
		made = plot_is_made(service_field(service, i));
	}
	if (made) {
		view_plot(replica, j, service);
		return;
	}
	jsonout_open(j, "fields", '[');
	for (size_t i = 0; i < service_field_count(service); i++) {
		view_field(replica, j, service_field(service, i));
	}
	jsonout_close(j);
	jsonout_text(j, "order", attributes_or(a, "graph_order", ""));
}
