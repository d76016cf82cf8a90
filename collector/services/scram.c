#include "collector/services/scram.h"
#include "base/number.h"

#include <string.h>

#include "base/banned.h"

/*
 * Messages are lists "a=…,b=…". ClientProof = ClientKey XOR HMAC(H(ClientKey), AuthMessage), where
 * the keys come of SaltedPassword = PBKDF2(password, salt, iterations); AuthMessage is all that was
 * said, so the names below are those of RFC 5802, section 3.
 */
enum { SCRAM_SALT_MAX = 128 };

struct scram_first {
	const char *nonce, *salt;
	size_t nonce_length, salt_length;
	unsigned iterations;
};

/* The next attribute of a list, of that name. */
static bool scram_attribute(
	const char **at, const char *end, char name, const char **value, size_t *length)
{
	if (end - *at < 2 || (*at)[0] != name || (*at)[1] != '=') {
		return false;
	}
	*value = *at + 2;
	const char *comma = memchr(*value, ',', (size_t)(end - *value));
	const char *stop = comma ? comma : end;
	*length = (size_t)(stop - *value);
	*at = comma ? comma + 1 : end;
	return true;
}

static bool scram_parse(
	const struct scram *scram, struct hash_part message, struct scram_first *first)
{
	const char *at = message.bytes;
	const char *end = at + message.length;
	const char *iterations = NULL;
	size_t length = 0;
	long long count = 0;
	if (message.length > SCRAM_MESSAGE_MAX ||
		!scram_attribute(&at, end, 'r', &first->nonce, &first->nonce_length) ||
		!scram_attribute(&at, end, 's', &first->salt, &first->salt_length) ||
		!scram_attribute(&at, end, 'i', &iterations, &length) ||
		!number_parse_int(iterations, length, 1, SCRAM_ITERATIONS_MAX, &count)) {
		return false;
	}
	first->iterations = (unsigned)count;
	return first->nonce_length > SCRAM_NONCE && !memcmp(first->nonce, scram->nonce, SCRAM_NONCE);
}

void scram_begin(struct scram *scram, const char *nonce, GString *out)
{
	memcpy(scram->nonce, nonce, SCRAM_NONCE);
	scram->nonce[SCRAM_NONCE] = '\0';
	scram->answered = false;
	g_string_append_printf(out, "n,,n=,r=%s", scram->nonce);
}

/* Passwords are compared as PostgreSQL does: normalized (NFKC) where they are UTF-8. */
static char *scram_password(const char *password)
{
	char *normal = g_utf8_validate(password, -1, NULL)
					   ? g_utf8_normalize(password, -1, G_NORMALIZE_NFKC)
					   : NULL;
	return normal ? normal : g_strdup(password);
}

static bool scram_derive(struct scram *scram, const char *password, const struct scram_first *first)
{
	uint8_t salt[SCRAM_SALT_MAX];
	char encoded[SCRAM_SALT_MAX];
	gsize size = 0;
	if (!first->salt_length || first->salt_length >= sizeof(encoded)) {
		return false;
	}
	memcpy(encoded, first->salt, first->salt_length);
	encoded[first->salt_length] = '\0';
	guchar *decoded = g_base64_decode(encoded, &size);
	memcpy(salt, decoded, size); /* shorter than its text */
	g_free(decoded);
	char *normal = scram_password(password);
	uint8_t source[HASH_SHA256_SIZE];
	const struct hash_part parts[] = {
		{&first->iterations, sizeof(first->iterations)}, {salt, size}, {normal, strlen(normal)}};
	hash_sha256(parts, 3, source);
	bool known = scram->derived && !memcmp(source, scram->source, sizeof(source));
	bool good =
		size && (known || hash_pbkdf2_sha256(parts[2], parts[1], first->iterations, scram->salted));
	memcpy(scram->source, source, sizeof(source));
	scram->derived = good;
	explicit_bzero(normal, strlen(normal));
	g_free(normal);
	return good;
}

static struct hash_part scram_part(const GString *text)
{
	return (struct hash_part){text->str, text->len};
}

/* ClientProof, and the signature that the server has to show. */
static void scram_prove(struct scram *scram, const GString *auth, uint8_t proof[HASH_SHA256_SIZE])
{
	const struct hash_part salted = {scram->salted, sizeof(scram->salted)};
	uint8_t client[HASH_SHA256_SIZE];
	uint8_t stored[HASH_SHA256_SIZE];
	uint8_t server[HASH_SHA256_SIZE];
	hash_hmac_sha256(salted, (struct hash_part){"Client Key", 10}, client);
	hash_sha256(&(struct hash_part){client, sizeof(client)}, 1, stored);
	hash_hmac_sha256((struct hash_part){stored, sizeof(stored)}, scram_part(auth), proof);
	for (size_t i = 0; i < sizeof(client); i++) {
		proof[i] ^= client[i];
	}
	hash_hmac_sha256(salted, (struct hash_part){"Server Key", 10}, server);
	hash_hmac_sha256(
		(struct hash_part){server, sizeof(server)}, scram_part(auth), scram->server_signature);
}

bool scram_answer(struct scram *scram, const char *password, struct hash_part message, GString *out,
	struct error *err)
{
	struct scram_first first = {0};
	if (scram->answered || !scram_parse(scram, message, &first) ||
		!scram_derive(scram, password, &first)) {
		return error_set(err, ERR_PROTOCOL, "the answer to the login makes no sense");
	}
	GString *without_proof = g_string_new("c=biws,r=");
	g_string_append_len(without_proof, first.nonce, (gssize)first.nonce_length);
	GString *auth = g_string_new(NULL);
	g_string_append_printf(auth, "n=,r=%s,", scram->nonce);
	g_string_append_len(auth, message.bytes, (gssize)message.length);
	g_string_append_printf(auth, ",%s", without_proof->str);
	uint8_t proof[HASH_SHA256_SIZE];
	scram_prove(scram, auth, proof);
	scram->answered = true;
	char *text = g_base64_encode(proof, sizeof(proof));
	g_string_append_printf(out, "%s,p=%s", without_proof->str, text);
	g_free(text);
	g_string_free(auth, TRUE);
	g_string_free(without_proof, TRUE);
	return true;
}

bool scram_verify(const struct scram *scram, const char *bytes, size_t length)
{
	char *text = g_base64_encode(scram->server_signature, sizeof(scram->server_signature));
	size_t size = strlen(text);
	bool good = scram->answered && length == size + 2 && !memcmp(bytes, "v=", 2) &&
				!memcmp(bytes + 2, text, size);
	g_free(text);
	return good;
}
