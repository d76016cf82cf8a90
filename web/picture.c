#include "web/picture.h"

#include "base/banned.h"

/*
 * Least recently used first out: a queue in the order of use, and a table from key to its place in
 * it.
 */
struct entry {
	char *key;
	GByteArray *bytes;
	struct mono until;
};

struct picture_cache {
	GQueue order;       /* struct entry, newest use at the head */
	GHashTable *places; /* key -> GList in `order` */
	size_t entries_max, bytes_max, bytes;
};

struct picture_cache *picture_cache_create(size_t entries_max, size_t bytes_max)
{
	struct picture_cache *cache = g_new0(struct picture_cache, 1);
	g_queue_init(&cache->order);
	cache->places = g_hash_table_new(g_str_hash, g_str_equal);
	cache->entries_max = entries_max;
	cache->bytes_max = bytes_max;
	return cache;
}

static void drop(struct picture_cache *cache, GList *place)
{
	struct entry *entry = place->data;
	g_hash_table_remove(cache->places, entry->key);
	g_queue_delete_link(&cache->order, place);
	cache->bytes -= entry->bytes->len;
	g_byte_array_unref(entry->bytes);
	g_free(entry->key);
	g_free(entry);
}

void picture_cache_clear(struct picture_cache *cache)
{
	while (cache->order.head) {
		drop(cache, cache->order.head);
	}
}

void picture_cache_destroy(struct picture_cache *cache)
{
	if (cache) {
		picture_cache_clear(cache);
		g_hash_table_unref(cache->places);
		g_free(cache);
	}
}

const GByteArray *picture_cache_find(struct picture_cache *cache, const char *key, struct mono now)
{
	GList *place = g_hash_table_lookup(cache->places, key);
	if (!place) {
		return NULL;
	}
	struct entry *entry = place->data;
	if (now.ms >= entry->until.ms) {
		drop(cache, place);
		return NULL;
	}
	g_queue_unlink(&cache->order, place);
	g_queue_push_head_link(&cache->order, place);
	return entry->bytes;
}

void picture_cache_add(
	struct picture_cache *cache, const char *key, const GByteArray *bytes, struct mono until)
{
	GList *known = g_hash_table_lookup(cache->places, key);
	if (known) {
		drop(cache, known);
	}
	if (bytes->len > cache->bytes_max / 4) {
		return;
	}
	struct entry *entry = g_new0(struct entry, 1);
	entry->key = g_strdup(key);
	entry->bytes = g_byte_array_new_take(g_memdup2(bytes->data, bytes->len), bytes->len);
	entry->until = until;
	cache->bytes += bytes->len;
	g_queue_push_head(&cache->order, entry);
	g_hash_table_insert(cache->places, entry->key, cache->order.head);
	while (cache->order.length > cache->entries_max || cache->bytes > cache->bytes_max) {
		drop(cache, cache->order.tail);
	}
}
