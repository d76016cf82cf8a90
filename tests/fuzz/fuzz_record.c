/* A buffer read as records to its end: never beyond it, and what is good stays good when written
 * again. */
#include "base/record.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record record;
	enum record_state state;
	size_t at = 0;
	size_t before = 0;
	while ((state = record_next(data, size, &at, &record)) == RECORD_OK) {
		assert(at == before + RECORD_HEADER + record.length && at <= size);
		unsigned char header[RECORD_HEADER];
		record_header(header, record.sequence, record.type, record.payload, record.length);
		assert(!memcmp(header, data + before, RECORD_HEADER));
		before = at;
	}
	assert(at == before);
	return 0;
}
