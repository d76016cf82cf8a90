#include "base/hash.h"

#include <assert.h>

#include <glib.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "base/banned.h"

/*
 * Digests by GLib, which has them in any mode of the crypto library (MD5 is refused by GnuTLS where
 * the system was told to be strict, and PostgreSQL's older logins still want it); the derivation of
 * keys by GnuTLS, which is ten times as fast at it.
 */
static void hash_compute(
	GChecksumType type, const struct hash_part *parts, size_t count, uint8_t *out, size_t size)
{
	GChecksum *checksum = g_checksum_new(type);
	for (size_t i = 0; i < count; i++) {
		g_checksum_update(checksum, parts[i].bytes, (gssize)parts[i].length);
	}
	gsize written = size;
	g_checksum_get_digest(checksum, out, &written);
	assert(written == size);
	g_checksum_free(checksum);
}

void hash_md5(const struct hash_part *parts, size_t count, uint8_t out[HASH_MD5_SIZE])
{
	hash_compute(G_CHECKSUM_MD5, parts, count, out, HASH_MD5_SIZE);
}

void hash_sha1(const struct hash_part *parts, size_t count, uint8_t out[HASH_SHA1_SIZE])
{
	hash_compute(G_CHECKSUM_SHA1, parts, count, out, HASH_SHA1_SIZE);
}

void hash_sha256(const struct hash_part *parts, size_t count, uint8_t out[HASH_SHA256_SIZE])
{
	hash_compute(G_CHECKSUM_SHA256, parts, count, out, HASH_SHA256_SIZE);
}

void hash_hmac_sha256(struct hash_part key, struct hash_part message, uint8_t out[HASH_SHA256_SIZE])
{
	GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, key.bytes, key.length);
	g_hmac_update(hmac, message.bytes, (gssize)message.length);
	gsize written = HASH_SHA256_SIZE;
	g_hmac_get_digest(hmac, out, &written);
	assert(written == HASH_SHA256_SIZE);
	g_hmac_unref(hmac);
}

bool hash_pbkdf2_sha256(struct hash_part password, struct hash_part salt, unsigned iterations,
	uint8_t out[HASH_SHA256_SIZE])
{
	/* GnuTLS only reads through these */
	gnutls_datum_t key = {(unsigned char *)password.bytes, (unsigned)password.length};
	gnutls_datum_t with = {(unsigned char *)salt.bytes, (unsigned)salt.length};
	return iterations &&
		   gnutls_pbkdf2(GNUTLS_MAC_SHA256, &key, &with, iterations, out, HASH_SHA256_SIZE) == 0;
}

void hash_hex(const uint8_t *bytes, size_t length, char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < length; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * length] = '\0';
}
