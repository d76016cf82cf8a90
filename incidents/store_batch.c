#include "incidents/store_batch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * Hash tables by the name of the thing that changed, so that the latest change wins. What was
 * handed out for writing and failed is merged back below what came since.
 */

static char **row_texts(struct outbox_row *row, size_t index)
{
	char **texts[] = {&row->dedup_key, &row->instance, &row->channel, &row->rule, &row->host,
		&row->service, &row->field, &row->value, &row->threshold, &row->summary, &row->info,
		&row->runbook, &row->link, &row->detail};
	return index < ARRAY_LENGTH(texts) ? texts[index] : NULL;
}

struct outbox_row *outbox_row_copy(const struct outbox_row *row)
{
	struct outbox_row *copy = g_new(struct outbox_row, 1);
	*copy = *row;
	for (size_t i = 0; row_texts(copy, i); i++) {
		char **text = row_texts(copy, i);
		*text = g_strdup(*text ? *text : "");
	}
	return copy;
}

void outbox_row_free(struct outbox_row *row)
{
	if (row) {
		for (size_t i = 0; row_texts(row, i); i++) {
			g_free(*row_texts(row, i));
		}
		g_free(row);
	}
}

bool outbox_row_is_over(const struct outbox_row *row)
{
	return (row->state == OUTBOX_SENT || row->state == OUTBOX_DEAD) && !row->open;
}

static void row_free(gpointer row)
{
	outbox_row_free(row);
}

static void event_free(gpointer data)
{
	struct store_event *event = data;
	g_free(event->kind);
	g_free(event->object);
	g_free(event->text);
	g_free(event);
}

static void host_free(gpointer data)
{
	struct store_host *host = data;
	g_free(host->name);
	g_free(host->error);
	g_free(host);
}

static void bytes_free(gpointer bytes)
{
	g_bytes_unref(bytes);
}

struct store_batch *store_batch_create(void)
{
	struct store_batch *batch = g_new0(struct store_batch, 1);
	batch->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	batch->services = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, bytes_free);
	batch->states = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, bytes_free);
	batch->outbox = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, row_free);
	batch->hosts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, host_free);
	batch->sources = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, bytes_free);
	batch->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, bytes_free);
	batch->marks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, bytes_free);
	batch->events = g_ptr_array_new_with_free_func(event_free);
	return batch;
}

void store_batch_destroy(struct store_batch *batch)
{
	if (batch) {
		g_hash_table_unref(batch->values);
		g_hash_table_unref(batch->services);
		g_hash_table_unref(batch->states);
		g_hash_table_unref(batch->outbox);
		g_hash_table_unref(batch->hosts);
		g_hash_table_unref(batch->sources);
		g_hash_table_unref(batch->seen);
		g_hash_table_unref(batch->marks);
		g_ptr_array_unref(batch->events);
		g_free(batch);
	}
}

bool store_batch_is_empty(const struct store_batch *batch)
{
	return !g_hash_table_size(batch->values) && !g_hash_table_size(batch->services) &&
		   !g_hash_table_size(batch->states) && !g_hash_table_size(batch->outbox) &&
		   !g_hash_table_size(batch->hosts) && !g_hash_table_size(batch->sources) &&
		   !g_hash_table_size(batch->seen) && !g_hash_table_size(batch->marks) &&
		   !batch->events->len && !batch->forget_before.ms;
}

void store_put_value(struct store_batch *batch, const char *name, const char *text)
{
	g_hash_table_replace(batch->values, g_strdup(name), g_strdup(text));
}

void store_put_number(struct store_batch *batch, const char *name, uint64_t number)
{
	char text[24];
	snprintf(text, sizeof(text), "%" PRIu64, number);
	store_put_value(batch, name, text);
}

void store_put_service(
	struct store_batch *batch, const char *name, const void *declaration, size_t length)
{
	g_hash_table_replace(batch->services, g_strdup(name), g_bytes_new(declaration, length));
}

void store_put_state(struct store_batch *batch, const char *key, const void *state, size_t length)
{
	g_hash_table_replace(batch->states, g_strdup(key), g_bytes_new(state, length));
}

void store_put_outbox(struct store_batch *batch, const struct outbox_row *row)
{
	struct outbox_row *copy = outbox_row_copy(row);
	g_hash_table_replace(batch->outbox, copy->dedup_key, copy);
}

void store_put_host(struct store_batch *batch, const struct store_host *host)
{
	struct store_host *copy = g_new(struct store_host, 1);
	*copy = *host;
	copy->name = g_strdup(host->name);
	copy->error = g_strdup(host->error ? host->error : "");
	g_hash_table_replace(batch->hosts, copy->name, copy);
}

void store_put_source(struct store_batch *batch, const char *id, const void *state, size_t length)
{
	g_hash_table_replace(batch->sources, g_strdup(id), g_bytes_new(state, length));
}

void store_put_seen(struct store_batch *batch, const char *host, const void *spans, size_t length)
{
	g_hash_table_replace(batch->seen, g_strdup(host), g_bytes_new(spans, length));
}

void store_put_mark(struct store_batch *batch, uint64_t id, const void *mark, size_t length)
{
	g_hash_table_replace(batch->marks, g_strdup_printf("%" PRIu64, id), g_bytes_new(mark, length));
}

void store_put_event(struct store_batch *batch, struct wall at, const char *kind,
	const char *object, const char *text)
{
	struct store_event *event = g_new(struct store_event, 1);
	*event = (struct store_event){at, g_strdup(kind), g_strdup(object), g_strdup(text)};
	g_ptr_array_add(batch->events, event);
	if (batch->events->len > STORE_EVENTS_MOST) {
		g_ptr_array_remove_index(batch->events, 0);
	}
}

/* Moves entries that `into` does not have; the key is inside the value or owned beside it. */
static void merge_table(GHashTable *into, GHashTable *from)
{
	GHashTableIter iter;
	gpointer key;
	gpointer value;
	g_hash_table_iter_init(&iter, from);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		if (!g_hash_table_contains(into, key)) {
			g_hash_table_iter_steal(&iter);
			g_hash_table_insert(into, key, value);
		}
	}
}

void store_batch_merge_older(struct store_batch *into, struct store_batch *from)
{
	merge_table(into->values, from->values);
	merge_table(into->services, from->services);
	merge_table(into->states, from->states);
	merge_table(into->outbox, from->outbox);
	merge_table(into->hosts, from->hosts);
	merge_table(into->sources, from->sources);
	merge_table(into->seen, from->seen);
	merge_table(into->marks, from->marks);
	GPtrArray *newer = into->events;
	into->events = from->events;
	from->events = newer;
	g_ptr_array_extend_and_steal(into->events, g_ptr_array_ref(newer));
	if (into->events->len > STORE_EVENTS_MOST) {
		g_ptr_array_remove_range(into->events, 0, into->events->len - STORE_EVENTS_MOST);
	}
	into->forget_before.ms = MAX(into->forget_before.ms, from->forget_before.ms);
	store_batch_destroy(from);
}
