/* The raw check of a request's head: never reads past the end, and never accepts what it would
 * refuse with fewer or more bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "web/head.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct head head;
	char *exact = malloc(size ? size : 1); /* so that the sanitizer sees its end */
	memcpy(exact, data, size);
	enum head_state state = head_check(exact, size, &head);
	if (state == HEAD_WHOLE) {
		struct head again;
		if (head.length > size || head_check(exact, head.length, &again) != HEAD_WHOLE ||
			(head.length > 1 && head_check(exact, head.length - 1, &again) != HEAD_PARTIAL) ||
			memcmp(exact + head.length - 4, "\r\n\r\n", 4) || memchr(exact, '\0', head.length)) {
			abort();
		}
	}
	if (state == HEAD_BAD && (head.status < 400 || !head.reason)) {
		abort();
	}
	free(exact);
	return 0;
}
