#include "base/number.h"
#include "tests/support/test.h"

#include <locale.h>

/* hostile 18: only finite decimals and U */
static void decimals_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		double value;
	} cases[] = {
		{"0", 0},
		{"12", 12},
		{"-0.5", -0.5},
		{"+3", 3},
		{"1.5e-7", 1.5e-7},
		{"1.5E+7", 1.5e7},
		{"  42\t ", 42},
		{".5", 0.5},
		{"5.", 5},
		{"18446744073709551615", 18446744073709551615.0},
		{"0.1", 0.1},
		{"1e308", 1e308},
		{"1e-400", 0},
		{"U", NAN},
		{" U ", NAN},
		{"0000000000000000000000000000000000000000000000000000000000000000007", 7},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		double value = -77;
		if (!number_parse(cases[i].text, strlen(cases[i].text), &value)) {
			fail_msg("'%s' was refused", cases[i].text);
		}
		assert_near(value, cases[i].value, 0);
	}
}

static void everything_else_is_refused(void **state)
{
	(void)state;
	static const char *const cases[] = {"", " ", "1e400", "-1e400", "inf", "-inf", "nan", "NaN",
		"infinity", "0x10", "1,5", "1.5e", "1.5e+", "e5", ".", "-", "+", "--1", "1 2", "1@2", "1:2",
		"1\n", "\xd9\xa1", "u", "UU", "1.2.3", "1e5.5", "12abc", "''", "0b1", "1_000", "\v1"};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		double value = -77;
		if (number_parse(cases[i], strlen(cases[i]), &value)) {
			fail_msg("'%s' was read as %g", cases[i], value);
		}
		assert_near(value, -77, 0);
	}
	double value = -77;
	assert_false(number_parse("1\0002", 3, &value));
	char huge[5000];
	memset(huge, '1', sizeof(huge));
	assert_false(number_parse(huge, sizeof(huge), &value));
}

static void only_the_given_bytes_are_read(void **state)
{
	(void)state;
	double value;
	assert_true(number_parse("12345", 2, &value));
	assert_near(value, 12, 0);
	long long whole;
	assert_true(number_parse_int("12345", 3, 0, 1000, &whole));
	assert_int_equal(whole, 123);
}

static void the_locale_does_not_matter(void **state)
{
	(void)state;
	if (!setlocale(LC_ALL, "de_DE.UTF-8")) {
		setlocale(LC_ALL, "C.UTF-8");
	}
	double value;
	char text[NUMBER_TEXT];
	assert_true(number_parse("1.5", 3, &value));
	assert_near(value, 1.5, 0);
	assert_int_equal(number_format(1.5, text), 3);
	assert_string_equal(text, "1.5");
	setlocale(LC_ALL, "C");
}

static void whole_numbers_keep_their_range(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		long long least, greatest;
		bool good;
		long long value;
	} cases[] = {
		{"0", 0, 10, true, 0},
		{"10", 0, 10, true, 10},
		{"11", 0, 10, false, 0},
		{"-1", 0, 10, false, 0},
		{"-1", -1, 10, true, -1},
		{"9223372036854775807", 0, INT64_MAX, true, INT64_MAX},
		{"9223372036854775808", 0, INT64_MAX, false, 0},
		{"-9223372036854775808", INT64_MIN, 0, true, INT64_MIN},
		{"99999999999999999999999999", 0, INT64_MAX, false, 0},
		{"", 0, 10, false, 0},
		{"-", -10, 10, false, 0},
		{"+1", 0, 10, false, 0},
		{" 1", 0, 10, false, 0},
		{"1 ", 0, 10, false, 0},
		{"1.0", 0, 10, false, 0},
		{"0x1", 0, 10, false, 0},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		long long value = -77;
		bool good = number_parse_int(
			cases[i].text, strlen(cases[i].text), cases[i].least, cases[i].greatest, &value);
		if (good != cases[i].good) {
			fail_msg("'%s': %d", cases[i].text, good);
		}
		assert_int_equal(value, good ? cases[i].value : -77);
	}
}

static void numbers_are_written_shortest(void **state)
{
	(void)state;
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{0, "0"},
		{-3, "-3"},
		{0.1, "0.1"},
		{1.0 / 3, "0.3333333333333333"},
		{2.0 / 3 * 1e-5, "6.666666666666667e-06"},
		{123456789012345, "123456789012345"},
		{1e15, "1e+15"},
		{1e300, "1e+300"},
		{2.5, "2.5"},
		{NAN, "U"},
		{INFINITY, "U"},
		{-INFINITY, "U"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char text[NUMBER_TEXT];
		assert_int_equal(number_format(cases[i].value, text), strlen(cases[i].text));
		assert_string_equal(text, cases[i].text);
	}
}

static void what_is_written_reads_back_the_same(void **state)
{
	(void)state;
	uint64_t seed = 88172645463325252ULL;
	for (int i = 0; i < 20000; i++) {
		seed ^= seed << 13; /* xorshift64, Marsaglia 2003 */
		seed ^= seed >> 7;
		seed ^= seed << 17;
		double value;
		memcpy(&value, &seed, sizeof(value));
		if (!isfinite(value)) {
			continue;
		}
		char text[NUMBER_TEXT];
		size_t length = number_format(value, text);
		assert_true(length < NUMBER_TEXT && length == strlen(text));
		double back = 0;
		assert_true(number_parse(text, length, &back));
		assert_true(back == value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decimals_are_read),
		cmocka_unit_test(everything_else_is_refused),
		cmocka_unit_test(only_the_given_bytes_are_read),
		cmocka_unit_test(the_locale_does_not_matter),
		cmocka_unit_test(whole_numbers_keep_their_range),
		cmocka_unit_test(numbers_are_written_shortest),
		cmocka_unit_test(what_is_written_reads_back_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
