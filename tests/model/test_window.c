#include "model/window.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/banned.h"

static struct wall at_s(int64_t s)
{
	return wall_from_s(1760000000 + s);
}

static void newest_sample_is_given_back(void **state)
{
	(void)state;
	struct window *w = window_create();
	struct sample s;
	assert_false(window_last(w, 7, &s));
	assert_int_equal(window_known_at(w, 7).ms, 0);
	window_push(w, 7, 10, at_s(10), 1.5);
	window_push(w, 7, 10, at_s(20), NAN);
	assert_true(window_last(w, 7, &s));
	assert_true(isnan(s.value));
	assert_int_equal(s.at.ms, at_s(20).ms);
	assert_int_equal(window_known_at(w, 7).ms, at_s(10).ms);
	assert_false(window_last(w, 6, &s));
	assert_false(window_last(w, 4000000000U, &s));
	window_destroy(w);
}

static void late_and_repeated_samples_are_dropped(void **state)
{
	(void)state;
	struct window *w = window_create();
	window_push(w, 1, 10, at_s(20), 1);
	window_push(w, 1, 10, at_s(20), 2);
	window_push(w, 1, 10, at_s(10), 3);
	struct sample s[4];
	assert_int_equal(window_copy(w, 1, at_s(0), at_s(100), s, 4), 1);
	assert_true(s[0].value == 1);
	window_destroy(w);
}

static void copy_holds_the_half_open_span_oldest_first(void **state)
{
	(void)state;
	struct window *w = window_create();
	for (int i = 1; i <= 200; i++) {
		window_push(w, 1, 10, at_s(i * 10), i);
	}
	struct sample s[WINDOW_SAMPLES + 10];
	size_t n = window_copy(w, 1, at_s(0), at_s(9999), s, WINDOW_SAMPLES + 10);
	assert_int_equal(n, WINDOW_SAMPLES);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(s[i].at.ms, at_s(10 * (141 + (int)i)).ms);
		assert_true(s[i].value == 141 + (double)i);
	}
	n = window_copy(w, 1, at_s(1900), at_s(1950), s, 10);
	assert_int_equal(n, 5);
	assert_true(s[0].value == 191 && s[4].value == 195);
	n = window_copy(w, 1, at_s(1900), at_s(1950), s, 2);
	assert_int_equal(n, 2);
	assert_true(s[0].value == 194 && s[1].value == 195);
	window_destroy(w);
}

static void ten_minutes_are_held_at_any_step(void **state)
{
	(void)state;
	static const uint32_t steps[] = {1, 2, 3, 7, 9, 10};
	for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
		struct window *w = window_create();
		uint32_t step = steps[k];
		int64_t last = 3000 / step * step;
		for (int64_t t = step; t <= last; t += step) {
			window_push(w, 1, step, at_s((int)t), (double)t);
		}
		static struct sample s[WINDOW_MOST + 10];
		size_t n = window_copy(
			w, 1, at_s((int)last - WINDOW_SPAN_S), at_s((int)last), s, sizeof(s) / sizeof(s[0]));
		assert_int_equal(n, (WINDOW_SPAN_S + step - 1) / step);
		for (size_t i = 0; i < n; i++) {
			int64_t t = last - (int64_t)(n - 1 - i) * step;
			assert_true(at_s((int)t).ms - s[i].at.ms < step); /* rounded to a thousandth of it */
			assert_true(s[i].at.ms <= at_s((int)t).ms);
			assert_true(s[i].value == (double)t);
		}
		window_destroy(w);
	}
}

static void unaligned_instants_stay_within_a_thousandth_of_the_step(void **state)
{
	(void)state;
	struct window *w = window_create();
	int64_t exact[WINDOW_SAMPLES];
	uint32_t random = 1;
	int64_t at = 1760000000123;
	for (int i = 0; i < WINDOW_SAMPLES; i++) {
		random = random * 1664525 + 1013904223;
		at += 55000 + random % 10000;
		exact[i] = at;
		window_push(w, 1, 60, (struct wall){at}, i);
	}
	struct sample s[WINDOW_SAMPLES];
	size_t n = window_copy(w, 1, (struct wall){0}, (struct wall){INT64_MAX}, s, WINDOW_SAMPLES);
	assert_int_equal(n, WINDOW_SAMPLES);
	for (int i = 0; i < WINDOW_SAMPLES; i++) {
		assert_in_range(exact[i] - s[i].at.ms + 60, 0, 120);
	}
	assert_int_equal(s[n - 1].at.ms, exact[n - 1]);
	window_destroy(w);
}

static void long_gap_or_new_step_begins_anew(void **state)
{
	(void)state;
	struct window *w = window_create();
	struct sample s[8];
	window_push(w, 1, 10, at_s(10), 1);
	window_push(w, 1, 10, at_s(600), 2); /* 59 steps */
	assert_int_equal(window_copy(w, 1, at_s(0), at_s(9999), s, 8), 2);
	window_push(w, 1, 10, at_s(1300), 3); /* 70 steps */
	assert_int_equal(window_copy(w, 1, at_s(0), at_s(9999), s, 8), 1);
	window_push(w, 1, 60, at_s(1320), 4);
	assert_int_equal(window_copy(w, 1, at_s(0), at_s(9999), s, 8), 1);
	assert_true(s[0].value == 4);
	assert_int_equal(window_known_at(w, 1).ms, at_s(1320).ms);
	window_destroy(w);
}

static void idle_series_stay_within_700_bytes(void **state)
{
	(void)state;
	enum { SERIES = 20000 };
	struct window *w = window_create();
	for (uint32_t id = 1; id <= SERIES; id++) {
		window_push(w, id, 10, at_s(10), 0);
	}
	assert_true(window_bytes(w) / SERIES < 160);
	for (int i = 2; i <= WINDOW_SAMPLES; i++) {
		for (uint32_t id = 1; id <= SERIES; id++) {
			window_push(w, id, 10, at_s(10 * i), i);
		}
	}
	assert_true(window_bytes(w) / SERIES <= 700);
	print_message("%zu bytes per full series\n", window_bytes(w) / SERIES);
	window_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newest_sample_is_given_back),
		cmocka_unit_test(late_and_repeated_samples_are_dropped),
		cmocka_unit_test(copy_holds_the_half_open_span_oldest_first),
		cmocka_unit_test(ten_minutes_are_held_at_any_step),
		cmocka_unit_test(unaligned_instants_stay_within_a_thousandth_of_the_step),
		cmocka_unit_test(long_gap_or_new_step_begins_anew),
		cmocka_unit_test(idle_series_stay_within_700_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
