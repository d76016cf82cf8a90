#include "web/jsonout.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/number.h"
#include "base/text.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * The writer appends and never looks back: an answer of ten thousand values costs one pass. It
 * keeps track of brackets and commas, so that a handler cannot write something that is not JSON.
 */
struct jsonout jsonout_begin(GString *out)
{
	return (struct jsonout){.out = out};
}

static void append_unit(GString *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char escape[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
	g_string_append_len(out, escape, sizeof(escape));
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

static void append_ascii(GString *out, unsigned char c)
{
	if (c == '"' || c == '\\') {
		g_string_append_c(out, '\\');
		g_string_append_c(out, (char)c);
	} else if (c == '\n') {
		g_string_append(out, "\\n");
	} else {
		append_unit(out, c);
	}
}

static void append_text(GString *out, const char *text)
{
	size_t length = strlen(text);
	g_string_append_c(out, '"');
	for (size_t at = 0; at < length;) {
		size_t run = at;
		while (run < length && is_plain((unsigned char)text[run])) {
			run++;
		}
		g_string_append_len(out, text + at, (gssize)(run - at));
		at = run;
		if (at == length) {
			break;
		}
		size_t n = text_utf8_length(text + at, length - at);
		if (n == 1) {
			append_ascii(out, (unsigned char)text[at]);
		} else if (n == 3 && !memcmp(text + at, "\xe2\x80", 2) &&
				   ((unsigned char)text[at + 2] & 0xfe) == 0xa8) {
			g_string_append(out, text[at + 2] & 1 ? "\\u2029" : "\\u2028");
		} else if (n) {
			g_string_append_len(out, text + at, (gssize)n);
		} else {
			g_string_append(out, "\\ufffd");
			n = 1;
		}
		at += n;
	}
	g_string_append_c(out, '"');
}

static void prepare(struct jsonout *j, const char *name)
{
	if (j->more) {
		g_string_append_c(j->out, ',');
	}
	j->more = true;
	if (name) {
		append_text(j->out, name);
		g_string_append_c(j->out, ':');
	}
}

void jsonout_open(struct jsonout *j, const char *name, char bracket)
{
	assert(j->depth < JSONOUT_DEPTH_MAX);
	prepare(j, name);
	g_string_append_c(j->out, bracket);
	j->closing[j->depth++] = bracket == '{' ? '}' : ']';
	j->more = false;
}

void jsonout_close(struct jsonout *j)
{
	assert(j->depth > 0);
	g_string_append_c(j->out, j->closing[--j->depth]);
	j->more = true;
}

void jsonout_raw(struct jsonout *j, const char *name, const char *json)
{
	prepare(j, name);
	g_string_append(j->out, json);
}

void jsonout_null(struct jsonout *j, const char *name)
{
	jsonout_raw(j, name, "null");
}

void jsonout_bool(struct jsonout *j, const char *name, bool value)
{
	jsonout_raw(j, name, value ? "true" : "false");
}

void jsonout_text(struct jsonout *j, const char *name, const char *text)
{
	prepare(j, name);
	if (text) {
		append_text(j->out, text);
	} else {
		g_string_append(j->out, "null");
	}
}

void jsonout_int(struct jsonout *j, const char *name, int64_t value)
{
	prepare(j, name);
	g_string_append_printf(j->out, "%lld", (long long)value);
}

void jsonout_number(struct jsonout *j, const char *name, double value)
{
	char text[NUMBER_TEXT];
	number_format(value, text);
	jsonout_raw(j, name, text[0] == 'U' ? "null" : text);
}

/* `n` in decimal at the end of `text`; returns where it begins. */
static char *digits_of(uint64_t n, char *end)
{
	do {
		*--end = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	return end;
}

/*
 * Fixed notation of 1e-6 <= v < 1e15: v is scaled to a whole number of as many decimals as 12
 * significant digits allow (at most 12), printed, and trailing zeros are cut.
 */
static size_t format_fixed(double v, char text[40])
{
	static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
		1e12, 1e13, 1e14, 1e15, 1e16, 1e17};
	unsigned decimals = 11;
	for (unsigned i = 1; i <= 11 && v >= powers[i]; i++) {
		decimals--;
	}
	for (double small = v; small < 1 && decimals < 17; small *= 10) {
		decimals++;
	}
	uint64_t scaled = (uint64_t)(v * powers[decimals] + 0.5);
	while (decimals && scaled % 10 == 0) {
		scaled /= 10;
		decimals--;
	}
	char buffer[40];
	char *end = buffer + sizeof(buffer);
	char *at = digits_of(scaled, end);
	while ((size_t)(end - at) <= decimals) {
		*--at = '0';
	}
	size_t whole = (size_t)(end - at) - decimals;
	memcpy(text, at, whole);
	if (!decimals) {
		return whole;
	}
	text[whole] = '.';
	memcpy(text + whole + 1, at + whole, decimals);
	return whole + 1 + decimals;
}

size_t jsonout_format(double value, char text[JSONOUT_VALUE])
{
	double v = fabs(value);
	if (v >= 1e-6 && v < 1e15) {
		size_t sign = value < 0;
		text[0] = '-';
		return sign + format_fixed(v, text + sign);
	}
	if (!isfinite(value)) {
		return 0;
	}
	if (value == 0) {
		text[0] = '0';
		return 1;
	}
	return number_format(value, text);
}

void jsonout_value(struct jsonout *j, double value)
{
	char text[JSONOUT_VALUE];
	size_t length = jsonout_format(value, text);
	prepare(j, NULL);
	g_string_append_len(j->out, length ? text : "null", length ? (gssize)length : 4);
}

void jsonout_moment(struct jsonout *j, const char *name, int64_t ms)
{
	char text[32];
	jsonout_text(j, name, ms ? wall_format((struct wall){ms}, text) : NULL);
}
