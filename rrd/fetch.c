#include "rrd/fetch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <rrd.h>

#include "base/banned.h"

/*
 * librrd chooses the archive (rrd_fetch_r: of those that cover the span the one with the step
 * nearest to the one asked for, else the one that covers most of it). What differs between the
 * series of a request, a 10 s service beside a 60 s one, is brought on one grid here.
 */

static const int64_t latest_span_s = 7258118400; /* 2200-01-01 */

bool fetch_span_ok(int64_t from_s, int64_t to_s)
{
	return from_s >= 0 && from_s < to_s && to_s <= latest_span_s;
}

int64_t fetch_least_step(int64_t from_s, int64_t to_s, int64_t step_s)
{
	/* one point less: the grid begins at a multiple of the step, before `from` */
	int64_t least = (to_s - from_s + FETCH_POINTS_MAX - 2) / (FETCH_POINTS_MAX - 1);
	return step_s > least ? step_s : least;
}

bool fetch_rows(const char *path, enum layout_cf cf, int64_t from_s, int64_t to_s, int64_t step_s,
	struct fetch_rows *rows, struct error *err)
{
	*rows = (struct fetch_rows){0};
	if (!fetch_span_ok(from_s, to_s) || step_s < 0) {
		return error_set(err, ERR_CONFIG, "the span is empty or out of range");
	}
	time_t start = (time_t)from_s;
	time_t end = (time_t)to_s;
	int64_t ask = fetch_least_step(from_s, to_s, step_s);
	unsigned long step = ask > 0 ? (unsigned long)ask : 1;
	unsigned long sources = 0;
	char **names = NULL;
	double *values = NULL;
	rrd_clear_error();
	if (rrd_fetch_r(path, layout_cf_name(cf), &start, &end, &step, &sources, &names, &values)) {
		const char *text = rrd_get_error();
		return error_set(err, ERR_STORAGE, "%s", text && *text ? text : "cannot be read");
	}
	for (unsigned long i = 0; i < sources; i++) {
		rrd_freemem(names[i]);
	}
	rrd_freemem(names);
	if (sources != 1 || !step || end < start) {
		rrd_freemem(values);
		return error_set(err, ERR_STORAGE, "%s: not one data source", path);
	}
	/* librrd gives the rows that end in (start, end], and rounds both outwards */
	*rows = (struct fetch_rows){.t0_s = (int64_t)start,
		.step_s = (int64_t)step,
		.count = (size_t)((unsigned long)(end - start) / step),
		.values = values};
	return true;
}

void fetch_free(struct fetch_rows *rows)
{
	if (rows->values) {
		rrd_freemem(rows->values);
	}
	*rows = (struct fetch_rows){0};
}

struct fetch_grid fetch_grid(
	const struct fetch_rows *rows, size_t count, int64_t from_s, int64_t to_s, int64_t step_s)
{
	int64_t widest = 0;
	for (size_t i = 0; i < count; i++) {
		widest = rows[i].values && rows[i].step_s > widest ? rows[i].step_s : widest;
	}
	int64_t least = fetch_least_step(from_s, to_s, step_s);
	widest = widest ? widest : (least ? least : 1);
	if (widest < least) {
		widest = (least + widest - 1) / widest * widest;
	}
	struct fetch_grid grid = {.step_s = widest, .t0_s = from_s - from_s % widest};
	grid.count = (size_t)((to_s - grid.t0_s + widest - 1) / widest);
	return grid;
}

static double merge(double a, double b, enum layout_cf cf)
{
	switch (cf) {
	case LAYOUT_MIN: return b < a ? b : a;
	case LAYOUT_MAX: return b > a ? b : a;
	default: return a + b;
	}
}

void fetch_resample(
	const struct fetch_rows *rows, enum layout_cf cf, const struct fetch_grid *grid, double *out)
{
	size_t row = 0;
	for (size_t cell = 0; cell < grid->count; cell++) {
		int64_t begin = grid->t0_s + (int64_t)cell * grid->step_s;
		int64_t end = begin + grid->step_s;
		double total = 0;
		size_t known = 0;
		while (row < rows->count && rows->t0_s + (int64_t)(row + 1) * rows->step_s <= end) {
			bool inside = rows->t0_s + (int64_t)(row + 1) * rows->step_s > begin;
			double value = rows->values[row++];
			if (inside && !isnan(value)) {
				total = known ? merge(total, value, cf) : value;
				known++;
			}
		}
		bool enough = known && 2 * (int64_t)known * rows->step_s >= grid->step_s;
		out[cell] = !enough ? NAN : cf == LAYOUT_AVERAGE ? total / (double)known : total;
	}
}
