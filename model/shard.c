/*
 * FNV-1a over the name, and its upper bits scaled to the number of roles (its lower bits follow the
 * last letter too closely: web1, web2, … would fall in step).
 */
#include "model/shard.h"

#include <stdint.h>

#include "base/banned.h"

unsigned shard_of_host(const char *host, unsigned instances)
{
	uint64_t hash = 0xcbf29ce484222325U;
	for (const char *c = host; *c; c++) {
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3U;
	}
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccdU; /* murmur3's finalizer: spreads the last letters upwards */
	hash ^= hash >> 33;
	return instances > 1 ? (unsigned)((hash >> 32) * instances >> 32) : 0;
}

unsigned shard_suitable(unsigned hosts, unsigned cores)
{
	unsigned most = cores < SHARDS_BY_ITSELF ? cores : SHARDS_BY_ITSELF;
	unsigned wanted = 1 + hosts / SHARD_HOSTS;
	return wanted < most ? wanted : most ? most : 1;
}
