#pragma once
#include "web/facades/promql_eval.h"

/*
 * Shared by the files of the evaluation.
 */
struct promql_leaf { /* a series that a selector found */
	uint32_t series_id, step_s;
	bool fetched, live;
	size_t place;       /* in the basket, if fetched */
	struct sample last; /* if live */
	const char *labels[PROMQL_LABELS];
};

struct promql_evaluation {
	struct promql_question question;
	struct promql_node *query;
	GStringChunk *texts;
	const struct basket *basket;
	size_t values, visits, leaves;
};

/* The known samples of a leaf, oldest first. */
struct promql_samples {
	int64_t *times_ms;
	double *values;
	size_t count;
	int64_t step_s; /* the coarser of archive and source */
};
struct promql_samples promql_samples_of(
	const struct promql_evaluation *evaluation, const struct promql_leaf *leaf);
void promql_samples_finish(struct promql_samples *samples);

/* The first instant, as a selector with its offset sees it. */
int64_t promql_first_ms(
	const struct promql_evaluation *evaluation, const struct promql_node *selector);

/* How old the newest sample of a series with that step may be. */
int64_t promql_lookback_s(int64_t step_s);

/* Always false. */
bool promql_too_much(struct error *err);
