#pragma once
#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/*
 * Writes JSON (RFC 8259) into a string, member by member, commas by itself. Text is escaped so that
 * it is inert in HTML too (<, >, &, U+2028); bytes that are not UTF-8 become U+FFFD; NaN becomes
 * null. `name` is NULL for elements of arrays and for the outermost value.
 *
 *     struct jsonout j = jsonout_begin(out);
 *     jsonout_open(&j, NULL, '{');
 *     jsonout_text(&j, "host", name);
 *     jsonout_close(&j);
 */
enum { JSONOUT_DEPTH_MAX = 16 };

struct jsonout {
	GString *out;
	unsigned depth;
	bool more;                       /* something stands before: a comma is due */
	char closing[JSONOUT_DEPTH_MAX]; /* ']' or '}' of each level */
};

struct jsonout jsonout_begin(GString *out);
void jsonout_open(struct jsonout *j, const char *name, char bracket); /* '{' or '[' */
void jsonout_close(struct jsonout *j);
void jsonout_text(struct jsonout *j, const char *name, const char *text); /* NULL: null */
void jsonout_int(struct jsonout *j, const char *name, int64_t value);
void jsonout_number(struct jsonout *j, const char *name, double value);

/* At most 12 significant digits, and fast: for long columns of values. NaN is null. */
void jsonout_value(struct jsonout *j, double value);

/* The same as text, without NUL; returns the length, 0 for NaN and infinities. */
enum { JSONOUT_VALUE = 48 };
size_t jsonout_format(double value, char text[JSONOUT_VALUE]);
void jsonout_bool(struct jsonout *j, const char *name, bool value);
void jsonout_null(struct jsonout *j, const char *name);

/* Milliseconds since 1970 as RFC 3339 text; 0 is null. */
void jsonout_moment(struct jsonout *j, const char *name, int64_t ms);

/* A value that is JSON already. */
void jsonout_raw(struct jsonout *j, const char *name, const char *json);
