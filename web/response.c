#include "web/response.h"
#include "base/auto.h"
#include "web/httpdate.h"

#include <stdio.h>
#include <string.h>

#include <microhttpd.h>
#include <zlib.h>

#include "base/banned.h"

/*
 * From a reply to the library's response: whether the client has it already (304), whether it is
 * sent compressed, and the headers.
 */
enum { GZIP_LEAST = 8192, GZIP_MOST = 4 << 20 }; /* beyond it the time is not worth it */

static bool compress_body(struct reply *reply)
{
	uLong bound = compressBound(reply->body->len) + 32;
	char *out = g_malloc(bound);
	z_stream z = {0};
	if (deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		g_free(out);
		return false;
	}
	z.next_in = (Bytef *)reply->body->str;
	z.avail_in = (uInt)reply->body->len;
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)bound;
	bool good = deflate(&z, Z_FINISH) == Z_STREAM_END;
	if (good) {
		g_string_truncate(reply->body, 0);
		g_string_append_len(reply->body, out, (gssize)z.total_out);
		reply->gzipped = true;
	}
	deflateEnd(&z);
	g_free(out);
	return good;
}

/* The few clients that do not take gzip get embedded files unpacked. */
static void unpack_fixed(struct reply *reply)
{
	GString *body = g_string_new(NULL);
	z_stream z = {0};
	char chunk[16384];
	int code = inflateInit2(&z, 15 + 16);
	z.next_in = (Bytef *)reply->fixed;
	z.avail_in = (uInt)reply->fixed_length;
	while (code == Z_OK) {
		z.next_out = (Bytef *)chunk;
		z.avail_out = sizeof(chunk);
		code = inflate(&z, Z_NO_FLUSH);
		g_string_append_len(body, chunk, (gssize)(sizeof(chunk) - z.avail_out));
	}
	inflateEnd(&z);
	reply->fixed = NULL;
	reply->body = body;
	reply->gzipped = false;
}

struct MHD_Response *response_create(struct reply *reply)
{
	if (reply->body) {
		size_t length = reply->body->len;
		char *bytes = g_string_free(STEAL(reply->body), FALSE);
		return MHD_create_response_from_buffer_with_free_callback(length, bytes, g_free);
	}
	return MHD_create_response_from_buffer(
		reply->fixed ? reply->fixed_length : 0, (void *)reply->fixed, MHD_RESPMEM_PERSISTENT);
}

static void add_times(struct MHD_Response *response, const struct reply *reply)
{
	char text[HTTPDATE_TEXT];
	if (reply->modified_s) {
		httpdate_format(reply->modified_s, text);
		MHD_add_response_header(response, "Last-Modified", text);
	}
	if (reply->expires_s) {
		httpdate_format(reply->expires_s, text);
		MHD_add_response_header(response, "Expires", text);
	}
}

void response_add_headers(
	struct MHD_Response *response, const struct reply *reply, const char *etag)
{
	for (const struct reply_header *h = reply_security_headers; h->name; h++) {
		MHD_add_response_header(response, h->name, h->value);
	}
	const char *otherwise = reply->expires_s ? "private" : "no-store";
	MHD_add_response_header(response, "Cache-Control", reply->cache ? reply->cache : otherwise);
	if (reply->type) {
		MHD_add_response_header(response, "Content-Type", reply->type);
	}
	if (*etag) {
		MHD_add_response_header(response, "ETag", etag);
	}
	add_times(response, reply);
	if (reply->gzipped) {
		MHD_add_response_header(response, "Content-Encoding", "gzip");
	}
	if (!reply->source.read) {
		MHD_add_response_header(response, "Vary", "Accept-Encoding");
	}
	if (reply->location) {
		MHD_add_response_header(response, "Location", reply->location);
	}
	if (reply->allow) {
		MHD_add_response_header(response, "Allow", reply->allow);
	}
	if (reply->source.read) {
		MHD_add_response_header(response, "X-Accel-Buffering", "no");
	}
	if (reply->expected_bytes) {
		g_autofree char *value = g_strdup_printf("%zu", reply->expected_bytes);
		MHD_add_response_header(response, "Magpie-Expected-Bytes", value);
	}
	if (reply->disposition) {
		g_autofree char *value = g_strdup_printf("inline; filename=\"%s\"", reply->disposition);
		MHD_add_response_header(response, "Content-Disposition", value);
	}
	if (reply->retry_after_s) {
		g_autofree char *value = g_strdup_printf("%u", reply->retry_after_s);
		MHD_add_response_header(response, "Retry-After", value);
	}
	if (reply->close) {
		MHD_add_response_header(response, "Connection", "close");
	}
}

void response_prepare(struct reply *reply, const struct request *request, char etag[REPLY_ETAG])
{
	const void *bytes = reply->fixed ? reply->fixed : reply->body ? reply->body->str : NULL;
	etag[0] = '\0';
	if (reply->tag[0] && (reply->status == 200 || reply->status == 304)) {
		snprintf(etag, REPLY_ETAG, "W/%s", reply->tag);
	}
	if (reply->etag && bytes && reply->status == 200) {
		reply_etag(bytes, reply->fixed ? reply->fixed_length : reply->body->len, etag);
		if (reply_etag_matches(request->if_none_match, etag)) {
			reply->status = 304;
			reply->fixed = NULL;
			reply->gzipped = false;
			if (reply->body) {
				g_string_free(STEAL(reply->body), TRUE);
			}
			return;
		}
	}
	if (reply->fixed && reply->gzipped && !request->accept_gzip) {
		unpack_fixed(reply);
	} else if (reply->body && reply->body->len >= GZIP_LEAST && reply->body->len <= GZIP_MOST &&
			   !reply->gzipped && request->accept_gzip && reply->type &&
			   (strstr(reply->type, "json") || !strncmp(reply->type, "text/", 5))) {
		(void)compress_body(reply);
	}
}
