#include "collector/scrape.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "collector/graph.h"
#include "collector/metric.h"
#include "collector/metric_map.h"
#include "model/config_source.h"

#include "base/banned.h"

/*
 * An answer is read once. The text of a series (name and labels) leads by a hash to its slot, so
 * labels are decoded, matched and made into names only when a series is new. Values are gathered in
 * the slots first; then graphs whose fields changed are declared anew, and all feeds are filled.
 *
 * I1: several texts may lead to one slot (labels that do not count, rows of `map`): their values
 * add up. I2: a slot's place in its graph is its field's index in the declaration in force. I3:
 * what is kept is bounded: slots by SCRAPE_SERIES_MAX, texts by those of the last answer. I4: a
 * feed is that of one graph: two that declare one service in turn would fill more values than it
 * has.
 */
#define MEAN " mean" /* behind the family in the name of a graph of means */

struct slot {
	char *field, *label, *identity;
	struct metric_form form;
	double value;    /* of this answer, sum of its samples */
	uint64_t answer; /* the last one it was in */
	struct wall seen_at;
	double last_sum, last_count; /* of a mean; NaN: not known */
};

struct scrape_graph {
	char *service, *metric; /* metric "": made by `map` */
	char *help;             /* NULL: none */
	GPtrArray *slots;       /* struct slot *, owned; see I2 */
	GHashTable *identities; /* identity -> struct slot * */
	GHashTable *names;      /* field -> struct slot * */
	struct feed *feed;      /* NULL: not declared */
	bool changed, full, mean;
};

/* A text of a series. `slot` NULL: it is left out. */
struct known {
	const char *text; /* behind the struct, or of the answer while looking */
	size_t length;
	struct slot *slot;
	uint64_t answer;
};

struct scrape {
	const struct config_exporter *settings;
	char *category;
	char *own; /* service that the exporter declares itself: none of its metrics may be it (I4) */
	struct metric_map *map;
	GHashTable *known;    /* set of struct known *, owned */
	GPtrArray *graphs;    /* struct scrape_graph *, owned */
	GHashTable *services; /* service -> struct scrape_graph * */
	GHashTable *plain;    /* metric -> struct scrape_graph * with metric's own graph */
	size_t slots, present;
	uint64_t answer;
	/* of the answer under way */
	struct target *target;
	struct wall now;
	size_t twice, full, old;
	char first[200]; /* complaint */
};

/* -- slots and graphs -- */

static void slot_destroy(gpointer data)
{
	struct slot *slot = data;
	g_free(slot->field);
	g_free(slot->label);
	g_free(slot->identity);
	g_free(slot);
}

static void graph_destroy(gpointer data)
{
	struct scrape_graph *graph = data;
	g_free(graph->service);
	g_free(graph->metric);
	g_free(graph->help);
	g_hash_table_destroy(graph->identities);
	g_hash_table_destroy(graph->names);
	g_ptr_array_unref(graph->slots);
	g_free(graph);
}

static struct scrape_graph *graph_make(
	struct scrape *s, const char *service, const char *metric, const char *help)
{
	struct scrape_graph *graph = g_new0(struct scrape_graph, 1);
	graph->service = g_strdup(service);
	graph->metric = g_strdup(metric);
	graph->help = g_strdup(help);
	graph->slots = g_ptr_array_new_with_free_func(slot_destroy);
	graph->identities = g_hash_table_new(g_str_hash, g_str_equal);
	graph->names = g_hash_table_new(g_str_hash, g_str_equal);
	g_ptr_array_add(s->graphs, graph);
	g_hash_table_insert(s->services, graph->service, graph);
	return graph;
}

static bool service_is_taken(const struct scrape *s, const char *service)
{
	return g_hash_table_contains(s->services, service) || !strcmp(service, s->own);
}

/* The graph that bears the metric's name. */
static struct scrape_graph *graph_of_metric(struct scrape *s, const char *metric, const char *help)
{
	struct scrape_graph *graph = g_hash_table_lookup(s->plain, metric);
	if (!graph) {
		char service[IDENT_SERVICE_MAX + 1];
		metric_service_name(metric, false, service);
		if (service_is_taken(s, service)) {
			metric_service_name(metric, true, service);
		}
		if (service_is_taken(s, service)) {
			return NULL;
		}
		graph = graph_make(s, service, metric, help);
		g_hash_table_insert(s->plain, graph->metric, graph);
	}
	return graph;
}

/* A slot for a field that has none. NULL: there are too many, which is counted. */
static struct slot *slot_make(struct scrape *s, struct scrape_graph *graph,
	const struct metric_field *field, struct metric_form form)
{
	if (s->slots >= SCRAPE_SERIES_MAX || graph->slots->len >= SCRAPE_FIELDS_MAX) {
		s->full++;
		return NULL;
	}
	struct slot *slot = g_new0(struct slot, 1);
	slot->field = g_strdup(field->name);
	slot->label = g_strdup(field->label);
	slot->identity = g_strdup(field->identity);
	slot->form = form;
	slot->last_sum = slot->last_count = NAN;
	g_ptr_array_add(graph->slots, slot);
	g_hash_table_insert(graph->identities, slot->identity, slot);
	g_hash_table_insert(graph->names, slot->field, slot);
	graph->changed = true;
	s->slots++;
	return slot;
}

static struct slot *slot_of_field(struct scrape *s, struct scrape_graph *graph,
	struct metric_field *field, struct metric_form form)
{
	struct slot *slot = g_hash_table_lookup(graph->identities, field->identity);
	if (slot) {
		return slot; /* see I1 */
	}
	if (g_hash_table_contains(graph->names, field->name)) {
		metric_field_rename(field); /* hostile 8: two that are cleaned to one name */
	}
	return g_hash_table_contains(graph->names, field->name) ? NULL
															: slot_make(s, graph, field, form);
}

static bool listed(const GPtrArray *globs, const struct openmetrics_sample *sample)
{
	for (size_t i = 0; globs && i < globs->len; i++) {
		if (text_glob(globs->pdata[i], sample->name) ||
			text_glob(globs->pdata[i], sample->family->name)) {
			return true;
		}
	}
	return false;
}

/* Whether a sample is taken under its own name. */
static bool is_wanted(const struct scrape *s, const struct openmetrics_sample *sample)
{
	const GPtrArray *select = s->settings->select;
	bool taken = select ? listed(select, sample) : !g_str_has_suffix(sample->name, "_info");
	return taken && !listed(s->settings->drop, sample);
}

static bool is_sum(const struct openmetrics_sample *sample)
{
	return (sample->family->type == OPENMETRICS_HISTOGRAM ||
			   sample->family->type == OPENMETRICS_SUMMARY) &&
		   !strcmp(sample->suffix, "_sum");
}

/* The mean beside a sum; it is filled by graph_fill_mean(). No metric has a blank in its name. */
static void add_mean(
	struct scrape *s, const struct openmetrics_sample *sample, const struct metric_field *field)
{
	g_autofree char *metric = g_strconcat(sample->family->name, MEAN, NULL);
	struct scrape_graph *graph = graph_of_metric(s, metric, NULL);
	struct metric_field copy = *field;
	if (graph) {
		graph->mean = true;
		(void)slot_of_field(s, graph, &copy, metric_form_mean(sample->family));
	}
}

static void scrape_complain(struct scrape *s, const char *format, ...) PRINTF_LIKE(2, 3);

static struct slot *take_mapped(
	struct scrape *s, const struct metric_map_row *row, const struct openmetrics_sample *sample)
{
	struct metric_field field = {.label = row->field, .identity = row->field};
	if (!strcmp(row->service, s->own)) { /* see I4 */
		scrape_complain(s, "map: %s is the exporter's own", row->service);
		return NULL;
	}
	text_copy(field.name, sizeof(field.name), row->field);
	struct scrape_graph *graph = g_hash_table_lookup(s->services, row->service);
	if (!graph) {
		graph = graph_make(s, row->service, "", sample->family->help);
	}
	return slot_of_field(s, graph, &field, metric_form(sample));
}

static struct slot *take_plain(struct scrape *s, const struct openmetrics_labels *labels,
	const struct openmetrics_sample *sample)
{
	struct metric_field field;
	struct scrape_graph *graph = graph_of_metric(s, sample->name, sample->family->help);
	if (!graph) {
		return NULL;
	}
	metric_field_init(&field, labels, s->settings->labels, sample->name);
	struct slot *slot = slot_of_field(s, graph, &field, metric_form(sample));
	if (slot && is_sum(sample)) {
		add_mean(s, sample, &field);
	}
	metric_field_finish(&field);
	return slot;
}

/* -- samples of an answer -- */

static guint known_hash(gconstpointer key)
{
	const struct known *known = key;
	uint32_t hash = 2166136261U; /* FNV-1a, 32 bits */
	for (size_t i = 0; i < known->length; i++) {
		hash = (hash ^ (unsigned char)known->text[i]) * 16777619U;
	}
	return hash;
}

static gboolean known_equal(gconstpointer a, gconstpointer b)
{
	const struct known *x = a;
	const struct known *y = b;
	return x->length == y->length && !memcmp(x->text, y->text, x->length);
}

static void scrape_complain(struct scrape *s, const char *format, ...)
{
	va_list values;
	va_start(values, format);
	g_autofree char *text = g_strdup_vprintf(format, values);
	va_end(values);
	target_trace(s->target, "parse", false, "%s", text);
	if (!*s->first) {
		text_copy(s->first, sizeof(s->first), text);
	}
}

/* The slot of a series that is not known yet. False: not to be remembered, so that it is said again
 * next time why there is none. */
static bool series_begin(
	struct scrape *s, const struct openmetrics_sample *sample, struct slot **slot)
{
	struct openmetrics_labels labels;
	size_t full = s->full;
	*slot = NULL;
	if (!metric_form(sample).kept) {
		return true;
	}
	bool good = openmetrics_labels_read(&labels, sample);
	if (good) {
		const struct metric_map_row *row = metric_map_find(s->map, sample->name, &labels);
		if (row) {
			*slot = take_mapped(s, row, sample);
		} else if (is_wanted(s, sample)) {
			*slot = take_plain(s, &labels, sample);
		}
	} else {
		scrape_complain(s, "%s: a label is there twice", sample->name);
	}
	openmetrics_labels_finish(&labels);
	return good && s->full == full;
}

/* NULL: the sample is left out. */
static struct slot *slot_of_sample(struct scrape *s, const struct openmetrics_sample *sample)
{
	struct known probe = {.text = sample->series, .length = sample->series_length};
	struct known *known = g_hash_table_lookup(s->known, &probe);
	if (!known) {
		struct slot *slot;
		if (!series_begin(s, sample, &slot)) {
			return NULL;
		}
		known = g_malloc0(sizeof(*known) + sample->series_length);
		known->text = memcpy((char *)(known + 1), sample->series, sample->series_length);
		known->length = sample->series_length;
		known->slot = slot;
		g_hash_table_add(s->known, known);
	} else if (known->answer == s->answer) {
		if (!s->twice++) {
			scrape_complain(s, "%s is there twice; the first value counts", sample->name);
		}
		return NULL;
	}
	known->answer = s->answer;
	return known->slot;
}

static void on_sample(void *owner, const struct openmetrics_sample *sample)
{
	struct scrape *s = owner;
	struct slot *slot = slot_of_sample(s, sample);
	if (!slot) {
		return;
	}
	double value = sample->value;
	if (sample->stamped && (sample->at_ms < s->now.ms - SCRAPE_OLD_MS ||
							   sample->at_ms > s->now.ms + SCRAPE_AHEAD_MS)) {
		s->old++;
		value = NAN;
	}
	if (slot->answer != s->answer) {
		slot->answer = s->answer;
		slot->seen_at = s->now;
		slot->value = 0;
		s->present++;
	}
	slot->value += value; /* see I1 */
}

static void on_complaint(void *owner, size_t line, const char *text)
{
	scrape_complain(owner, "line %zu: %s", line, text);
}

/* -- declarations -- */

static void graph_attributes(
	const struct scrape *s, const struct scrape_graph *graph, struct service *service)
{
	const struct slot *first = graph->slots->pdata[0];
	graph_attribute(service, "graph_title", *graph->metric ? graph->metric : graph->service);
	graph_attribute(service, "graph_args", first->form.args);
	graph_attribute(service, "graph_vlabel", first->form.vlabel);
	graph_attribute(service, "graph_category", s->category);
	graph_attribute(service, "graph_info",
		graph->mean ? "Mean of what was measured between two rounds: sum divided by count."
					: graph->help);
}

static void graph_declare(struct scrape *s, struct scrape_graph *graph)
{
	const struct source *source = &s->target->source;
	struct service *service =
		service_create(source->group, source->host, graph->service, source->step_s);
	graph_attributes(s, graph, service);
	for (size_t i = 0; i < graph->slots->len; i++) {
		const struct slot *slot = graph->slots->pdata[i];
		char cdef[IDENT_FIELD_MAX + 16];
		snprintf(cdef, sizeof(cdef), "%s,1000,/", slot->field);
		(void)graph_field(service, &(struct field_row){.name = slot->field,
									   .label = slot->label,
									   .type = slot->form.type,
									   .min = slot->form.type == FIELD_DERIVE ? "0" : NULL,
									   .unit = slot->form.unit,
									   .cdef = slot->form.milli ? cdef : NULL});
	}
	graph->feed = target_declare(s->target, graph->service, service);
	graph->changed = !graph->feed; /* another source has it: perhaps not for ever */
}

static void graph_forget(struct scrape *s, struct scrape_graph *graph)
{
	for (size_t i = graph->slots->len; i-- > 0;) {
		struct slot *slot = graph->slots->pdata[i];
		if (s->now.ms - slot->seen_at.ms <= SCRAPE_FORGET_MS || slot->answer == s->answer) {
			continue;
		}
		g_hash_table_remove(graph->identities, slot->identity);
		g_hash_table_remove(graph->names, slot->field);
		g_ptr_array_remove_index(graph->slots, (guint)i);
		graph->changed = true;
		s->slots--;
	}
}

static void graph_fill(const struct scrape *s, struct scrape_graph *graph)
{
	if (feed_count(graph->feed) != graph->slots->len) { /* against I2: then no values at all */
		graph->changed = true;
		return;
	}
	for (size_t i = 0; i < graph->slots->len; i++) {
		const struct slot *slot = graph->slots->pdata[i];
		double value = slot->answer == s->answer ? slot->value : NAN;
		graph->feed->values[i] = slot->form.milli ? value * 1000 : value;
	}
	graph->feed->fresh = true;
}

static gboolean known_is_old(gpointer key, gpointer value UNUSED, gpointer owner)
{
	const struct scrape *s = owner;
	const struct known *known = key;
	return known->answer != s->answer;
}

static double value_in(
	const struct scrape *s, const char *family, const char *suffix, const char *identity)
{
	g_autofree char *metric = g_strconcat(family, suffix, NULL);
	const struct scrape_graph *graph = g_hash_table_lookup(s->plain, metric);
	const struct slot *slot = graph ? g_hash_table_lookup(graph->identities, identity) : NULL;
	return slot && slot->answer == s->answer ? slot->value : NAN;
}

static void graph_fill_mean(struct scrape *s, struct scrape_graph *graph)
{
	g_autofree char *family = g_strndup(graph->metric, strlen(graph->metric) - strlen(MEAN));
	for (size_t i = 0; i < graph->slots->len; i++) {
		struct slot *slot = graph->slots->pdata[i];
		double sum = value_in(s, family, "_sum", slot->identity);
		double count = value_in(s, family, "_count", slot->identity);
		double events = count - slot->last_count;
		slot->value = events > 0 ? (sum - slot->last_sum) / events : NAN;
		slot->last_sum = sum;
		slot->last_count = count;
		if (!isnan(count)) {
			slot->answer = s->answer;
			slot->seen_at = s->now;
		} else if (!slot->seen_at.ms) {
			slot->seen_at = s->now;
		}
	}
}

/* The graph has no field left. */
static void graph_end(struct scrape *s, struct scrape_graph *graph)
{
	if (graph->feed) {
		target_end(s->target, graph->feed);
	}
	if (*graph->metric) {
		g_hash_table_remove(s->plain, graph->metric);
	}
	g_hash_table_remove(s->services, graph->service);
	g_ptr_array_remove(s->graphs, graph);
}

static void scrape_publish(struct scrape *s)
{
	for (size_t i = s->graphs->len; i-- > 0;) {
		struct scrape_graph *graph = s->graphs->pdata[i];
		if (graph->mean) {
			graph_fill_mean(s, graph);
		}
		graph_forget(s, graph);
		if (!graph->slots->len) {
			graph_end(s, graph);
		}
	}
	for (size_t i = 0; i < s->graphs->len; i++) {
		struct scrape_graph *graph = s->graphs->pdata[i];
		if (graph->changed) {
			graph_declare(s, graph);
		}
		if (graph->feed) {
			graph_fill(s, graph);
		}
	}
}

static void scrape_tell(struct scrape *s, const struct openmetrics_result *result)
{
	if (*s->first && result->complaints > 1) {
		target_complain(s->target, "text", "%s; %zu more", s->first, result->complaints - 1);
	} else if (*s->first) {
		target_complain(s->target, "text", "%s", s->first);
	} else {
		target_content(s->target, "text");
	}
	if (s->full) {
		target_complain(s->target, "series",
			"%zu new series are left out: there are %d at most, %d of one metric; see select and "
			"drop",
			s->full, SCRAPE_SERIES_MAX, SCRAPE_FIELDS_MAX);
	} else {
		target_content(s->target, "series");
	}
	if (s->old) {
		target_complain(s->target, "times",
			"%zu values are unknown: their time is more than 5 minutes ago, or to come", s->old);
	} else {
		target_content(s->target, "times");
	}
}

bool scrape_take(struct scrape *s, struct target *target, const char *text, size_t length,
	enum openmetrics_form form, struct wall now, struct error *err)
{
	static const struct openmetrics_handlers handlers = {
		.sample = on_sample, .complaint = on_complaint};
	struct openmetrics_result result;
	s->target = target;
	s->now = now;
	s->answer++;
	s->present = s->twice = s->full = s->old = 0;
	s->first[0] = '\0';
	openmetrics_read(text, length, form, &handlers, s, &result);
	if (!result.samples) {
		return error_set(
			err, ERR_PROTOCOL, "%s", *s->first ? s->first : "there is no metric in it");
	}
	if (!result.complete && !*s->first) {
		scrape_complain(s, "the text was cut off: it has no end");
	}
	/* what is not in the answer goes: slots may be freed that it points to */
	g_hash_table_foreach_remove(s->known, known_is_old, s);
	scrape_publish(s);
	scrape_tell(s, &result);
	return true;
}

/* -- life -- */

struct scrape *scrape_create(
	const struct config_exporter *settings, const char *name, struct error *err)
{
	struct scrape *s = g_new0(struct scrape, 1);
	s->settings = settings;
	s->category = g_strdup(name);
	s->own = g_strconcat(SCRAPE_OWN, name, NULL);
	s->known = g_hash_table_new_full(known_hash, known_equal, g_free, NULL);
	s->graphs = g_ptr_array_new_with_free_func(graph_destroy);
	s->services = g_hash_table_new(g_str_hash, g_str_equal);
	s->plain = g_hash_table_new(g_str_hash, g_str_equal);
	s->map = metric_map_create(settings->map, err);
	if (!s->map) {
		scrape_destroy(s);
		return NULL;
	}
	return s;
}

void scrape_destroy(struct scrape *s)
{
	if (!s) {
		return;
	}
	g_hash_table_destroy(s->plain);
	g_hash_table_destroy(s->known);
	g_hash_table_destroy(s->services);
	g_ptr_array_unref(s->graphs);
	metric_map_destroy(s->map);
	g_free(s->category);
	g_free(s->own);
	g_free(s);
}

size_t scrape_series(const struct scrape *s)
{
	return s->slots;
}

size_t scrape_present(const struct scrape *s)
{
	return s->present;
}
