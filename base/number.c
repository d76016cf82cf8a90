#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * Everything that enters as a number passes here (hostile 18): the shape is checked by hand first,
 * because every strtod accepts far more than a munin-node may say. The conversion itself is GLib's,
 * which ignores the locale.
 */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static size_t skip_digits(const char *text, size_t length, size_t at)
{
	while (at < length && text[at] >= '0' && text[at] <= '9') {
		at++;
	}
	return at;
}

/* [+-] digits [. digits] [e [+-] digits], at least one digit before or behind the dot. */
static bool decimal_shape(const char *text, size_t length)
{
	size_t at = length && (text[0] == '-' || text[0] == '+') ? 1 : 0;
	size_t whole = skip_digits(text, length, at);
	size_t digits = whole - at;
	at = whole;
	if (at < length && text[at] == '.') {
		size_t end = skip_digits(text, length, at + 1);
		digits += end - at - 1;
		at = end;
	}
	if (!digits) {
		return false;
	}
	if (at < length && (text[at] == 'e' || text[at] == 'E')) {
		at++;
		at += at < length && (text[at] == '-' || text[at] == '+') ? 1 : 0;
		size_t end = skip_digits(text, length, at);
		if (end == at) {
			return false;
		}
		at = end;
	}
	return at == length;
}

bool number_parse(const char *text, size_t length, double *value)
{
	while (length && is_blank(*text)) {
		text++;
		length--;
	}
	while (length && is_blank(text[length - 1])) {
		length--;
	}
	if (length == 1 && *text == 'U') {
		*value = NAN;
		return true;
	}
	char copy[400];
	if (length >= sizeof(copy) || !decimal_shape(text, length)) {
		return false;
	}
	memcpy(copy, text, length);
	copy[length] = '\0';
	double parsed = g_ascii_strtod(copy, NULL);
	if (!isfinite(parsed)) {
		return false;
	}
	*value = parsed;
	return true;
}

bool number_parse_int(
	const char *text, size_t length, long long least, long long greatest, long long *value)
{
	char copy[24];
	size_t at = length && text[0] == '-' ? 1 : 0;
	if (length >= sizeof(copy) || at == length || skip_digits(text, length, at) != length) {
		return false;
	}
	memcpy(copy, text, length);
	copy[length] = '\0';
	errno = 0;
	long long parsed = strtoll(copy, NULL, 10);
	if (errno || parsed < least || parsed > greatest) {
		return false;
	}
	*value = parsed;
	return true;
}

size_t number_format(double value, char text[NUMBER_TEXT])
{
	if (!isfinite(value)) {
		memcpy(text, "U", 2);
		return 1;
	}
	if (value == trunc(value) && fabs(value) < 1e15) {
		return (size_t)snprintf(text, NUMBER_TEXT, "%lld", (long long)value);
	}
	for (int digits = 15; digits <= 17; digits++) {
		char format[8] = {'%', '.', '1', (char)('0' + digits % 10), 'g', '\0'};
		g_ascii_formatd(text, NUMBER_TEXT, format, value);
		if (g_ascii_strtod(text, NULL) == value) {
			break;
		}
	}
	return strlen(text);
}
