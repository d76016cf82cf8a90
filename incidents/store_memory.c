#include "incidents/store.h"

#include <string.h>

#include "base/banned.h"

/*
 * The store without a disk: one batch that takes in every other. Loads in the order of names, as
 * the database does, so that tests see the same from both.
 */
struct store_memory {
	struct store store;
	struct store_batch *all;
};

static gint by_text(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *sorted(GHashTable *table, bool values, GCompareFunc order)
{
	GPtrArray *all = g_ptr_array_sized_new(g_hash_table_size(table));
	GHashTableIter iter;
	gpointer key;
	gpointer value;
	g_hash_table_iter_init(&iter, table);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		g_ptr_array_add(all, values ? value : key);
	}
	g_ptr_array_sort(all, order);
	return all;
}

static GPtrArray *sorted_keys(GHashTable *table)
{
	return sorted(table, false, by_text);
}

static gint by_id(gconstpointer a, gconstpointer b)
{
	const struct outbox_row *x = *(struct outbox_row *const *)a;
	const struct outbox_row *y = *(struct outbox_row *const *)b;
	return (x->id > y->id) - (x->id < y->id);
}

static void load_values(struct store_batch *all, const struct store_loader *loader, void *owner)
{
	g_autoptr(GPtrArray) names = sorted_keys(all->values);
	for (size_t i = 0; i < names->len; i++) {
		const char *name = names->pdata[i];
		loader->value(owner, name, g_hash_table_lookup(all->values, name));
	}
}

static void load_blobs(GHashTable *table,
	void (*fn)(void *owner, const char *name, const void *bytes, size_t length), void *owner)
{
	g_autoptr(GPtrArray) names = sorted_keys(table);
	for (size_t i = 0; fn && i < names->len; i++) {
		gsize length;
		const void *bytes = g_bytes_get_data(g_hash_table_lookup(table, names->pdata[i]), &length);
		fn(owner, names->pdata[i], bytes, length);
	}
}

static void load_rows(struct store_batch *all, const struct store_loader *loader, void *owner)
{
	g_autoptr(GPtrArray) rows = sorted(all->outbox, true, by_id);
	for (size_t i = 0; i < rows->len; i++) {
		if (!outbox_row_is_over(rows->pdata[i])) {
			loader->outbox(owner, rows->pdata[i]);
		}
	}
	g_autoptr(GPtrArray) names = sorted_keys(all->hosts);
	for (size_t i = 0; i < names->len; i++) {
		loader->host(owner, g_hash_table_lookup(all->hosts, names->pdata[i]));
	}
}

static bool memory_load(
	struct store *store, const struct store_loader *loader, void *owner, struct error *err UNUSED)
{
	struct store_batch *all = ((struct store_memory *)store)->all;
	load_values(all, loader, owner);
	load_blobs(all->services, loader->service, owner);
	load_blobs(all->states, loader->state, owner);
	load_blobs(all->sources, loader->source, owner);
	load_blobs(all->seen, loader->seen, owner);
	load_blobs(all->marks, loader->mark, owner);
	load_rows(all, loader, owner);
	size_t count = all->events->len;
	for (size_t i = count > STORE_EVENTS_LOADED ? count - STORE_EVENTS_LOADED : 0; i < count; i++) {
		loader->event(owner, all->events->pdata[i]);
	}
	return true;
}

static void copy_blobs(GHashTable *into, GHashTable *from, bool empty_removes)
{
	GHashTableIter iter;
	gpointer key;
	gpointer bytes;
	g_hash_table_iter_init(&iter, from);
	while (g_hash_table_iter_next(&iter, &key, &bytes)) {
		if (empty_removes && !g_bytes_get_size(bytes)) {
			g_hash_table_remove(into, key);
		} else {
			g_hash_table_replace(into, g_strdup(key), g_bytes_ref(bytes));
		}
	}
}

static void forget(struct store_batch *all, struct wall before)
{
	while (all->events->len &&
		   ((const struct store_event *)all->events->pdata[0])->at.ms < before.ms) {
		g_ptr_array_remove_index(all->events, 0);
	}
	GHashTableIter iter;
	gpointer row;
	g_hash_table_iter_init(&iter, all->outbox);
	while (g_hash_table_iter_next(&iter, NULL, &row)) {
		if (outbox_row_is_over(row) && ((struct outbox_row *)row)->created.ms < before.ms) {
			g_hash_table_iter_remove(&iter);
		}
	}
}

/* A message that is stored already keeps its id. */
static void copy_row(struct store_batch *all, const struct outbox_row *row)
{
	const struct outbox_row *known = g_hash_table_lookup(all->outbox, row->dedup_key);
	uint64_t id = known ? known->id : row->id;
	store_put_outbox(all, row);
	((struct outbox_row *)g_hash_table_lookup(all->outbox, row->dedup_key))->id = id;
}

static bool memory_commit(
	struct store *store, const struct store_batch *batch, struct error *err UNUSED)
{
	struct store_batch *all = ((struct store_memory *)store)->all;
	GHashTableIter iter;
	gpointer key;
	gpointer value;
	g_hash_table_iter_init(&iter, batch->values);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		store_put_value(all, key, value);
	}
	copy_blobs(all->services, batch->services, true);
	copy_blobs(all->states, batch->states, true);
	copy_blobs(all->sources, batch->sources, true);
	copy_blobs(all->seen, batch->seen, true);
	copy_blobs(all->marks, batch->marks, true);
	g_hash_table_iter_init(&iter, batch->outbox);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		copy_row(all, value);
	}
	g_hash_table_iter_init(&iter, batch->hosts);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		store_put_host(all, value);
	}
	for (size_t i = 0; i < batch->events->len; i++) {
		const struct store_event *event = batch->events->pdata[i];
		store_put_event(all, event->at, event->kind, event->object, event->text);
	}
	forget(all, batch->forget_before);
	return true;
}

static void memory_close(struct store *store)
{
	struct store_memory *memory = (struct store_memory *)store;
	store_batch_destroy(memory->all);
	g_free(memory);
}

struct store *store_open_memory(void)
{
	static const struct store_class memory_class = {memory_load, memory_commit, memory_close, NULL};
	struct store_memory *memory = g_new0(struct store_memory, 1);
	memory->store.class = &memory_class;
	memory->all = store_batch_create();
	return &memory->store;
}
