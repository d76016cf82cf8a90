#include "magpie/progress.h"
#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/banned.h"

static void amounts_and_times_are_short(void **state UNUSED)
{
	static const struct {
		double amount;
		bool bytes;
		const char *text;
	} amounts[] = {{0, true, "0 B"}, {999, true, "999 B"}, {1000, true, "1.0 kB"},
		{1234567, true, "1.2 MB"}, {99.4e6, true, "99.4 MB"}, {250e6, true, "250 MB"},
		{999.9e6, true, "1.0 GB"}, {4e30, true, "4000000000000 EB"}, {1234567, false, "1234567"}};
	static const struct {
		double seconds;
		const char *text;
	} times[] = {{-3, "0s"}, {0.2, "1s"}, {59, "59s"}, {75, "1m15s"}, {7322, "2h02m"},
		{200000, "2d07h"}, {1e12, "long"}};
	for (size_t i = 0; i < ARRAY_LENGTH(amounts); i++) {
		GString *out = g_string_new(NULL);
		progress_append_amount(out, amounts[i].amount, amounts[i].bytes);
		assert_string_equal(out->str, amounts[i].text);
		g_string_free(out, TRUE);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(times); i++) {
		GString *out = g_string_new(NULL);
		progress_append_time(out, times[i].seconds);
		assert_string_equal(out->str, times[i].text);
		g_string_free(out, TRUE);
	}
}

static void line_says_percent_amount_rate_time_left_and_fits(void **state UNUSED)
{
	static const struct {
		struct progress_state state;
		const char *text;
	} cases[] = {
		{{.what = "export", .done = 1500, .width = 80}, "export  1.5 kB"},
		{{.what = "export", .done = 25000000, .total = 100000000, .rate = 5e6, .width = 60},
			"export  25 % [===>           ]  25.0 MB  5.0 MB/s  15s left"},
		{{.what = "export", .done = 25000000, .total = 100000000, .rate = 5e6, .width = 48},
			"export  25 %  25.0 MB  5.0 MB/s  15s left"},
		{{.what = "export", .done = 25000000, .total = 100000000, .rate = 5e6, .width = 36},
			"export  25 %  25.0 MB  5.0 MB/s"},
		{{.what = "export", .done = 25000000, .total = 100000000, .rate = 5e6, .width = 12},
			"export  25 "},
		{{.what = "convert", .unit = "files", .done = 7, .total = 5, .rate = 2, .width = 20},
			"convert 100 %  7/5 "},
		{{.what = "convert", .unit = "files", .done = 3, .width = 60, .detail = "a\033[2Jb"},
			"convert  3 files  a\xef\xbf\xbd[2Jb"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		GString *out = g_string_new(NULL);
		progress_format(&cases[i].state, out);
		assert_string_equal(out->str, cases[i].text);
		assert_true((size_t)g_utf8_strlen(out->str, -1) < cases[i].state.width);
		g_string_free(out, TRUE);
	}
}

static void nothing_is_shown_of_short_or_quiet_work(void **state UNUSED)
{
	for (int quiet = 0; quiet < 2; quiet++) {
		int ends[2];
		char byte;
		assert_int_equal(pipe(ends), 0);
		struct progress *progress =
			progress_create(&(struct progress_options){.what = "x", .quiet = quiet, .fd = ends[1]});
		progress_step(progress, 1, 2, NULL);
		progress_destroy(progress);
		close(ends[1]);
		assert_int_equal(read(ends[0], &byte, 1), 0);
		close(ends[0]);
	}
	progress_destroy(NULL);
}

static void line_of_long_work_is_written_over_and_wiped(void **state UNUSED)
{
	int ends[2];
	char text[4096];
	assert_int_equal(pipe(ends), 0);
	struct progress *progress =
		progress_create(&(struct progress_options){.what = "copy", .unit = "files", .fd = ends[1]});
	struct mono began = mono_now();
	while (mono_now().ms - began.ms < PROGRESS_QUIET_MS + 100) {
		progress_step(progress, 50, 100, "web1");
		usleep(10000);
	}
	progress_destroy(progress);
	close(ends[1]);
	ssize_t n = read(ends[0], text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	close(ends[0]);
	assert_memory_equal(text, "\rcopy  50 %", 11);
	assert_non_null(strstr(text, "50/100 files"));
	assert_non_null(strstr(text, "web1\033[K"));
	assert_string_equal(text + n - 4, "\r\033[K");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(amounts_and_times_are_short),
		cmocka_unit_test(line_says_percent_amount_rate_time_left_and_fits),
		cmocka_unit_test(nothing_is_shown_of_short_or_quiet_work),
		cmocka_unit_test(line_of_long_work_is_written_over_and_wiped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
