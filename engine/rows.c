/*
 * Thousands of problems may begin at once, and end while no message gets out: a search through all
 * rows for each of them would hold up the engine for minutes.
 */
#include "engine/rows.h"

#include <glib.h>

#include "base/banned.h"

struct rows {
	GPtrArray *all;          /* struct row *, owned, sorted by number */
	GHashTable *by_key;      /* dedup key -> struct row * */
	GHashTable *by_instance; /* -> GPtrArray of struct row *, sorted by number */
};

static void row_free(gpointer data)
{
	struct row *row = data;
	outbox_row_free(row->r);
	g_free(row);
}

static void list_free(gpointer list)
{
	g_ptr_array_unref(list);
}

struct rows *rows_create(void)
{
	struct rows *rows = g_new0(struct rows, 1);
	rows->all = g_ptr_array_new_with_free_func(row_free);
	rows->by_key = g_hash_table_new(g_str_hash, g_str_equal);
	rows->by_instance = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, list_free);
	return rows;
}

void rows_destroy(struct rows *rows)
{
	if (rows) {
		g_hash_table_unref(rows->by_key);
		g_hash_table_unref(rows->by_instance);
		g_ptr_array_unref(rows->all);
		g_free(rows);
	}
}

/* Where the row with that number stands, or would have to stand. */
static guint place_of(const GPtrArray *list, uint64_t id)
{
	guint from = 0;
	guint to = list->len;
	while (from < to) {
		guint middle = from + (to - from) / 2;
		if (((const struct row *)list->pdata[middle])->r->id < id) {
			from = middle + 1;
		} else {
			to = middle;
		}
	}
	return from;
}

static void insert(GPtrArray *list, struct row *row)
{
	g_ptr_array_insert(list, (gint)place_of(list, row->r->id), row);
}

struct row *rows_add(struct rows *rows, struct outbox_row *r, uint64_t generation)
{
	struct row *row = g_new(struct row, 1);
	*row = (struct row){.r = r, .generation = generation};
	insert(rows->all, row);
	g_hash_table_insert(rows->by_key, r->dedup_key, row);
	GPtrArray *list = g_hash_table_lookup(rows->by_instance, r->instance);
	if (!list) {
		list = g_ptr_array_new();
		g_hash_table_insert(rows->by_instance, g_strdup(r->instance), list);
	}
	insert(list, row);
	return row;
}

void rows_remove(struct rows *rows, struct row *row)
{
	GPtrArray *list = g_hash_table_lookup(rows->by_instance, row->r->instance);
	g_ptr_array_remove_index(list, place_of(list, row->r->id));
	if (!list->len) {
		g_hash_table_remove(rows->by_instance, row->r->instance);
	}
	g_hash_table_remove(rows->by_key, row->r->dedup_key);
	g_ptr_array_remove_index(rows->all, place_of(rows->all, row->r->id));
}

size_t rows_count(const struct rows *rows)
{
	return rows->all->len;
}

struct row *rows_at(const struct rows *rows, size_t index)
{
	return rows->all->pdata[index];
}

struct row *rows_find(const struct rows *rows, uint64_t id)
{
	guint at = place_of(rows->all, id);
	struct row *row = at < rows->all->len ? rows->all->pdata[at] : NULL;
	return row && row->r->id == id ? row : NULL;
}

bool rows_has_key(const struct rows *rows, const char *dedup_key)
{
	return g_hash_table_contains(rows->by_key, dedup_key);
}

size_t rows_about(const struct rows *rows, const char *instance, struct row *const **first)
{
	GPtrArray *list = g_hash_table_lookup(rows->by_instance, instance);
	*first = list ? (struct row *const *)list->pdata : NULL;
	return list ? list->len : 0;
}
