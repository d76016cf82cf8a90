#pragma once
#include "model/catalog.h"
#include "web/facades/basket.h"
#include "web/facades/graphite_function.h"

/*
 * From a bound target to its series, in three steps: which series its paths name (once, from the
 * catalog), which spans of them are wanted (into a basket), and, when the basket is full, the
 * values. The catalog may change between the second and the third.
 */
struct graphite_targets;

struct graphite_question {
	int64_t from_s, to_s;
	size_t points; /* at most; 0: as many as there are */
	bool gone;     /* also fields that are not declared any more */
};

enum { GRAPHITE_VALUES_MAX = BASKET_VALUES_MAX };

struct graphite_targets *graphite_targets_create(const struct graphite_question *question);
void graphite_targets_destroy(struct graphite_targets *targets);
DEFINE_AUTO(graphite_targets)

/* Adds a target and looks its paths up. CONFIG: it is wrong, or too many series. */
MUST_USE bool graphite_targets_add(struct graphite_targets *targets, const struct catalog *catalog,
	const char *text, struct error *err);

/* Puts all that is needed into the basket. */
MUST_USE bool graphite_targets_plan(
	struct graphite_targets *targets, struct basket *basket, struct error *err);

/* struct graphite_series *, owned by the list, in the order of the targets; NULL and CONFIG. */
MUST_USE GPtrArray *graphite_targets_evaluate(
	struct graphite_targets *targets, const struct basket *basket, struct error *err);

/* Seconds of the grid; after the evaluation. */
int64_t graphite_targets_step(const struct graphite_targets *targets);
