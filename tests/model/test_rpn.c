#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <glib.h>

#include "model/rpn.h"

#include "base/banned.h"

/*
 * Expressions over two columns: a = 10, 20, NaN and b = 3, 0, 5; the values of the three rows, as
 * rrdtool 1.7.2 computes them (infinities are unknown here).
 */
static const double column_a[] = {10, 20, NAN};
static const double column_b[] = {3, 0, 5};

static const struct {
	const char *text;
	double rows[3];
} values[] = {
	{"a", {10, 20, NAN}},
	{"a,8,*", {80, 160, NAN}},
	{" a , 8 , * ", {80, 160, NAN}},
	{"a,b,/", {10.0 / 3, NAN, NAN}},
	{"a,b,%", {1, NAN, NAN}},
	{"a,b,ADDNAN", {13, 20, 5}},
	{"a,UN,0,a,IF", {10, 20, 0}},
	{"a,15,GT", {0, 1, NAN}},
	{"a,15,NE", {1, 1, NAN}},
	{"a,1,2,IF", {1, 1, 2}},
	{"a,b,MAX", {10, 20, NAN}},
	{"a,b,MAXNAN", {10, 20, 5}},
	{"a,b,MINNAN", {3, 0, 5}},
	{"a,0,15,LIMIT", {10, NAN, NAN}},
	{"PREV,UN,0,PREV,IF,b,+", {3, 3, 8}},
	{"COUNT", {1, 2, 3}},
	{"TIME", {1010, 1020, 1030}},
	{"STEPWIDTH", {10, 10, 10}},
	{"NOW", {2000, 2000, 2000}},
	{"a,b,EXC,-", {-7, -20, NAN}},
	{"a,b,POP", {10, 20, NAN}},
	{"a,DUP,*", {100, 400, NAN}},
	{"a,b,OVER,+,+", {23, 40, NAN}},
	{"a,b,2,AVG", {6.5, 10, 5}},
	{"a,b,4,3,SMAX", {10, 20, 5}},
	{"a,b,4,3,SMIN", {3, 0, 4}},
	{"a,b,4,3,MEDIAN", {4, 4, 4.5}},
	{"a,b,2,STDEV", {4.949747468305833, 14.142135623730951, NAN}},
	{"a,b,2,REV,-", {-7, -20, NAN}},
	{"a,b,2,SORT,POP", {3, 0, NAN}},
	{"a,b,2,COPY,+,+,+", {26, 40, NAN}},
	{"a,b,2,INDEX,+,+", {23, 40, NAN}},
	{"1,0,/", {NAN, NAN, NAN}},
	{"INF", {NAN, NAN, NAN}},
	{"0,LOG", {NAN, NAN, NAN}},
	{"-1,SQRT", {NAN, NAN, NAN}},
	{"1e300,1e300,*", {NAN, NAN, NAN}},
	{"U", {NAN, NAN, NAN}},
	{"missing,0,ADDNAN", {0, 0, 0}},
	{"-1.5,FLOOR", {-2, -2, -2}},
	{"180,DEG2RAD,RAD2DEG", {180, 180, 180}},
};

static void assert_near(double a, double b, const char *what)
{
	if (!(isnan(a) && isnan(b)) && !(fabs(a - b) <= 1e-9 * (1 + fabs(b)))) {
		fail_msg("%s: %g instead of %g", what, a, b);
	}
}

static void computes_as_rrdtool_does(void **state)
{
	struct rpn_span span = {.t0_s = 1000, .step_s = 10, .now_s = 2000, .rows = 3};
	for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
		struct error err;
		AUTO(rpn) rpn = rpn_parse(values[i].text, strlen(values[i].text), &err);
		if (!rpn) {
			fail_msg("%s: %s", values[i].text, err.text);
		}
		const double *columns[RPN_NAMES_MAX] = {0};
		for (size_t n = 0; n < rpn_name_count(rpn); n++) {
			const char *name = rpn_name(rpn, n);
			columns[n] = !strcmp(name, "a") ? column_a : !strcmp(name, "b") ? column_b : NULL;
		}
		double out[3];
		rpn_evaluate(rpn, &span, columns, out);
		for (size_t row = 0; row < 3; row++) {
			assert_near(out[row], values[i].rows[row], values[i].text);
		}
	}
}

/* hostile 16 */
static void refuses_what_is_not_an_expression(void **state)
{
	static const char *const bad[] = {"", ",", "a,", "+", "a,+", "a,b", "a,b,+,+", "x,1e999,*",
		"a,TREND", "a,1,TRENDNAN", "PREV(a)", "a;b", "$(id)", "a,0x10,*", "a,-o,*", "a,b,x,AVG",
		"a,b,3,AVG", "a,b,0,AVG", "a,b,1.5,AVG", "a,b,-1,SORT", "a,33,SORT", "POP", "DUP", "a,POP",
		"\xff"};
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		struct error err = {0};
		AUTO(rpn) rpn = rpn_parse(bad[i], strlen(bad[i]), &err);
		if (rpn || err.kind != ERR_CONFIG) {
			fail_msg("accepted: %s", bad[i]);
		}
	}
}

/* hostile 16 */
static void limits_length_and_depth(void **state)
{
	GString *wide = g_string_new("1");
	for (unsigned i = 0; i < RPN_DEPTH_MAX; i++) {
		g_string_append(wide, ",1");
	}
	for (unsigned i = 0; i < RPN_DEPTH_MAX; i++) {
		g_string_append(wide, ",+");
	}
	assert_null(rpn_parse(wide->str, wide->len, NULL));

	g_string_assign(wide, "1");
	for (unsigned i = 0; i < 50000; i++) {
		g_string_append(wide, ",1,+");
	}
	assert_null(rpn_parse(wide->str, wide->len, NULL));

	g_string_assign(wide, "a");
	while (wide->len < RPN_TEXT_MAX - 8) {
		g_string_append(wide, ",1,+");
	}
	assert_null(rpn_parse(wide->str, wide->len, NULL)); /* too many tokens */
	g_string_free(wide, TRUE);
	assert_null(rpn_parse("a\0,1,+", 6, NULL));
}

static void append_prefixed(void *owner, const struct rpn *rpn, size_t index, GString *out)
{
	g_string_append_printf(out, "%s%zu", (const char *)owner, index);
}

static void hands_on_checked_tokens_only(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"a,8,*", "v0,8,*"},
		{" a, b ,a,3,AVG", "v0,v1,v0,3,AVG"},
		{"a,+1e3,*", "v0,1000,*"},
		{"U,a,ADDNAN", "UNKN,v0,ADDNAN"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		AUTO(rpn) rpn = rpn_parse(cases[i].text, strlen(cases[i].text), NULL);
		assert_non_null(rpn);
		GString *out = g_string_new(NULL);
		rpn_append(rpn, append_prefixed, (void *)"v", out);
		assert_string_equal(out->str, cases[i].expected);
		g_string_free(out, TRUE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(computes_as_rrdtool_does),
		cmocka_unit_test(refuses_what_is_not_an_expression),
		cmocka_unit_test(limits_length_and_depth),
		cmocka_unit_test(hands_on_checked_tokens_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
