#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Munin's attributes of a graph or a field as one packed block, "key\0value\0key\0value\0": small,
 * comparable with memcmp, sent as it is. Which keys may be set, and how long values may be, stands
 * in one table (attributes.c); all else is refused, so that nothing unknown travels further. An
 * empty block is NULL, length 0.
 */
struct attributes {
	char *packed; /* g_malloc */
	size_t length;
};

enum attributes_level { ATTRIBUTES_GRAPH, ATTRIBUTES_FIELD };

enum {
	ATTRIBUTES_VALUE_MAX = 1024,
	ATTRIBUTES_LIST_MAX = 12288, /* of sum, stack, graph_order and graph_sources */
	ATTRIBUTES_PACKED_MAX = 16384,
};

void attributes_finish(struct attributes *a);

/* Bytes a value of that key may have: lists of paths of other graphs may be longer than others. */
size_t attributes_longest(const char *key);

/* Sets or replaces; `value` must be clean UTF-8 (text_clean). False: unknown key for that level, or
 * too long. */
MUST_USE bool attributes_set(
	struct attributes *a, enum attributes_level level, const char *key, const char *value);

/* The value, or NULL; lives until the block changes. */
const char *attributes_get(const struct attributes *a, const char *key);

/* As attributes_get, with a value for "not set". */
const char *attributes_or(const struct attributes *a, const char *key, const char *otherwise);

/* "yes", "true", "1" and the like (any case) as Munin reads them; `otherwise` if not set or not
 * understood. */
bool attributes_flag(const struct attributes *a, const char *key, bool otherwise);

bool attributes_equal(const struct attributes *a, const struct attributes *b);

/* The same without looking at one key, which either may have or not; NULL: all count. */
bool attributes_equal_but(const struct attributes *a, const struct attributes *b, const char *key);
void attributes_copy(
	struct attributes *to, const struct attributes *from); /* `to` is overwritten, not freed */

/* Takes over bytes from a frame after checking every key and value; false: refused, `a` is empty.
 */
MUST_USE bool attributes_unpack(
	struct attributes *a, enum attributes_level level, const void *bytes, size_t length);
