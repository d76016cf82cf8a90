#include "collector/services/http_text.h"
#include "base/number.h"

#include <string.h>
#include <strings.h>

#include "base/banned.h"

/*
 * Steps: status line -> headers -> body (counted, chunked, or up to the end). Only whole lines are
 * used; a line that does not end within its limit breaks the response. Chunked wins over a length
 * (RFC 9112, 6.3), two lengths that differ break it.
 */
enum http_text_step {
	HTTP_STEP_STATUS,
	HTTP_STEP_HEADER,
	HTTP_STEP_COUNTED,
	HTTP_STEP_OPEN, /* body up to the end of the connection */
	HTTP_STEP_CHUNK_SIZE,
	HTTP_STEP_CHUNK,
	HTTP_STEP_CHUNK_END,
	HTTP_STEP_TRAILER,
};

void http_text_begin(struct http_text *text, size_t body_max, bool head_only)
{
	GString *body = text->body ? text->body : g_string_new(NULL);
	g_string_truncate(body, 0);
	text->state = HTTP_TEXT_MORE;
	text->status = 0;
	text->keep = true;
	text->cut = text->varnish = false;
	text->reason[0] = text->server[0] = text->broken[0] = '\0';
	text->body = body;
	text->body_max = body_max;
	text->location[0] = '\0';
	text->head_bytes = 0;
	text->left = 0;
	text->interim = 0;
	text->step = HTTP_STEP_STATUS;
	text->chunked = text->sized = text->old = false;
	text->head_only = head_only;
}

void http_text_finish(struct http_text *text)
{
	if (text->body) {
		g_string_free(text->body, TRUE);
		text->body = NULL;
	}
}

static void http_text_break(struct http_text *text, const char *what)
{
	g_strlcpy(text->broken, what, sizeof text->broken);
	text->state = HTTP_TEXT_BROKEN;
	text->keep = false;
}

static void http_text_done(struct http_text *text)
{
	text->state = HTTP_TEXT_DONE;
}

static void http_text_keep_word(char *out, size_t size, const char *from, size_t length)
{
	size_t n = 0;
	for (size_t i = 0; i < length && n + 1 < size; i++) {
		out[n++] = (unsigned char)from[i] < 0x20 || from[i] == 0x7f ? ' ' : from[i];
	}
	out[n] = '\0';
}

static bool http_text_number(const char *from, size_t length, uint64_t *value)
{
	long long read;
	if (!length || from[0] == '-' || !number_parse_int(from, length, 0, INT64_MAX, &read)) {
		return false;
	}
	*value = (uint64_t)read;
	return true;
}

static void http_text_status(struct http_text *text, const char *line, size_t length)
{
	long long status;
	bool good = length >= 12 && !memcmp(line, "HTTP/1.", 7) && (line[7] == '0' || line[7] == '1') &&
				line[8] == ' ' && number_parse_int(line + 9, 3, 100, 599, &status) &&
				(length == 12 || line[12] == ' ');
	if (!good) {
		http_text_break(text, "this is no HTTP response");
		return;
	}
	text->status = (int)status;
	text->old = line[7] == '0';
	text->keep = !text->old;
	http_text_keep_word(
		text->reason, sizeof text->reason, line + MIN(13, length), length - MIN(13, length));
	text->step = HTTP_STEP_HEADER;
}

/* Behind the head: which kind of body follows. */
static void http_text_body(struct http_text *text)
{
	if (text->status < 200) {
		if (text->status == 101 || ++text->interim > HTTP_TEXT_INTERIM_MAX) {
			http_text_break(text, "interim responses without end");
			return;
		}
		text->chunked = text->sized = false;
		text->step = HTTP_STEP_STATUS;
	} else if (text->head_only || text->status == 204 || text->status == 304) {
		http_text_done(text);
	} else if (text->chunked) {
		text->step = HTTP_STEP_CHUNK_SIZE;
	} else if (!text->sized) {
		text->keep = false;
		text->step = HTTP_STEP_OPEN;
	} else if (!text->left) {
		http_text_done(text);
	} else {
		text->step = HTTP_STEP_COUNTED;
	}
}

static bool http_text_is(const char *name, size_t length, const char *what)
{
	return strlen(what) == length && !strncasecmp(name, what, length);
}

static void http_text_header(struct http_text *text, const char *line, size_t length)
{
	if (!length) {
		http_text_body(text);
		return;
	}
	const char *colon = memchr(line, ':', length);
	if (line[0] == ' ' || line[0] == '\t') {
		return; /* a folded line: of no header a probe reads */
	}
	if (!colon || colon == line) {
		http_text_break(text, "a line of the head is no header");
		return;
	}
	size_t name = (size_t)(colon - line);
	const char *value = colon + 1, *end = line + length;
	while (value < end && (*value == ' ' || *value == '\t')) {
		value++;
	}
	while (end > value && (end[-1] == ' ' || end[-1] == '\t')) {
		end--;
	}
	size_t rest = (size_t)(end - value);
	if (http_text_is(line, name, "Content-Length")) {
		uint64_t size;
		if (!http_text_number(value, rest, &size) || (text->sized && size != text->left)) {
			http_text_break(text, "Content-Length makes no sense");
			return;
		}
		text->sized = true;
		text->left = size;
	} else if (http_text_is(line, name, "Transfer-Encoding")) {
		text->chunked = http_text_is(value, rest, "chunked");
		if (!text->chunked) {
			http_text_break(text, "unknown Transfer-Encoding");
		}
	} else if (http_text_is(line, name, "Connection")) {
		text->keep = http_text_is(value, rest, "keep-alive") ||
					 (!text->old && !http_text_is(value, rest, "close"));
	} else if (http_text_is(line, name, "X-Varnish")) {
		text->varnish = true;
	} else if (http_text_is(line, name, "Server")) {
		http_text_keep_word(text->server, sizeof text->server, value, rest);
	} else if (http_text_is(line, name, "Location")) {
		http_text_keep_word(text->location, sizeof text->location, value, rest);
	}
}

static void http_text_chunk_size(struct http_text *text, const char *line, size_t length)
{
	uint64_t size = 0;
	size_t i = 0;
	for (; i < length && g_ascii_isxdigit(line[i]); i++) {
		size = size * 16 + (uint64_t)g_ascii_xdigit_value(line[i]);
		if (i >= 12) {
			break;
		}
	}
	if (!i || i >= 12 || (i < length && !strchr("; \t", line[i]))) {
		http_text_break(text, "the size of a chunk makes no sense");
		return;
	}
	text->left = size;
	text->step = size ? HTTP_STEP_CHUNK : HTTP_STEP_TRAILER;
}

static void http_text_line(struct http_text *text, const char *line, size_t length)
{
	switch ((enum http_text_step)text->step) {
	case HTTP_STEP_STATUS: http_text_status(text, line, length); break;
	case HTTP_STEP_HEADER: http_text_header(text, line, length); break;
	case HTTP_STEP_CHUNK_SIZE: http_text_chunk_size(text, line, length); break;
	case HTTP_STEP_CHUNK_END:
		if (length) {
			http_text_break(text, "a chunk is longer than its size");
		}
		text->step = HTTP_STEP_CHUNK_SIZE;
		break;
	case HTTP_STEP_TRAILER:
		if (!length) {
			http_text_done(text);
		}
		break;
	case HTTP_STEP_COUNTED:
	case HTTP_STEP_OPEN:
	case HTTP_STEP_CHUNK: break;
	}
}

/* One line; 0: it is not whole yet. */
static size_t http_text_feed_line(struct http_text *text, const char *bytes, size_t length)
{
	const char *end = memchr(bytes, '\n', MIN(length, HTTP_TEXT_LINE_MAX));
	size_t used = end ? (size_t)(end - bytes) + 1 : 0;
	if (!used && length >= HTTP_TEXT_LINE_MAX) {
		http_text_break(text, "a line of the head is too long");
		return 0;
	}
	/* chunk sizes count as well: a body of endless tiny chunks comes to an end */
	text->head_bytes += used;
	if (text->head_bytes > HTTP_TEXT_HEAD_MAX) {
		http_text_break(text, "the head is too long");
		return used;
	}
	if (used) {
		size_t line = used - 1;
		http_text_line(text, bytes, line && bytes[line - 1] == '\r' ? line - 1 : line);
	}
	return used;
}

static size_t http_text_feed_body(struct http_text *text, const char *bytes, size_t length)
{
	bool open = text->step == HTTP_STEP_OPEN;
	size_t used = open ? length : (size_t)MIN((uint64_t)length, text->left);
	size_t room = text->body_max - text->body->len;
	g_string_append_len(text->body, bytes, (gssize)MIN(used, room));
	if (used > room) {
		text->cut = true;
		text->keep = false;
		http_text_done(text);
		return used;
	}
	if (!open) {
		text->left -= used;
	}
	if (!open && !text->left) {
		if (text->step == HTTP_STEP_COUNTED) {
			http_text_done(text);
		} else {
			text->step = HTTP_STEP_CHUNK_END;
		}
	}
	return used;
}

size_t http_text_feed(struct http_text *text, const char *bytes, size_t length)
{
	size_t at = 0;
	while (text->state == HTTP_TEXT_MORE && at < length) {
		bool body = text->step == HTTP_STEP_COUNTED || text->step == HTTP_STEP_OPEN ||
					text->step == HTTP_STEP_CHUNK;
		size_t used = body ? http_text_feed_body(text, bytes + at, length - at)
						   : http_text_feed_line(text, bytes + at, length - at);
		if (!used) {
			break;
		}
		at += used;
	}
	return at;
}

void http_text_end(struct http_text *text)
{
	if (text->state == HTTP_TEXT_MORE && text->step == HTTP_STEP_OPEN) {
		http_text_done(text);
	} else if (text->state == HTTP_TEXT_MORE) {
		http_text_break(text, text->status ? "the answer broke off" : "closed without an answer");
	}
	text->keep = false;
}
