#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/*
 * One request of FastCGI 1.0, as a client: what is sent, and the reading of the answer. Pure. The
 * answer's output is a CGI response: headers, a blank line, the page.
 */
enum { FASTCGI_OUTPUT_MAX = 64 << 10 };

enum fastcgi_state { FASTCGI_MORE, FASTCGI_DONE, FASTCGI_BROKEN };

struct fastcgi {
	enum fastcgi_state state;
	GString *output;    /* standard output, cut at FASTCGI_OUTPUT_MAX */
	uint8_t refused;    /* protocol status: 0 complete, 1 one request at a time, 2 overloaded, 3
						   unknown role */
	const char *broken; /* a literal */
	uint32_t records;   /* read so far */
};

/* A GET of the path (its query behind "?"), ready to be sent. The caller frees it. */
GString *fastcgi_request(const char *path);

/* Begins anew; the first call takes a zeroed struct. */
void fastcgi_begin(struct fastcgi *f);
void fastcgi_finish(struct fastcgi *f);

/* Uses whole records from the front, returns the bytes used; the rest it wants to see again. */
size_t fastcgi_feed(struct fastcgi *f, const uint8_t *bytes, size_t length);

/* Status of the CGI response (200 if it names none) and its page. False: it has no end of headers.
 */
MUST_USE bool fastcgi_page(const struct fastcgi *f, int *status, const char **page, size_t *length);
