#pragma once
#include "base/attr.h"
#include "base/error.h"
#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/*
 * The client's half of SCRAM-SHA-256 without channel binding (RFC 5802, RFC 7677), as PostgreSQL
 * speaks it (the name of the user is sent elsewhere). Pure: the nonce is the caller's. The server
 * may choose the cost, so it is bounded; and the derived key is kept, so that it is paid once and
 * not each round.
 */
enum { SCRAM_ITERATIONS_MAX = 100000, SCRAM_NONCE = 32, SCRAM_MESSAGE_MAX = 1024 };

/* All zero before the first login; may be used for any number of them. */
struct scram {
	char nonce[SCRAM_NONCE + 1];
	uint8_t server_signature[HASH_SHA256_SIZE];
	bool answered; /* in this login: the signature is one */
	/* the key kept, and what it was derived from */
	uint8_t source[HASH_SHA256_SIZE], salted[HASH_SHA256_SIZE];
	bool derived;
};

/* Begins a login; `nonce` is SCRAM_NONCE random printable bytes without a comma. Appends our first
 * message. */
void scram_begin(struct scram *scram, const char *nonce, GString *out);

/* The server's first message, once in a login: appends our last one. PROTOCOL: it is none, or asks
 * for too much. */
MUST_USE bool scram_answer(struct scram *scram, const char *password, struct hash_part message,
	GString *out, struct error *err);

/* The server's last message: whether it knows the password as well. */
MUST_USE bool scram_verify(const struct scram *scram, const char *bytes, size_t length);
