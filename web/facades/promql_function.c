#include "web/facades/promql_function.h"
#include "web/facades/promql_special.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/*
 * Functions of one value and of a window. Series that count (COUNTER, DERIVE, ABSOLUTE) are in the
 * archive as rates per second, so rate() of them is an average and increase() that average times
 * the range; of a gauge neither has a meaning, and asking for it is an error of the query.
 *
 * min and max begin with the first value and skip NaN; the slope is that of least squares; delta is
 * extended to the edges of the range if the samples reach near them (documentation of Prometheus,
 * "Query functions", and the rule its issue 1161 settled).
 */

/* A quiet NaN with a payload that no arithmetic makes. */
static const uint64_t absent_bits = 0x7ff84d6167706965;

double promql_absent(void)
{
	double value = 0;
	memcpy(&value, &absent_bits, sizeof(value));
	return value;
}

bool promql_is_absent(double value)
{
	return !memcmp(&value, &absent_bits, sizeof(value));
}

/* -- of one value -- */

static double map_abs(double v, const double *p UNUSED)
{
	return fabs(v);
}

static double map_ceil(double v, const double *p UNUSED)
{
	return ceil(v);
}

static double map_clamp(double v, const double *p)
{
	return p[0] > p[1] ? promql_absent() : fmax(p[0], fmin(p[1], v));
}

static double map_clamp_max(double v, const double *p)
{
	return fmin(v, p[0]);
}

static double map_clamp_min(double v, const double *p)
{
	return fmax(v, p[0]);
}

static double map_exp(double v, const double *p UNUSED)
{
	return exp(v);
}

static double map_floor(double v, const double *p UNUSED)
{
	return floor(v);
}

static double map_ln(double v, const double *p UNUSED)
{
	return log(v);
}

static double map_log10(double v, const double *p UNUSED)
{
	return log10(v);
}

static double map_log2(double v, const double *p UNUSED)
{
	return log2(v);
}

static double map_round(double v, const double *p)
{
	double inverse = 1 / p[0];
	return floor(v * inverse + 0.5) / inverse;
}

static double map_sgn(double v, const double *p UNUSED)
{
	return v > 0 ? 1 : v < 0 ? -1 : v;
}

static double map_sqrt(double v, const double *p UNUSED)
{
	return sqrt(v);
}

/* -- of the values of an instant -- */

static double reduce_sum(double *values, size_t count, double p UNUSED)
{
	double sum = 0;
	for (size_t i = 0; i < count; i++) {
		sum += values[i];
	}
	return sum;
}

static double reduce_average(double *values, size_t count, double p)
{
	return reduce_sum(values, count, p) / (double)count;
}

static double reduce_count(double *values UNUSED, size_t count, double p UNUSED)
{
	return (double)count;
}

static double reduce_one(double *values UNUSED, size_t count UNUSED, double p UNUSED)
{
	return 1;
}

static double reduce_max(double *values, size_t count, double p UNUSED)
{
	double greatest = values[0];
	for (size_t i = 1; i < count; i++) {
		greatest = values[i] > greatest || isnan(greatest) ? values[i] : greatest;
	}
	return greatest;
}

static double reduce_min(double *values, size_t count, double p UNUSED)
{
	double least = values[0];
	for (size_t i = 1; i < count; i++) {
		least = values[i] < least || isnan(least) ? values[i] : least;
	}
	return least;
}

static double reduce_variance(double *values, size_t count, double p)
{
	double mean = reduce_average(values, count, p);
	double sum = 0;
	for (size_t i = 0; i < count; i++) {
		sum += (values[i] - mean) * (values[i] - mean);
	}
	return sum / (double)count;
}

static double reduce_deviation(double *values, size_t count, double p)
{
	return sqrt(reduce_variance(values, count, p));
}

static int compare_values(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;
	if (isnan(x) || isnan(y)) {
		return (int)isnan(y) - (int)isnan(x); /* NaN is the least of all */
	}
	return x < y ? -1 : x > y;
}

double promql_quantile(double *values, size_t count, double q)
{
	if (isnan(q)) {
		return NAN;
	}
	if (q < 0 || q > 1) {
		return q < 0 ? -HUGE_VAL : HUGE_VAL;
	}
	qsort(values, count, sizeof(double), compare_values);
	double rank = q * (double)(count - 1);
	size_t lower = (size_t)floor(rank);
	size_t upper = MIN(lower + 1, count - 1);
	double weight = rank - floor(rank);
	return values[lower] * (1 - weight) + values[upper] * weight;
}

/* -- of a window -- */

static double over_sum(const struct promql_window *w, double p)
{
	return reduce_sum((double *)(uintptr_t)w->values, w->count, p);
}

static double over_average(const struct promql_window *w, double p)
{
	return over_sum(w, p) / (double)w->count;
}

static double over_increase(const struct promql_window *w, double p)
{
	return over_average(w, p) * (double)w->range_ms / 1000;
}

static double over_count(const struct promql_window *w, double p UNUSED)
{
	return (double)w->count;
}

static double over_one(const struct promql_window *w UNUSED, double p UNUSED)
{
	return 1;
}

static double over_last(const struct promql_window *w, double p UNUSED)
{
	return w->values[w->count - 1];
}

static double over_max(const struct promql_window *w, double p)
{
	return reduce_max((double *)(uintptr_t)w->values, w->count, p);
}

static double over_min(const struct promql_window *w, double p)
{
	return reduce_min((double *)(uintptr_t)w->values, w->count, p);
}

static double over_deviation(const struct promql_window *w, double p)
{
	return reduce_deviation((double *)(uintptr_t)w->values, w->count, p);
}

static double over_changes(const struct promql_window *w, double p UNUSED)
{
	size_t changes = 0;
	for (size_t i = 1; i < w->count; i++) {
		changes += memcmp(&w->values[i], &w->values[i - 1], sizeof(double)) != 0;
	}
	return (double)changes;
}

static double over_delta(const struct promql_window *w, double p UNUSED)
{
	size_t last = w->count - 1;
	if (!last) {
		return promql_absent();
	}
	double sampled = (double)(w->times_ms[last] - w->times_ms[0]);
	double between = sampled / (double)last;
	double before = (double)(w->times_ms[0] - (w->end_ms - w->range_ms));
	double behind = (double)(w->end_ms - w->times_ms[last]);
	double whole = sampled + (before < between * 1.1 ? before : between / 2) +
				   (behind < between * 1.1 ? behind : between / 2);
	return (w->values[last] - w->values[0]) * whole / sampled;
}

/* Least squares, times from the first sample on. */
static double over_slope(const struct promql_window *w, double p UNUSED)
{
	double n = (double)w->count;
	double sum_x = 0;
	double sum_y = 0;
	double sum_xy = 0;
	double sum_xx = 0;
	if (w->count < 2) {
		return promql_absent();
	}
	for (size_t i = 0; i < w->count; i++) {
		double x = (double)(w->times_ms[i] - w->times_ms[0]) / 1000;
		sum_x += x;
		sum_y += w->values[i];
		sum_xy += x * w->values[i];
		sum_xx += x * x;
	}
	return (sum_xy - sum_x * sum_y / n) / (sum_xx - sum_x * sum_x / n);
}

static double over_quantile(const struct promql_window *w, double q)
{
	double *copy = g_memdup2(w->values, w->count * sizeof(double));
	double value = promql_quantile(copy, w->count, q);
	g_free(copy);
	return value;
}

/* -- the tables -- */

#define VECTOR PROMQL_VECTOR
#define SCALAR PROMQL_SCALAR
static const struct promql_function functions[] = {
#define MAP(called, some, all, first, second, code, text)                                          \
	{.name = called,                                                                               \
		.type = VECTOR,                                                                            \
		.least = 1 + (some),                                                                       \
		.most = 1 + (all),                                                                         \
		.arguments = {VECTOR, SCALAR, SCALAR},                                                     \
		.map = code,                                                                               \
		.defaults = {first, second},                                                               \
		.help = text},
#include "web/facades/promql_functions.def"
#define OVER(called, code, read, rates, named, text)                                               \
	{.name = called,                                                                               \
		.type = VECTOR,                                                                            \
		.least = 1,                                                                                \
		.most = 1,                                                                                 \
		.arguments = {PROMQL_RANGE},                                                               \
		.over = code,                                                                              \
		.reading = read,                                                                           \
		.rates_only = rates,                                                                       \
		.keeps_name = named,                                                                       \
		.help = text},
#include "web/facades/promql_functions.def"
#define SPECIAL(called, gives, some, all, takes, code, text)                                       \
	{.name = called,                                                                               \
		.type = gives,                                                                             \
		.least = some,                                                                             \
		.most = all,                                                                               \
		.arguments = {takes},                                                                      \
		.special = code,                                                                           \
		.help = text},
#include "web/facades/promql_functions.def"
	{.name = "quantile_over_time",
		.type = VECTOR,
		.least = 2,
		.most = 2,
		.arguments = {SCALAR, PROMQL_RANGE},
		.over = over_quantile,
		.help = "quantile of the values the archive has there"},
};

static const struct promql_aggregation aggregations[] = {
#define AGGREGATION(called, number, code, smallest, text)                                          \
	{.name = called, .parameter = number, .reduce = code, .least = smallest, .help = text},
#include "web/facades/promql_functions.def"
};

size_t promql_function_count(void)
{
	return ARRAY_LENGTH(functions);
}

const struct promql_function *promql_function_at(size_t index)
{
	return &functions[index];
}

const struct promql_function *promql_function_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(functions); i++) {
		if (!strcmp(functions[i].name, name)) {
			return &functions[i];
		}
	}
	return NULL;
}

size_t promql_aggregation_count(void)
{
	return ARRAY_LENGTH(aggregations);
}

const struct promql_aggregation *promql_aggregation_at(size_t index)
{
	return &aggregations[index];
}

const struct promql_aggregation *promql_aggregation_find(const char *lower)
{
	for (size_t i = 0; i < ARRAY_LENGTH(aggregations); i++) {
		if (!strcmp(aggregations[i].name, lower)) {
			return &aggregations[i];
		}
	}
	return NULL;
}
