#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The greeting of a node that connects out to its server, behind the TLS handshake, version 1.
 * Lines end in LF; N and M are 32 random bytes in hexadecimal, the proofs HMAC-SHA-256 (RFC 2104)
 * in hexadecimal with the token as key, over "magpie push 1 SIDE", HOST, N and M, each with LF
 * behind it, SIDE being "node" or "server":
 *
 *     server: # magpie push 1 N
 *     node:   push 1 HOST M PROOF-OF-NODE
 *     server: # push ok PROOF-OF-SERVER      (or "# push refused", and a close)
 *
 * Then the node says its banner and the ordinary munin protocol goes on, the server being the
 * master. The token itself never travels, and each side knows that the other has it.
 */
enum { PUSH_HEX = 64, PUSH_LINE_MAX = 512, PUSH_GREETING_MS = 10000 };

#define PUSH_HELLO   "# magpie push 1 "
#define PUSH_CLAIM   "push 1 "
#define PUSH_OK      "# push ok "
#define PUSH_REFUSED "# push refused"

enum push_side { PUSH_NODE, PUSH_SERVER };

/* What both sides know after the first two lines; texts are borrowed. */
struct push_claim {
	const char *host, *server_nonce, *node_nonce;
};

/* Fresh random bytes. */
void push_nonce(char nonce[PUSH_HEX + 1]);

void push_proof(const struct push_claim *claim, enum push_side side, const char *token,
	char proof[PUSH_HEX + 1]);

/* Compares two proofs in a time that does not depend on where they differ. */
bool push_proof_same(const char a[PUSH_HEX + 1], const char b[PUSH_HEX + 1]);

/* Reads "N" behind PUSH_HELLO or "PROOF" behind PUSH_OK; false: the line is another. */
MUST_USE bool push_parse_word(const char *line, const char *begin, char hex[PUSH_HEX + 1]);

/* Reads the node's line; false: it is none. `host` is a valid name (IDENT_HOST_MAX + 1 bytes). */
MUST_USE bool push_parse_claim(
	const char *line, char *host, char nonce[PUSH_HEX + 1], char proof[PUSH_HEX + 1]);
