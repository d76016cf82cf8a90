#pragma once
#include "base/attr.h"
#include "base/error.h"
#include "rrd/layout.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Values of a span out of RRD files. All series of one request come on one grid: value i is that of
 * (t0 + i*step, t0 + (i+1)*step].
 */
enum { FETCH_POINTS_MAX = 10000, FETCH_SERIES_MAX = 1000 };

struct fetch_grid {
	int64_t t0_s, step_s;
	size_t count;
};

/* One series as it lies in its archive; `values` by fetch_free(). */
struct fetch_rows {
	int64_t t0_s, step_s;
	size_t count;
	double *values;
};

/*
 * Rows of the file at `path` (absolute) that cover (from_s, to_s], from the archive of that
 * consolidation whose step is nearest to `step_s`. CONFIG: the span is empty or absurd; STORAGE:
 * librrd's complaint.
 */
MUST_USE bool fetch_rows(const char *path, enum layout_cf cf, int64_t from_s, int64_t to_s,
	int64_t step_s, struct fetch_rows *rows, struct error *err);
void fetch_free(struct fetch_rows *rows);

/* Least step with which (from_s, to_s] is at most FETCH_POINTS_MAX points, not below `step_s`. */
int64_t fetch_least_step(int64_t from_s, int64_t to_s, int64_t step_s);

/* Whether a span can be asked for at all: 0 <= from < to, both before the year 2200. */
MUST_USE bool fetch_span_ok(int64_t from_s, int64_t to_s);

/*
 * The common grid: its step is the greatest of the steps of `rows` (those of no rows do not count)
 * and a multiple of it if that were too many points, or less than `step_s`.
 */
struct fetch_grid fetch_grid(
	const struct fetch_rows *rows, size_t count, int64_t from_s, int64_t to_s, int64_t step_s);

/*
 * One series on the grid, `out` has grid->count values. A cell is the average, least or greatest of
 * the known rows that end in it, unknown if less than half of its time is known (xff 0.5).
 */
void fetch_resample(
	const struct fetch_rows *rows, enum layout_cf cf, const struct fetch_grid *grid, double *out);
