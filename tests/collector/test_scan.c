#include "collector/host/scan.h"
#include "tests/support/test.h"

#include "base/attr.h"

static void numbers_are_whole_or_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
		uint64_t value;
		const char *rest;
	} cases[] = {
		{"12 34", true, 12, " 34"},
		{" \t0012x", true, 12, "x"},
		{"18446744073709551615", true, UINT64_MAX, ""},
		{"18446744073709551616 7", false, 0, " 7"}, /* too large: taken, not told */
		{"99999999999999999999999999", false, 0, ""},
		{"-1", false, 0, "-1"},
		{"x", false, 0, "x"},
		{"", false, 0, ""},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct scan s = scan_text(cases[i].text, strlen(cases[i].text));
		uint64_t value = 0;
		assert_int_equal(scan_u64(&s, &value), cases[i].good);
		assert_true(value == cases[i].value);
		assert_string_equal(s.at, cases[i].rest);
	}
}

static void a_word_in_place_of_a_number_keeps_the_columns(void **state)
{
	(void)state;
	static const char text[] = "1 x -3 99999999999999999999 5";
	static const double expected[] = {1, NAN, NAN, NAN, 5, NAN};
	struct scan s = scan_text(text, strlen(text));
	for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
		assert_near(scan_number(&s), expected[i], 0);
	}
}

static void only_complete_lines_count(void **state)
{
	(void)state;
	struct scan text = scan_text("a\n\nb c\nd", 8);
	struct scan line;
	struct scan word;
	assert_true(scan_line(&text, &line) && scan_equal(&line, "a"));
	assert_true(scan_line(&text, &line) && scan_length(&line) == 0);
	assert_false(scan_word(&line, &word));
	assert_true(scan_line(&text, &line) && scan_equal(&line, "b c"));
	assert_false(scan_line(&text, &line));
	text = scan_text(NULL, 0);
	assert_false(scan_line(&text, &line));
}

static void parts_are_taken_only_if_they_are_there(void **state)
{
	(void)state;
	struct scan s = scan_text("key: one two", 12);
	struct scan part;
	assert_false(scan_take(&s, "keys"));
	assert_false(scan_until(&s, '=', &part));
	assert_true(scan_until(&s, ':', &part) && scan_equal(&part, "key"));
	scan_skip(&s, 1);
	assert_true(scan_word(&s, &part) && scan_equal(&part, "two"));
	scan_skip(&s, 5);
	assert_false(scan_word(&s, &part));
	assert_true(scan_take(&s, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_whole_or_nothing),
		cmocka_unit_test(a_word_in_place_of_a_number_keeps_the_columns),
		cmocka_unit_test(only_complete_lines_count),
		cmocka_unit_test(parts_are_taken_only_if_they_are_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
