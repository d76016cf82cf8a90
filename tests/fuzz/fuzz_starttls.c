#include "collector/checks/starttls.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

/* What servers say before TLS begins: first byte the protocol, second how the rest is cut. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct starttls s;
	if (size < 2) {
		return 0;
	}
	size_t piece = data[1] + 1U, at = 2, end = 2, used;
	starttls_begin(&s, data[0] % 9U, "host.example");
	enum starttls_state state = STARTTLS_MORE;
	for (unsigned turns = 0; turns < 10000; turns++) {
		state = starttls_step(&s, (const char *)data + at, end - at, &used);
		assert(used <= end - at && s.out_length <= sizeof(s.out));
		at += used;
		if (state == STARTTLS_GO || state == STARTTLS_REFUSED) {
			break;
		}
		if (state == STARTTLS_MORE && end == size) {
			break;
		}
		if (state == STARTTLS_MORE) {
			end = size - end < piece ? size : end + piece;
		}
	}
	assert(strlen(s.why) < sizeof(s.why));
	return 0;
}
