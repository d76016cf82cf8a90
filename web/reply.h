#pragma once
#include "base/attr.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <glib.h>

/*
 * What is answered to a request, before it becomes bytes: status, type, content. Handlers fill one;
 * web/server sends it, with the security headers that every answer carries.
 */

/* Content that is made while it is sent (the event stream). */
struct reply_source {
	/* Copies up to `room` bytes; 0: nothing now (call exchange_wake() later); -1: the end;
	 * REPLY_SOURCE_BROKEN: it cannot go on, the client must see that this was not the end. */
	ssize_t (*read)(void *owner, char *buffer, size_t room);
	/* The client is gone, or the end was sent; `owner` will not be used again. */
	void (*closed)(void *owner);
	void *owner;
	bool finite; /* has an end, so that none before it may look like it */
};

enum { REPLY_SOURCE_BROKEN = -2 };

struct reply {
	unsigned status;
	const char *type;    /* a literal */
	GString *body;       /* owned; or */
	const void *fixed;   /* bytes that live as long as the program, */
	size_t fixed_length; /* or */
	struct reply_source source;
	bool gzipped;           /* the content is gzip already */
	bool etag;              /* make an ETag of the content, answer 304 if the client has it */
	char tag[20];           /* an ETag made by the handler, weak, in quotes; "": none */
	int64_t modified_s;     /* Last-Modified; 0: not told */
	int64_t expires_s;      /* Expires; 0: not told */
	char *disposition;      /* g_malloc: file name to be saved as, plain characters only */
	const char *cache;      /* Cache-Control; NULL: "no-store" */
	const char *location;   /* a path of ours that lives as long as the program; with 30x */
	const char *allow;      /* a literal: the methods there are; with 405 */
	unsigned retry_after_s; /* 0: none */
	size_t expected_bytes;  /* of a source, roughly, for those who wait; 0: not told */
	bool close;             /* close the connection afterwards */
};

void reply_finish(struct reply *reply);

/* Drops what is in it and makes it an answer of that type; the body to be filled is returned. */
GString *reply_text(struct reply *reply, unsigned status, const char *type);
GString *reply_json(struct reply *reply);

/* application/problem+json (RFC 9457). `detail` may hold text from outside. */
void reply_problem(struct reply *reply, unsigned status, const char *format, ...) PRINTF_LIKE(3, 4);
void reply_error(struct reply *reply, const struct error *err);

/* Bytes that live as long as the program. */
void reply_fixed(struct reply *reply, const char *type, const void *bytes, size_t length);

/* "Not Found" …; the standard words of a status. */
const char *reply_reason(unsigned status);

unsigned reply_status_of(enum error_kind kind);

/* First 16 hex digits of the SHA-256 of the content, in quotes; with room for "W/" before it. */
enum { REPLY_ETAG = 24 };
void reply_etag(const void *bytes, size_t length, char etag[REPLY_ETAG]);

/* Whether an If-None-Match value (may be NULL) names `etag`, weak or strong. */
bool reply_etag_matches(const char *if_none_match, const char *etag);

/* Header name and value, for every answer; ends with {NULL, NULL}. */
struct reply_header {
	const char *name, *value;
};
extern const struct reply_header reply_security_headers[];
