#include "rrd/graphargs.h"
#include "base/attr.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib.h>

#include "base/banned.h"

/*
 * What plugins write into graph_args, as found in the wild, and what a hostile one would.
 */
/* The options as librrd gets them, joined by blanks. */
static char *written(const struct graphargs *args)
{
	GString *out = g_string_new(NULL);
	for (size_t i = 0; i < args->count; i++) {
		const struct graphargs_option *o = &args->options[i];
		g_string_append_printf(out, "%s%s%s%s", i ? " " : "", o->option, o->is_flag ? "" : " ",
			o->is_flag ? "" : o->value);
	}
	return g_string_free(out, FALSE);
}

static void known_options_are_read(void **state UNUSED)
{
	static const struct {
		const char *text, *want;
		unsigned left_out;
	} cases[] = {
		{NULL, "", 0},
		{"", "", 0},
		{"--base 1024 -l 0", "--base 1024 -l 0", 0},
		{"--base=1024 -l0 -u 8", "--base 1024 -l 0 -u 8", 0},
		{"-l -5 --upper-limit '100'", "-l -5 --upper-limit 100", 0},
		{"--base 1000 -r --lower-limit 0 --upper-limit 2e2",
			"--base 1000 -r --lower-limit 0 --upper-limit 200", 0},
		{"-r --loga -l 1 --units=si", "-r --logarithmic -l 1 --units si", 0},
		{"--logarithmic -l 0", "--logarithmic", 1},
		{"-X 3 --alt-autoscale-max", "-X 3 --alt-autoscale-max", 0},
		{"--units-exponent 4", "", 1},
		{"--base 7 -l nan -u 1e400", "", 3},
		{"-l", "", 1},
		{"--slope-mode -E --width 3 -h 5 --imgformat PNG", "", 0},
		{"--vertical-label 'a b'  -v x", "--vertical-label a b -v x", 0},
		{"--alt-autoscale", "--alt-autoscale", 0},
		{"--alt", "", 1},
		{"--right-axis 0.1:0 --right-axis-label degrees --y-grid none --x-grid HOUR:1",
			"--right-axis 0.1:0 --right-axis-label degrees --y-grid none", 1},
		{"--right-axis-format %5.1lf%sB --left-axis-format %s", "--right-axis-format %5.1lf%sB", 1},
		{"--color BACK#ffffff --color BACK#fff -c EVIL#ffffff", "--color BACK#ffffff", 2},
		{"--units-length 5 --legend-position=south --y-grid 10:2",
			"--units-length 5 --legend-position south --y-grid 10:2", 0},
		{"--pango-markup --step 1", "", 3},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct graphargs got;
		unsigned left_out = graphargs_read(cases[i].text, &got);
		g_autofree char *text = written(&got);
		assert_string_equal(text, cases[i].want);
		assert_int_equal(left_out, cases[i].left_out);
	}
}

static void formats_are_of_one_double(void **state UNUSED)
{
	static const char *const good[] = {
		"%6.2lf", "%3.0lf", "%lg", "%5.1lf%s", "%6.2lf %%", "a %le b"};
	static const char *const bad[] = {
		"", "%s", "%n", "%6.2lf%n", "%d", "%lf%lf", "%*lf", "%999lf", "%6.2lf\\n", "%lf%s%s", "%"};
	for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
		assert_true(graphargs_is_format(good[i]));
	}
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		assert_false(graphargs_is_format(bad[i]));
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
		cmocka_unit_test(formats_are_of_one_double),
		cmocka_unit_test(what_is_not_known_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
