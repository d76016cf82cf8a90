#include "web/reply.h"
#include "web/jsonout.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * Answers are data first: tests look at them without a socket, and one place turns them into
 * headers. The policy in reply_security_headers lets a page load nothing but our own files, run no
 * inline script and stand in nobody's frame.
 */
const struct reply_header reply_security_headers[] = {
	{"Content-Security-Policy",
		"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
		"connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri "
		"'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
		"trusted-types 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "same-origin"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"X-Frame-Options", "DENY"},
	{"Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"},
	{NULL, NULL},
};

static const struct {
	unsigned status;
	const char *reason;
} reasons[] = {
	{200, "OK"},
	{202, "Accepted"},
	{304, "Not Modified"},
	{307, "Temporary Redirect"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{417, "Expectation Failed"},
	{421, "Misdirected Request"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
	{505, "HTTP Version Not Supported"},
};

const char *reply_reason(unsigned status)
{
	for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++) {
		if (reasons[i].status == status) {
			return reasons[i].reason;
		}
	}
	return "Error";
}

unsigned reply_status_of(enum error_kind kind)
{
	switch (kind) {
	case ERR_CONFIG: return 400;
	case ERR_UNREACHABLE: return 503;
	case ERR_TIMEOUT: return 504;
	case ERR_PROTOCOL: return 502;
	case ERR_NOT_FOUND: return 404;
	case ERR_CONFLICT: return 409;
	case ERR_DENIED: return 403;
	default: return 500;
	}
}

void reply_finish(struct reply *reply)
{
	if (reply->body) {
		g_string_free(reply->body, TRUE);
	}
	g_free(reply->disposition);
	*reply = (struct reply){0};
}

GString *reply_text(struct reply *reply, unsigned status, const char *type)
{
	reply_finish(reply);
	reply->status = status;
	reply->type = type;
	reply->body = g_string_new(NULL);
	return reply->body;
}

GString *reply_json(struct reply *reply)
{
	GString *body = reply_text(reply, 200, "application/json");
	reply->etag = true;
	reply->cache = "no-cache";
	return body;
}

void reply_fixed(struct reply *reply, const char *type, const void *bytes, size_t length)
{
	reply_finish(reply);
	reply->status = 200;
	reply->type = type;
	reply->fixed = bytes;
	reply->fixed_length = length;
}

void reply_problem(struct reply *reply, unsigned status, const char *format, ...)
{
	va_list values;
	va_start(values, format);
	g_autofree char *detail = g_strdup_vprintf(format, values);
	va_end(values);
	GString *body = reply_text(reply, status, "application/problem+json");
	struct jsonout j = jsonout_begin(body);
	jsonout_open(&j, NULL, '{');
	jsonout_text(&j, "type", "about:blank");
	jsonout_text(&j, "title", reply_reason(status));
	jsonout_int(&j, "status", status);
	jsonout_text(&j, "detail", detail);
	jsonout_close(&j);
	if (status == 503) {
		reply->retry_after_s = 2;
	}
}

void reply_error(struct reply *reply, const struct error *err)
{
	reply_problem(reply, reply_status_of(err->kind), "%s", err->text);
}

void reply_etag(const void *bytes, size_t length, char etag[REPLY_ETAG])
{
	g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes, length);
	snprintf(etag, REPLY_ETAG, "\"%.16s\"", sum);
}

bool reply_etag_matches(const char *if_none_match, const char *etag)
{
	return if_none_match && (!strcmp(if_none_match, "*") || strstr(if_none_match, etag));
}
