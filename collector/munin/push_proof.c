/* The lines and proofs of a push greeting; pure but for the random bytes. */
#include "collector/munin/push_proof.h"

#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include <glib.h>

#include "base/hash.h"
#include "model/ident.h"

#include "base/banned.h"

void push_nonce(char nonce[PUSH_HEX + 1])
{
	uint8_t bytes[PUSH_HEX / 2];
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
		g_error("no random bytes"); /* up to 256 of them are never refused or cut: getrandom(2) */
	}
	hash_hex(bytes, sizeof(bytes), nonce);
}

void push_proof(const struct push_claim *claim, enum push_side side, const char *token,
	char proof[PUSH_HEX + 1])
{
	uint8_t sum[HASH_SHA256_SIZE];
	g_autofree char *message = g_strdup_printf("magpie push 1 %s\n%s\n%s\n%s\n",
		side == PUSH_NODE ? "node" : "server", claim->host, claim->server_nonce, claim->node_nonce);
	hash_hmac_sha256((struct hash_part){token, strlen(token)},
		(struct hash_part){message, strlen(message)}, sum);
	hash_hex(sum, sizeof(sum), proof);
}

bool push_proof_same(const char a[PUSH_HEX + 1], const char b[PUSH_HEX + 1])
{
	volatile unsigned char differ = 0;
	for (size_t i = 0; i < PUSH_HEX; i++) {
		differ |= (unsigned char)(a[i] ^ b[i]);
	}
	return !differ;
}

/* Takes PUSH_HEX hexadecimal digits in lower case. */
static bool push_take_hex(const char **at, char hex[PUSH_HEX + 1])
{
	if (strspn(*at, "0123456789abcdef") != PUSH_HEX) {
		return false;
	}
	memcpy(hex, *at, PUSH_HEX);
	hex[PUSH_HEX] = '\0';
	*at += PUSH_HEX;
	return true;
}

static bool push_take_text(const char **at, const char *text)
{
	size_t length = strlen(text);
	bool good = !strncmp(*at, text, length);
	*at += good ? length : 0;
	return good;
}

bool push_parse_word(const char *line, const char *begin, char hex[PUSH_HEX + 1])
{
	return push_take_text(&line, begin) && push_take_hex(&line, hex) && !*line;
}

bool push_parse_claim(
	const char *line, char *host, char nonce[PUSH_HEX + 1], char proof[PUSH_HEX + 1])
{
	if (!push_take_text(&line, PUSH_CLAIM)) {
		return false;
	}
	size_t length = strcspn(line, " ");
	if (length > IDENT_HOST_MAX) {
		return false;
	}
	memcpy(host, line, length);
	host[length] = '\0';
	line += length;
	return ident_is_host(host) && push_take_text(&line, " ") && push_take_hex(&line, nonce) &&
		   push_take_text(&line, " ") && push_take_hex(&line, proof) && !*line;
}
