#include "base/quantity.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

static bool read_text(const char *text, struct diag_list *list, struct quantity *q)
{
	struct diag_source source = {"t", text, strlen(text)};
	struct lexer lexer;
	lexer_init(&lexer, &source, list);
	return quantity_read(&lexer.token, &source, list, q);
}

static void numbers_are_read_in_canonical_units(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		double value;
		enum dimension dimension;
		int per_time;
	} cases[] = {
		{"5", 5, DIMENSION_COUNT, 0},
		{"5k", 5000, DIMENSION_COUNT, 0},
		{"1.5Ki", 1536, DIMENSION_COUNT, 0},
		{"92%", 92 * 0.01, DIMENSION_RATIO, 0},
		{"1h30m", 5400, DIMENSION_TIME, 0},
		{"500ms", 0.5, DIMENSION_TIME, 0},
		{"2w", 1209600, DIMENSION_TIME, 0},
		{"500MB", 5e8, DIMENSION_INFORMATION, 0},
		{"8bit", 1, DIMENSION_INFORMATION, 0},
		{"100Mbit/s", 12.5e6, DIMENSION_INFORMATION, 1},
		{"10/s", 10, DIMENSION_COUNT, 1},
		{"60/m", 1, DIMENSION_COUNT, 1},
		{"0/s/s", 0, DIMENSION_COUNT, 2},
		{"32F", 0, DIMENSION_TEMPERATURE, 0},
		{"212F", 100, DIMENSION_TEMPERATURE, 0},
		{"900rpm", 900, DIMENSION_ROTATION, 0},
		{"0.5s/s", 0.5, DIMENSION_RATIO, 0},
		{"2kWh", 7.2e6, DIMENSION_ENERGY, 0},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		AUTO(diag_list) list = diag_list_create();
		struct quantity q;
		assert_true(read_text(cases[i].text, list, &q));
		assert_true(fabs(q.value - cases[i].value) < 1e-9);
		assert_int_equal(q.unit.dimension, cases[i].dimension);
		assert_int_equal(q.unit.per_time, cases[i].per_time);
		assert_int_equal(diag_errors(list), 0);
	}
}

static void wrong_numbers_are_refused_with_a_proposal(void **state)
{
	(void)state;
	static const struct {
		const char *text, *code, *fix;
	} cases[] = {
		{"10mins", "E006", "10m"},
		{"10K", "E007", "10k"},
		{"5xyz", "E006", NULL},
		{"10KB", "E006", "10kB"},
		{"3mb", "E006", "3MB"},
		{"1.2.3", "E005", NULL},
		{"5.", "E005", NULL},
		{"1e5", "E005", NULL},
		{"0x10", "E005", NULL},
		{"1h30", "E005", NULL},
		{"1MB5s", "E005", NULL},
		{"10.0.0.1", "E005", NULL},
		{"1h5x", "E006", NULL},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		AUTO(diag_list) list = diag_list_create();
		struct quantity q;
		assert_false(read_text(cases[i].text, list, &q));
		assert_int_equal(diag_count(list), 1);
		const struct diag *d = diag_at(list, 0);
		assert_string_equal(d->code, cases[i].code);
		assert_int_equal(d->place.column, 1);
		if (cases[i].fix) {
			assert_true(d->fixes->len >= 1);
			assert_string_equal(
				((struct diag_fix *)g_ptr_array_index(d->fixes, 0))->text, cases[i].fix);
		}
	}
}

static void durations_are_times_and_positive(void **state)
{
	(void)state;
	static const struct {
		const char *text, *code;
		int64_t ms;
	} cases[] = {{"10m", NULL, 600000}, {"1ms", NULL, 1}, {"10", "E406", 0}, {"5MB", "E406", 0},
		{"0s", "E407", 0}, {"9999w", "E407", 0}, {"10/s", "E406", 0}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		AUTO(diag_list) list = diag_list_create();
		struct diag_source source = {"t", cases[i].text, strlen(cases[i].text)};
		struct lexer lexer;
		lexer_init(&lexer, &source, list);
		int64_t ms = 0;
		bool ok = quantity_read_duration(&lexer.token, &source, list, &ms);
		assert_int_equal(ok, !cases[i].code);
		assert_int_equal(ms, cases[i].ms);
		if (cases[i].code) {
			assert_string_equal(diag_at(list, 0)->code, cases[i].code);
		}
	}
}

static void values_are_written_for_people(void **state)
{
	(void)state;
	static const struct {
		double value;
		struct unit unit;
		const char *text;
	} cases[] = {
		{0.975, {DIMENSION_RATIO, 0}, "97.5 %"},
		{92 * 0.01, {DIMENSION_RATIO, 0}, "92 %"},
		{0.9281, {DIMENSION_RATIO, 0}, "92.8 %"},
		{1536, {DIMENSION_INFORMATION, 0}, "1.5 KiB"},
		{3.2e6, {DIMENSION_INFORMATION, 1}, "3.2 MB/s"},
		{750, {DIMENSION_TIME, 0}, "12m30s"},
		{93784, {DIMENSION_TIME, 0}, "1d2h"},
		{0.25, {DIMENSION_TIME, 0}, "250 ms"},
		{12, {DIMENSION_TIME, 0}, "12 s"},
		{0, {DIMENSION_TIME, 0}, "0 s"},
		{8.5, {DIMENSION_COUNT, 0}, "8.5"},
		{4096, {DIMENSION_COUNT, 0}, "4096"},
		{123456, {DIMENSION_COUNT, 0}, "123 k"},
		{10, {DIMENSION_COUNT, 1}, "10/s"},
		{48.25, {DIMENSION_TEMPERATURE, 0}, "48.2 °C"},
		{NAN, {DIMENSION_COUNT, 0}, "unknown"},
		{0, {DIMENSION_COUNT, 0}, "0"},
		{0.99999, {DIMENSION_RATIO, 0}, "100 %"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		GString *out = g_string_new(NULL);
		quantity_format(cases[i].value, cases[i].unit, out);
		assert_string_equal(out->str, cases[i].text);
		g_string_free(out, TRUE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_in_canonical_units),
		cmocka_unit_test(wrong_numbers_are_refused_with_a_proposal),
		cmocka_unit_test(durations_are_times_and_positive),
		cmocka_unit_test(values_are_written_for_people),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
