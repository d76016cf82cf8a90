#include "web/json.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/number.h"
#include "base/text.h"

#include <assert.h>
#include <string.h>

#include "base/banned.h"

/*
 * The writer appends and never looks back: an answer of ten thousand values costs one pass. It
 * keeps track of brackets and commas, so that a handler cannot write something that is not JSON.
 */
struct json json_begin(GString *out)
{
	return (struct json){.out = out};
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

static void prepare(struct json *j, const char *name)
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

void json_open(struct json *j, const char *name, char bracket)
{
	assert(j->depth < JSON_DEPTH_MAX);
	prepare(j, name);
	g_string_append_c(j->out, bracket);
	j->closing[j->depth++] = bracket == '{' ? '}' : ']';
	j->more = false;
}

void json_close(struct json *j)
{
	assert(j->depth > 0);
	g_string_append_c(j->out, j->closing[--j->depth]);
	j->more = true;
}

void json_raw(struct json *j, const char *name, const char *json)
{
	prepare(j, name);
	g_string_append(j->out, json);
}

void json_none(struct json *j, const char *name)
{
	json_raw(j, name, "null");
}

void json_bool(struct json *j, const char *name, bool value)
{
	json_raw(j, name, value ? "true" : "false");
}

void json_text(struct json *j, const char *name, const char *text)
{
	prepare(j, name);
	if (text) {
		append_text(j->out, text);
	} else {
		g_string_append(j->out, "null");
	}
}

void json_int(struct json *j, const char *name, int64_t value)
{
	prepare(j, name);
	g_string_append_printf(j->out, "%lld", (long long)value);
}

void json_number(struct json *j, const char *name, double value)
{
	char text[NUMBER_TEXT];
	number_format(value, text);
	json_raw(j, name, text[0] == 'U' ? "null" : text);
}

void json_moment(struct json *j, const char *name, int64_t ms)
{
	char text[32];
	json_text(j, name, ms ? wall_format((struct wall){ms}, text) : NULL);
}
