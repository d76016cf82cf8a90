#include "rrd/graphargs.h"
#include "base/attr.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/banned.h"

/*
 * What plugins write into graph_args, as found in the wild, and what a hostile one would.
 */
static void known_options_are_read(void **state UNUSED)
{
	static const struct {
		const char *text;
		struct graphargs want;
		unsigned left_out;
	} cases[] = {
		{NULL, {.base = 1000, .lower = NAN, .upper = NAN}, 0},
		{"", {.base = 1000, .lower = NAN, .upper = NAN}, 0},
		{"--base 1024 -l 0", {.base = 1024, .lower = 0, .upper = NAN}, 0},
		{"--base=1024 -l0 -u 8", {.base = 1024, .lower = 0, .upper = 8}, 0},
		{"-l -5 --upper-limit '100'", {.base = 1000, .lower = -5, .upper = 100}, 0},
		{"--base 1000 --lower-limit 0 --upper-limit 100 --rigid",
			{.base = 1000, .lower = 0, .upper = 100, .rigid = true}, 0},
		{"-r --logarithmic -l 1 --units=si",
			{.base = 1000,
				.lower = 1,
				.upper = NAN,
				.rigid = true,
				.logarithmic = true,
				.units_si = true},
			0},
		{"--logarithmic -l 0", {.base = 1000, .lower = NAN, .upper = NAN, .logarithmic = true}, 1},
		{"-X 3 --alt-autoscale-max",
			{.base = 1000,
				.lower = NAN,
				.upper = NAN,
				.has_units_exponent = true,
				.units_exponent = 3,
				.alt_autoscale_max = true},
			0},
		{"--units-exponent 4", {.base = 1000, .lower = NAN, .upper = NAN}, 1},
		{"--base 7 -l nan -u 1e400", {.base = 1000, .lower = NAN, .upper = NAN}, 3},
		{"-l", {.base = 1000, .lower = NAN, .upper = NAN}, 1},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct graphargs got;
		const struct graphargs *want = &cases[i].want;
		assert_int_equal(graphargs_read(cases[i].text, &got), cases[i].left_out);
		assert_int_equal(got.base, want->base);
		assert_true(isnan(want->lower) ? isnan(got.lower) : got.lower == want->lower);
		assert_true(isnan(want->upper) ? isnan(got.upper) : got.upper == want->upper);
		assert_int_equal(got.rigid, want->rigid);
		assert_int_equal(got.logarithmic, want->logarithmic);
		assert_int_equal(got.units_si, want->units_si);
		assert_int_equal(got.alt_autoscale_max, want->alt_autoscale_max);
		assert_int_equal(got.has_units_exponent, want->has_units_exponent);
		assert_int_equal(got.units_exponent, want->units_exponent);
	}
}

/* hostile 15 */
static void what_is_not_known_is_left_out(void **state UNUSED)
{
	struct graphargs got;
	assert_int_equal(graphargs_read("--output-file /etc/x -l 0 %n%n $(id)", &got), 4);
	assert_true(got.lower == 0);
	assert_true(graphargs_read("--font TITLE:0:/etc/passwd DEF:x=/etc/passwd:42:MAX", &got) >= 3);
	assert_true(graphargs_read("--daemon unix:/tmp/x --imginfo '%s'", &got) >= 3);
	assert_int_equal(got.base, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_options_are_read),
		cmocka_unit_test(what_is_not_known_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
