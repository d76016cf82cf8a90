#include "web/facades/promql_special.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * Operators. Between two vectors, series belong together whose labels match: all but the name, or
 * those that on() and ignoring() say. One side has one series per set of labels; the other too,
 * unless group_left or group_right says that it has many (documentation of Prometheus, "Vector
 * matching"). Both are checked per instant, since series come and go.
 */
double promql_operate(enum promql_operator op, double left, double right)
{
	switch (op) {
	case PROMQL_ADD: return left + right;
	case PROMQL_SUBTRACT: return left - right;
	case PROMQL_MULTIPLY: return left * right;
	case PROMQL_DIVIDE: return left / right;
	case PROMQL_MODULO: return fmod(left, right);
	case PROMQL_POWER: return pow(left, right);
	case PROMQL_EQUAL: return left == right;
	case PROMQL_UNEQUAL: return left != right;
	case PROMQL_LESS: return left < right;
	case PROMQL_GREATER: return left > right;
	case PROMQL_AT_MOST: return left <= right;
	case PROMQL_AT_LEAST: return left >= right;
	default: return NAN;
	}
}

/* What stands in the result: of a comparison the left value, unless bool is wanted. */
static double operate(const struct promql_node *node, double left, double right, double kept)
{
	double value = promql_operate(node->op, left, right);
	if (!promql_is_comparison(node->op) || node->gives_bool) {
		return value;
	}
	return value != 0 ? kept : promql_absent();
}

static bool keeps_name(const struct promql_node *node)
{
	return promql_is_comparison(node->op) && !node->gives_bool;
}

/* -- with a number -- */

static void operate_numbers(
	const struct promql_node *node, struct promql_value *left, const double *right, size_t instants)
{
	for (size_t i = 0; i < instants; i++) {
		left->numbers[i] = promql_operate(node->op, left->numbers[i], right[i]);
	}
}

static void operate_vector(const struct promql_node *node, struct promql_value *vector,
	const double *numbers, bool number_left, size_t instants)
{
	for (guint s = 0; s < vector->series->len; s++) {
		struct promql_series *series = vector->series->pdata[s];
		if (!keeps_name(node)) {
			series->labels[PROMQL_NAME] = NULL;
		}
		for (size_t i = 0; i < instants; i++) {
			double value = series->values[i];
			if (!promql_is_absent(value)) {
				series->values[i] = number_left ? operate(node, numbers[i], value, value)
												: operate(node, value, numbers[i], value);
			}
		}
	}
}

/* -- and, or, unless -- */

/* The series of a side that have the same labels, and per instant the one that has a value. */
struct bucket {
	const struct promql_series *first;
	const struct promql_series **present; /* NULL: none */
	bool *several;                        /* another one too */
};

static void bucket_free(gpointer data)
{
	struct bucket *bucket = data;
	g_free(bucket->present);
	g_free(bucket->several);
	g_free(bucket);
}

static struct bucket *bucket_create(const struct promql_series *first, size_t instants)
{
	struct bucket *bucket = g_new0(struct bucket, 1);
	bucket->first = first;
	bucket->present = g_new0(const struct promql_series *, instants);
	bucket->several = g_new0(bool, instants);
	return bucket;
}

/* Labels of a side -> its bucket. */
static GHashTable *index_by(const GPtrArray *side, unsigned mask, size_t instants)
{
	GHashTable *index =
		g_hash_table_new_full(promql_key_hash, promql_key_equal, g_free, bucket_free);
	for (guint s = 0; s < side->len; s++) {
		const struct promql_series *series = side->pdata[s];
		struct promql_key key = promql_key_of(series, mask);
		struct bucket *bucket = g_hash_table_lookup(index, &key);
		if (!bucket) {
			bucket = bucket_create(series, instants);
			g_hash_table_insert(index, g_memdup2(&key, sizeof(key)), bucket);
		}
		for (size_t i = 0; i < instants; i++) {
			if (!promql_is_absent(series->values[i])) {
				bucket->several[i] = bucket->present[i];
				bucket->present[i] = bucket->present[i] ? bucket->present[i] : series;
			}
		}
	}
	return index;
}

/* Takes values away from `side` where the presence of the others is not as `wanted`. */
static void filter(const GPtrArray *side, GHashTable *others, const struct promql_node *node,
	bool wanted, size_t instants)
{
	for (guint s = 0; s < side->len; s++) {
		struct promql_series *series = side->pdata[s];
		struct promql_key key = promql_key_of(series, promql_mask(node));
		const struct bucket *bucket = g_hash_table_lookup(others, &key);
		for (size_t i = 0; i < instants; i++) {
			bool there = bucket && bucket->present[i];
			if (there != wanted) {
				series->values[i] = promql_absent();
			}
		}
	}
}

static void run_set(const struct promql_node *node, struct promql_value *left,
	struct promql_value *right, size_t instants)
{
	bool is_or = node->op == PROMQL_OR;
	g_autoptr(GHashTable) others =
		index_by(is_or ? left->series : right->series, promql_mask(node), instants);
	filter(is_or ? right->series : left->series, others, node, node->op == PROMQL_AND, instants);
	if (is_or) {
		g_ptr_array_extend_and_steal(left->series, right->series);
		right->series = NULL;
	}
}

/* -- one to one, many to one -- */

struct matching {
	struct promql_evaluation *e;
	const struct promql_node *node;
	size_t instants;
	GHashTable *ones, *manies; /* sides by labels */
	bool many_left;
};

static void result_labels(const struct matching *m, const struct promql_series *many,
	const struct promql_series *one, struct promql_series *result)
{
	const struct promql_node *node = m->node;
	memcpy(result->labels, many->labels, sizeof(result->labels));
	if (!keeps_name(node)) {
		result->labels[PROMQL_NAME] = NULL;
	}
	for (unsigned label = 0; label < PROMQL_LABELS; label++) {
		bool listed = node->labels & (1U << label);
		bool dropped = !node->many && node->listed != listed && (node->listed || listed);
		if (dropped) {
			result->labels[label] = NULL;
		}
		if (node->many && node->include & (1U << label)) {
			result->labels[label] = one->labels[label];
		}
	}
}

/* One series of the many side with those of the other that have its labels. */
static bool match_series(const struct matching *m, const struct promql_series *many,
	struct promql_value *result, struct error *err)
{
	struct promql_key key = promql_key_of(many, promql_mask(m->node));
	const struct bucket *ones = g_hash_table_lookup(m->ones, &key);
	const struct bucket *manies = g_hash_table_lookup(m->manies, &key);
	struct promql_series *out = ones ? promql_series_add(m->e, result, NULL, err) : NULL;
	if (!out) {
		return !ones;
	}
	result_labels(m, many, ones->first, out);
	for (size_t i = 0; i < m->instants; i++) {
		const struct promql_series *one = ones->present[i];
		if (promql_is_absent(many->values[i]) || !one) {
			continue;
		}
		if (ones->several[i] || (!m->node->many && manies->several[i])) {
			return error_set(err, ERR_NOT_FOUND,
				"several series of one side match one of the other; on(), ignoring() and "
				"group_left "
				"say what belongs together");
		}
		double left = m->many_left ? many->values[i] : one->values[i];
		double right = m->many_left ? one->values[i] : many->values[i];
		out->values[i] = operate(m->node, left, right, left);
	}
	return true;
}

static bool run_matching(struct promql_evaluation *e, const struct promql_node *node,
	struct promql_value *sides, struct promql_value *result, struct error *err)
{
	bool many_left = node->many <= 0;
	size_t instants = promql_question(e)->instants;
	const GPtrArray *manies = sides[many_left ? 0 : 1].series;
	struct matching m = {.e = e,
		.node = node,
		.instants = instants,
		.many_left = many_left,
		.ones = index_by(sides[many_left ? 1 : 0].series, promql_mask(node), instants),
		.manies = index_by(manies, promql_mask(node), instants)};
	bool good = true;
	promql_value_vector(result);
	for (guint s = 0; good && s < manies->len; s++) {
		good = match_series(&m, manies->pdata[s], result, err);
	}
	g_hash_table_unref(m.ones);
	g_hash_table_unref(m.manies);
	return good;
}

static void move_value(struct promql_value *to, struct promql_value *from)
{
	*to = *from;
	*from = (struct promql_value){0};
}

static bool combine(struct promql_evaluation *e, const struct promql_node *node,
	struct promql_value sides[2], struct promql_value *result, struct error *err)
{
	size_t instants = promql_question(e)->instants;
	if (sides[0].series && sides[1].series && !promql_is_set(node->op)) {
		return run_matching(e, node, sides, result, err);
	}
	unsigned kept = sides[0].series || !sides[1].series ? 0 : 1;
	if (promql_is_set(node->op)) {
		run_set(node, &sides[0], &sides[1], instants);
	} else if (!sides[kept].series) {
		operate_numbers(node, &sides[0], sides[1].numbers, instants);
	} else {
		operate_vector(node, &sides[kept], sides[1 - kept].numbers, kept == 1, instants);
	}
	move_value(result, &sides[kept]);
	return true;
}

bool promql_run_binary(struct promql_evaluation *e, const struct promql_node *node,
	struct promql_value *result, struct error *err)
{
	struct promql_value sides[2] = {{0}};
	bool good =
		promql_evaluate(e, node->arguments[0], &sides[0], err) &&
		promql_evaluate(e, node->arguments[1], &sides[1], err) &&
		promql_spend(e, promql_value_size(e, &sides[0]) + promql_value_size(e, &sides[1]), err) &&
		combine(e, node, sides, result, err);
	promql_value_finish(&sides[0]);
	promql_value_finish(&sides[1]);
	return good;
}
