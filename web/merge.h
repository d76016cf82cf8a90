#pragma once
#include <stddef.h>
#include <stdint.h>

/*
 * Columns of values that came from several writers, each on the grid of its own answer, on one
 * grid: value i is that of (t0 + i*step, t0 + (i+1)*step].
 */
enum merge_cf { MERGE_AVERAGE, MERGE_MIN, MERGE_MAX };

struct merge_column {
	int64_t t0_s, step_s;
	size_t count; /* 0: nothing is known */
	const double *values;
};

struct merge_plan {
	int64_t from_s, to_s;
	int64_t step_s; /* asked for, 0: the finest; then that of the result */
	enum merge_cf cf;
	int64_t t0_s; /* result */
	size_t rows;  /* result */
};

/*
 * The step is the greatest of those in which something is known. A cell of a column with a finer
 * step is the average, least or greatest of its known values, unknown if less than half of its time
 * is known. merge_free() frees the result.
 */
double **merge_columns(struct merge_plan *plan, const struct merge_column *columns, size_t count);
void merge_free(double **columns, size_t count);
