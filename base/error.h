#pragma once
#include "base/attr.h"

#include <stdarg.h>
#include <stdbool.h>

/*
 * The error value: one struct on the caller's stack, filled by the first function that fails. It
 * allocates nothing. Every function that takes a `struct error *` accepts NULL for "do not tell
 * me".
 */

/* What the caller can do about it; web/reply maps each to an HTTP status. */
enum error_kind {
	ERR_NONE = 0,
	ERR_CONFIG,      /* somebody has to correct a text: 400 */
	ERR_UNREACHABLE, /* try again later: 503 */
	ERR_TIMEOUT,     /* the deadline passed: 504 */
	ERR_PROTOCOL,    /* the peer does not keep its protocol: 502 */
	ERR_NOT_FOUND,   /* 404 */
	ERR_CONFLICT,    /* the state does not allow it now; also "queue full": 409 */
	ERR_DENIED,      /* 403 */
	ERR_STORAGE,     /* disk or database: 500 */
};

struct error {
	enum error_kind kind;
	char text[240];
};

/* Sets kind and text (cut at 239 bytes) and returns false, so that failing is one statement. */
bool error_set(struct error *err, enum error_kind kind, const char *format, ...) PRINTF_LIKE(3, 4);

/* As error_set, with `: strerror(number)` behind the text. */
bool error_errno(struct error *err, enum error_kind kind, int number, const char *format, ...)
	PRINTF_LIKE(4, 5);

/* Puts "TEXT: " before what is there already, keeps the kind, returns false. */
bool error_prefix(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* Name of the kind in lower case ("not_found"), for logs and JSON. */
const char *error_kind_name(enum error_kind kind);
