#pragma once
#include <stddef.h>

/* Lines of /proc/meminfo that the graph of memory is made of. */
enum meminfo_key {
	MEMINFO_TOTAL,
	MEMINFO_FREE,
	MEMINFO_BUFFERS,
	MEMINFO_CACHED,
	MEMINFO_SWAP_CACHED,
	MEMINFO_ACTIVE,
	MEMINFO_INACTIVE,
	MEMINFO_SWAP_TOTAL,
	MEMINFO_SWAP_FREE,
	MEMINFO_MAPPED,
	MEMINFO_SHMEM,
	MEMINFO_SLAB,
	MEMINFO_PAGE_TABLES,
	MEMINFO_COMMITTED,
	MEMINFO_VMALLOC_USED,
	MEMINFO_PERCPU,
	MEMINFO_KEYS,
};

/* Bytes per line; NaN where the line is missing or not a number of kB. */
struct meminfo_reading {
	double bytes[MEMINFO_KEYS];
};

void meminfo_parse(const char *text, size_t length, struct meminfo_reading *reading);
