#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/*
 * Redis's protocol (RESP2; redis.io, "Redis serialization protocol"): requests as arrays of texts,
 * replies of the kinds that the commands of a probe are answered with. Pure.
 */
enum { RESP_TEXT_MAX = 512 << 10 }; /* bytes of one reply; a longer one is no reply */

enum resp_kind {
	RESP_STATUS, /* +OK */
	RESP_ERROR,  /* -ERR what is wrong */
	RESP_NUMBER, /* :12 */
	RESP_BULK,   /* $5 hello */
	RESP_NULL,   /* $-1 */
};

/* Points into the parsed bytes; not ended by NUL. */
struct resp_value {
	enum resp_kind kind;
	const char *text;
	size_t length;
};

enum resp_result { RESP_MORE, RESP_DONE, RESP_BROKEN };

/* The first reply in `bytes`: DONE sets `*value` and how many bytes were `*used`; MORE: it is not
 * whole yet; BROKEN: this is no reply of Redis (arrays are not asked for, so they count as such).
 */
MUST_USE enum resp_result resp_parse(
	const char *bytes, size_t length, struct resp_value *value, size_t *used);

/* Appends a request. */
void resp_append(GString *out, const char *const *words, size_t count);

/* Whether an error's first word is this one. */
bool resp_is_error(const struct resp_value *value, const char *code);
