#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/*
 * An HTTP/1 response as it comes in (RFC 9112): status, the few headers a probe cares for, the body
 * up to a limit. Pure: takes the bytes that wait, says how many it used; the rest it wants to see
 * again with more behind. What is beyond the limits ends it, so that no peer can make it go on for
 * ever: a longer body counts as done (`cut`), a longer head as broken.
 */
enum {
	HTTP_TEXT_LINE_MAX = 8 << 10,  /* a line of the head or of a chunk's size */
	HTTP_TEXT_HEAD_MAX = 64 << 10, /* all lines of the head, interim responses included */
	HTTP_TEXT_INTERIM_MAX = 5,     /* "100 Continue" and its like */
	HTTP_TEXT_LOCATION_MAX = 2048,
};

enum http_text_state { HTTP_TEXT_MORE, HTTP_TEXT_DONE, HTTP_TEXT_BROKEN };

struct http_text {
	enum http_text_state state;
	int status;      /* 0: not read yet */
	bool keep;       /* the connection may be used for another request */
	bool cut;        /* there was more body than was kept */
	bool varnish;    /* it went through a Varnish (X-Varnish) */
	char reason[64]; /* "Not Found", raw but for control characters */
	char server[64]; /* of the header, alike; "" */
	char broken[64]; /* what is wrong with it */
	/* of the header, alike; a longer one is cut to its full length here */
	char location[HTTP_TEXT_LOCATION_MAX + 1];
	GString *body; /* what came, NUL behind it; its bytes are foreign */
	/* from here on the parser's own */
	size_t body_max, head_bytes;
	uint64_t left; /* bytes of body or chunk that are to come */
	unsigned interim;
	uint8_t step; /* enum http_text_step */
	bool chunked, sized, head_only, old;
};

/* Begins anew; `body_max` bytes of body are kept, `head_only`: the answer to HEAD has no body. The
 * first call takes a zeroed struct. */
void http_text_begin(struct http_text *text, size_t body_max, bool head_only);
void http_text_finish(struct http_text *text);

/* Uses bytes from the front, returns how many. Nothing is used once it is done or broken. */
size_t http_text_feed(struct http_text *text, const char *bytes, size_t length);

/* The peer closed: that ends a body of no stated length, and breaks everything else. */
void http_text_end(struct http_text *text);
