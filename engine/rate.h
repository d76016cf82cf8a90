#pragma once
#include "base/clock.h"
#include "model/service.h"

/*
 * From what a source gave to what is graphed and judged: gauges as they are, readings of counters
 * as rate per second, by RRDtool's rules. Pure.
 */

/* The reading before. All zero: none yet. */
struct rate {
	int64_t at_ms;
	double raw;
};

/*
 * The value that holds at `at` for the reading `raw`, which then becomes `previous`. NaN where it
 * is not known: the first reading of a counter, one after a gap of more than two steps, a counter
 * that was reset, a value outside the field's limits. `at` must be later than the reading before.
 */
double rate_step(struct rate *previous, const struct field *field, struct wall at, double raw);
