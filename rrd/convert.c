#include "rrd/convert.h"
#include "rrd/history.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * The new file is written by its format (rrd/header.c has the table), not by librrd: it has to hold
 * rows of the past and states of rows under way, which no call of librrd takes.
 *
 * A row is known if half of its time is, as in librrd; but where no finer archive of the new file
 * holds that time, any knowledge is kept: it would be nowhere else.
 */
enum { STAT_HEAD = 128, SOURCE = 120, ARCHIVE = 120, LIVE = 16, STEP = 112, ROW = 80, POINTER = 8 };
enum {
	AT_ARCHIVES = 32, /* in the head: archives, seconds of a step */
	AT_STEP = 40,
	AT_HEARTBEAT = 40, /* in the source */
	AT_ROWS = 24,      /* in an archive: rows, steps per row, share of unknown steps allowed */
	AT_STEPS = 32,
	AT_XFF = 40,
	AT_UNKNOWN = 32, /* in the step under way: unknown seconds, sum */
	AT_SUM = 40,
	AT_UNKNOWN_STEPS = 8, /* in a row under way, behind its value */
};

struct work {
	const struct history *all; /* in the order in which they count */
	size_t count;
	const struct history *later; /* the one that goes on */
	const struct layout_plan *plan;
	int64_t last_s, step_end_s; /* of the new file */
};

static void put_u64(unsigned char *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

static void put_f64(unsigned char *p, double v)
{
	memcpy(p, &v, sizeof(v));
}

static bool same_step(const struct work *w)
{
	return w->later->header.step_s == w->plan->step_s;
}

/* -- the step and the rows under way -- */

static void put_step(const struct work *w, unsigned char *out)
{
	const struct header *h = &w->later->header;
	const unsigned char *old =
		w->later->bytes + h->length - h->archive_count * (ROW + POINTER) - STEP;
	memcpy(out, old, STEP);
	if (same_step(w)) {
		return;
	}
	struct history_sum sum = history_nothing;
	history_add(w->later, 1, LAYOUT_AVERAGE, w->step_end_s, w->last_s, &sum);
	put_u64(out + AT_UNKNOWN, (uint64_t)(w->last_s - w->step_end_s - sum.known_s));
	put_f64(out + AT_SUM, sum.known_s ? sum.total : NAN);
}

/* The old file's own state of a row of that kind, if it had one. */
static const unsigned char *old_row(const struct work *w, const struct layout_archive *a)
{
	const struct header *h = &w->later->header;
	for (size_t i = 0; w->count == 1 && same_step(w) && i < h->archive_count; i++) {
		if (h->archives[i].steps_per_row == a->steps_per_row &&
			!strcmp(h->archives[i].cf, layout_cf_name(a->cf))) {
			return w->later->bytes + h->length - h->archive_count * (ROW + POINTER) + i * ROW;
		}
	}
	return NULL;
}

static void put_row(const struct work *w, const struct layout_archive *a, unsigned char *out)
{
	const unsigned char *old = old_row(w, a);
	if (old) {
		memcpy(out, old, ROW);
		return;
	}
	int64_t step_s = w->plan->step_s;
	int64_t begin_s = w->step_end_s - w->step_end_s % (step_s * a->steps_per_row);
	struct history_sum row = history_nothing;
	double total = 0;
	uint64_t unknown = 0;
	for (int64_t t_s = begin_s; t_s < w->step_end_s; t_s += step_s) {
		struct history_sum step = history_nothing;
		history_add(w->all, w->count, a->cf, t_s, t_s + step_s, &step);
		if (2 * step.known_s < step_s) {
			unknown++;
			continue;
		}
		double value = history_value(&step, a->cf);
		total += value;
		row.least = fmin(row.least, value);
		row.greatest = fmax(row.greatest, value);
		row.known_s += step_s;
	}
	double value = !row.known_s          ? NAN
				   : a->cf == LAYOUT_MIN ? row.least
				   : a->cf == LAYOUT_MAX ? row.greatest
										 : total;
	put_f64(out, value);
	put_u64(out + AT_UNKNOWN_STEPS, unknown);
}

/* -- rows -- */

/* From when on a finer archive of the new file holds what is known as well. */
static int64_t held_from(const struct work *w, const struct layout_archive *a)
{
	int64_t from_s = INT64_MAX;
	for (size_t i = 0; i < w->plan->count; i++) {
		const struct layout_archive *b = &w->plan->archives[i];
		int64_t row_s = (int64_t)b->steps_per_row * w->plan->step_s;
		int64_t first_s = w->last_s - w->last_s % row_s - (int64_t)b->rows * row_s;
		bool serves = b->cf == a->cf || b->steps_per_row == 1;
		if (serves && b->steps_per_row < a->steps_per_row && first_s < from_s) {
			from_s = first_s;
		}
	}
	return from_s;
}

static double row_value(
	const struct work *w, const struct layout_archive *a, int64_t end_s, int64_t held_s)
{
	int64_t row_s = (int64_t)a->steps_per_row * w->plan->step_s;
	double value = NAN;
	for (size_t i = 0; i < w->count; i++) {
		if (history_exact(&w->all[i], a->cf, row_s, end_s, &value) && !isnan(value)) {
			return value;
		}
	}
	struct history_sum sum = history_nothing;
	history_add(w->all, w->count, a->cf, end_s - row_s, end_s, &sum);
	if (2 * sum.known_s >= row_s) {
		return history_value(&sum, a->cf);
	}
	struct history_sum alone = history_nothing;
	history_add(w->all, w->count, a->cf, end_s - row_s, MIN(end_s, held_s), &alone);
	return alone.known_s ? history_value(&sum, a->cf) : NAN;
}

/* Before that nothing is known, so nothing has to be looked up. */
static int64_t begin_of(const struct work *w)
{
	int64_t begin_s = w->last_s;
	for (size_t i = 0; i < w->count; i++) {
		for (size_t k = 0; k < w->all[i].count; k++) {
			const struct history_view *view = &w->all[i].views[k];
			int64_t first_s = view->end_s - (int64_t)view->rows * view->row_s;
			begin_s = first_s < begin_s ? first_s : begin_s;
		}
	}
	return begin_s;
}

/* Oldest first, so that the newest row is the last one. */
static void put_rows(const struct work *w, const struct layout_archive *a, unsigned char *out)
{
	int64_t row_s = (int64_t)a->steps_per_row * w->plan->step_s;
	int64_t newest_s = w->last_s - w->last_s % row_s;
	int64_t begin_s = begin_of(w);
	int64_t held_s = held_from(w, a);
	for (uint32_t i = 0; i < a->rows; i++) {
		int64_t end_s = newest_s - (int64_t)(a->rows - 1 - i) * row_s;
		double value = end_s > begin_s && end_s > row_s ? row_value(w, a, end_s, held_s) : NAN;
		put_f64(out + (size_t)i * sizeof(double), value);
	}
}

/* -- the file -- */

static void put_archive(const struct layout_archive *a, unsigned char *out)
{
	const char *name = layout_cf_name(a->cf);
	memcpy(out, name, strlen(name));
	put_u64(out + AT_ROWS, a->rows);
	put_u64(out + AT_STEPS, a->steps_per_row);
	put_f64(out + AT_XFF, 0.5);
}

static void put_file(const struct work *w, unsigned char *out)
{
	const struct layout_plan *plan = w->plan;
	const unsigned char *old = w->later->bytes;
	memcpy(out, old, STAT_HEAD + SOURCE);
	put_u64(out + AT_ARCHIVES, plan->count);
	put_u64(out + AT_STEP, plan->step_s);
	if (!same_step(w)) {
		put_u64(out + STAT_HEAD + AT_HEARTBEAT, plan->heartbeat_s);
	}
	unsigned char *archives = out + STAT_HEAD + SOURCE;
	unsigned char *live = archives + ARCHIVE * plan->count;
	unsigned char *rows_under_way = live + LIVE + STEP;
	unsigned char *pointers = rows_under_way + ROW * plan->count;
	unsigned char *rows = pointers + POINTER * plan->count;
	memcpy(live, old + STAT_HEAD + SOURCE + ARCHIVE * w->later->header.archive_count, LIVE);
	put_step(w, live + LIVE);
	for (size_t i = 0; i < plan->count; i++) {
		const struct layout_archive *a = &plan->archives[i];
		put_archive(a, archives + ARCHIVE * i);
		put_row(w, a, rows_under_way + ROW * i);
		put_u64(pointers + POINTER * i, a->rows - 1);
		put_rows(w, a, rows);
		rows += (size_t)a->rows * sizeof(double);
	}
}

bool convert(const struct convert_input *inputs, size_t count, const struct layout_plan *plan,
	GByteArray *out, struct error *err)
{
	enum { INPUTS_MAX = 2 };
	struct history all[INPUTS_MAX];
	struct work w = {.all = all, .count = count, .plan = plan};
	if (!count || count > INPUTS_MAX) {
		return error_set(err, ERR_CONFIG, "one file or two");
	}
	for (size_t i = 0; i < count; i++) {
		if (!history_open(&all[i], inputs[i].bytes, inputs[i].length, err)) {
			return false;
		}
		bool later = !w.later || all[i].header.last_update_s > w.later->header.last_update_s;
		w.later = later ? &all[i] : w.later;
	}
	uint64_t bytes = layout_bytes(plan);
	if (bytes > CONVERT_BYTES_MAX) {
		return error_set(
			err, ERR_CONFIG, "a file of %llu bytes is too large", (unsigned long long)bytes);
	}
	w.last_s = w.later->header.last_update_s;
	w.step_end_s = w.last_s - w.last_s % plan->step_s;
	guint begin = out->len;
	g_byte_array_set_size(out, begin + (guint)bytes);
	memset(out->data + begin, 0, bytes);
	put_file(&w, out->data + begin);
	struct history made;
	return history_open(&made, out->data + begin, bytes, err) ||
		   error_prefix(err, "the file that was made is not good");
}

bool convert_is_as_planned(const struct header *header, const struct layout_plan *plan)
{
	if (header->step_s != plan->step_s || header->archive_count != plan->count) {
		return false;
	}
	for (size_t i = 0; i < plan->count; i++) {
		const struct header_archive *is = &header->archives[i];
		const struct layout_archive *wanted = &plan->archives[i];
		if (is->rows != wanted->rows || is->steps_per_row != wanted->steps_per_row ||
			strcmp(is->cf, layout_cf_name(wanted->cf)) != 0) {
			return false;
		}
	}
	return true;
}

bool convert_plan_of(const struct header *header, struct layout_plan *plan)
{
	*plan = (struct layout_plan){
		.step_s = (uint32_t)header->step_s, .heartbeat_s = (uint32_t)header->heartbeat_s};
	for (size_t i = 0; i < header->archive_count; i++) {
		const struct header_archive *a = &header->archives[i];
		unsigned cf = 0;
		while (cf < LAYOUT_CFS && strcmp(a->cf, layout_cf_name((enum layout_cf)cf)) != 0) {
			cf++;
		}
		if (cf == LAYOUT_CFS || plan->count == LAYOUT_ARCHIVES_MAX) {
			return false;
		}
		plan->archives[plan->count++] = (struct layout_archive){
			(enum layout_cf)cf, (uint32_t)a->steps_per_row, (uint32_t)a->rows};
	}
	return true;
}
