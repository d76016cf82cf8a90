#include "web/facades/promql_parse.h"
#include "web/facades/prom.h"
#include "web/replica.h"

#include <string.h>

#include "base/banned.h"

/*
 * What there is, as Prometheus' HTTP API tells it: labels, their values, series, what metrics mean.
 * Selectors of match[] add up; without one it is everything.
 */
enum { MATCHES_MAX = 20, ENTRIES_MAX = 20000 };

struct naming {
	GHashTable *seen;  /* series ids */
	GPtrArray *fields; /* const struct field *, of the catalog: gone with the request */
	int64_t matching_us;
};

static void add_field(void *owner, const struct field *field)
{
	struct naming *n = owner;
	if (g_hash_table_add(n->seen, GUINT_TO_POINTER(field->series_id))) {
		g_ptr_array_add(n->fields, (gpointer)(uintptr_t)field);
	}
}

static bool select_one(const struct web *web, const char *text, struct naming *n, struct error *err)
{
	AUTO(promql_node) node = promql_parse_selector(text, err);
	if (!node) {
		return error_prefix(err, "match[]");
	}
	struct promql_selection selection = {
		.matchers = node->matchers, .found = add_field, .owner = n};
	(void)promql_select(replica_catalog(web->replica), &selection); /* MATCHES_MAX bounds it */
	return promql_matchers_sane(node->matchers, &n->matching_us, err);
}

GPtrArray *prom_select(const struct web *web, const struct request *request, struct error *err)
{
	const char *texts[MATCHES_MAX];
	size_t count = request_list(request, "match[]", texts, MATCHES_MAX);
	g_autoptr(GHashTable) seen = g_hash_table_new(g_direct_hash, g_direct_equal);
	g_autoptr(GPtrArray) fields = g_ptr_array_new();
	g_autoptr(GPtrArray) none = g_ptr_array_new();
	struct naming n = {.seen = seen, .fields = fields};
	struct promql_selection all = {.matchers = none, .found = add_field, .owner = &n};
	if (count > MATCHES_MAX) {
		error_set(err, ERR_CONFIG, "match[]: more than %d", MATCHES_MAX);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		if (!select_one(web, texts[i], &n, err)) {
			return NULL;
		}
	}
	if (!count) {
		(void)promql_select(replica_catalog(web->replica), &all);
	}
	return g_steal_pointer(&fields);
}

/* The fields that are asked for, and how many entries at most; NULL: the reply says why not. */
static GPtrArray *read_names(struct web *web, struct exchange *x, int64_t *limit)
{
	struct error err = {0};
	GPtrArray *fields = NULL;
	*limit = 0;
	if (!prom_read(x, PROM_NAMES_PARAMETERS)) {
		return NULL;
	}
	if (request_int(&x->request, "limit", 0, INT32_MAX, limit, &err)) {
		fields = prom_select(web, &x->request, &err);
	}
	*limit = *limit && *limit < ENTRIES_MAX ? *limit : ENTRIES_MAX;
	if (!fields) {
		prom_refuse(x, &err);
	}
	return fields;
}

static void end(struct jsonout *j, bool truncated)
{
	jsonout_close(j);
	if (truncated) {
		jsonout_open(j, "warnings", '[');
		jsonout_text(j, NULL, "results truncated due to limit");
		jsonout_close(j);
	}
	jsonout_close(j);
}

void api_prom_labels(struct web *web, struct exchange *x)
{
	int64_t limit = 0;
	g_autoptr(GPtrArray) fields = read_names(web, x, &limit);
	if (!fields) {
		return;
	}
	struct jsonout j = prom_begin(x);
	jsonout_open(&j, "data", '[');
	for (unsigned label = 0; fields->len && label < PROMQL_LABELS; label++) {
		jsonout_text(&j, NULL, promql_label_name((enum promql_label)label));
	}
	end(&j, false);
}

static gint compare_texts(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void api_prom_label_values(struct web *web, struct exchange *x)
{
	char metric[PROMQL_METRIC_MAX];
	int64_t limit = 0;
	enum promql_label label = promql_label_find(x->request.variable[0]);
	g_autoptr(GPtrArray) fields = read_names(web, x, &limit);
	if (!fields) {
		return;
	}
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GPtrArray) values = g_ptr_array_new();
	for (guint i = 0; i < fields->len; i++) {
		const char *value = promql_label_of(fields->pdata[i], label, metric);
		if (*value && !g_hash_table_contains(seen, value)) {
			char *copy = g_strdup(value);
			g_hash_table_add(seen, copy);
			g_ptr_array_add(values, copy);
		}
	}
	g_ptr_array_sort(values, compare_texts);
	struct jsonout j = prom_begin(x);
	jsonout_open(&j, "data", '[');
	for (guint i = 0; i < values->len && i < limit; i++) {
		jsonout_text(&j, NULL, values->pdata[i]);
	}
	end(&j, values->len > limit);
}

void api_prom_series(struct web *web, struct exchange *x)
{
	char metric[PROMQL_METRIC_MAX];
	int64_t limit = 0;
	g_autoptr(GPtrArray) fields = read_names(web, x, &limit);
	if (!fields) {
		return;
	}
	if (!request_text(&x->request, "match[]")) {
		struct error err = {0};
		error_set(&err, ERR_CONFIG, "no match[] parameter provided");
		prom_refuse(x, &err);
		return;
	}
	struct jsonout j = prom_begin(x);
	jsonout_open(&j, "data", '[');
	for (guint i = 0; i < fields->len && i < limit; i++) {
		jsonout_open(&j, NULL, '{');
		for (unsigned label = 0; label < PROMQL_LABELS; label++) {
			const char *value = promql_label_of(fields->pdata[i], (enum promql_label)label, metric);
			if (*value) {
				jsonout_text(&j, promql_label_name((enum promql_label)label), value);
			}
		}
		jsonout_close(&j);
	}
	end(&j, fields->len > limit);
}

char *prom_help(const struct field *field)
{
	const char *title =
		attributes_or(&field->service->attributes, "graph_title", field->service->name);
	const char *info = attributes_or(&field->attributes, "info", "");
	return g_strdup_printf(
		"%s: %s%s%s", title, *field->label ? field->label : field->name, *info ? ". " : "", info);
}

static void append_metadata(struct jsonout *j, const char *metric, const struct field *field)
{
	g_autofree char *help = prom_help(field);
	jsonout_open(j, metric, '[');
	jsonout_open(j, NULL, '{');
	jsonout_text(j, "type", "gauge"); /* counters are stored, and answered, as rates */
	jsonout_text(j, "help", help);
	jsonout_text(j, "unit", "");
	jsonout_close(j);
	jsonout_close(j);
}

void api_prom_metadata(struct web *web, struct exchange *x)
{
	char metric[PROMQL_METRIC_MAX];
	int64_t limit = 0;
	g_autoptr(GPtrArray) fields = read_names(web, x, &limit);
	const char *wanted = request_text(&x->request, "metric");
	if (!fields) {
		return;
	}
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	struct jsonout j = prom_begin(x);
	jsonout_open(&j, "data", '{');
	for (guint i = 0; i < fields->len && g_hash_table_size(seen) < limit; i++) {
		promql_metric(fields->pdata[i], metric);
		if ((!wanted || !*wanted || !strcmp(wanted, metric)) &&
			g_hash_table_add(seen, g_strdup(metric))) {
			append_metadata(&j, metric, fields->pdata[i]);
		}
	}
	end(&j, false);
}

void api_prom_buildinfo(struct web *web UNUSED, struct exchange *x)
{
	static const char *const nothing[] = {
		"revision", "branch", "buildUser", "buildDate", "goVersion"};
	struct jsonout j = prom_begin(x);
	jsonout_open(&j, "data", '{');
	jsonout_text(&j, "application", "Magpie");
	jsonout_text(&j, "version", MAGPIE_VERSION);
	for (size_t i = 0; i < ARRAY_LENGTH(nothing); i++) {
		jsonout_text(&j, nothing[i], "");
	}
	end(&j, false);
}
