#include "web/facades/graphite_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/*
 * Functions of whole lists: names, order, and several series as one. Those of a list are on one
 * grid, so that the rows of all belong together.
 */
enum { REPLACE_MAX = 200, REPLACED_MAX = 100 };

static struct graphite_series *series_at(const struct graphite_call *call, guint index)
{
	return call->series->pdata[index];
}

/* -- names -- */

bool run_alias(struct graphite_call *call, struct error *err UNUSED)
{
	for (guint i = 0; i < call->series->len; i++) {
		graphite_rename(series_at(call, i), false, g_strdup(graphite_argument(call, 1)->text));
	}
	return true;
}

/* A part of the path, negative from the end; or a tag. "" if there is none. */
static char *node_name(const struct graphite_series *s, const struct graphite_expression *node)
{
	static const char *const tags[] = {"field", "group", "host", "service"};
	if (node->kind == GRAPHITE_TEXT) {
		for (size_t i = 0; i < ARRAY_LENGTH(tags); i++) {
			if (!strcmp(tags[i], node->text)) {
				return g_strdup(s->tags[i] ? s->tags[i] : "");
			}
		}
		return g_strdup("");
	}
	g_auto(GStrv) parts = g_strsplit(s->path, ".", -1);
	int64_t count = g_strv_length(parts);
	int64_t index = (int64_t)node->number + (node->number < 0 ? count : 0);
	return g_strdup(index >= 0 && index < count ? parts[index] : "");
}

char *graphite_node_names(
	const struct graphite_call *call, size_t first, const struct graphite_series *series)
{
	GString *out = g_string_new(NULL);
	for (size_t i = first; i < call->expression->arguments->len && out->len < GRAPHITE_NAME_MAX;
		 i++) {
		g_autofree char *name = node_name(series, graphite_argument(call, i));
		g_string_append_printf(out, "%s%s", i > first ? "." : "", name);
	}
	return g_string_free(out, FALSE);
}

bool run_alias_by_node(struct graphite_call *call, struct error *err UNUSED)
{
	for (guint i = 0; i < call->series->len; i++) {
		struct graphite_series *s = series_at(call, i);
		graphite_rename(s, false, graphite_node_names(call, 1, s));
	}
	return true;
}

bool run_alias_by_metric(struct graphite_call *call, struct error *err UNUSED)
{
	static const struct graphite_expression last = {.kind = GRAPHITE_NUMBER, .number = -1};
	for (guint i = 0; i < call->series->len; i++) {
		struct graphite_series *s = series_at(call, i);
		graphite_rename(s, false, node_name(s, &last));
	}
	return true;
}

bool run_alias_sub(struct graphite_call *call, struct error *err)
{
	const char *search = graphite_argument(call, 1)->text;
	const char *replace = graphite_argument(call, 2)->text;
	if (strlen(replace) > REPLACE_MAX || !*search || strpbrk(search, "\\^$*+?()[]{}|") ||
		strchr(replace, '\\')) {
		return error_set(err, ERR_CONFIG, "aliasSub replaces plain texts here, no patterns");
	}
	for (guint i = 0; i < call->series->len; i++) {
		struct graphite_series *s = series_at(call, i);
		g_auto(GStrv) parts = g_strsplit(s->name, search, REPLACED_MAX);
		graphite_rename(s, false, g_strjoinv(replace, parts));
	}
	return true;
}

/* -- lists -- */

bool run_group(struct graphite_call *call UNUSED, struct error *err UNUSED)
{
	return true; /* the series of all arguments are one list already */
}

bool run_limit(struct graphite_call *call, struct error *err)
{
	double most = graphite_argument(call, 1)->number;
	if (most < 0) {
		return error_set(err, ERR_CONFIG, "limit: n is not negative");
	}
	if (most < call->series->len) {
		g_ptr_array_set_size(call->series, (gint)most);
	}
	return true;
}

/* Runs of digits count as numbers if `natural`. */
static int compare_names(const char *a, const char *b, bool natural)
{
	while (*a && *b) {
		size_t x = natural ? strspn(a, "0123456789") : 0;
		size_t y = natural ? strspn(b, "0123456789") : 0;
		for (; x && y && *a == '0'; a++) {
			x--;
		}
		for (; x && y && *b == '0'; b++) {
			y--;
		}
		if (x != y && x && y) {
			return x < y ? -1 : 1;
		}
		if (*a != *b) {
			return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
		}
		a += *a != '\0';
		b += *b != '\0';
	}
	return *a ? 1 : *b ? -1 : 0;
}

static gint compare_plain(gconstpointer a, gconstpointer b)
{
	return compare_names((*(struct graphite_series *const *)a)->name,
		(*(struct graphite_series *const *)b)->name, false);
}

static gint compare_natural(gconstpointer a, gconstpointer b)
{
	return compare_names((*(struct graphite_series *const *)a)->name,
		(*(struct graphite_series *const *)b)->name, true);
}

bool run_sort_by_name(struct graphite_call *call, struct error *err UNUSED)
{
	bool natural = graphite_given(call, 1) && graphite_argument(call, 1)->number != 0;
	bool reverse = graphite_given(call, 2) && graphite_argument(call, 2)->number != 0;
	GPtrArray *list = call->series;
	g_ptr_array_sort(list, natural ? compare_natural : compare_plain);
	for (guint i = 0; reverse && i < list->len / 2; i++) {
		gpointer other = list->pdata[list->len - 1 - i];
		list->pdata[list->len - 1 - i] = list->pdata[i];
		list->pdata[i] = other;
	}
	return true;
}

bool scope_consolidate(
	const struct graphite_expression *call, struct graphite_scope *scope, struct error *err)
{
	const struct graphite_expression *function = call->arguments->pdata[1];
	const char *name = graphite_reduction_name(function->text);
	if (!name || !strcmp(name, "multiply") || !strcmp(name, "diff")) {
		return error_set(
			err, ERR_CONFIG, "consolidateBy: one of average, sum, min, max, first, last");
	}
	scope->consolidation = name;
	return true;
}

bool run_consolidate(struct graphite_call *call, struct error *err UNUSED)
{
	const char *text = graphite_argument(call, 1)->text;
	for (guint i = 0; i < call->series->len; i++) {
		struct graphite_series *s = series_at(call, i);
		s->consolidation = graphite_reduction_name(text);
		graphite_rename(s, true, g_strdup_printf("consolidateBy(%s,\"%s\")", s->name, text));
	}
	return true;
}

bool run_constant(struct graphite_call *call, struct error *err)
{
	const struct graphite_expression *value = graphite_argument(call, 0);
	struct graphite_series *s = graphite_series_create(call, err);
	bool named = call->expression->arguments->len > 1 && graphite_given(call, 1);
	if (!s) {
		return false;
	}
	s->name = g_strdup(named ? graphite_argument(call, 1)->text : value->text);
	s->expression = g_strdup_printf("constantLine(%s)", value->text);
	s->path = g_strdup(s->name);
	for (size_t row = 0; row < s->rows; row++) {
		s->values[row] = value->number;
	}
	g_ptr_array_add(call->series, s);
	return true;
}

/* -- several as one -- */

/* What the list stands for, each once, by comma. */
static char *expressions_of(const GPtrArray *list)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	GString *out = g_string_new(NULL);
	for (guint i = 0; i < list->len; i++) {
		const struct graphite_series *s = list->pdata[i];
		if (out->len < GRAPHITE_NAME_MAX && g_hash_table_add(seen, s->expression)) {
			g_string_append_printf(out, "%s%s", out->len ? "," : "", s->expression);
		}
	}
	return g_string_free(out, FALSE);
}

/* Keeps the tags that all have in common. */
static void common_tags(struct graphite_series *s, const GPtrArray *list)
{
	const struct graphite_series *first = list->pdata[0];
	for (size_t tag = 0; tag < ARRAY_LENGTH(s->tags); tag++) {
		bool same = first->tags[tag];
		for (guint i = 1; same && i < list->len; i++) {
			const struct graphite_series *other = list->pdata[i];
			same = other->tags[tag] && !strcmp(other->tags[tag], first->tags[tag]);
		}
		s->tags[tag] = same ? g_strdup(first->tags[tag]) : NULL;
	}
}

struct graphite_series *graphite_combine(
	struct graphite_call *call, const GPtrArray *list, const char *reduction, struct error *err)
{
	graphite_reduce_fn reduce = graphite_reduction(reduction);
	const struct graphite_series *first = list->pdata[0];
	struct graphite_series *s = graphite_series_create(call, err);
	if (!s) {
		return NULL;
	}
	double *row_values = g_new(double, list->len);
	for (size_t row = 0; row < s->rows; row++) {
		for (guint i = 0; i < list->len; i++) {
			const struct graphite_series *one = list->pdata[i];
			row_values[i] = row < one->rows ? one->values[row] : NAN;
		}
		s->values[row] = reduce(row_values, list->len);
	}
	g_free(row_values);
	g_autofree char *of = expressions_of(list);
	s->name = g_strdup_printf("%sSeries(%s)", reduction, of);
	s->expression = g_strdup(s->name);
	s->path = g_strdup(first->path);
	common_tags(s, list);
	return s;
}

static bool combine_all(struct graphite_call *call, const char *reduction, struct error *err)
{
	if (!call->series->len) {
		return true;
	}
	struct graphite_series *s = graphite_combine(call, call->series, reduction, err);
	g_ptr_array_set_size(call->series, 0);
	if (s) {
		g_ptr_array_add(call->series, s);
	}
	return s;
}

bool run_sum(struct graphite_call *call, struct error *err)
{
	return combine_all(call, "sum", err);
}

bool run_average(struct graphite_call *call, struct error *err)
{
	return combine_all(call, "average", err);
}

bool run_min(struct graphite_call *call, struct error *err)
{
	return combine_all(call, "min", err);
}

bool run_max(struct graphite_call *call, struct error *err)
{
	return combine_all(call, "max", err);
}

bool run_multiply(struct graphite_call *call, struct error *err)
{
	return combine_all(call, "multiply", err);
}

bool run_difference(struct graphite_call *call, struct error *err)
{
	return combine_all(call, "diff", err);
}

bool run_divide(struct graphite_call *call, struct error *err)
{
	GPtrArray *list = call->series;
	if (!list->len) {
		return true;
	}
	if (list->len - call->last_list != 1) {
		return error_set(err, ERR_CONFIG, "divideSeries: what is divided by must be one series");
	}
	const struct graphite_series *by = list->pdata[list->len - 1];
	for (guint i = 0; i + 1 < list->len; i++) {
		struct graphite_series *s = list->pdata[i];
		for (size_t row = 0; row < s->rows; row++) {
			double divisor = row < by->rows ? by->values[row] : NAN;
			s->values[row] = divisor == 0 ? NAN : s->values[row] / divisor;
		}
		graphite_rename(s, true, g_strdup_printf("divideSeries(%s,%s)", s->name, by->name));
	}
	g_ptr_array_set_size(list, (gint)list->len - 1);
	return true;
}

static void series_free(gpointer series)
{
	graphite_series_destroy(series);
}

/* Moves the series of the list into groups by a part of their path, in the order they come in. */
static GPtrArray *groups_by_node(struct graphite_call *call, GPtrArray *names)
{
	GPtrArray *groups = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
	g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < call->series->len; i++) {
		char *name = node_name(call->series->pdata[i], graphite_argument(call, 1));
		GPtrArray *group = g_hash_table_lookup(known, name);
		if (group) {
			g_free(name);
		} else {
			group = g_ptr_array_new();
			g_ptr_array_add(groups, group);
			g_ptr_array_add(names, name);
			g_hash_table_insert(known, name, group);
		}
		g_ptr_array_add(group, call->series->pdata[i]);
	}
	return groups;
}

bool run_group_by_node(struct graphite_call *call, struct error *err)
{
	const char *callback = graphite_given(call, 2) ? graphite_argument(call, 2)->text : "average";
	const char *reduction = graphite_reduction_name(callback);
	if (!reduction) {
		return error_set(
			err, ERR_CONFIG, "groupByNode: no way \"%.40s\" to make one of several", callback);
	}
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) groups = groups_by_node(call, names);
	g_autoptr(GPtrArray) results = g_ptr_array_new_with_free_func(series_free);
	for (guint i = 0; i < groups->len; i++) {
		struct graphite_series *s = graphite_combine(call, groups->pdata[i], reduction, err);
		if (!s) {
			return false;
		}
		graphite_rename(s, true, g_strdup(names->pdata[i]));
		g_ptr_array_add(results, s);
	}
	g_ptr_array_set_size(call->series, 0);
	g_ptr_array_extend_and_steal(call->series, g_steal_pointer(&results));
	return true;
}
