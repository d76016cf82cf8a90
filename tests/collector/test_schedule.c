#include "collector/schedule.h"
#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/banned.h"

static void the_next_slot_never_drifts(void **state)
{
	(void)state;
	static const struct {
		int64_t splay_ms, now_ms, next_ms;
	} cases[] = {
		{0, 0, 10000},
		{0, 9999, 10000},
		{0, 10000, 20000},
		{0, 10037, 20000}, /* a late timer does not shift the next slot */
		{0, 57000, 60000}, /* missed slots are left out */
		{0, 25000, 30000}, /* the clock was set back: the new time counts */
		{3000, 0, 3000},
		{3000, 2999, 3000},
		{3000, 3000, 13000},
		{9999, 10000, 19999},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct schedule plan = {.step_ms = 10000, .splay_ms = cases[i].splay_ms, .back_off = 1};
		assert_int_equal(schedule_next(&plan, (struct wall){cases[i].now_ms}).ms, cases[i].next_ms);
	}
}

static void a_slot_comes_once_and_not_after_a_day(void **state)
{
	(void)state;
	static const struct {
		int64_t due_ms, now_ms, next_ms;
	} cases[] = {
		{20000, 20300, 30000},
		{20000, 19990, 30000}, /* a little early */
		{20000, 18000, 30000},
		{20000, 17999, 20000},    /* the clock was set back by 3 s within the round, */
		{86400000, 17000, 20000}, /* or by a day */
		{20000, 86400000, 86410000},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct schedule plan = {.step_ms = 10000, .back_off = 1};
		assert_int_equal(
			schedule_after(&plan, (struct wall){cases[i].due_ms}, (struct wall){cases[i].now_ms})
				.ms,
			cases[i].next_ms);
	}
}

static void failures_leave_out_slots_up_to_a_limit(void **state)
{
	(void)state;
	static const struct {
		unsigned failures;
		int64_t next_ms;
	} cases[] = {{0, 10000}, {1, 20000}, {2, 40000}, {3, 80000}, {4, 80000}, {40, 80000}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct schedule plan = {.step_ms = 10000, .failures = cases[i].failures, .back_off = 8};
		assert_int_equal(schedule_next(&plan, (struct wall){5}).ms, cases[i].next_ms);
	}
}

static void a_stamp_is_the_slot_if_that_is_near(void **state)
{
	(void)state;
	static const struct {
		int64_t now_ms, stamp_ms, slot;
	} cases[] = {
		{100000, 100000, 10},
		{100050, 100000, 10},
		{100051, 100051, 10},
		{99950, 100000, 10},
		{99949, 99949, 10},
		{104999, 104999, 10},
		{105000, 105000, 11},
	};
	struct schedule plan = {.step_ms = 10000, .back_off = 1};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct wall now = {cases[i].now_ms};
		assert_int_equal(schedule_stamp(&plan, now).ms, cases[i].stamp_ms);
		assert_int_equal(schedule_slot(&plan, now), cases[i].slot);
	}
}

static void splays_spread_and_stay(void **state)
{
	(void)state;
	unsigned per_second[10] = {0};
	for (int i = 0; i < 1000; i++) {
		char name[] = {'n', 'o', 'd', 'e', (char)('0' + i / 100), (char)('0' + i / 10 % 10),
			(char)('0' + i % 10), '\0'};
		int64_t splay = schedule_splay(name, 10000);
		assert_true(splay >= 0 && splay < 10000);
		assert_int_equal(splay, schedule_splay(name, 10000));
		per_second[splay / 1000]++;
	}
	for (size_t i = 0; i < 10; i++) {
		assert_in_range(per_second[i], 60, 140);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_slot_never_drifts),
		cmocka_unit_test(a_slot_comes_once_and_not_after_a_day),
		cmocka_unit_test(failures_leave_out_slots_up_to_a_limit),
		cmocka_unit_test(a_stamp_is_the_slot_if_that_is_near),
		cmocka_unit_test(splays_spread_and_stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
