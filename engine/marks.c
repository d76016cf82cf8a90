/*
 * An episode is open from the transition that began it; the table `open` finds it by the key of its
 * instance, also after a restart. Ids are milliseconds since 1970, each later than the one before:
 * they are never given twice, and the oldest have the smallest.
 */
#include "engine/marks.h"
#include "engine/engine.h"

#include <string.h>

#include "base/banned.h"

enum { DAY_MS = 86400000 };

struct marks {
	struct mark_table *table;
	GHashTable *open; /* key of an instance -> id, owned */
	uint64_t last;
};

struct marks *marks_create(void)
{
	struct marks *marks = g_new0(struct marks, 1);
	marks->table = mark_table_create();
	marks->open = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return marks;
}

void marks_destroy(struct marks *marks)
{
	if (marks) {
		mark_table_destroy(marks->table);
		g_hash_table_unref(marks->open);
		g_free(marks);
	}
}

struct mark_table *marks_table(struct marks *marks)
{
	return marks->table;
}

static bool is_open(const struct mark *mark)
{
	return mark->kind == MARK_EPISODE && !mark->to.ms;
}

/* Takes it: into the table, the store and to web. */
static void keep(struct engine *engine, struct mark *mark)
{
	struct marks *marks = engine->marks;
	mark_put(engine->writer, mark);
	store_put_mark(keeper_batch(engine->keeper), mark->id, engine->writer->packet + FRAME_HEADER,
		engine->writer->length - FRAME_HEADER);
	if (is_open(mark)) {
		g_hash_table_replace(
			marks->open, g_strdup(mark->instance), g_memdup2(&mark->id, sizeof(mark->id)));
	} else {
		g_hash_table_remove(marks->open, mark->instance);
	}
	uint64_t id = mark->id;
	mark_table_put(marks->table, mark);
	publish_mark(engine->publish, id);
}

static void drop(struct engine *engine, uint64_t id)
{
	struct marks *marks = engine->marks;
	const struct mark *mark = mark_table_find(marks->table, id);
	if (mark && is_open(mark)) {
		g_hash_table_remove(marks->open, mark->instance);
	}
	mark_table_remove(marks->table, id);
	store_put_mark(keeper_batch(engine->keeper), id, NULL, 0);
	publish_mark(engine->publish, id);
}

static uint64_t next_id(struct marks *marks, struct wall now)
{
	marks->last = MAX(marks->last + 1, (uint64_t)MAX(now.ms, 1));
	return marks->last;
}

void marks_restore(struct engine *engine, const void *payload, size_t length)
{
	struct marks *marks = engine->marks;
	struct mark *mark = mark_restore(payload, length);
	if (!mark) {
		return; /* it is written over or forgotten one day; a graph lacks a shade */
	}
	if (is_open(mark)) {
		g_hash_table_replace(
			marks->open, g_strdup(mark->instance), g_memdup2(&mark->id, sizeof(mark->id)));
	}
	marks->last = MAX(marks->last, mark->id);
	mark_table_put(marks->table, mark);
}

static struct mark *copy(const struct mark *mark)
{
	struct mark *c = g_memdup2(mark, sizeof(*mark));
	char **const texts[] = {&c->host, &c->service, &c->field, &c->about, &c->text, &c->instance};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		*texts[i] = g_strdup(*texts[i] ? *texts[i] : "");
	}
	return c;
}

/* -- episodes -- */

static void end_episode(struct engine *engine, const char *instance, struct wall at)
{
	const uint64_t *id = g_hash_table_lookup(engine->marks->open, instance);
	const struct mark *mark = id ? mark_table_find(engine->marks->table, *id) : NULL;
	if (mark) {
		struct mark *ended = copy(mark);
		ended->to = (struct wall){MAX(at.ms, mark->from.ms)};
		keep(engine, ended);
	}
}

void marks_level(
	struct engine *engine, const struct instance_view *view, struct wall at, const char *summary)
{
	end_episode(engine, view->key, at);
	if (view->level == LEVEL_OK || at.ms <= 0) {
		return;
	}
	const struct mark episode = {.id = next_id(engine->marks, engine->steady.now),
		.kind = MARK_EPISODE,
		.level = (uint8_t)view->level,
		.from = at,
		.host = (char *)view->host,
		.service = (char *)view->service,
		.field = (char *)view->field,
		.about = (char *)view->rule,
		.text = (char *)summary,
		.instance = (char *)view->key};
	keep(engine, copy(&episode));
}

void marks_end_lost(struct engine *engine, GHashTable *keys)
{
	g_autoptr(GPtrArray) lost = g_ptr_array_new_with_free_func(g_free);
	GHashTableIter iter;
	gpointer key;
	g_hash_table_iter_init(&iter, engine->marks->open);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		if (!g_hash_table_contains(keys, key)) {
			g_ptr_array_add(lost, g_strdup(key));
		}
	}
	for (guint i = 0; i < lost->len; i++) {
		end_episode(engine, lost->pdata[i], engine->steady.now);
	}
}

/* -- annotations -- */

bool marks_note(struct engine *engine, struct mark *note, uint64_t *id, struct error *err)
{
	struct wall now = engine->steady.now;
	note->from = note->from.ms ? note->from : now;
	if (!*note->text) {
		return error_set(err, ERR_CONFIG, "\"text\" is empty");
	}
	if (note->from.ms <= 0 || (note->to.ms && note->to.ms < note->from.ms)) {
		return error_set(err, ERR_CONFIG, "it ends before it begins");
	}
	if (*note->host && !catalog_host(engine->catalog, note->host)) {
		return error_set(err, ERR_NOT_FOUND, "there is no host \"%.100s\"", note->host);
	}
	if (*note->service && !catalog_service(engine->catalog, note->host, note->service)) {
		return error_set(
			err, ERR_NOT_FOUND, "host %s has no graph \"%.100s\"", note->host, note->service);
	}
	note->id = next_id(engine->marks, now);
	note->kind = MARK_NOTE;
	note->level = 0;
	*id = note->id;
	keep(engine, copy(note));
	keeper_hurry(engine->keeper);
	return true;
}

bool marks_note_remove(struct engine *engine, uint64_t id, struct error *err)
{
	const struct mark *mark = mark_table_find(engine->marks->table, id);
	if (!mark || mark->kind != MARK_NOTE) {
		return error_set(err, ERR_NOT_FOUND, "there is no annotation %llu", (unsigned long long)id);
	}
	drop(engine, id);
	keeper_hurry(engine->keeper);
	return true;
}

void marks_forget(struct engine *engine, struct wall now)
{
	struct mark_table *table = engine->marks->table;
	size_t count = mark_table_count(table);
	int64_t oldest_ms = now.ms - (int64_t)MARKS_DAYS * DAY_MS;
	g_autoptr(GArray) ids = mark_table_ids(table);
	for (guint i = 0; i < ids->len; i++) {
		uint64_t id = g_array_index(ids, uint64_t, i);
		const struct mark *mark = mark_table_find(table, id);
		bool old = !is_open(mark) && MAX(mark->from.ms, mark->to.ms) < oldest_ms;
		if (old || count > MARKS_MAX) {
			drop(engine, id);
			count--;
		}
	}
}
