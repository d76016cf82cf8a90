/* Replies of memcached, made up: nothing is read beyond the bytes, and what is used is at most what
 * is there. */
#include "collector/services/memcached_reply.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	struct stats stats;
	stats_init(&stats);
	for (;;) {
		struct memcached_reply reply;
		memcached_parse(bytes, size, &reply);
		if (reply.kind == MEMCACHED_MORE || reply.kind == MEMCACHED_BROKEN) {
			break;
		}
		assert(reply.used > 0 && reply.used <= size);
		assert(reply.text >= bytes && reply.text + reply.length <= bytes + reply.used);
		if (reply.kind == MEMCACHED_STAT) {
			assert(reply.name_length > 0);
			stats_set(&stats, reply.name, reply.name_length, reply.text, reply.length);
		}
		bytes += reply.used;
		size -= reply.used;
	}
	stats_finish(&stats);
	return 0;
}
