/*
 * Marks on the wire, and the table of all of them. The writer cleans what it is given; the reader
 * takes only what such a writer can have written. By host they are sorted when somebody asks.
 */
#include "model/mark.h"
#include "base/text.h"
#include "model/ident.h"
#include "model/message.h"

#include <string.h>

#include "base/banned.h"

const char *mark_kind_name(unsigned kind)
{
	return kind == MARK_EPISODE ? "episode" : "annotation";
}

void mark_destroy(struct mark *mark)
{
	if (mark) {
		char *const texts[] = {
			mark->host, mark->service, mark->field, mark->about, mark->text, mark->instance};
		for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
			g_free(texts[i]);
		}
		g_free(mark);
	}
}

/* -- on the wire -- */

void mark_put(struct frame_writer *w, const struct mark *mark)
{
	message_start(w, MESSAGE_MARK);
	frame_put_u64(w, mark->id);
	frame_put_u8(w, mark->kind);
	frame_put_u8(w, mark->level);
	frame_put_i64(w, mark->from.ms);
	frame_put_i64(w, mark->to.ms);
	frame_put_clean(w, mark->host, IDENT_HOST_MAX);
	frame_put_clean(w, mark->service, IDENT_SERVICE_MAX);
	frame_put_clean(w, mark->field, IDENT_FIELD_MAX);
	frame_put_clean(w, mark->about, MARK_NAME_MAX);
	frame_put_clean(w, mark->text, MARK_TEXT_MAX);
	frame_put_clean(w, mark->instance, MARK_NAME_MAX);
}

static bool is_clean(const char *text, size_t limit)
{
	g_autofree char *clean = text_clean(text, strlen(text), limit);
	return !strcmp(clean, text);
}

static bool is_good(const struct mark *mark)
{
	return mark->id && mark->kind < MARK_KINDS && mark->level <= 4 && mark->from.ms > 0 &&
		   (!mark->to.ms || mark->to.ms >= mark->from.ms) &&
		   (!*mark->host || ident_is_host(mark->host)) &&
		   (!*mark->service || (*mark->host && ident_is_service(mark->service))) &&
		   (!*mark->field || (*mark->service && ident_is_field(mark->field))) &&
		   is_clean(mark->about, MARK_NAME_MAX) && is_clean(mark->text, MARK_TEXT_MAX) &&
		   is_clean(mark->instance, MARK_NAME_MAX);
}

/* The caller destroys it. */
static struct mark *get_mark(struct frame_reader *r)
{
	struct mark *mark = g_new0(struct mark, 1);
	mark->id = frame_get_u64(r);
	mark->kind = frame_get_u8(r);
	mark->level = frame_get_u8(r);
	mark->from.ms = frame_get_i64(r);
	mark->to.ms = frame_get_i64(r);
	char **const texts[] = {
		&mark->host, &mark->service, &mark->field, &mark->about, &mark->text, &mark->instance};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		*texts[i] = frame_get_text(r);
	}
	return mark;
}

struct mark *mark_read(const struct frame *frame, struct error *err)
{
	struct frame_reader r = frame_read(frame);
	AUTO(mark) mark = get_mark(&r);
	if (!frame_read_done(&r) || !is_good(mark)) {
		error_set(err, ERR_PROTOCOL, "a mark is not as promised");
		return NULL;
	}
	return STEAL(mark);
}

struct mark *mark_restore(const void *payload, size_t length)
{
	const struct frame frame = {.payload = payload, .length = length};
	return mark_read(&frame, NULL);
}

void mark_gone_put(struct frame_writer *w, uint64_t id)
{
	message_start(w, MESSAGE_MARK_GONE);
	frame_put_u64(w, id);
}

bool mark_gone_read(const struct frame *frame, uint64_t *id)
{
	struct frame_reader r = frame_read(frame);
	*id = frame_get_u64(&r);
	return frame_read_done(&r);
}

bool mark_is_within(const struct mark *mark, struct wall from, struct wall to)
{
	bool goes_on = mark->kind == MARK_EPISODE && !mark->to.ms;
	int64_t end = mark->to.ms ? mark->to.ms : mark->from.ms;
	return mark->from.ms <= to.ms && (goes_on || end > from.ms);
}

/* -- the table -- */

struct of_host {
	GPtrArray *list; /* struct mark *, borrowed */
	bool unsorted;
};

struct mark_table {
	GHashTable *by_id;   /* &mark->id -> struct mark *, owned */
	GHashTable *by_host; /* name -> struct of_host */
};

static void of_host_free(gpointer data)
{
	struct of_host *of = data;
	g_ptr_array_unref(of->list);
	g_free(of);
}

static void mark_free(gpointer mark)
{
	mark_destroy(mark);
}

struct mark_table *mark_table_create(void)
{
	struct mark_table *table = g_new0(struct mark_table, 1);
	table->by_id = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, mark_free);
	table->by_host = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, of_host_free);
	return table;
}

void mark_table_destroy(struct mark_table *table)
{
	if (table) {
		g_hash_table_unref(table->by_host);
		g_hash_table_unref(table->by_id);
		g_free(table);
	}
}

static void leave(struct mark_table *table, const struct mark *mark)
{
	struct of_host *of = g_hash_table_lookup(table->by_host, mark->host);
	if (of && g_ptr_array_remove_fast(of->list, (gpointer)mark)) {
		of->unsorted = true;
		if (!of->list->len) {
			g_hash_table_remove(table->by_host, mark->host);
		}
	}
}

static void join(struct mark_table *table, struct mark *mark)
{
	struct of_host *of = g_hash_table_lookup(table->by_host, mark->host);
	if (!of) {
		of = g_new0(struct of_host, 1);
		of->list = g_ptr_array_new();
		g_hash_table_insert(table->by_host, g_strdup(mark->host), of);
	}
	g_ptr_array_add(of->list, mark);
	of->unsorted = true;
}

void mark_table_remove(struct mark_table *table, uint64_t id)
{
	const struct mark *known = mark_table_find(table, id);
	if (known) {
		leave(table, known);
		g_hash_table_remove(table->by_id, &id);
	}
}

void mark_table_put(struct mark_table *table, struct mark *mark)
{
	mark_table_remove(table, mark->id);
	join(table, mark);
	g_hash_table_insert(table->by_id, &mark->id, mark);
}

const struct mark *mark_table_find(const struct mark_table *table, uint64_t id)
{
	return g_hash_table_lookup(table->by_id, &id);
}

size_t mark_table_count(const struct mark_table *table)
{
	return g_hash_table_size(table->by_id);
}

static gint by_from(gconstpointer a, gconstpointer b)
{
	const struct mark *x = *(const struct mark *const *)a;
	const struct mark *y = *(const struct mark *const *)b;
	return x->from.ms != y->from.ms ? (x->from.ms > y->from.ms ? 1 : -1)
									: (x->id > y->id) - (x->id < y->id);
}

const GPtrArray *mark_table_of(struct mark_table *table, const char *host)
{
	struct of_host *of = g_hash_table_lookup(table->by_host, host);
	if (of && of->unsorted) {
		g_ptr_array_sort(of->list, by_from);
		of->unsorted = false;
	}
	return of ? of->list : NULL;
}

static gint by_id(gconstpointer a, gconstpointer b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

GArray *mark_table_ids(const struct mark_table *table)
{
	GArray *ids =
		g_array_sized_new(FALSE, FALSE, sizeof(uint64_t), g_hash_table_size(table->by_id));
	GHashTableIter iter;
	gpointer id;
	g_hash_table_iter_init(&iter, table->by_id);
	while (g_hash_table_iter_next(&iter, &id, NULL)) {
		g_array_append_vals(ids, id, 1);
	}
	g_array_sort(ids, by_id);
	return ids;
}
