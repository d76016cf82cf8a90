#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The manager's command line of Varnish: each answer is a line of 13 bytes, "STATUS LENGTH", then
 * LENGTH bytes and a line end (varnish-cli(7)). Pure.
 */
enum { VARNISH_CLI_MAX = 16 << 10, VARNISH_DIGEST = 65 };
enum { VARNISH_CLI_OK = 200, VARNISH_CLI_LOGIN = 107 };

struct varnish_answer {
	int status;
	const char *text; /* points into the bytes given */
	size_t length;
};

enum varnish_cli { VARNISH_CLI_MORE, VARNISH_CLI_WHOLE, VARNISH_CLI_BROKEN };

/* Reads the answer at the front; `*used` bytes of it are to be taken when it is whole. */
enum varnish_cli varnish_cli_read(
	const char *bytes, size_t length, struct varnish_answer *answer, size_t *used);

/* What proves that we know the secret: the SHA-256 of challenge, line end, secret, challenge, line
 * end. `secret` is the whole file. False: the answer holds no challenge of 32 letters. */
MUST_USE bool varnish_cli_prove(
	const struct varnish_answer *answer, const char *secret, char digest[VARNISH_DIGEST]);

/* "Child in state running" -> "running". False: another text. */
MUST_USE bool varnish_cli_state(const struct varnish_answer *answer, char *out, size_t size);
