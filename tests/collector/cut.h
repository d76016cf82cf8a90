#pragma once
#include "base/attr.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/*
 * A parser of kernel text must get along with every beginning of it: whatever it makes of a text
 * that was cut short is unknown or what the whole text says, never half a number. The copy has
 * exactly the length that is told, so that a sanitizer sees a step too far.
 */
enum { CUT_VALUES = 32 };

typedef void (*cut_parse_fn)(const char *text, size_t length, double *values);

static inline void cut_parse(cut_parse_fn parse, const char *text, size_t length, double *values)
{
	char *copy = malloc(length ? length : 1);
	assert_non_null(copy);
	memcpy(copy, text, length);
	parse(length ? copy : NULL, length, values);
	free(copy);
}

static inline void cut_everywhere(cut_parse_fn parse, const char *text, size_t count)
{
	double whole[CUT_VALUES];
	double part[CUT_VALUES];
	assert_in_range(count, 1, CUT_VALUES);
	cut_parse(parse, text, strlen(text), whole);
	for (size_t length = 0; length < strlen(text); length++) {
		cut_parse(parse, text, length, part);
		for (size_t i = 0; i < count; i++) {
			if (!isnan(part[i]) && part[i] != whole[i]) {
				fail_msg("value %zu of the first %zu bytes is %g, of all %g", i, length, part[i],
					whole[i]);
			}
		}
	}
}

static inline void assert_values(
	cut_parse_fn parse, const char *text, const double *expected, size_t count)
{
	double values[CUT_VALUES];
	cut_parse(parse, text, strlen(text), values);
	for (size_t i = 0; i < count; i++) {
		if (!(isnan(values[i]) && isnan(expected[i])) && values[i] != expected[i]) {
			fail_msg(
				"value %zu is %.17g, expected %.17g, of \"%s\"", i, values[i], expected[i], text);
		}
	}
}

struct cut_case {
	const char *text;
	double values[CUT_VALUES];
};

static inline void assert_cases(
	cut_parse_fn parse, const struct cut_case *cases, size_t count, size_t values)
{
	for (size_t i = 0; i < count; i++) {
		assert_values(parse, cases[i].text, cases[i].values, values);
		cut_everywhere(parse, cases[i].text, values);
	}
}
