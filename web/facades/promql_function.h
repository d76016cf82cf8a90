#pragma once
#include "web/facades/promql_parse.h"

/*
 * Functions and aggregations of queries as tables (promql_functions.def), and what they work on.
 */

/* Known samples in (end - range, end], oldest first; at least one. */
struct promql_window {
	const int64_t *times_ms;
	const double *values;
	size_t count;
	int64_t end_ms, range_ms;
};

struct promql_value;
struct promql_evaluation;

/* One value of a series; `parameters` are the numbers behind the vector. */
typedef double (*promql_map_fn)(double value, const double *parameters);
/* A window of a series; absent: promql_absent(). */
typedef double (*promql_over_fn)(const struct promql_window *window, double parameter);
typedef bool (*promql_special_fn)(struct promql_evaluation *evaluation,
	const struct promql_node *node, struct promql_value *result, struct error *err);

enum promql_reading { PROMQL_AVERAGES, PROMQL_LEAST, PROMQL_GREATEST };

struct promql_function {
	const char *name;
	enum promql_type type; /* of the result */
	unsigned least, most;  /* arguments */
	enum promql_type arguments[PROMQL_ARGUMENTS_MAX];
	promql_map_fn map;
	promql_over_fn over;
	promql_special_fn special;   /* one of the three is there */
	double defaults[2];          /* of numbers that are not given */
	enum promql_reading reading; /* what of a coarse archive counts */
	bool rates_only;             /* refuses gauges */
	bool keeps_name;
	const char *help;
};

size_t promql_function_count(void);
const struct promql_function *promql_function_at(size_t index);
const struct promql_function *promql_function_find(const char *name); /* NULL: there is none */

/* Of the values that are there at one instant; `count` > 0, `values` may be sorted. */
typedef double (*promql_reduce_fn)(double *values, size_t count, double parameter);

struct promql_aggregation {
	const char *name;
	bool parameter;          /* a number stands before the vector */
	promql_reduce_fn reduce; /* NULL: topk and bottomk, which keep series */
	bool least;              /* bottomk */
	const char *help;
};
size_t promql_aggregation_count(void);
const struct promql_aggregation *promql_aggregation_at(size_t index);
const struct promql_aggregation *promql_aggregation_find(const char *lower); /* NULL: none */

/* "No value at this instant", which is not the same as NaN. */
double promql_absent(void);
bool promql_is_absent(double value);

/* The φ-quantile of values, sorted by this, as Prometheus interpolates it. */
double promql_quantile(double *values, size_t count, double q);
