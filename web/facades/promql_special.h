#pragma once
#include "web/facades/promql_eval.h"

/*
 * The parts of the evaluation that are no function of one value: operators, aggregations, and the
 * functions that are neither of each value nor of a range.
 */
bool promql_run_binary(struct promql_evaluation *evaluation, const struct promql_node *node,
	struct promql_value *result, struct error *err);
bool promql_run_aggregation(struct promql_evaluation *evaluation, const struct promql_node *node,
	struct promql_value *result, struct error *err);

/* What an operator gives for two numbers; a comparison 0 or 1. */
double promql_operate(enum promql_operator op, double left, double right);

bool special_absent(struct promql_evaluation *evaluation, const struct promql_node *node,
	struct promql_value *result, struct error *err);
bool special_scalar(struct promql_evaluation *evaluation, const struct promql_node *node,
	struct promql_value *result, struct error *err);
bool special_sort(struct promql_evaluation *evaluation, const struct promql_node *node,
	struct promql_value *result, struct error *err);
bool special_sort_desc(struct promql_evaluation *evaluation, const struct promql_node *node,
	struct promql_value *result, struct error *err);
bool special_time(struct promql_evaluation *evaluation, const struct promql_node *node,
	struct promql_value *result, struct error *err);
bool special_vector(struct promql_evaluation *evaluation, const struct promql_node *node,
	struct promql_value *result, struct error *err);

/* Labels as a key: those of `mask`. */
struct promql_key {
	const char *labels[PROMQL_LABELS];
};
struct promql_key promql_key_of(const struct promql_series *series, unsigned mask);
guint promql_key_hash(gconstpointer key);
gboolean promql_key_equal(gconstpointer a, gconstpointer b);

/* The labels that count for a node: what it lists, or all but those and the name. */
unsigned promql_mask(const struct promql_node *node);
