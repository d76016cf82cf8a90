#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * How TLS is begun in the middle of a protocol: what is said before the handshake, pure. `word` is
 * an index into config_starttls_words.
 */
enum starttls_state {
	STARTTLS_MORE,   /* the peer has to say more */
	STARTTLS_SEND,   /* `out` is to be sent; call again */
	STARTTLS_GO,     /* the handshake may begin */
	STARTTLS_REFUSED /* `why` says what the peer said, or what it lacks */
};

struct starttls {
	unsigned word, step;
	bool offered;
	char host[256];
	char out[640];
	size_t out_length;
	char why[200];
};

void starttls_begin(struct starttls *s, unsigned word, const char *host);

/* Takes bytes from the front, `*used` says how many; the rest it wants to see again with more
 * behind. To be called without bytes first: in some protocols we speak first. */
enum starttls_state starttls_step(
	struct starttls *s, const char *bytes, size_t length, size_t *used);
