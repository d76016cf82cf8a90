#include "rrd/fetch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support.h"

#include "base/banned.h"

enum { BEGIN = 1700000000 - 1700000000 % 7200 };

static void one_grid_fits_all_steps(void **state UNUSED)
{
	double ten[60];
	double sixty[10];
	for (size_t i = 0; i < 60; i++) {
		ten[i] = (double)i;
	}
	for (size_t i = 0; i < 10; i++) {
		sixty[i] = 100.0 + (double)i;
	}
	struct fetch_rows rows[] = {
		{.t0_s = BEGIN, .step_s = 10, .count = 60, .values = ten},
		{.t0_s = BEGIN, .step_s = 60, .count = 10, .values = sixty},
		{0},
	};
	struct fetch_grid grid = fetch_grid(rows, 3, BEGIN + 30, BEGIN + 600, 0);
	assert_int_equal(grid.step_s, 60);
	assert_int_equal(grid.t0_s, BEGIN);
	assert_int_equal(grid.count, 10);
	double out[10];
	fetch_resample(&rows[0], LAYOUT_AVERAGE, &grid, out);
	assert_true(out[0] == 2.5 && out[9] == 56.5);
	fetch_resample(&rows[0], LAYOUT_MIN, &grid, out);
	assert_true(out[0] == 0 && out[9] == 54);
	fetch_resample(&rows[0], LAYOUT_MAX, &grid, out);
	assert_true(out[0] == 5 && out[9] == 59);
	fetch_resample(&rows[1], LAYOUT_AVERAGE, &grid, out);
	assert_true(out[0] == 100 && out[9] == 109);
	fetch_resample(&rows[2], LAYOUT_AVERAGE, &grid, out);
	assert_true(isnan(out[0]) && isnan(out[9]));
}

static void half_a_cell_must_be_known(void **state UNUSED)
{
	double values[] = {1, NAN, NAN, 4, 5, NAN, NAN, NAN};
	struct fetch_rows rows = {.t0_s = BEGIN, .step_s = 10, .count = 8, .values = values};
	struct fetch_grid grid = {.t0_s = BEGIN, .step_s = 40, .count = 2};
	double out[2];
	fetch_resample(&rows, LAYOUT_AVERAGE, &grid, out);
	assert_true(out[0] == 2.5);
	assert_true(isnan(out[1]));
}

/* hostile 53 */
static void spans_are_limited(void **state UNUSED)
{
	static const struct {
		int64_t from_s, to_s, step_s;
	} spans[] = {{0, 1, 0}, {0, 86400, 1}, {BEGIN, BEGIN + 450 * 86400LL, 1}, {0, 7258118400, 10},
		{BEGIN + 7, BEGIN + 100003, 10}};
	for (size_t i = 0; i < ARRAY_LENGTH(spans); i++) {
		struct fetch_grid grid =
			fetch_grid(NULL, 0, spans[i].from_s, spans[i].to_s, spans[i].step_s);
		assert_in_range(grid.count, 1, FETCH_POINTS_MAX);
		assert_true(grid.t0_s <= spans[i].from_s);
		assert_true(grid.t0_s + (int64_t)grid.count * grid.step_s >= spans[i].to_s);
	}
	struct fetch_rows ten = {.t0_s = 0, .step_s = 10, .count = 1, .values = &(double){1}};
	struct fetch_grid grid = fetch_grid(&ten, 1, BEGIN, BEGIN + 86400 * 30LL, 0);
	assert_in_range(grid.count, 1, FETCH_POINTS_MAX);
	assert_int_equal(grid.step_s % 10, 0);
	assert_false(fetch_span_ok(5, 5));
	assert_false(fetch_span_ok(6, 5));
	assert_false(fetch_span_ok(-1, 5));
	assert_false(fetch_span_ok(0, INT64_MAX));
}

static void the_archive_fits_the_span(void **state UNUSED)
{
	struct bench_tree *t = support_tree_create();
	support_series(t, 1, 10, FIELD_GAUGE, "default", "value");
	for (int i = 0; i < 3 * 8640; i++) {
		support_sample(t, 1, BEGIN + 10 * i, i / 30);
	}
	support_start(t);
	g_autofree char *file = support_file(t, 1);
	static const struct {
		int64_t span_s, step_s;
		enum layout_cf cf;
		int64_t want_s;
	} cases[] = {{3600, 0, LAYOUT_AVERAGE, 10}, {86400, 0, LAYOUT_AVERAGE, 10},
		{3600, 0, LAYOUT_MAX, 10} /* one step per row: librrd takes the average for it */,
		{3 * 86400, 0, LAYOUT_AVERAGE, 300}, {3 * 86400, 7200, LAYOUT_MIN, 7200}};
	int64_t end = BEGIN + 3 * 86400;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct fetch_rows rows;
		assert_true(fetch_rows(
			file, cases[i].cf, end - cases[i].span_s, end, cases[i].step_s, &rows, NULL));
		assert_int_equal(rows.step_s, cases[i].want_s);
		assert_true(rows.t0_s <= end - cases[i].span_s);
		size_t last = (size_t)((end - 2 * 7200 - rows.t0_s) / rows.step_s);
		assert_true(cases[i].span_s < 7200 || !isnan(rows.values[last]));
		fetch_free(&rows);
	}
	struct error err;
	struct fetch_rows rows;
	assert_false(fetch_rows("/nowhere.rrd", LAYOUT_MAX, 1, 2, 0, &rows, &err));
	assert_int_equal(err.kind, ERR_STORAGE);
	assert_false(fetch_rows(file, LAYOUT_MAX, 2, 1, 0, &rows, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	support_tree_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_grid_fits_all_steps),
		cmocka_unit_test(half_a_cell_must_be_known),
		cmocka_unit_test(spans_are_limited),
		cmocka_unit_test(the_archive_fits_the_span),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
