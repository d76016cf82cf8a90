#include "collector/services/fastcgi.h"
#include "base/number.h"

#include <string.h>
#include <strings.h>

#include "base/banned.h"

/*
 * Records (FastCGI specification, 3.3): version, type, request, length of content and padding, 8
 * bytes before the content. A record is used as a whole, so the stream's buffer has to hold the
 * longest one, 8 + 65535 + 255 bytes.
 */
enum {
	FASTCGI_HEAD = 8,
	FASTCGI_BEGIN = 1,
	FASTCGI_END = 3,
	FASTCGI_PARAMS = 4,
	FASTCGI_STDIN = 5,
	FASTCGI_STDOUT = 6,
	FASTCGI_STDERR = 7,
	FASTCGI_RECORDS_MAX = 100000,
	FASTCGI_ID = 1,
};

static void fastcgi_record(GString *out, uint8_t type, const void *content, size_t length)
{
	const uint8_t head[FASTCGI_HEAD] = {
		1, type, 0, FASTCGI_ID, (uint8_t)(length >> 8), (uint8_t)length, 0, 0};
	g_string_append_len(out, (const char *)head, sizeof head);
	g_string_append_len(out, content, (gssize)length);
}

static void fastcgi_length(GString *out, size_t length)
{
	if (length > 127) {
		g_string_append_c(out, (char)(0x80 | (length >> 24)));
		g_string_append_c(out, (char)(length >> 16));
		g_string_append_c(out, (char)(length >> 8));
	}
	g_string_append_c(out, (char)length);
}

static void fastcgi_parameter(GString *out, const char *name, const char *value, size_t length)
{
	fastcgi_length(out, strlen(name));
	fastcgi_length(out, length);
	g_string_append(out, name);
	g_string_append_len(out, value, (gssize)length);
}

GString *fastcgi_request(const char *path)
{
	static const uint8_t begin[8] = {0, 1}; /* a responder; the connection closes behind it */
	const char *query = strchrnul(path, '?');
	size_t script = (size_t)(query - path);
	GString *parameters = g_string_new(NULL);
	GString *out = g_string_new(NULL);
	const struct {
		const char *name, *value;
		size_t length;
	} all[] = {
		{"GATEWAY_INTERFACE", "CGI/1.1", 7},
		{"SERVER_PROTOCOL", "HTTP/1.1", 8},
		{"SERVER_SOFTWARE", "magpie", 6},
		{"REQUEST_METHOD", "GET", 3},
		{"SCRIPT_NAME", path, script},
		{"SCRIPT_FILENAME", path, script},
		{"REQUEST_URI", path, strlen(path)},
		{"QUERY_STRING", *query ? query + 1 : "", *query ? strlen(query + 1) : 0},
		{"REMOTE_ADDR", "127.0.0.1", 9},
		{"SERVER_NAME", "localhost", 9},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
		fastcgi_parameter(parameters, all[i].name, all[i].value, all[i].length);
	}
	fastcgi_record(out, FASTCGI_BEGIN, begin, sizeof begin);
	fastcgi_record(out, FASTCGI_PARAMS, parameters->str, MIN(parameters->len, UINT16_MAX));
	fastcgi_record(out, FASTCGI_PARAMS, "", 0);
	fastcgi_record(out, FASTCGI_STDIN, "", 0);
	g_string_free(parameters, TRUE);
	return out;
}

void fastcgi_begin(struct fastcgi *f)
{
	GString *output = f->output ? f->output : g_string_new(NULL);
	g_string_truncate(output, 0);
	*f = (struct fastcgi){.output = output};
}

void fastcgi_finish(struct fastcgi *f)
{
	if (f->output) {
		g_string_free(f->output, TRUE);
		f->output = NULL;
	}
}

static void fastcgi_break(struct fastcgi *f, const char *what)
{
	f->broken = what;
	f->state = FASTCGI_BROKEN;
}

static void fastcgi_take(struct fastcgi *f, uint8_t type, const uint8_t *content, size_t length)
{
	size_t room = FASTCGI_OUTPUT_MAX - f->output->len;
	switch (type) {
	case FASTCGI_STDOUT:
		g_string_append_len(f->output, (const char *)content, (gssize)MIN(room, length));
		break;
	case FASTCGI_STDERR: break;
	case FASTCGI_END:
		if (length < 8) {
			fastcgi_break(f, "a record is too short");
			return;
		}
		f->refused = content[4];
		f->state = FASTCGI_DONE;
		break;
	default: fastcgi_break(f, "an unknown record came"); break;
	}
	if (f->state == FASTCGI_MORE && ++f->records > FASTCGI_RECORDS_MAX) {
		fastcgi_break(f, "answers without end");
	}
}

size_t fastcgi_feed(struct fastcgi *f, const uint8_t *bytes, size_t length)
{
	size_t at = 0;
	while (f->state == FASTCGI_MORE && length - at >= FASTCGI_HEAD) {
		const uint8_t *head = bytes + at;
		size_t content = (size_t)head[4] << 8 | head[5];
		size_t whole = FASTCGI_HEAD + content + head[6];
		if (head[0] != 1 || head[2] != 0 || head[3] != FASTCGI_ID) {
			fastcgi_break(f, "this is no FastCGI");
			break;
		}
		if (length - at < whole) {
			break;
		}
		fastcgi_take(f, head[1], head + FASTCGI_HEAD, content);
		at += whole;
	}
	return at;
}

static bool fastcgi_status(const char *line, size_t length, int *status)
{
	long long read;
	if (length < 11 || strncasecmp(line, "Status: ", 8) != 0 ||
		!number_parse_int(line + 8, 3, 100, 599, &read)) {
		return false;
	}
	*status = (int)read;
	return true;
}

bool fastcgi_page(const struct fastcgi *f, int *status, const char **page, size_t *length)
{
	const char *at = f->output->str, *end = at + f->output->len;
	*status = 200;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		if (!newline) {
			return false;
		}
		size_t line = (size_t)(newline - at);
		line -= line && at[line - 1] == '\r';
		if (!line) {
			*page = newline + 1;
			*length = (size_t)(end - *page);
			return true;
		}
		(void)fastcgi_status(at, line, status);
		at = newline + 1;
	}
	return false;
}
