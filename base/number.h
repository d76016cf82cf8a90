#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Numbers as text, always in the C locale. Unknown is NaN in memory and "U" outside.
 */
enum { NUMBER_TEXT = 32 }; /* bytes that number_format() needs at most */

/*
 * Reads `length` bytes as one finite decimal ("12", "-0.5", "1.5e-7", "+3") or "U". Blanks around
 * it are allowed, nothing else: no hex, inf, nan, comma, "1.5e", empty text. A value beyond the
 * range of a double is refused. `*value` is untouched on failure.
 */
MUST_USE bool number_parse(const char *text, size_t length, double *value);

/* Whole decimal number in [least, greatest]; no blanks, no sign but '-'. */
MUST_USE bool number_parse_int(
	const char *text, size_t length, long long least, long long greatest, long long *value);

/* Shortest text that reads back as the same double; "U" for NaN and infinities. Returns the length.
 */
size_t number_format(double value, char text[NUMBER_TEXT]);
