#include "engine/steady.h"

#include "tests/support/test.h"

static const int64_t start_ms = 1760000000000LL;
static const int64_t hour_ms = 3600 * 1000;

/* The system's clock is `ahead_ms` off, `after_s` seconds after the start. */
static enum steady_event look(struct steady *steady, int64_t after_s, int64_t ahead_ms)
{
	return steady_look(
		steady, (struct wall){start_ms + after_s * 1000 + ahead_ms}, (struct mono){after_s * 1000});
}

static int64_t now_s(const struct steady *steady)
{
	return (steady->now.ms - start_ms) / 1000;
}

static void a_clock_that_runs_evenly_is_followed(void **state)
{
	struct steady steady = {0};
	for (int64_t s = 0; s < 10000; s++) {
		assert_int_equal(look(&steady, s, s * 2), STEADY_SAME); /* slewed by 2 ms a second */
		assert_int_equal(steady.now.ms, start_ms + s * 1000 + s * 2);
	}
	assert_int_equal(steady_translate(&steady, (struct wall){77}).ms, 77);
}

static void a_step_is_translated_back_until_it_lasted(void **state)
{
	/* hostile 85: +1 h and -1 h */
	static const int64_t steps_ms[] = {3600 * 1000, -3600 * 1000};
	for (size_t i = 0; i < 2; i++) {
		struct steady steady = {0};
		assert_int_equal(look(&steady, 0, 0), STEADY_SAME);
		assert_int_equal(look(&steady, 1, steps_ms[i]), STEADY_STEPPED);
		for (int64_t s = 2; s < 601; s++) {
			assert_int_equal(look(&steady, s, steps_ms[i]), STEADY_SAME);
			assert_int_equal(now_s(&steady), s);
			struct wall stamp = {start_ms + s * 1000 + steps_ms[i]};
			assert_int_equal(steady_translate(&steady, stamp).ms, start_ms + s * 1000);
		}
		assert_int_equal(look(&steady, 601, steps_ms[i]), STEADY_ADOPTED);
		assert_int_equal(steady.now.ms, start_ms + 601 * 1000 + steps_ms[i]);
		assert_int_equal(steady_translate(&steady, (struct wall){77}).ms, 77);
	}
}

static void a_step_that_is_taken_back_leaves_no_trace(void **state)
{
	struct steady steady = {0};
	(void)look(&steady, 0, 0);
	assert_int_equal(look(&steady, 1, hour_ms), STEADY_STEPPED);
	assert_int_equal(look(&steady, 100, 0), STEADY_BACK);
	assert_int_equal(look(&steady, 101, 0), STEADY_SAME);
	assert_int_equal(now_s(&steady), 101);
}

static void twenty_years_are_never_believed(void **state)
{
	/* hostile 85: +20 y */
	struct steady steady = {0};
	(void)look(&steady, 0, 0);
	assert_int_equal(look(&steady, 1, 20 * 365 * 24 * hour_ms), STEADY_STEPPED);
	for (int64_t s = 2; s < 100000; s += 7) {
		assert_int_equal(look(&steady, s, 20 * 365 * 24 * hour_ms), STEADY_SAME);
		assert_int_equal(now_s(&steady), s);
	}
	assert_int_equal(look(&steady, 100001, 0), STEADY_BACK);
}

static void every_other_step_begins_the_hold_anew(void **state)
{
	struct steady steady = {0};
	(void)look(&steady, 0, 0);
	assert_int_equal(look(&steady, 1, hour_ms), STEADY_STEPPED);
	assert_int_equal(look(&steady, 500, 2 * hour_ms), STEADY_STEPPED);
	assert_int_equal(look(&steady, 700, 2 * hour_ms), STEADY_SAME);
	assert_int_equal(look(&steady, 1100, 2 * hour_ms), STEADY_ADOPTED);
}

static void instants_of_any_size_are_translated_or_left(void **state)
{
	struct steady steady = {0};
	(void)look(&steady, 0, 0);
	(void)look(&steady, 1, -hour_ms);
	assert_int_equal(steady_translate(&steady, (struct wall){INT64_MAX}).ms, INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clock_that_runs_evenly_is_followed),
		cmocka_unit_test(a_step_is_translated_back_until_it_lasted),
		cmocka_unit_test(a_step_that_is_taken_back_leaves_no_trace),
		cmocka_unit_test(twenty_years_are_never_believed),
		cmocka_unit_test(every_other_step_begins_the_hold_anew),
		cmocka_unit_test(instants_of_any_size_are_translated_or_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
