#pragma once
#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/*
 * Writes JSON (RFC 8259) into a string, member by member, commas by itself. Text is escaped so that
 * it is inert in HTML too (<, >, &, U+2028); bytes that are not UTF-8 become U+FFFD; NaN becomes
 * null. `name` is NULL for elements of arrays and for the outermost value.
 *
 *     struct json j = json_begin(out);
 *     json_open(&j, NULL, '{');
 *     json_text(&j, "host", name);
 *     json_close(&j);
 */
enum { JSON_DEPTH_MAX = 16 };

struct json {
	GString *out;
	unsigned depth;
	bool more;                    /* something stands before: a comma is due */
	char closing[JSON_DEPTH_MAX]; /* ']' or '}' of each level */
};

struct json json_begin(GString *out);
void json_open(struct json *j, const char *name, char bracket); /* '{' or '[' */
void json_close(struct json *j);
void json_text(struct json *j, const char *name, const char *text); /* NULL: null */
void json_int(struct json *j, const char *name, int64_t value);
void json_number(struct json *j, const char *name, double value);
void json_bool(struct json *j, const char *name, bool value);
void json_none(struct json *j, const char *name);

/* Milliseconds since 1970 as RFC 3339 text; 0 is null. */
void json_moment(struct json *j, const char *name, int64_t ms);

/* A value that is JSON already. */
void json_raw(struct json *j, const char *name, const char *json);
