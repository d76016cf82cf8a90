#include "web/facades/prom.h"
#include "web/facades/promql_labels.h"
#include "web/replica.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * GET /api/v1/export/prometheus: the newest value of each series for a Prometheus that scrapes
 * Magpie; text format 0.0.4, or OpenMetrics 1.0 for those who accept that. All lines of a metric
 * stand together, as both formats want it. Counters come as they are stored, as rates: gauges. A
 * value that is older than two steps of its series is left out unless its time is said beside it.
 */
enum { FRESH_LEAST_MS = 60000 };

struct writing {
	const struct web *web;
	GString *out;
	bool open, timestamps;
	int64_t now_ms;
};

/* HELP and label values; OpenMetrics escapes quotes in both. */
static void append_escaped(GString *out, const char *text, bool quotes)
{
	for (const char *c = text; *c; c++) {
		if (*c == '\n') {
			g_string_append(out, "\\n");
		} else {
			if (*c == '\\' || (*c == '"' && quotes)) {
				g_string_append_c(out, '\\');
			}
			g_string_append_c(out, *c);
		}
	}
}

static void append_labels(GString *out, const struct field *field)
{
	char metric[PROMQL_METRIC_MAX];
	const char *separator = "{";
	for (unsigned label = PROMQL_NAME + 1; label < PROMQL_LABELS; label++) {
		const char *value = promql_label_of(field, (enum promql_label)label, metric);
		if (*value) {
			g_string_append_printf(
				out, "%s%s=\"", separator, promql_label_name((enum promql_label)label));
			append_escaped(out, value, true);
			g_string_append_c(out, '"');
			separator = ",";
		}
	}
	g_string_append_c(out, '}');
}

static void append_sample(struct writing *w, const char *metric, const struct field *field)
{
	struct sample last;
	int64_t fresh_ms = MAX((int64_t)field->service->step_s * 2000, (int64_t)FRESH_LEAST_MS);
	if (!replica_last(w->web->replica, field->series_id, &last) || isnan(last.value) ||
		(!w->timestamps && w->now_ms - last.at.ms > fresh_ms)) {
		return;
	}
	g_string_append(w->out, metric);
	append_labels(w->out, field);
	g_string_append_c(w->out, ' ');
	prom_append_number(w->out, last.value);
	if (w->timestamps && w->open) {
		g_string_append_printf(
			w->out, " %lld.%03lld", (long long)(last.at.ms / 1000), (long long)(last.at.ms % 1000));
	} else if (w->timestamps) {
		g_string_append_printf(w->out, " %lld", (long long)last.at.ms);
	}
	g_string_append_c(w->out, '\n');
}

static void append_metric(struct writing *w, const char *metric, const GPtrArray *fields)
{
	g_autofree char *help = prom_help(fields->pdata[0]);
	g_string_append_printf(w->out, "# HELP %s ", metric);
	append_escaped(w->out, help, w->open);
	g_string_append_printf(w->out, "\n# TYPE %s gauge\n", metric);
	for (guint i = 0; i < fields->len; i++) {
		append_sample(w, metric, fields->pdata[i]);
	}
}

/* Metric -> its fields. */
static GHashTable *by_metric(const GPtrArray *fields)
{
	char metric[PROMQL_METRIC_MAX];
	GHashTable *metrics =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
	for (guint i = 0; i < fields->len; i++) {
		GPtrArray *list = g_hash_table_lookup(metrics, promql_metric(fields->pdata[i], metric));
		if (!list) {
			list = g_ptr_array_new();
			g_hash_table_insert(metrics, g_strdup(metric), list);
		}
		g_ptr_array_add(list, fields->pdata[i]);
	}
	return metrics;
}

void api_export_prometheus(struct web *web, struct exchange *x)
{
	struct error err = {0};
	struct writing w = {.web = web, .now_ms = x->request.now.ms};
	w.open = x->request.accept && strstr(x->request.accept, "application/openmetrics-text");
	g_autoptr(GPtrArray) fields = request_flag(&x->request, "timestamps", &w.timestamps, &err)
									  ? prom_select(web, &x->request, &err)
									  : NULL;
	if (!fields) {
		reply_error(&x->reply, &err);
		return;
	}
	w.out = reply_text(&x->reply, 200,
		w.open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
			   : "text/plain; version=0.0.4; charset=utf-8");
	g_autoptr(GHashTable) metrics = by_metric(fields);
	g_autoptr(GList) names =
		g_list_sort(g_hash_table_get_keys(metrics), (GCompareFunc)(void (*)(void))strcmp);
	for (const GList *at = names; at; at = at->next) {
		append_metric(&w, at->data, g_hash_table_lookup(metrics, at->data));
	}
	if (w.open) {
		g_string_append(w.out, "# EOF\n");
	}
}
