#include "base/attr.h"
#include "base/clock.h"
#include "tests/support/test.h"

static void next_step_is_aligned_and_later(void **state)
{
	(void)state;
	static const struct {
		int64_t now, step, next;
	} cases[] = {
		{0, 10000, 10000},
		{1, 10000, 10000},
		{9999, 10000, 10000},
		{10000, 10000, 20000}, /* never the same moment */
		{-1, 10000, 0},
		{-10000, 10000, 0},
		{-10001, 10000, -10000},
		{4102444800000, 60000, 4102444860000},      /* the year 2100 */
		{253402300799999, 300000, 253402300800000}, /* the year 9999 */
		{5, 1, 6},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct wall next = wall_next((struct wall){cases[i].now}, cases[i].step);
		assert_int_equal(next.ms, cases[i].next);
	}
}

static void whole_seconds_round_down(void **state)
{
	(void)state;
	static const struct {
		int64_t ms, s;
	} cases[] = {{0, 0}, {999, 0}, {1000, 1}, {-1, -1}, {-1000, -1}, {-1001, -2}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_int_equal(wall_s((struct wall){cases[i].ms}), cases[i].s);
	}
	assert_int_equal(wall_from_s(1700000000).ms, 1700000000000);
}

/* hostile 87: instants in 2038 and 2106 */
static void instants_are_told_far_beyond_32_bits(void **state)
{
	(void)state;
	static const struct {
		int64_t s;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00Z"},
		{1700000000, "2023-11-14T22:13:20Z"},
		{2147483648, "2038-01-19T03:14:08Z"},
		{4294967296, "2106-02-07T06:28:16Z"},
		{-1, "1969-12-31T23:59:59Z"},
		{253402300799, "9999-12-31T23:59:59Z"},
		{253402300800, "0000-00-00T00:00:00Z"}, /* has no RFC 3339 text */
		{INT64_MAX / 1000, "0000-00-00T00:00:00Z"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char text[32];
		assert_string_equal(wall_format(wall_from_s(cases[i].s), text), cases[i].text);
	}
}

static void clocks_run(void **state)
{
	(void)state;
	struct mono before = mono_now();
	assert_true(wall_now().ms > 1700000000000);
	usleep(3000);
	assert_true(mono_now().ms > before.ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next_step_is_aligned_and_later),
		cmocka_unit_test(whole_seconds_round_down),
		cmocka_unit_test(instants_are_told_far_beyond_32_bits),
		cmocka_unit_test(clocks_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
