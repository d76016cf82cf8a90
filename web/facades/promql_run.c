#include "web/facades/promql_own.h"
#include "web/facades/promql_special.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * The values of selectors and of functions: of each value, and of a window that moves over the
 * samples of a series.
 */
static int64_t instant_ms(
	const struct promql_evaluation *e, const struct promql_node *selector, size_t i)
{
	return promql_first_ms(e, selector) + (int64_t)i * e->question.step_ms;
}

static bool run_selector(struct promql_evaluation *e, const struct promql_node *node,
	struct promql_value *result, struct error *err)
{
	promql_value_vector(result);
	for (guint l = 0; l < node->leaves->len; l++) {
		const struct promql_leaf *leaf = node->leaves->pdata[l];
		struct promql_series *series = promql_series_add(e, result, NULL, err);
		if (!series) {
			return false;
		}
		memcpy(series->labels, leaf->labels, sizeof(series->labels));
		struct promql_samples s = promql_samples_of(e, leaf);
		size_t visits = s.count + e->question.instants;
		size_t at = 0; /* samples at or before the instant */
		for (size_t i = 0; i < e->question.instants; i++) {
			int64_t t = instant_ms(e, node, i);
			while (at < s.count && s.times_ms[at] <= t) {
				at++;
			}
			if (at && t - s.times_ms[at - 1] <= promql_lookback_s(s.step_s) * 1000) {
				series->values[i] = s.values[at - 1];
			}
		}
		promql_samples_finish(&s);
		if (!promql_spend(e, visits, err)) {
			return false;
		}
	}
	return true;
}

/* -- functions -- */

/* The numbers of a call: columns of those given, else the defaults. */
struct numbers {
	struct promql_value given[2];
	const double *defaults;
};

static double number_at(const struct numbers *n, unsigned which, size_t i)
{
	return n->given[which].numbers ? n->given[which].numbers[i] : n->defaults[which];
}

static void numbers_finish(struct numbers *n)
{
	promql_value_finish(&n->given[0]);
	promql_value_finish(&n->given[1]);
}

static bool read_numbers(struct promql_evaluation *e, const struct promql_node *call,
	struct numbers *n, struct error *err)
{
	unsigned count = 0;
	*n = (struct numbers){.defaults = call->function->defaults};
	for (unsigned i = 0; i < call->argument_count; i++) {
		const struct promql_node *argument = call->arguments[i];
		if (argument->type == PROMQL_SCALAR && count < 2 &&
			!promql_evaluate(e, argument, &n->given[count++], err)) {
			return false;
		}
	}
	return true;
}

static bool run_map(struct promql_evaluation *e, const struct promql_node *call,
	const struct numbers *numbers, struct promql_value *result, struct error *err)
{
	if (!promql_evaluate(e, call->arguments[0], result, err) ||
		!promql_spend(e, result->series->len * e->question.instants, err)) {
		return false;
	}
	for (guint s = 0; s < result->series->len; s++) {
		struct promql_series *series = result->series->pdata[s];
		series->labels[PROMQL_NAME] = NULL;
		for (size_t i = 0; i < e->question.instants; i++) {
			const double parameters[2] = {number_at(numbers, 0, i), number_at(numbers, 1, i)};
			if (!promql_is_absent(series->values[i])) {
				series->values[i] = call->function->map(series->values[i], parameters);
			}
		}
	}
	return true;
}

enum { SORTING = 16 /* what a quantile costs more than a sum */ };

struct moving {
	const struct promql_samples *samples;
	size_t first, end; /* those in the window */
};

/* Moves the window (t - range, t] on; false: nothing is in it. */
static bool move_window(
	struct moving *m, int64_t t_ms, int64_t range_ms, struct promql_window *window)
{
	const struct promql_samples *s = m->samples;
	while (m->end < s->count && s->times_ms[m->end] <= t_ms) {
		m->end++;
	}
	while (m->first < m->end && s->times_ms[m->first] <= t_ms - range_ms) {
		m->first++;
	}
	*window = (struct promql_window){.times_ms = s->times_ms + m->first,
		.values = s->values + m->first,
		.count = m->end - m->first,
		.end_ms = t_ms,
		.range_ms = range_ms};
	return window->count;
}

static bool run_leaf(struct promql_evaluation *e, const struct promql_node *call,
	const struct numbers *numbers, const struct promql_leaf *leaf, struct promql_series *series)
{
	const struct promql_node *selector = call->arguments[call->argument_count - 1];
	struct promql_samples samples = promql_samples_of(e, leaf);
	struct moving moving = {.samples = &samples};
	struct promql_window window;
	e->visits += samples.count;
	memcpy(series->labels, leaf->labels, sizeof(series->labels));
	series->labels[PROMQL_NAME] = call->function->keeps_name ? leaf->labels[PROMQL_NAME] : NULL;
	for (size_t i = 0; i < e->question.instants && e->visits <= PROMQL_VISITS_MAX; i++) {
		if (move_window(&moving, instant_ms(e, selector, i), selector->range_s * 1000, &window)) {
			e->visits += window.count * (call->argument_count > 1 ? SORTING : 1);
			series->values[i] = call->function->over(&window, number_at(numbers, 0, i));
		}
	}
	promql_samples_finish(&samples);
	return e->visits <= PROMQL_VISITS_MAX;
}

static bool run_over(struct promql_evaluation *e, const struct promql_node *call,
	const struct numbers *numbers, struct promql_value *result, struct error *err)
{
	const struct promql_node *selector = call->arguments[call->argument_count - 1];
	promql_value_vector(result);
	for (guint l = 0; l < selector->leaves->len; l++) {
		struct promql_series *series = promql_series_add(e, result, NULL, err);
		if (!series) {
			return false;
		}
		if (!run_leaf(e, call, numbers, selector->leaves->pdata[l], series)) {
			return promql_too_much(err);
		}
	}
	return true;
}

static bool run_call(struct promql_evaluation *e, const struct promql_node *call,
	struct promql_value *result, struct error *err)
{
	struct numbers numbers;
	if (call->function->special) {
		return call->function->special(e, call, result, err);
	}
	bool good = read_numbers(e, call, &numbers, err) &&
				(call->function->map ? run_map(e, call, &numbers, result, err)
									 : run_over(e, call, &numbers, result, err));
	numbers_finish(&numbers);
	return good;
}

static void negate(double *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		values[i] = promql_is_absent(values[i]) ? values[i] : -values[i];
	}
}

static bool run_minus(struct promql_evaluation *e, const struct promql_node *node,
	struct promql_value *result, struct error *err)
{
	if (!promql_evaluate(e, node->arguments[0], result, err) ||
		!promql_spend(e, promql_value_size(e, result), err)) {
		return false;
	}
	if (result->numbers) {
		negate(result->numbers, e->question.instants);
	}
	for (guint i = 0; result->series && i < result->series->len; i++) {
		struct promql_series *series = result->series->pdata[i];
		series->labels[PROMQL_NAME] = NULL;
		negate(series->values, e->question.instants);
	}
	return true;
}

static bool run_number(struct promql_evaluation *e, const struct promql_node *node,
	struct promql_value *result, struct error *err)
{
	if (!promql_numbers_create(e, result, err)) {
		return false;
	}
	for (size_t i = 0; i < e->question.instants; i++) {
		result->numbers[i] = node->number;
	}
	return true;
}

bool promql_evaluate(struct promql_evaluation *e, const struct promql_node *node,
	struct promql_value *result, struct error *err)
{
	*result = (struct promql_value){.type = node->type};
	switch (node->kind) {
	case PROMQL_NUMBER: return run_number(e, node, result, err);
	case PROMQL_SELECTOR: return run_selector(e, node, result, err);
	case PROMQL_CALL: return run_call(e, node, result, err);
	case PROMQL_AGGREGATE: return promql_run_aggregation(e, node, result, err);
	case PROMQL_BINARY: return promql_run_binary(e, node, result, err);
	case PROMQL_MINUS: return run_minus(e, node, result, err);
	default: return error_set(err, ERR_CONFIG, "a text is no value");
	}
}

/* -- the whole -- */

/* Functions that drop names may leave two series with the same labels: one, or an error. */
static bool merge_same(struct promql_evaluation *e, struct promql_value *value, struct error *err)
{
	g_autoptr(GHashTable) known =
		g_hash_table_new_full(promql_key_hash, promql_key_equal, g_free, NULL);
	for (guint s = 0; s < value->series->len; s++) {
		struct promql_series *series = value->series->pdata[s];
		struct promql_key key = promql_key_of(series, ~0U);
		struct promql_series *first = g_hash_table_lookup(known, &key);
		if (!first) {
			g_hash_table_insert(known, g_memdup2(&key, sizeof(key)), series);
			continue;
		}
		for (size_t i = 0; i < e->question.instants; i++) {
			if (promql_is_absent(series->values[i])) {
				continue;
			}
			if (!promql_is_absent(first->values[i])) {
				return error_set(
					err, ERR_NOT_FOUND, "several series of the result have the same labels");
			}
			first->values[i] = series->values[i];
			series->values[i] = promql_absent();
		}
	}
	return true;
}

bool promql_evaluation_run(struct promql_evaluation *e, const struct basket *basket,
	struct promql_value *value, struct error *err)
{
	e->basket = basket;
	return promql_evaluate(e, e->query, value, err) &&
		   (!value->series || merge_same(e, value, err));
}

void promql_evaluation_samples(
	struct promql_evaluation *e, const struct basket *basket, promql_samples_fn fn, void *owner)
{
	const struct promql_node *selector = e->query;
	e->basket = basket;
	for (guint l = 0; l < selector->leaves->len; l++) {
		const struct promql_leaf *leaf = selector->leaves->pdata[l];
		struct promql_samples samples = promql_samples_of(e, leaf);
		struct moving moving = {.samples = &samples};
		struct promql_window window;
		if (move_window(&moving, instant_ms(e, selector, 0), selector->range_s * 1000, &window)) {
			fn(owner, leaf->labels, &window);
		}
		promql_samples_finish(&samples);
	}
}
