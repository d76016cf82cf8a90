#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "web/request.h"
#include "web/span.h"

#include "base/banned.h"

static bool parse(struct request *r, const char *target)
{
	*r = (struct request){.now = {.ms = 1000000000LL * 1000}};
	return request_parse_target(r, target, NULL);
}

/* hostile 47: path as it is understood, NULL: refused */
static void paths_are_decoded_once_and_strictly(void **state)
{
	static const struct {
		const char *target, *joined;
	} cases[] = {
		{"/", ""},
		{"/a", "a"},
		{"/a/b.c-d_e~", "a|b.c-d_e~"},
		{"/a%20b/%C3%A4", "a b|\xc3\xa4"},
		{"/a+b", "a+b"},
		{"/%2525", "%25"},
		{"/a?x=/../", "a"},
		{"/a:check", "a:check"},
		{"//", NULL},
		{"/a//b", NULL},
		{"/a/", NULL},
		{"/.", NULL},
		{"/../a", NULL},
		{"/a/%2e%2e/b", NULL},
		{"/a%2fb", NULL},
		{"/a%5cb", NULL},
		{"/a\\b", NULL},
		{"/a;b", NULL},
		{"/a%3bb", NULL},
		{"/a%00", NULL},
		{"/a%0a", NULL},
		{"/a%7f", NULL},
		{"/%c0%af", NULL},
		{"/%ed%a0%80", NULL},
		{"/%", NULL},
		{"/%4", NULL},
		{"/%4g", NULL},
		{"/%%41", NULL},
		{"", NULL},
		{"a", NULL},
		{"*", NULL},
		{"/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7", NULL},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct request r;
		bool good = parse(&r, cases[i].target);
		g_autofree char *joined = g_strjoinv("|", r.segments);
		if (good != !!cases[i].joined || (good && strcmp(joined, cases[i].joined))) {
			fail_msg("%s: %s", cases[i].target, good ? joined : "refused");
		}
		request_finish(&r);
	}
}

/* hostile 52 */
static void parameters_are_there_once(void **state)
{
	static const struct {
		const char *target;
		bool good;
	} cases[] = {
		{"/?a=1&b=2", true},
		{"/?a", true},
		{"/?a=", true},
		{"/?a=1&", true},
		{"/?", true},
		{"/?a=b=c", true},
		{"/?a=1&a=--x&a=2", false},
		{"/?a=1&%61=2", false},
		{"/?=1", false},
		{"/?a=%00", false},
		{"/?a=%ff", false},
		{"/?a=%0d%0aX:y", false},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct request r;
		if (parse(&r, cases[i].target) != cases[i].good) {
			fail_msg("%s", cases[i].target);
		}
		request_finish(&r);
	}
	GString *many = g_string_new("/?");
	for (int i = 0; i < 10000; i++) {
		g_string_append_printf(many, "p%d=1&", i);
	}
	struct request r;
	assert_false(parse(&r, many->str));
	request_finish(&r);
	g_string_free(many, TRUE);
	assert_true(parse(&r, "/?a=1+2%2B3&bb=x"));
	assert_string_equal(request_text(&r, "a"), "1 2+3");
	assert_null(request_text(&r, "b"));
	assert_true(request_only(&r, "bb a", NULL));
	assert_true(request_only(&r, "*", NULL));
	assert_false(request_only(&r, "a b", NULL));
	assert_false(request_only(&r, "", NULL));
	request_finish(&r);
}

static void times_are_read_in_all_their_forms(void **state)
{
	static const struct {
		const char *text;
		int64_t expected; /* -1: refused */
	} cases[] = {
		{"now", 1000000000},
		{"-1d", 1000000000 - 86400},
		{"-1h30m", 1000000000 - 5400},
		{"now-2w", 1000000000 - 14 * 86400},
		{"-1y", 1000000000 - 365 * 86400},
		{"0", 0},
		{"1234567890", 1234567890},
		{"1970-01-02T00:00:00Z", 86400},
		{"2001-09-09T03:46:40+02:00", 1000000000},
		{"2001-09-09T03:46:40 02:00", 1000000000}, /* a plus that was not encoded */
		{"", -1},
		{"-", -1},
		{"-d", -1},
		{"-1", -1},
		{"-1x", -1},
		{"now1", -1},
		{"now+1d", -1},
		{"-999999999y", -1},
		{"-9999999999999999999d", -1},
		{"1e9", -1},
		{"1000000000000000000", -1},
		{"nan", -1},
		{"1.5", -1},
		{"2001-09-09", -1},
		{"2001-13-09T03:46:40Z", -1},
		{"1900-01-01T00:00:00Z", -1},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		int64_t value = -1;
		if (!request_parse_time(cases[i].text, 1000000000, &value)) {
			value = -1;
		}
		if (value != cases[i].expected) {
			fail_msg("%s: %lld", cases[i].text, (long long)value);
		}
	}
}

static void typed_parameters_say_what_they_want(void **state)
{
	struct request r;
	struct error err;
	static const char *const choices[] = {"light", "dark", NULL};
	int64_t number = 7;
	bool flag = true;
	size_t choice = 0;
	assert_true(parse(&r, "/?n=5&bad=five&f=no&c=dark&d=pink"));
	assert_true(request_int(&r, "missing", 0, 9, &number, NULL));
	assert_int_equal(number, 7);
	assert_true(request_int(&r, "n", 0, 9, &number, NULL));
	assert_int_equal(number, 5);
	assert_false(request_int(&r, "n", 6, 9, &number, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_false(request_int(&r, "bad", 0, 9, &number, NULL));
	assert_true(request_flag(&r, "f", &flag, NULL));
	assert_false(flag);
	assert_false(request_flag(&r, "n", &flag, NULL));
	assert_true(request_choice(&r, "c", choices, &choice, NULL));
	assert_int_equal(choice, 1);
	assert_false(request_choice(&r, "d", choices, &choice, &err));
	assert_non_null(strstr(err.text, "light, dark"));
	request_finish(&r);
}

/* hostile 53 */
static void spans_are_bounded(void **state)
{
	static const struct {
		const char *target;
		int64_t from_s, to_s, step_s; /* from -1: refused */
	} cases[] = {
		{"/", 1000000000 - 86400, 1000000000, 0},
		{"/?from=-1h", 1000000000 - 3600, 1000000000, 0},
		{"/?to=1000", 0, 1000, 0},
		{"/?from=0&to=1000000&step=1", 0, 1000000, 100},
		{"/?from=0&to=10000&step=1", 0, 10000, 1},
		{"/?from=999999999&to=999999999999", 999999999, 1000086400, 0},
		{"/?from=5&to=5", -1, 0, 0},
		{"/?from=now&to=-1d", -1, 0, 0},
		{"/?from=999999999999", -1, 0, 0},
		{"/?to=0", -1, 0, 0},
		{"/?step=-1", -1, 0, 0},
		{"/?step=0", -1, 0, 0},
		{"/?step=99999999999", -1, 0, 0},
		{"/?cf=LAST", -1, 0, 0},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct request r;
		struct span span;
		assert_true(parse(&r, cases[i].target));
		bool good = span_read(&r, 86400, &span, NULL);
		if (good != (cases[i].from_s >= 0) ||
			(good && (span.from_s != cases[i].from_s || span.to_s != cases[i].to_s ||
						 span.step_s != cases[i].step_s))) {
			fail_msg("%s", cases[i].target);
		}
		request_finish(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_decoded_once_and_strictly),
		cmocka_unit_test(parameters_are_there_once),
		cmocka_unit_test(times_are_read_in_all_their_forms),
		cmocka_unit_test(typed_parameters_say_what_they_want),
		cmocka_unit_test(spans_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
