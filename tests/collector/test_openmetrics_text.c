#include "collector/openmetrics_text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/number.h"

#include "base/banned.h"

/*
 * Texts of exporters as one line per sample: `name suffix type value [@time]`, labels sorted, in
 * the order of the text; complaints as `line: text`. So a case is two texts.
 */
struct seen {
	GString *samples, *complaints;
};

static void on_sample(void *owner, const struct openmetrics_sample *sample)
{
	static const char letters[] = "ugchHsti";
	struct seen *seen = owner;
	struct openmetrics_labels labels;
	char number[NUMBER_TEXT];
	number_format(sample->value, number);
	g_string_append_printf(seen->samples, "%s%s%s %c %s", sample->name, *sample->suffix ? "|" : "",
		sample->suffix, letters[sample->family->type], number);
	if (sample->stamped) {
		g_string_append_printf(seen->samples, " @%lld", (long long)sample->at_ms);
	}
	if (!openmetrics_labels_read(&labels, sample)) {
		g_string_append(seen->samples, " twice");
	}
	for (size_t i = 0; i < labels.count; i++) {
		g_string_append_printf(
			seen->samples, " %s=%s", labels.label[i].name, labels.label[i].value);
	}
	openmetrics_labels_finish(&labels);
	g_string_append_c(seen->samples, '\n');
}

static void on_complaint(void *owner, size_t line, const char *text)
{
	struct seen *seen = owner;
	g_string_append_printf(seen->complaints, "%zu: %s\n", line, text);
}

static struct openmetrics_result read_text(
	const char *text, size_t length, enum openmetrics_form form, struct seen *seen)
{
	static const struct openmetrics_handlers handlers = {
		.sample = on_sample, .complaint = on_complaint};
	struct openmetrics_result result;
	*seen = (struct seen){g_string_new(NULL), g_string_new(NULL)};
	g_autofree char *copy = g_malloc(length + 1); /* what is read beyond the end shows */
	memcpy(copy, text, length);
	char *exact = g_realloc(copy, length ? length : 1);
	copy = exact;
	openmetrics_read(exact, length, form, &handlers, seen, &result);
	return result;
}

static void seen_finish(struct seen *seen)
{
	g_string_free(seen->samples, TRUE);
	g_string_free(seen->complaints, TRUE);
}

struct text_case {
	const char *text, *samples, *complaints;
};

static void check_cases(const struct text_case *cases, size_t count, enum openmetrics_form form)
{
	for (size_t i = 0; i < count; i++) {
		struct seen seen;
		(void)read_text(cases[i].text, strlen(cases[i].text), form, &seen);
		assert_string_equal(seen.samples->str, cases[i].samples);
		assert_string_equal(seen.complaints->str, cases[i].complaints);
		seen_finish(&seen);
	}
}

static void samples_of_the_text_format_are_read(void **state)
{
	(void)state;
	static const struct text_case cases[] = {
		{"", "", ""},
		{"a 1\n", "a u 1\n", ""},
		{"a 1", "a u 1\n", ""},
		{"  a\t 1.5e-7 \r\n\r\n", "a u 1.5e-07\n", ""},
		{"a{} 1\n", "a u 1\n", ""},
		{"a {x=\"1\"} 1\n", "a u 1 x=1\n", ""},
		{"a{ z = \"1\" , b=\"2\", } 1 1700000000123\n", "a u 1 @1700000000123 b=2 z=1\n", ""},
		{"a:b 1\n", "a:b u 1\n", ""},
		{"a{x=\"q\\\"b\\\\n\\nl}\"} 1\n", "a u 1 x=q\"b\\n l}\n", ""},
		{"a NaN\na +Inf\na -Inf\na inf\n", "a u U\na u U\na u U\na u U\n", ""},
		{"# just words\n#\n# HELP\n", "", "3: HELP of something that is no name of a metric\n"},
		{"# HELP a so\n# TYPE a gauge\na 2\n", "a g 2\n", ""},
		{"# TYPE a_total counter\na_total{x=\"\"} 2\n", "a_total c 2 x=\n", ""},
		{"# TYPE h histogram\nh_bucket{le=\"0.1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count "
		 "2\n",
			"h_bucket|_bucket h 1 le=0.1\nh_bucket|_bucket h 2 le=+Inf\nh_sum|_sum h "
			"3\nh_count|_count h 2\n",
			""},
		{"# TYPE s summary\ns{quantile=\"0.5\"} NaN\ns_sum 1\ns_count 0\n",
			"s s U quantile=0.5\ns_sum|_sum s 1\ns_count|_count s 0\n", ""},
		/* a family in two pieces keeps what was said of it */
		{"# TYPE s summary\ns_sum 1\nb 1\ns_count 0\n",
			"s_sum|_sum s 1\nb u 1\ns_count|_count s 0\n", ""},
		{"# TYPE a untyped\na 1\n", "a u 1\n", ""},
		/* a gauge has no sum: that is a metric of its own */
		{"# TYPE a gauge\na_sum 1\n", "a_sum u 1\n", ""},
	};
	check_cases(cases, ARRAY_LENGTH(cases), OPENMETRICS_TEXT);
}

static void wrong_lines_are_told_by_number_and_left_out(void **state)
{
	(void)state;
	static const struct text_case cases[] = {
		{"1a 1\nb 2\n", "b u 2\n", "1: this is no name of a metric: \"1a 1\"\n"},
		{"<html>\n", "", "1: this is no name of a metric: \"<html>\"\n"},
		{"a\n", "", "1: a: no value\n"},
		{"a{x=\"1\"\n", "", "1: a: labels without their end \"}\"\n"},
		{"a{x=\"1} 1\n", "", "1: a: a label is not of the form name=\"value\"\n"},
		{"a{x=\"1\\\"} 1\n", "", "1: a: a label is not of the form name=\"value\"\n"},
		{"a{x=1} 1\n", "", "1: a: a label is not of the form name=\"value\"\n"},
		{"a{=\"1\"} 1\n", "", "1: a: a label is not of the form name=\"value\"\n"},
		{"a{\"a.b\"} 1\n", "", "1: a: a label is not of the form name=\"value\"\n"},
		{"a{x=\"1\" y=\"2\"} 1\n", "", "1: a: labels without their end \"}\"\n"},
		{"a{x=\"1\",x=\"2\"} 1\n", "a u 1 twice\n", ""},
		/* hostile 18: what is no plain number is none */
		{"a 1e400\na 0x10\na 1,5\na U\na 1.5e\na \xd9\xa1\n", "",
			"1: a: the value is no number\n2: a: the value is no number\n"
			"3: a: the value is no number\n4: a: the value is no number\n"
			"5: a: the value is no number\n6: a: the value is no number\n"},
		{"a 1 x\na 1 1e99\na 1 NaN\n", "",
			"1: a: the time is no number\n2: a: the time is no number\n"
			"3: a: the time is no number\n"},
		{"a 1 2 3\n", "", "1: a: there is something behind the value\n"},
		{"# TYPE a cookie\n", "", "1: TYPE of a: \"cookie\" is none\n"},
		{"# TYPE a gauge\n# TYPE a counter\n", "", "2: TYPE of a was said to be gauge before\n"},
		{"# HELP a x\n# HELP a y\n", "", "2: HELP of a is there twice\n"},
		{"# UNIT a /s\n", "", "1: UNIT of a is none\n"},
		/* hostile 13: raw bytes are never shown as they came */
		{"\xff\x01 1\n", "", "1: this is no name of a metric: \"\xef\xbf\xbd\xef\xbf\xbd 1\"\n"},
		{"a{x=\"\xff\x01\"} 1\n", "a u 1 x=\xef\xbf\xbd\xef\xbf\xbd\n", ""},
	};
	check_cases(cases, ARRAY_LENGTH(cases), OPENMETRICS_TEXT);
}

static void openmetrics_says_more(void **state)
{
	(void)state;
	static const struct text_case cases[] = {
		{"# TYPE a counter\n# UNIT a seconds\na_total{x=\"1\"} 2 1700000000.123\na_created 1\n# "
		 "EOF\n",
			"a_total|_total c 2 @1700000000123 x=1\na_created|_created c 1\n", ""},
		{"# TYPE h histogram\nh_bucket{le=\"1\"} 2 # {trace=\"a b\"} 0.5 1.5\n# EOF\n",
			"h_bucket|_bucket h 2 le=1\n", ""},
		{"# TYPE i info\ni_info{v=\"1\"} 1\n# TYPE e stateset\ne{e=\"a\"} 1\n# EOF\n",
			"i_info|_info i 1 v=1\ne t 1 e=a\n", ""},
		{"a 1\n# EOF\nb 1\n", "a u 1\n", "3: there is something behind # EOF\n"},
	};
	check_cases(cases, ARRAY_LENGTH(cases), OPENMETRICS_STRICT);
}

static void a_text_that_was_cut_is_known_as_such(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum openmetrics_form form;
		bool complete;
	} cases[] = {
		{"a 1\n", OPENMETRICS_STRICT, false},
		{"a 1\n# EOF", OPENMETRICS_STRICT, true},
		{"a 1\n# EOF\n", OPENMETRICS_STRICT, true},
		{"a 1\n", OPENMETRICS_TEXT, true},
		{"a 1\nb 1", OPENMETRICS_TEXT, false},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct seen seen;
		struct openmetrics_result result =
			read_text(cases[i].text, strlen(cases[i].text), cases[i].form, &seen);
		assert_int_equal(result.complete, cases[i].complete);
		seen_finish(&seen);
	}
}

/* hostile 9, 12: numbers of all kinds of things have an end */
static void caps_hold(void **state)
{
	(void)state;
	struct seen seen;
	g_autoptr(GString) text = g_string_new("long{x=\"");
	for (int i = 0; i < OPENMETRICS_LINE_MAX; i++) {
		g_string_append_c(text, 'x');
	}
	g_string_append(text, "\"} 1\nmany{");
	for (int i = 0; i <= OPENMETRICS_LABELS_MAX; i++) {
		g_string_append_printf(text, "l%d=\"\",", i);
	}
	g_string_append(text, "} 1\nb{x=\"");
	for (int i = 0; i < 2 * OPENMETRICS_VALUE_MAX; i++) {
		g_string_append_c(text, 'y');
	}
	g_string_append(text, "\"} 1\n");
	struct openmetrics_result result = read_text(text->str, text->len, OPENMETRICS_TEXT, &seen);
	assert_int_equal(result.samples, 1);
	assert_int_equal(result.complaints, 2);
	assert_int_equal(seen.samples->len, strlen("b u 1 x=\n") + OPENMETRICS_VALUE_MAX);
	seen_finish(&seen);

	g_string_truncate(text, 0);
	for (int i = 0; i < OPENMETRICS_SAMPLES_MAX + 10; i++) {
		g_string_append_printf(text, "a{x=\"%d\"} 1\n", i);
	}
	result = read_text(text->str, text->len, OPENMETRICS_TEXT, &seen);
	assert_int_equal(result.samples, OPENMETRICS_SAMPLES_MAX);
	assert_int_equal(result.complaints, 1);
	seen_finish(&seen);

	g_string_truncate(text, 0);
	for (int i = 0; i < OPENMETRICS_FAMILIES_MAX + 10; i++) {
		g_string_append_printf(text, "a%d 1\n", i);
	}
	result = read_text(text->str, text->len, OPENMETRICS_TEXT, &seen);
	assert_int_equal(result.samples, OPENMETRICS_FAMILIES_MAX);
	assert_int_equal(result.complaints, 1);
	seen_finish(&seen);

	g_string_truncate(text, 0);
	for (int i = 0; i < 100; i++) {
		g_string_append(text, "?\n");
	}
	result = read_text(text->str, text->len, OPENMETRICS_TEXT, &seen);
	assert_int_equal(result.complaints, 100);
	assert_non_null(strstr(seen.complaints->str, "16: "));
	assert_null(strstr(seen.complaints->str, "17: "));
	seen_finish(&seen);
}

static void on_family(void *owner, const struct openmetrics_sample *sample)
{
	GString *out = owner;
	g_string_append_printf(out, "%s/%s/%s", sample->family->name, sample->family->help,
		sample->family->unit ? sample->family->unit : "-");
}

static void help_and_unit_come_with_the_family(void **state)
{
	(void)state;
	static const char text[] =
		"# HELP a_seconds one\\ntwo \\\\ \"three\"\n# UNIT a_seconds seconds\n"
		"# TYPE a_seconds counter\na_seconds_total 1\n# EOF\n";
	static const struct openmetrics_handlers handlers = {.sample = on_family};
	struct openmetrics_result result;
	g_autoptr(GString) out = g_string_new(NULL);
	openmetrics_read(text, strlen(text), OPENMETRICS_STRICT, &handlers, out, &result);
	assert_string_equal(out->str, "a_seconds/one two \\ \"three\"/seconds");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_of_the_text_format_are_read),
		cmocka_unit_test(wrong_lines_are_told_by_number_and_left_out),
		cmocka_unit_test(openmetrics_says_more),
		cmocka_unit_test(a_text_that_was_cut_is_known_as_such),
		cmocka_unit_test(caps_hold),
		cmocka_unit_test(help_and_unit_come_with_the_family),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
