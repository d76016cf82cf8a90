#include "rrd/history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/*
 * A row stands for the time (end - width, end]. Which archive answers for an instant is decided by
 * width alone: the finest that reaches back so far, known or not, for a coarse row that is known
 * may hold time that is not. An archive of single steps answers for every consolidation, as one
 * value is its own least and greatest.
 */
enum {
	LIVE_HEAD = 16,
	READING = 112,
	ROW_UNDER_WAY = 80,
	POINTER = 8,
	PDP_UNKNOWN = 32,
	PDP_SUM = 40
};

const struct history_sum history_nothing = {.least = INFINITY, .greatest = -INFINITY};

static double get_f64(const unsigned char *p)
{
	double v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t get_u64(const unsigned char *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static int by_width(const void *a, const void *b)
{
	const struct history_view *x = a;
	const struct history_view *y = b;
	return x->row_s != y->row_s ? (x->row_s > y->row_s) - (x->row_s < y->row_s)
								: (x->rows < y->rows) - (x->rows > y->rows);
}

static bool known_cf(const char *name, enum layout_cf *cf)
{
	for (unsigned i = 0; i < LAYOUT_CFS; i++) {
		if (!strcmp(name, layout_cf_name((enum layout_cf)i))) {
			*cf = (enum layout_cf)i;
			return true;
		}
	}
	return false;
}

bool history_open(struct history *h, const unsigned char *bytes, size_t length, struct error *err)
{
	static const int64_t latest_s = 7258118400; /* 2200-01-01 */
	*h = (struct history){.bytes = bytes, .begin_s = INT64_MAX};
	if (!header_read(bytes, length, length, latest_s, &h->header, err)) {
		return false;
	}
	size_t at = h->header.length;
	for (size_t i = 0; i < h->header.archive_count; i++) {
		const struct header_archive *a = &h->header.archives[i];
		struct history_view view = {.row_s = (int64_t)(a->steps_per_row * h->header.step_s),
			.rows = a->rows,
			.newest = a->current_row,
			.steps_per_row = a->steps_per_row,
			.at = at,
			.index = i};
		view.end_s = h->header.last_update_s - h->header.last_update_s % view.row_s;
		at += a->rows * sizeof(double);
		if (known_cf(a->cf, &view.cf)) {
			int64_t first_s = view.end_s - (int64_t)view.rows * view.row_s;
			h->begin_s = first_s < h->begin_s ? first_s : h->begin_s;
			h->views[h->count++] = view;
		}
	}
	qsort(h->views, h->count, sizeof(h->views[0]), by_width);
	h->step_end_s = h->header.last_update_s - h->header.last_update_s % (int64_t)h->header.step_s;
	const unsigned char *pdp =
		bytes + h->header.length - h->header.archive_count * (ROW_UNDER_WAY + POINTER) - READING;
	int64_t known_s = h->header.last_update_s - h->step_end_s - (int64_t)get_u64(pdp + PDP_UNKNOWN);
	h->under_way = known_s > 0 ? get_f64(pdp + PDP_SUM) / (double)known_s : NAN;
	return true;
}

static bool covers(const struct history_view *view, int64_t t_s)
{
	return t_s < view->end_s && t_s >= view->end_s - (int64_t)view->rows * view->row_s;
}

/* Value of the row that holds the time behind `t_s`. */
static double row_behind(const struct history *h, const struct history_view *view, int64_t t_s)
{
	int64_t end_s = (t_s / view->row_s + 1) * view->row_s;
	uint64_t back = (uint64_t)((view->end_s - end_s) / view->row_s);
	uint64_t row = (view->newest + view->rows - back % view->rows) % view->rows;
	return get_f64(h->bytes + view->at + row * sizeof(double));
}

/*
 * The finest view that covers `t_s` (of that width only, if `row_s` is not 0): of the consolidation
 * itself, else one of single steps, else an average.
 */
static const struct history_view *view_for(
	const struct history *h, enum layout_cf cf, int64_t t_s, int64_t row_s)
{
	const struct history_view *step = NULL;
	const struct history_view *stand_in = NULL;
	for (size_t i = 0; i < h->count; i++) {
		const struct history_view *view = &h->views[i];
		if (!covers(view, t_s) || (row_s && view->row_s != row_s)) {
			continue;
		}
		if (step && view->row_s > step->row_s) {
			break;
		}
		if (view->cf == cf) {
			return view;
		}
		step = !step && view->steps_per_row == 1 ? view : step;
		stand_in = !stand_in && !row_s && view->cf == LAYOUT_AVERAGE ? view : stand_in;
	}
	return step ? step : stand_in;
}

/* What is known behind `t_s`, and until when that holds (at most `to_s`). */
static double piece(
	const struct history *h, enum layout_cf cf, int64_t t_s, int64_t to_s, int64_t *until_s)
{
	*until_s = to_s;
	if (t_s >= h->step_end_s) {
		int64_t last_s = h->header.last_update_s;
		*until_s = t_s < last_s && last_s < to_s ? last_s : to_s;
		return t_s < last_s ? h->under_way : NAN;
	}
	const struct history_view *view = view_for(h, cf, t_s, 0);
	if (!view) {
		int64_t step_s = (int64_t)h->header.step_s;
		int64_t next_s = t_s < h->begin_s ? h->begin_s : (t_s / step_s + 1) * step_s;
		*until_s = next_s < to_s ? next_s : to_s;
		return NAN;
	}
	int64_t end_s = (t_s / view->row_s + 1) * view->row_s;
	*until_s = end_s < to_s ? end_s : to_s;
	return row_behind(h, view, t_s);
}

static void add(struct history_sum *sum, double value, int64_t seconds)
{
	sum->total += value * (double)seconds;
	sum->least = value < sum->least ? value : sum->least;
	sum->greatest = value > sum->greatest ? value : sum->greatest;
	sum->known_s += seconds;
}

void history_add(const struct history *histories, size_t count, enum layout_cf cf, int64_t from_s,
	int64_t to_s, struct history_sum *sum)
{
	int64_t until_s;
	for (int64_t t_s = from_s; t_s < to_s && count; t_s = until_s) {
		double value = piece(&histories[0], cf, t_s, to_s, &until_s);
		if (!isnan(value)) {
			add(sum, value, until_s - t_s);
		} else if (count > 1) {
			history_add(histories + 1, count - 1, cf, t_s, until_s, sum);
		}
	}
}

bool history_exact(
	const struct history *h, enum layout_cf cf, int64_t row_s, int64_t end_s, double *value)
{
	const struct history_view *view = view_for(h, cf, end_s - row_s, row_s);
	if (view) {
		*value = row_behind(h, view, end_s - row_s);
	}
	return view != NULL;
}

double history_value(const struct history_sum *sum, enum layout_cf cf)
{
	if (!sum->known_s) {
		return NAN;
	}
	switch (cf) {
	case LAYOUT_MIN: return sum->least;
	case LAYOUT_MAX: return sum->greatest;
	default: return sum->total / (double)sum->known_s;
	}
}
