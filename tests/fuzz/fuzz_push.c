/* The greeting of a node that connects to us: what is accepted is a safe name and hexadecimal
 * digits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collector/munin/push_proof.h"
#include "model/ident.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char host[IDENT_HOST_MAX + 1];
	char nonce[PUSH_HEX + 1];
	char proof[PUSH_HEX + 1];
	char *line = malloc(size + 1);
	memcpy(line, data, size);
	line[size] = '\0';
	if (push_parse_claim(line, host, nonce, proof) &&
		(!ident_is_host(host) || strlen(nonce) != PUSH_HEX || strlen(proof) != PUSH_HEX)) {
		abort();
	}
	if (push_parse_word(line, PUSH_HELLO, nonce) && strlen(nonce) != PUSH_HEX) {
		abort();
	}
	free(line);
	return 0;
}
