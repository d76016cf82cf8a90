#include "web/extract.h"
#include "web/curves.h"
#include "web/long.h"
#include "web/replica.h"
#include "web/server.h"
#include "web/web.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * PROBE ──all asked──> FILL ──slice whole──> WRITE ──rows left──> FILL
 *   ^                   (archive)           (client)
 *   └───────────── next pass, of long sheets only ────────┘
 *
 * A pass (web/sheet.h) is asked for in slices of rows; a slice is filled by one question per bundle
 * of at most ARCHIVE_SERIES_MAX series and per consolidation. Before it, the same questions are
 * asked for one instant, the oldest: the archive answers from the finest that reaches back to
 * there, and so tells the step with which all of the span can be had.
 *
 * I1: one question at a time; while it is under way nothing is written. I2: the job outlives the
 * client until its question was answered. I3: no slice is asked for before the client has taken the
 * one before, so what is held is a slice and a piece, whatever the client does. I4: an archive that
 * was restarted in the middle may still be reading its journal: the rest would have holes.
 */
enum {
	CELLS_MAX = 512 * 1024,    /* of a slice */
	QUESTION_MAX = 200 * 1000, /* values of a question: interactive ones must not wait long */
	SLICE_ROWS_MAX = ARCHIVE_POINTS_MAX - 10,
	SAMPLE_ROWS = 50, /* from which the length of the whole is told */
};

enum phase { PHASE_PROBE, PHASE_FILL, PHASE_WRITE };

struct job {
	struct archive *archive;
	uint64_t lost;              /* connections to the archive, when the answer began */
	struct long_answer *answer; /* NULL: nobody reads any more */
	struct sheet sheet;
	struct extract_wish wish;
	char *name;
	int64_t now_s;
	const struct replica *replica;
	GArray *series;     /* uint32_t */
	GPtrArray *bundles; /* struct curves *, owned: of all, or of the pass */
	bool alone;         /* a pass is of one series */
	bool asking;
	enum phase phase;
	/* the pass */
	size_t passes, first_cf, end_cf;
	size_t row; /* where the next slice begins */
	/* the slice */
	double *cells;
	size_t slice_rows, written;
	/* the question */
	size_t bundle, cf, column;
	bool begun, pass_begun;
};

static void job_free(struct job *job)
{
	sheet_finish(&job->sheet);
	g_ptr_array_unref(job->bundles);
	g_array_unref(job->series);
	g_free(job->name);
	g_free(job->cells);
	g_free(job);
}

static const struct curves *curves_of(const struct job *job, size_t index)
{
	return job->bundles->pdata[index];
}

/* -- passes -- */

static const char *cf_name(enum archive_cf cf)
{
	static const char *const names[] = {
		[ARCHIVE_AVERAGE] = "average", [ARCHIVE_MIN] = "min", [ARCHIVE_MAX] = "max"};
	return names[cf];
}

/* Into the last bundle, or a new one if that is full. */
static bool add_series(struct job *job, uint32_t id, struct error *err)
{
	const struct field *field = catalog_series(replica_catalog(job->replica), id);
	if (!field) {
		return error_set(err, ERR_NOT_FOUND, "a series was removed while it was being read");
	}
	guint count = job->bundles->len;
	struct curves *last = count ? job->bundles->pdata[count - 1] : NULL;
	if (!last || !curves_add(last, field, job->wish.graphed, NULL)) {
		last = curves_create(replica_catalog(job->replica), ARCHIVE_SERIES_MAX);
		g_ptr_array_add(job->bundles, last);
		if (!curves_add(last, field, job->wish.graphed, err)) {
			return false;
		}
	}
	size_t place = curves_count(last) - 1;
	for (size_t cf = job->first_cf; cf < job->end_cf; cf++) {
		sheet_add_column(&job->sheet, curves_id(last, place), cf_name(job->wish.cfs[cf]),
			curves_label(last, place));
	}
	return true;
}

/* Which series and consolidations the pass has; sheets of one pass have got theirs already. */
static bool set_pass(struct job *job, struct error *err)
{
	size_t pass = job->sheet.pass;
	bool json = job->wish.format == SHEET_JSON;
	job->row = 0;
	job->pass_begun = false;
	if (!job->alone) {
		return true;
	}
	job->first_cf = json ? pass % job->wish.cf_count : 0;
	job->end_cf = json ? job->first_cf + 1 : job->wish.cf_count;
	g_ptr_array_set_size(job->bundles, 0);
	sheet_clear_columns(&job->sheet);
	size_t index = json ? pass / job->wish.cf_count : pass;
	return add_series(job, g_array_index(job->series, uint32_t, index), err);
}

static void begin_questions(struct job *job, enum phase phase)
{
	job->phase = phase;
	job->bundle = 0;
	job->cf = job->first_cf;
	job->column = 0;
}

/* After the probe: the grid of all rows. */
static bool lay_grid(struct job *job, struct error *err)
{
	struct sheet *sheet = &job->sheet;
	int64_t step_s = sheet->step_s > 0 ? sheet->step_s : 1;
	sheet->step_s = step_s;
	sheet->t0_s = job->wish.from_s - job->wish.from_s % step_s;
	int64_t rows = (job->wish.to_s - sheet->t0_s + step_s - 1) / step_s;
	sheet->rows = (size_t)rows;
	return rows <= EXTRACT_ROWS_MAX ||
		   error_set(err, ERR_CONFIG,
			   "more than %d rows of %lld s; ask for a shorter span or a greater step",
			   EXTRACT_ROWS_MAX, (long long)step_s);
}

static size_t slice_rows(const struct job *job)
{
	size_t columns = job->sheet.columns->len;
	size_t rows = MIN(CELLS_MAX / columns, QUESTION_MAX / MIN(columns, ARCHIVE_SERIES_MAX));
	rows = CLAMP(rows, 1, SLICE_ROWS_MAX);
	return MIN(rows, job->sheet.rows - job->row);
}

static void begin_slice(struct job *job)
{
	struct sheet *sheet = &job->sheet;
	job->slice_rows = slice_rows(job);
	job->written = 0;
	g_free(job->cells);
	job->cells = g_new(double, sheet->columns->len * job->slice_rows + 1);
	sheet->cells = job->cells;
	sheet->stride = job->slice_rows;
	sheet->cells_t0_s = sheet->t0_s + (int64_t)job->row * sheet->step_s;
	begin_questions(job, PHASE_FILL);
}

/* -- questions -- */

static void on_data(void *owner, const struct archive_data *data, const struct error *err);

/*
 * A bundle's rows onto the slice's grid. They are on it already, unless steps have no common
 * multiple: then each cell shows the row that its end lies in.
 */
static void place(
	const struct job *job, const double *values, const struct archive_data *data, double *out)
{
	int64_t step_s = job->sheet.step_s;
	for (size_t row = 0; row < job->slice_rows; row++) {
		int64_t end_s = job->sheet.cells_t0_s + ((int64_t)row + 1) * step_s;
		int64_t behind_s = end_s - data->t0_s;
		size_t from = behind_s > 0 ? (size_t)((behind_s - 1) / data->step_s) : data->rows;
		out[row] = from < data->rows ? values[from] : NAN;
	}
}

/* data NULL: nothing is stored of these (virtual fields without a source). */
static void take_values(struct job *job, const struct archive_data *data)
{
	const struct curves *curves = curves_of(job, job->bundle);
	size_t count = curves_count(curves);
	size_t cfs = job->end_cf - job->first_cf;
	g_autofree double *values = data ? g_new(double, data->rows + 1) : NULL;
	for (size_t i = 0; i < count; i++) {
		size_t column = job->column + i * cfs + (job->cf - job->first_cf);
		double *out = job->cells + column * job->slice_rows;
		if (data) {
			curves_compute(curves, i, data, job->now_s, values);
			place(job, values, data, out);
		}
		for (size_t row = 0; !data && row < job->slice_rows; row++) {
			out[row] = NAN;
		}
	}
}

static void take_answer(struct job *job, const struct archive_data *data)
{
	if (job->phase == PHASE_FILL) {
		take_values(job, data);
	} else if (data) {
		job->sheet.step_s = MAX(job->sheet.step_s, data->step_s);
	}
	if (++job->cf == job->end_cf) {
		job->cf = job->first_cf;
		job->column += curves_count(curves_of(job, job->bundle)) * (job->end_cf - job->first_cf);
		job->bundle++;
	}
}

/* Asks; *asked is false if there was nothing to be asked, which is an answer as well. */
static bool ask_one(struct job *job, bool *asked, struct error *err)
{
	const struct sheet *sheet = &job->sheet;
	bool probe = job->phase == PHASE_PROBE;
	if (archive_count(job->archive)->lost != job->lost) {
		return error_set(err, ERR_UNREACHABLE, "the archive was restarted meanwhile");
	}
	struct archive_fetch question = {.cf = job->wish.cfs[job->cf],
		.from_s = probe ? job->wish.from_s : sheet->cells_t0_s,
		.step_s = probe ? job->wish.step_s : sheet->step_s};
	question.to_s =
		probe ? question.from_s + 1 : question.from_s + (int64_t)job->slice_rows * sheet->step_s;
	question.series = curves_series(curves_of(job, job->bundle), &question.count);
	*asked = question.count;
	job->asking = *asked && archive_fetch(job->archive, &question, on_data, job, err);
	return job->asking || !*asked;
}

/* Goes on until a question is under way or the slice is whole. */
static bool go_on(struct job *job, struct error *err)
{
	while (job->phase != PHASE_WRITE && !job->asking) {
		bool asked = false;
		if (job->bundle < job->bundles->len) {
			if (!ask_one(job, &asked, err)) {
				return false;
			}
			if (!asked) {
				take_answer(job, NULL);
			}
		} else if (job->phase == PHASE_FILL) {
			job->phase = PHASE_WRITE;
		} else if (!lay_grid(job, err) || !set_pass(job, err)) {
			return false;
		} else {
			begin_slice(job);
		}
	}
	return true;
}

/* -- writing -- */

static bool end_pass(struct job *job, GString *out, struct error *err)
{
	struct sheet *sheet = &job->sheet;
	sheet_end_pass(sheet, out);
	if (++sheet->pass == job->passes) {
		sheet_end(sheet, out);
		return true;
	}
	if (!set_pass(job, err)) {
		return false;
	}
	if (job->wish.layout == SHEET_LONG) {
		sheet->step_s = 0;
		begin_questions(job, PHASE_PROBE);
	} else {
		begin_slice(job);
	}
	return true;
}

static bool write_rows(struct job *job, GString *out, struct error *err)
{
	struct sheet *sheet = &job->sheet;
	if (!job->begun) {
		job->begun = true;
		sheet_begin(sheet, out);
	}
	if (!job->pass_begun) {
		job->pass_begun = true;
		sheet_begin_pass(sheet, out);
	}
	while (job->written < job->slice_rows && out->len < LONG_PIECE) {
		sheet_append_row(sheet, job->written++, out);
	}
	if (job->written < job->slice_rows) {
		return true;
	}
	job->row += job->slice_rows;
	if (job->row == sheet->rows) {
		return end_pass(job, out, err);
	}
	begin_slice(job);
	return true;
}

static enum long_step job_more(void *owner, GString *out)
{
	struct job *job = owner;
	struct error err;
	if (job->sheet.pass == job->passes) {
		return LONG_END;
	}
	if (job->asking) {
		return LONG_WAIT;
	}
	bool going = job->phase != PHASE_WRITE || write_rows(job, out, &err);
	if (!going || (job->sheet.pass < job->passes && !go_on(job, &err))) {
		long_answer_fail(job->answer, &err);
	}
	return LONG_MORE; /* a failure is told when the piece at hand was taken */
}

/* See I2. */
static void job_closed(void *owner)
{
	struct job *job = owner;
	job->answer = NULL;
	if (!job->asking) {
		job_free(job);
	}
}

/* Length of the whole, from the first rows. */
static size_t expect_bytes(const struct job *job)
{
	GString *sample = g_string_new(NULL);
	size_t rows = MIN(job->slice_rows, SAMPLE_ROWS);
	for (size_t row = 0; row < rows; row++) {
		sheet_append_row(&job->sheet, row, sample);
	}
	double whole = rows ? (double)sample->len / (double)rows * (double)job->sheet.rows : 0;
	g_string_free(sample, TRUE);
	return (size_t)(whole * (double)job->passes);
}

static void tell_ready(struct job *job)
{
	if (!job->begun) {
		struct long_form form = {.type = sheet_type(job->wish.format),
			.name = g_strdup_printf("%s.%s", job->name, sheet_ending(job->wish.format)),
			.expected_bytes = expect_bytes(job)};
		long_answer_describe(job->answer, &form);
	}
	long_answer_ready(job->answer);
}

static void on_data(void *owner, const struct archive_data *data, const struct error *why)
{
	struct job *job = owner;
	struct error err;
	job->asking = false;
	if (!job->answer) {
		job_free(job);
		return;
	}
	if (why) {
		long_answer_fail(job->answer, why);
		return;
	}
	take_answer(job, data);
	if (!go_on(job, &err)) {
		long_answer_fail(job->answer, &err);
	} else if (job->phase == PHASE_WRITE) {
		tell_ready(job);
	}
}

/* -- beginning -- */

static void free_bundle(gpointer curves)
{
	curves_destroy(curves);
}

static struct job *job_create(struct web *web, const struct exchange *x,
	const struct extract_wish *wish, const GArray *series)
{
	struct job *job = g_new0(struct job, 1);
	job->archive = web->archive;
	job->lost = archive_count(web->archive)->lost;
	job->replica = web->replica;
	job->wish = *wish;
	job->name = g_strdup(wish->name);
	job->now_s = wall_s(x->request.now);
	job->bundles = g_ptr_array_new_with_free_func(free_bundle);
	job->series = g_array_sized_new(FALSE, FALSE, sizeof(uint32_t), series->len);
	g_array_append_vals(job->series, series->data, series->len);
	job->alone = wish->layout == SHEET_LONG || wish->format == SHEET_JSON;
	job->end_cf = wish->cf_count;
	job->passes = !job->alone                  ? 1
				  : wish->format == SHEET_JSON ? series->len * wish->cf_count
											   : series->len;
	sheet_init(&job->sheet, wish->format, wish->layout);
	job->sheet.named_by_cf = wish->cf_count > 1;
	job->sheet.step_s = 0;
	return job;
}

/* A long sheet is probed pass by pass, others once for all. */
static bool begin_probe(struct job *job, struct error *err)
{
	begin_questions(job, PHASE_PROBE);
	if (job->wish.layout == SHEET_LONG) {
		return set_pass(job, err);
	}
	if (job->series->len > EXTRACT_WIDE_MAX) {
		return error_set(err, ERR_CONFIG,
			"%u series are too many columns (%d at most); ask for layout=long", job->series->len,
			EXTRACT_WIDE_MAX);
	}
	for (guint i = 0; i < job->series->len; i++) {
		if (!add_series(job, g_array_index(job->series, uint32_t, i), err)) {
			return false;
		}
	}
	return true;
}

bool extract_start(struct web *web, struct exchange *x, const struct extract_wish *wish,
	const GArray *series, struct error *err)
{
	struct error why;
	struct job *job = job_create(web, x, wish, series);
	struct long_source source = {.more = job_more, .closed = job_closed, .owner = job};
	job->answer = long_answer_open(web->long_answers, x, &source, err);
	if (!job->answer) {
		job_free(job);
		return false;
	}
	if (!begin_probe(job, &why) || !go_on(job, &why)) {
		long_answer_fail(job->answer, &why);
	} else if (job->phase == PHASE_WRITE) {
		tell_ready(job);
	}
	return true;
}
