#pragma once
#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/*
 * A small memory of pictures that were drawn: by address, until the next sample would change them.
 */
struct picture_cache;

struct picture_cache *picture_cache_create(size_t entries_max, size_t bytes_max);
void picture_cache_destroy(struct picture_cache *cache);

/* The bytes, or NULL; lives until the next call of add. */
const GByteArray *picture_cache_find(struct picture_cache *cache, const char *key, struct mono now);

/* Keeps a copy that is fresh until `until`; the least recently used ones go. */
void picture_cache_add(
	struct picture_cache *cache, const char *key, const GByteArray *bytes, struct mono until);

/* Forgets all. */
void picture_cache_clear(struct picture_cache *cache);
