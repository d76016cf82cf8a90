#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The raw check of a request's head, before any HTTP library sees it: what is ambiguous, or not
 * exactly as RFC 9112 has it, is refused. Pure; reads memory.
 */
enum {
	HEAD_MAX_BYTES = 16384,
	HEAD_TARGET_MAX = 8192,
	HEAD_FIELDS_MAX = 64,
	HEAD_BODY_MAX = 1 << 20,
};

enum head_state {
	HEAD_PARTIAL, /* nothing wrong so far, the rest is missing */
	HEAD_WHOLE,
	HEAD_BAD,
};

struct head {
	unsigned status;    /* of HEAD_BAD: 400, 405, 413, 414, 415, 417, 431, 501 or 505 */
	const char *reason; /* of HEAD_BAD, a literal */
	size_t length;      /* of HEAD_WHOLE: bytes including the empty line */
	bool has_body;
};

/* `head` is filled for HEAD_WHOLE and HEAD_BAD. */
MUST_USE enum head_state head_check(const char *bytes, size_t length, struct head *head);
