/*
 * A column of another step comes only from hosts that are measured at different intervals, or whose
 * files keep different archives: mostly all columns are taken as they are.
 */
#include "web/merge.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

static bool is_known(const struct merge_column *column)
{
	for (size_t i = 0; i < column->count; i++) {
		if (!isnan(column->values[i])) {
			return true;
		}
	}
	return false;
}

static void choose_grid(struct merge_plan *plan, const struct merge_column *columns, size_t count)
{
	const struct merge_column *widest = NULL;
	const struct merge_column *any = NULL;
	for (size_t i = 0; i < count; i++) {
		bool wider = !widest || columns[i].step_s > widest->step_s;
		if (columns[i].count && wider && is_known(&columns[i])) {
			widest = &columns[i];
		}
		if (columns[i].count && (!any || columns[i].step_s < any->step_s)) {
			any = &columns[i];
		}
	}
	widest = widest ? widest : any;
	if (!widest) {
		plan->step_s = plan->step_s ? plan->step_s : 1;
		plan->t0_s = plan->from_s;
		plan->rows = 0;
		return;
	}
	plan->step_s = widest->step_s;
	plan->t0_s = widest->t0_s;
	plan->rows = widest->count;
}

static double combine(double a, double b, enum merge_cf cf)
{
	switch (cf) {
	case MERGE_MIN: return b < a ? b : a;
	case MERGE_MAX: return b > a ? b : a;
	default: return a + b;
	}
}

/* As rrd/fetch.c does with the archives of one writer. */
static void resample(const struct merge_plan *plan, const struct merge_column *column, double *out)
{
	size_t at = 0;
	for (size_t cell = 0; cell < plan->rows; cell++) {
		int64_t begin = plan->t0_s + (int64_t)cell * plan->step_s;
		int64_t end = begin + plan->step_s;
		double total = 0;
		size_t known = 0;
		while (at < column->count && column->t0_s + (int64_t)(at + 1) * column->step_s <= end) {
			bool inside = column->t0_s + (int64_t)(at + 1) * column->step_s > begin;
			double value = column->values[at++];
			if (inside && !isnan(value)) {
				total = known ? combine(total, value, plan->cf) : value;
				known++;
			}
		}
		bool enough = known && 2 * (int64_t)known * column->step_s >= plan->step_s;
		out[cell] = !enough ? NAN : plan->cf == MERGE_AVERAGE ? total / (double)known : total;
	}
}

double **merge_columns(struct merge_plan *plan, const struct merge_column *columns, size_t count)
{
	double **merged = g_new0(double *, count + 1);
	choose_grid(plan, columns, count);
	for (size_t i = 0; i < count; i++) {
		const struct merge_column *column = &columns[i];
		merged[i] = g_new(double, plan->rows + 1);
		if (!plan->rows) {
			continue; /* a column without rows may have no values to be copied from either */
		}
		if (column->step_s == plan->step_s && column->t0_s == plan->t0_s &&
			column->count == plan->rows) {
			memcpy(merged[i], column->values, plan->rows * sizeof(double));
		} else {
			resample(plan, column, merged[i]);
		}
	}
	return merged;
}

void merge_free(double **columns, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		g_free(columns[i]);
	}
	g_free(columns);
}
