#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Digests, for protocols that log in by them (none of them keeps anything secret by itself).
 */
enum { HASH_MD5_SIZE = 16, HASH_SHA1_SIZE = 20, HASH_SHA256_SIZE = 32 };

/* Bytes to be hashed one part after the other. */
struct hash_part {
	const void *bytes;
	size_t length;
};

void hash_md5(const struct hash_part *parts, size_t count, uint8_t out[HASH_MD5_SIZE]);
void hash_sha1(const struct hash_part *parts, size_t count, uint8_t out[HASH_SHA1_SIZE]);
void hash_sha256(const struct hash_part *parts, size_t count, uint8_t out[HASH_SHA256_SIZE]);

/* HMAC with SHA-256 (RFC 2104). */
void hash_hmac_sha256(
	struct hash_part key, struct hash_part message, uint8_t out[HASH_SHA256_SIZE]);

/*
 * PBKDF2 with HMAC-SHA-256 (RFC 8018), one block of it. About 0.5 s per million iterations: whoever
 * lets a peer choose their number bounds it. False: zero iterations.
 */
MUST_USE bool hash_pbkdf2_sha256(struct hash_part password, struct hash_part salt,
	unsigned iterations, uint8_t out[HASH_SHA256_SIZE]);

/* Lower case hexadecimal digits and a NUL: 2 * length + 1 bytes. */
void hash_hex(const uint8_t *bytes, size_t length, char *out);
