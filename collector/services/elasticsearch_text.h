#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/*
 * What Elasticsearch and OpenSearch say as JSON. Depth and size are bounded by the reader of JSON
 * and by who reads the page; names are checked before they become fields.
 */
enum { ELASTICSEARCH_VALUES_MAX = 64 };

struct elasticsearch_value {
	char name[65]; /* good as the name of a field */
	double value;
};

struct elasticsearch_health {
	char status[16]; /* "green", "yellow", "red", lower case letters only */
	GArray *values;  /* struct elasticsearch_value: all numbers beside it, in the order given */
};

/* /_cluster/health. False: it is none; then `health` is empty. To be finished in both cases. */
MUST_USE bool elasticsearch_health_parse(
	const char *text, size_t length, struct elasticsearch_health *health);
void elasticsearch_health_finish(struct elasticsearch_health *health);

/* /_cluster/state/blocks: the name of an index that may not be written to, clean, to be freed; NULL
 * in `*index`: none is. False: it is no such page. */
MUST_USE bool elasticsearch_blocks_parse(const char *text, size_t length, char **index);

/* /_nodes/_local/stats/jvm: the memory of the JVM in bytes by Munin's names. Unknown is NaN. */
struct elasticsearch_memory {
	double heap_used, heap_max, heap_committed, non_heap_used, non_heap_committed;
};
MUST_USE bool elasticsearch_memory_parse(
	const char *text, size_t length, struct elasticsearch_memory *memory);
