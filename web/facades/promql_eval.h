#pragma once
#include "model/catalog.h"
#include "model/sample.h"
#include "web/facades/basket.h"
#include "web/facades/promql_function.h"

/*
 * From a query to its series at a number of instants, in three steps: which series its selectors
 * name, which spans of them are wanted (into a basket), and, when the basket is full, the values.
 * The catalog may change between the second and the third.
 *
 * The value at an instant is that of the newest known sample at or before it that is not older than
 * two steps of its series (at least a minute): the newest of all as it came in, older ones as the
 * archive has them.
 */
struct promql_evaluation;

enum { PROMQL_INSTANTS_MAX = 11000, PROMQL_VALUES_MAX = 2000000, PROMQL_VISITS_MAX = 40000000 };

struct promql_question {
	int64_t start_ms, step_ms;
	size_t instants; /* 1: an instant query */
};

/* What is known without the archive. */
struct promql_known {
	const struct catalog *catalog;
	/* newest sample; false: none */
	bool (*last)(void *owner, uint32_t series_id, struct sample *sample);
	/* seconds since 1970 of a series' last known value; 0: not known */
	int64_t (*last_s)(void *owner, uint32_t series_id);
	void *owner;
};

struct promql_series {
	const char *labels[PROMQL_LABELS]; /* NULL: it has not; equal ones are the same pointer */
	double *values;                    /* one per instant, or promql_absent() */
};

struct promql_value {
	enum promql_type type;
	double *numbers;   /* of a scalar: one per instant */
	GPtrArray *series; /* of a vector: struct promql_series *, owned */
};
void promql_value_finish(struct promql_value *value);

/* Takes `query`. */
struct promql_evaluation *promql_evaluation_create(
	const struct promql_question *question, struct promql_node *query);
void promql_evaluation_destroy(struct promql_evaluation *evaluation);
DEFINE_AUTO(promql_evaluation)

/*
 * Looks series up and puts what is needed into the basket (perhaps nothing). CONFIG: a regular
 * expression that takes too long; NOT_FOUND: too much, or rate() of a gauge.
 */
MUST_USE bool promql_evaluation_plan(struct promql_evaluation *evaluation,
	const struct promql_known *known, struct basket *basket, struct error *err);

/* `*value` is to be finished; NOT_FOUND: labels do not match one to one, or too much. */
MUST_USE bool promql_evaluation_run(struct promql_evaluation *evaluation,
	const struct basket *basket, struct promql_value *value, struct error *err);

/* Of a query that is a range ("x[5m]") at one instant: the samples of each series in it. */
typedef void (*promql_samples_fn)(
	void *owner, const char *const *labels, const struct promql_window *window);
void promql_evaluation_samples(struct promql_evaluation *evaluation, const struct basket *basket,
	promql_samples_fn fn, void *owner);
const struct promql_node *promql_evaluation_query(const struct promql_evaluation *evaluation);

/* -- for the parts of the evaluation -- */
const struct promql_question *promql_question(const struct promql_evaluation *evaluation);

bool promql_evaluate(struct promql_evaluation *evaluation, const struct promql_node *node,
	struct promql_value *value, struct error *err);

/* A vector without series, a new series of it with nothing but absent values; NULL: no room. */
void promql_value_vector(struct promql_value *value);
struct promql_series *promql_series_add(struct promql_evaluation *evaluation,
	struct promql_value *value, const struct promql_series *labels, struct error *err);
/* The text that equal labels share. */
const char *promql_intern(struct promql_evaluation *evaluation, const char *text);
/* How many values it has, present or not. */
size_t promql_value_size(
	const struct promql_evaluation *evaluation, const struct promql_value *value);
/* Takes from the budget of visits; false and NOT_FOUND: there is no more. */
MUST_USE bool promql_spend(struct promql_evaluation *evaluation, size_t visits, struct error *err);
bool promql_numbers_create(
	struct promql_evaluation *evaluation, struct promql_value *value, struct error *err);
