#include "rrd/pace.h"
#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/banned.h"

static void run_cycle(struct pace *pace, uint32_t *tick, uint32_t series, int64_t took_ms)
{
	do {
		pace_note(pace, *tick, series, took_ms);
	} while (++*tick % pace->cycle);
}

static void few_series_are_fresh_many_are_gathered(void **state UNUSED)
{
	static const struct {
		uint32_t series, step_s, cycle, turns;
	} rows[] = {
		{300, 1, 60, 1},
		{300, 10, 60, 3},
		{300, 60, 60, 4},
		{2400, 60, 60, 4},
		{6000, 10, 150, 1},
		{250000, 1, 300, 1},
		{250000, 10, 300, 1},
		{250000, 60, 300, 4},
		{250000, 300, 300, 4},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct pace pace = pace_begin();
		uint32_t tick = 0;
		run_cycle(&pace, &tick, rows[i].series, 1);
		assert_int_equal(pace.cycle, rows[i].cycle);
		assert_int_equal(pace_turns(&pace, rows[i].step_s), rows[i].turns);
	}
}

static void a_slow_disk_is_written_to_less_often_until_it_is_faster(void **state UNUSED)
{
	struct pace pace = pace_begin();
	uint32_t tick = 0;
	for (unsigned i = 0; i < 5; i++) {
		static const uint32_t stretches[] = {2, 4, 8, 8, 8};
		run_cycle(&pace, &tick, 100, PACE_BUSY_MS + 1);
		assert_int_equal(pace.stretch, stretches[i]);
	}
	assert_int_equal(pace_turns(&pace, 60), PACE_TURNS * PACE_STRETCH);
	run_cycle(&pace, &tick, 100, PACE_IDLE_MS + 1); /* neither */
	assert_int_equal(pace.stretch, 8);
	for (unsigned i = 0; i < 5; i++) {
		static const uint32_t stretches[] = {4, 2, 1, 1, 1};
		run_cycle(&pace, &tick, 100, 1);
		assert_int_equal(pace.stretch, stretches[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_series_are_fresh_many_are_gathered),
		cmocka_unit_test(a_slow_disk_is_written_to_less_often_until_it_is_faster),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
