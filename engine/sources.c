/*
 * An entry lives from the first word of a collector (or from the store) until SOURCE_GONE, or until
 * collectors have been there for long enough without a word of it: then it went from the
 * configuration while nobody could say so.
 *
 * I1: `state.state` is what the collector said last; what people see is "stale" once `stale` is
 * set. I2: entries are shown and stored from sources_look() alone, so never more than once a
 * second.
 */
#include "engine/sources.h"
#include "engine/strip.h"
#include "model/message.h"

#include <string.h>

#include <glib.h>

#include "base/banned.h"

enum { PACK_VERSION = 2, PACK_VERSION_BEFORE = 1, PACK_FOUND = 8 };
enum { DUE_MOST_MS = 86400 * 1000 };

struct entry {
	struct source_state state;
	int64_t strip_hour;
	char strip[STORE_STRIP + 1];
	unsigned collector;
	int64_t due_ms;   /* of the next word; then it is overdue */
	int64_t heard_ms; /* last word, or since when there could have been one */
	int64_t stale_ms; /* since when it is stale */
	int64_t mute_ms;  /* from when on the strip says so */
	int64_t saved_s;  /* when it was stored last */
	bool heard, stale, changed, unsaved, told_failing;
};

struct sources {
	GHashTable *by_id;    /* -> struct entry *, owned */
	GHashTable *per_host; /* host name -> count */
};

static void entry_free(gpointer data)
{
	struct entry *entry = data;
	source_state_finish(&entry->state);
	g_free(entry);
}

struct sources *sources_create(void)
{
	struct sources *sources = g_new0(struct sources, 1);
	sources->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
	sources->per_host = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return sources;
}

void sources_destroy(struct sources *sources)
{
	if (sources) {
		g_hash_table_unref(sources->by_id);
		g_hash_table_unref(sources->per_host);
		g_free(sources);
	}
}

char sources_letter(unsigned condition)
{
	static const char letters[] = "-owuu"; /* what does not answer is unknown to us, not critical */
	return condition < SOURCE_CONDITIONS ? letters[condition] : '-';
}

static void count_host(struct sources *sources, const char *host, int step)
{
	int count = GPOINTER_TO_INT(g_hash_table_lookup(sources->per_host, host)) + step;
	if (count > 0) {
		g_hash_table_replace(sources->per_host, g_strdup(host), GINT_TO_POINTER(count));
	} else {
		g_hash_table_remove(sources->per_host, host);
	}
}

/* Entries whose turn to be stored comes spread over the whole time, not all at once. */
static int64_t spread(const char *id, struct wall now)
{
	return wall_s(now) - g_str_hash(id) % SOURCES_SAVE_S;
}

/* Takes the state of a source that is not there yet. */
static struct entry *add_entry(struct sources *sources, struct source_state *state, struct wall now)
{
	struct entry *entry = g_new0(struct entry, 1);
	entry->state = *state;
	*state = (struct source_state){0};
	entry->saved_s = spread(entry->state.id, now);
	entry->heard_ms = now.ms;
	strip_clear(entry->strip);
	g_hash_table_insert(sources->by_id, entry->state.id, entry);
	count_host(sources, entry->state.host, 1);
	return entry;
}

static void swap_texts(char **a, char **b)
{
	char *kept = *a;
	*a = *b;
	*b = kept;
}

/* What a collector that has just started cannot know is kept; its id is the table's key. */
static void replace_state(struct sources *sources, struct entry *entry, struct source_state *state)
{
	struct source_state *old = &entry->state;
	if (!*state->version) {
		swap_texts(&state->version, &old->version);
	}
	if (strcmp(old->host, state->host)) {
		count_host(sources, old->host, -1);
		count_host(sources, state->host, 1);
	}
	swap_texts(&state->id, &old->id);
	state->last.ms = MAX(state->last.ms, old->last.ms);
	state->first = old->first;
	struct source_state kept = *old;
	*old = *state;
	*state = kept;
	source_state_finish(state);
}

static enum sources_news news_of(struct entry *entry)
{
	bool failing = entry->state.state == SOURCE_FAILING;
	bool was = entry->told_failing;
	if (entry->state.state == SOURCE_WAITING) {
		return SOURCES_SAME;
	}
	entry->told_failing = failing;
	return failing == was ? SOURCES_SAME : failing ? SOURCES_FAILED : SOURCES_RECOVERED;
}

enum sources_news sources_take(
	struct sources *sources, unsigned collector, struct source_state *state, struct wall now)
{
	struct entry *entry = g_hash_table_lookup(sources->by_id, state->id);
	if (!entry && g_hash_table_size(sources->by_id) >= SOURCES_MOST) {
		source_state_finish(state);
		return SOURCES_REFUSED;
	}
	if (!entry) {
		entry = add_entry(sources, state, now);
		entry->state.first = now;
		entry->unsaved = true;
	} else {
		entry->unsaved |= entry->state.state != state->state ||
						  !entry->state.found.ms != !state->found.ms ||
						  strcmp(entry->state.where, state->where) != 0;
		replace_state(sources, entry, state);
	}
	if (entry->state.state == SOURCE_STALE) {
		entry->state.state = SOURCE_WAITING; /* that is not for a collector to say */
	}
	int64_t left_ms = CLAMP(entry->state.next.ms - now.ms, 0, (int64_t)DUE_MOST_MS);
	entry->due_ms = now.ms + left_ms + 2000 * (int64_t)MIN(entry->state.step_s, 86400U);
	entry->collector = collector;
	entry->heard = true;
	entry->stale = false;
	entry->heard_ms = now.ms;
	entry->changed = true;
	(void)strip_note(entry->strip, &entry->strip_hour, sources_letter(entry->state.state), now);
	return news_of(entry);
}

bool sources_gone(struct sources *sources, const char *id)
{
	struct entry *entry = g_hash_table_lookup(sources->by_id, id);
	if (entry) {
		count_host(sources, entry->state.host, -1);
		g_hash_table_remove(sources->by_id, id);
	}
	return entry != NULL;
}

/* Its strip says so after `patience_ms`. */
static void make_stale(struct entry *entry, struct wall now, int64_t patience_ms)
{
	entry->stale = true;
	entry->stale_ms = now.ms;
	entry->mute_ms = now.ms + patience_ms;
	entry->changed = true;
}

/* A collector that comes back soon, as after a restart, was nobody's silence. */
static int64_t pause_ms(const struct entry *entry)
{
	return SOURCES_GRACE_MS + 2000 * (int64_t)MIN(entry->state.step_s, 60U);
}

void sources_lost(struct sources *sources, unsigned collector, struct wall now)
{
	GHashTableIter iter;
	gpointer value;
	g_hash_table_iter_init(&iter, sources->by_id);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct entry *entry = value;
		if (entry->heard && entry->collector == collector) {
			entry->heard = false;
			entry->heard_ms = now.ms;
			if (!entry->stale) {
				make_stale(entry, now, pause_ms(entry));
			}
		}
	}
}

/* True: nobody knows it any more. */
static bool look_at(struct entry *entry, struct wall now, const struct sources_look *look)
{
	if (entry->heard && !entry->stale && now.ms > entry->due_ms + SOURCES_GRACE_MS) {
		make_stale(entry, now, 0);
	}
	if (!entry->heard && !look->heard) {
		entry->heard_ms = now.ms; /* there is nobody who could speak of it */
	}
	int64_t patience_ms = MAX(SOURCES_FORGET_MS, 3000 * (int64_t)MIN(entry->state.step_s, 86400U));
	if (!entry->heard && now.ms - entry->heard_ms > patience_ms) {
		return true;
	}
	if (entry->stale && now.ms >= entry->mute_ms &&
		strip_note(entry->strip, &entry->strip_hour, sources_letter(SOURCE_STALE), now)) {
		entry->changed = true;
	}
	return false;
}

void sources_look(struct sources *sources, struct wall now, const struct sources_look *look)
{
	GHashTableIter iter;
	gpointer value;
	g_autoptr(GPtrArray) forgotten = g_ptr_array_new_with_free_func(g_free);
	g_hash_table_iter_init(&iter, sources->by_id);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct entry *entry = value;
		if (look_at(entry, now, look)) {
			g_ptr_array_add(forgotten, g_strdup(entry->state.id));
			continue;
		}
		if (entry->unsaved || wall_s(now) - entry->saved_s >= SOURCES_SAVE_S) {
			entry->unsaved = false;
			entry->saved_s = wall_s(now);
			look->save(look->owner, entry->state.id);
		}
		if (entry->changed) {
			entry->changed = false;
			look->changed(look->owner, entry->state.id);
		}
	}
	for (guint i = 0; i < forgotten->len; i++) {
		(void)sources_gone(sources, forgotten->pdata[i]);
		look->forgotten(look->owner, forgotten->pdata[i]);
	}
}

void sources_save_all(struct sources *sources, const struct sources_look *look)
{
	GHashTableIter iter;
	gpointer id;
	g_hash_table_iter_init(&iter, sources->by_id);
	while (g_hash_table_iter_next(&iter, &id, NULL)) {
		look->save(look->owner, id);
	}
}

bool sources_write(
	const struct sources *sources, const char *id, struct wall now, struct frame_writer *w)
{
	const struct entry *entry = g_hash_table_lookup(sources->by_id, id);
	if (!entry) {
		return false;
	}
	struct source_state shown = entry->state; /* see I1 */
	if (entry->stale) {
		shown.state = SOURCE_STALE;
		shown.since.ms = entry->stale_ms;
	}
	strip_read(entry->strip, entry->strip_hour, now, shown.strip);
	source_state_put(w, &shown);
	return true;
}

void sources_write_known(const struct sources *sources, struct frame_writer *w)
{
	GHashTableIter iter;
	gpointer value;
	source_known_begin(w);
	g_hash_table_iter_init(&iter, sources->by_id);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const struct entry *entry = value;
		if (entry->state.found.ms) {
			(void)source_known_put(w, &entry->state);
		}
	}
}

/* -- the store: version, hour of the strip, then a SOURCE frame's payload -- */

void sources_pack(struct sources *sources, const char *id, struct frame_writer *w, GByteArray *out)
{
	const struct entry *entry = g_hash_table_lookup(sources->by_id, id);
	guint8 version = PACK_VERSION;
	if (!entry) {
		return; /* empty: the row goes */
	}
	struct source_state kept = entry->state;
	memcpy(kept.strip, entry->strip, sizeof(kept.strip));
	source_state_put(w, &kept);
	g_byte_array_append(out, &version, 1);
	g_byte_array_append(out, (const guint8 *)&entry->strip_hour, sizeof(entry->strip_hour));
	g_byte_array_append(out, w->packet + FRAME_HEADER, (guint)(w->length - FRAME_HEADER));
}

/* The first version had no `found` at its end. */
static bool read_state(struct source_state *state, struct frame_reader *r, unsigned version)
{
	static const guint8 none[PACK_FOUND];
	if (!version || version > PACK_VERSION || !frame_left(r)) {
		return false;
	}
	g_autoptr(GByteArray) whole = g_byte_array_new();
	g_byte_array_append(whole, r->at, (guint)frame_left(r));
	if (version == PACK_VERSION_BEFORE) {
		g_byte_array_append(whole, none, sizeof(none));
	}
	struct frame frame = {
		.type = MESSAGE_SOURCE, .version = 1, .length = whole->len, .payload = whole->data};
	return source_state_read(state, &frame, NULL);
}

bool sources_restore(struct sources *sources, const void *bytes, size_t length, struct wall now)
{
	struct frame_reader r = {.at = bytes, .end = (const unsigned char *)bytes + length};
	struct source_state state;
	unsigned version = frame_get_u8(&r);
	int64_t strip_hour = frame_get_i64(&r);
	if (r.failed || length > FRAME_PAYLOAD_MAX || !read_state(&state, &r, version)) {
		return false;
	}
	if (g_hash_table_contains(sources->by_id, state.id)) {
		source_state_finish(&state);
		return false;
	}
	struct entry *entry = add_entry(sources, &state, now);
	strip_restore(entry->strip, entry->state.strip);
	entry->strip_hour = strip_hour;
	entry->told_failing = entry->state.state == SOURCE_FAILING;
	make_stale(entry, now, pause_ms(entry));
	return true;
}

/* -- questions -- */

size_t sources_count(const struct sources *sources)
{
	return g_hash_table_size(sources->by_id);
}

size_t sources_of_host(const struct sources *sources, const char *host)
{
	return (size_t)GPOINTER_TO_INT(g_hash_table_lookup(sources->per_host, host));
}

GPtrArray *sources_ids(const struct sources *sources)
{
	GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
	GHashTableIter iter;
	gpointer id;
	g_hash_table_iter_init(&iter, sources->by_id);
	while (g_hash_table_iter_next(&iter, &id, NULL)) {
		g_ptr_array_add(ids, g_strdup(id));
	}
	return ids;
}
