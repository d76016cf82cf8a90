#include "web/merge.h"
#include "base/attr.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/banned.h"

enum { BEGIN = 1699999200 }; /* a multiple of 3600 */

static void columns_of_one_grid_are_taken_as_they_are(void **state UNUSED)
{
	const double one[] = {1, NAN, 3};
	const double two[] = {4, 5, 6};
	const struct merge_column columns[] = {{BEGIN, 10, 3, one}, {BEGIN, 10, 3, two}};
	struct merge_plan plan = {.from_s = BEGIN + 3, .to_s = BEGIN + 30};
	double **merged = merge_columns(&plan, columns, 2);
	assert_int_equal(plan.t0_s, BEGIN);
	assert_int_equal(plan.step_s, 10);
	assert_int_equal(plan.rows, 3);
	assert_true(merged[0][0] == 1 && isnan(merged[0][1]) && merged[0][2] == 3);
	assert_true(merged[1][0] == 4 && merged[1][1] == 5 && merged[1][2] == 6);
	merge_free(merged, 2);
}

/* The writers answered with steps of their own: the coarsest in which something is known counts. */
static void the_widest_step_is_that_of_all(void **state UNUSED)
{
	const double fine[] = {1, 2, 3, 4, 5, 6, NAN, NAN, NAN, NAN, 11, 12};
	const double wide[] = {100, 200};
	const double nothing[] = {NAN};
	const struct merge_column columns[] = {
		{BEGIN, 10, 12, fine}, {BEGIN, 60, 2, wide}, {BEGIN, 120, 1, nothing}, {0}};
	static const struct {
		enum merge_cf cf;
		double first;
	} rows[] = {{MERGE_AVERAGE, 3.5}, {MERGE_MIN, 1}, {MERGE_MAX, 6}};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct merge_plan plan = {.from_s = BEGIN, .to_s = BEGIN + 120, .cf = rows[i].cf};
		double **merged = merge_columns(&plan, columns, 4);
		assert_int_equal(plan.step_s, 60);
		assert_int_equal(plan.rows, 2);
		assert_true(merged[0][0] == rows[i].first);
		assert_true(isnan(merged[0][1])); /* less than half of it is known */
		assert_true(merged[1][0] == 100 && merged[1][1] == 200);
		assert_true(isnan(merged[2][0]) && isnan(merged[2][1]));
		assert_true(isnan(merged[3][0]) && isnan(merged[3][1]));
		merge_free(merged, 4);
	}
}

static void nothing_known_is_an_answer_too(void **state UNUSED)
{
	const double unknown[] = {NAN, NAN};
	const struct merge_column columns[] = {{BEGIN, 300, 2, unknown}, {0}};
	struct merge_plan plan = {.from_s = BEGIN, .to_s = BEGIN + 600};
	double **merged = merge_columns(&plan, columns, 2);
	assert_int_equal(plan.step_s, 300);
	assert_int_equal(plan.rows, 2);
	assert_true(isnan(merged[0][0]) && isnan(merged[1][1]));
	merge_free(merged, 2);
	plan = (struct merge_plan){.from_s = BEGIN, .to_s = BEGIN + 600, .step_s = 20};
	merged = merge_columns(&plan, columns + 1, 1);
	assert_int_equal(plan.rows, 0);
	assert_int_equal(plan.step_s, 20);
	assert_int_equal(plan.t0_s, BEGIN);
	merge_free(merged, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_of_one_grid_are_taken_as_they_are),
		cmocka_unit_test(the_widest_step_is_that_of_all),
		cmocka_unit_test(nothing_known_is_an_answer_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
