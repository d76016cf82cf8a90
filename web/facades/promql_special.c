#include "web/facades/promql_special.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/*
 * Aggregations, and functions of whole vectors. Groups are found by labels once, then each instant
 * is computed by itself from the values that are there.
 */
unsigned promql_mask(const struct promql_node *node)
{
	return node->listed ? node->labels : ~(node->labels | 1U << PROMQL_NAME);
}

struct promql_key promql_key_of(const struct promql_series *series, unsigned mask)
{
	struct promql_key key = {0};
	for (unsigned label = 0; label < PROMQL_LABELS; label++) {
		key.labels[label] = mask & (1U << label) ? series->labels[label] : NULL;
	}
	return key;
}

guint promql_key_hash(gconstpointer data)
{
	const struct promql_key *key = data;
	guint hash = 5381;
	for (unsigned label = 0; label < PROMQL_LABELS; label++) {
		hash = hash * 33 + g_direct_hash(key->labels[label]) / 8;
	}
	return hash;
}

gboolean promql_key_equal(gconstpointer a, gconstpointer b)
{
	return !memcmp(a, b, sizeof(struct promql_key));
}

/* -- aggregations -- */

enum { SORTING = 8 /* what the greatest of several cost more than their sum */ };

struct group {
	GPtrArray *members; /* struct promql_series *, of the vector that is aggregated */
	struct promql_series *result;
};

static void group_free(gpointer data)
{
	struct group *group = data;
	g_ptr_array_unref(group->members);
	g_free(group);
}

/* In the order in which they are met. */
static GPtrArray *groups_of(const struct promql_node *node, const GPtrArray *series)
{
	GPtrArray *groups = g_ptr_array_new_with_free_func(group_free);
	g_autoptr(GHashTable) known =
		g_hash_table_new_full(promql_key_hash, promql_key_equal, g_free, NULL);
	for (guint i = 0; i < series->len; i++) {
		struct promql_key key = promql_key_of(series->pdata[i], promql_mask(node));
		struct group *group = g_hash_table_lookup(known, &key);
		if (!group) {
			group = g_new0(struct group, 1);
			group->members = g_ptr_array_new();
			g_ptr_array_add(groups, group);
			g_hash_table_insert(known, g_memdup2(&key, sizeof(key)), group);
		}
		g_ptr_array_add(group->members, series->pdata[i]);
	}
	return groups;
}

struct ranked {
	double value;
	struct promql_series *series;
};

static void reduce_group(const struct promql_aggregation *a, const struct group *group,
	size_t instants, const double *parameters)
{
	double *values = g_new(double, group->members->len);
	for (size_t i = 0; i < instants; i++) {
		size_t count = 0;
		for (guint m = 0; m < group->members->len; m++) {
			const struct promql_series *series = group->members->pdata[m];
			if (!promql_is_absent(series->values[i])) {
				values[count++] = series->values[i];
			}
		}
		if (count) {
			group->result->values[i] = a->reduce(values, count, parameters ? parameters[i] : 0);
		}
	}
	g_free(values);
}

/* Greatest first, NaN last. */
static int compare_ranked(const void *a, const void *b)
{
	double x = ((const struct ranked *)a)->value;
	double y = ((const struct ranked *)b)->value;
	if (isnan(x) || isnan(y)) {
		return (int)isnan(x) - (int)isnan(y);
	}
	return x > y ? -1 : x < y;
}

/* Takes away what is not among the `parameters[i]` greatest of its group, or least. */
static void keep_ranked(const struct promql_aggregation *a, const struct group *group,
	size_t instants, const double *parameters)
{
	struct ranked *all = g_new(struct ranked, group->members->len);
	for (size_t i = 0; i < instants; i++) {
		size_t count = 0;
		double k = parameters[i];
		for (guint m = 0; m < group->members->len; m++) {
			struct promql_series *series = group->members->pdata[m];
			double value = series->values[i];
			if (!promql_is_absent(value)) {
				all[count++] = (struct ranked){a->least ? -value : value, series};
			}
		}
		qsort(all, count, sizeof(*all), compare_ranked);
		for (size_t r = k >= 1 ? (size_t)fmin(k, (double)count) : 0; r < count; r++) {
			all[r].series->values[i] = promql_absent();
		}
	}
	g_free(all);
}

static bool make_results(struct promql_evaluation *e, const struct promql_node *node,
	const GPtrArray *groups, struct promql_value *result, struct error *err)
{
	promql_value_vector(result);
	for (guint g = 0; g < groups->len; g++) {
		struct group *group = groups->pdata[g];
		struct promql_key key = promql_key_of(group->members->pdata[0], promql_mask(node));
		group->result = promql_series_add(e, result, NULL, err);
		if (!group->result) {
			return false;
		}
		memcpy(group->result->labels, key.labels, sizeof(key.labels));
	}
	return true;
}

/* `sides` are the vector, and the number in front of it if the aggregation has one. */
static bool aggregate(struct promql_evaluation *e, const struct promql_node *node,
	struct promql_value sides[2], struct promql_value *result, struct error *err)
{
	struct promql_value *vector = &sides[0];
	const double *parameters = sides[1].numbers;
	const struct promql_aggregation *a = node->aggregation;
	size_t instants = promql_question(e)->instants;
	g_autoptr(GPtrArray) groups = groups_of(node, vector->series);
	if (!a->reduce) {
		for (guint g = 0; g < groups->len; g++) {
			keep_ranked(a, groups->pdata[g], instants, parameters);
		}
		*result = *vector;
		*vector = (struct promql_value){0};
		return true;
	}
	if (!make_results(e, node, groups, result, err)) {
		return false;
	}
	for (guint g = 0; g < groups->len; g++) {
		reduce_group(a, groups->pdata[g], instants, parameters);
	}
	return true;
}

bool promql_run_aggregation(struct promql_evaluation *e, const struct promql_node *node,
	struct promql_value *result, struct error *err)
{
	struct promql_value sides[2] = {{0}};
	bool good =
		promql_evaluate(e, node->arguments[node->argument_count - 1], &sides[0], err) &&
		(!node->aggregation->parameter || promql_evaluate(e, node->arguments[0], &sides[1], err)) &&
		promql_spend(e,
			promql_value_size(e, &sides[0]) * (node->aggregation->parameter ? SORTING : 1), err) &&
		aggregate(e, node, sides, result, err);
	promql_value_finish(&sides[0]);
	promql_value_finish(&sides[1]);
	return good;
}

/* -- functions of vectors -- */

/* Labels that the selector fixes, as absent() gives them. */
static void fixed_labels(
	struct promql_evaluation *e, const struct promql_node *selector, struct promql_series *series)
{
	for (guint i = 0; selector->kind == PROMQL_SELECTOR && i < selector->matchers->len; i++) {
		const struct promql_matcher *m = selector->matchers->pdata[i];
		enum promql_label label = promql_matcher_label(m);
		if (promql_matcher_kind(m) == PROMQL_IS && label != PROMQL_NAME && label < PROMQL_LABELS &&
			*promql_matcher_value(m)) {
			series->labels[label] = promql_intern(e, promql_matcher_value(m));
		}
	}
}

bool special_absent(struct promql_evaluation *e, const struct promql_node *node,
	struct promql_value *result, struct error *err)
{
	struct promql_value vector = {0};
	promql_value_vector(result);
	struct promql_series *one = promql_series_add(e, result, NULL, err);
	if (!one || !promql_evaluate(e, node->arguments[0], &vector, err)) {
		promql_value_finish(&vector);
		return false;
	}
	fixed_labels(e, node->arguments[0], one);
	for (size_t i = 0; i < promql_question(e)->instants; i++) {
		bool there = false;
		for (guint s = 0; s < vector.series->len && !there; s++) {
			there = !promql_is_absent(((struct promql_series *)vector.series->pdata[s])->values[i]);
		}
		one->values[i] = there ? promql_absent() : 1;
	}
	promql_value_finish(&vector);
	return true;
}

bool special_scalar(struct promql_evaluation *e, const struct promql_node *node,
	struct promql_value *result, struct error *err)
{
	struct promql_value vector = {0};
	bool good = promql_numbers_create(e, result, err) &&
				promql_evaluate(e, node->arguments[0], &vector, err);
	for (size_t i = 0; good && i < promql_question(e)->instants; i++) {
		size_t count = 0;
		result->numbers[i] = NAN;
		for (guint s = 0; s < vector.series->len; s++) {
			double value = ((struct promql_series *)vector.series->pdata[s])->values[i];
			if (!promql_is_absent(value)) {
				result->numbers[i] = count++ ? NAN : value;
			}
		}
	}
	promql_value_finish(&vector);
	return good;
}

bool special_vector(struct promql_evaluation *e, const struct promql_node *node,
	struct promql_value *result, struct error *err)
{
	struct promql_value number = {0};
	promql_value_vector(result);
	struct promql_series *one = promql_series_add(e, result, NULL, err);
	bool good = one && promql_evaluate(e, node->arguments[0], &number, err);
	if (good) {
		memcpy(one->values, number.numbers, promql_question(e)->instants * sizeof(double));
	}
	promql_value_finish(&number);
	return good;
}

bool special_time(struct promql_evaluation *e, const struct promql_node *node UNUSED,
	struct promql_value *result, struct error *err)
{
	const struct promql_question *q = promql_question(e);
	if (!promql_numbers_create(e, result, err)) {
		return false;
	}
	for (size_t i = 0; i < q->instants; i++) {
		result->numbers[i] = (double)(q->start_ms + (int64_t)i * q->step_ms) / 1000;
	}
	return true;
}

/* By the first instant: the order of a range query says nothing. */
static gint compare_descending(gconstpointer a, gconstpointer b)
{
	const struct ranked x = {(*(struct promql_series *const *)a)->values[0], NULL};
	const struct ranked y = {(*(struct promql_series *const *)b)->values[0], NULL};
	return compare_ranked(&x, &y);
}

static gint compare_ascending(gconstpointer a, gconstpointer b)
{
	const struct ranked x = {-(*(struct promql_series *const *)a)->values[0], NULL};
	const struct ranked y = {-(*(struct promql_series *const *)b)->values[0], NULL};
	return compare_ranked(&x, &y);
}

bool special_sort(struct promql_evaluation *e, const struct promql_node *node,
	struct promql_value *result, struct error *err)
{
	bool good = promql_evaluate(e, node->arguments[0], result, err);
	if (good) {
		g_ptr_array_sort(result->series, compare_ascending);
	}
	return good;
}

bool special_sort_desc(struct promql_evaluation *e, const struct promql_node *node,
	struct promql_value *result, struct error *err)
{
	bool good = promql_evaluate(e, node->arguments[0], result, err);
	if (good) {
		g_ptr_array_sort(result->series, compare_descending);
	}
	return good;
}
