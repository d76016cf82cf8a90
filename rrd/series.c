#include "rrd/series.h"
#include "base/auto.h"
#include "model/shard.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * Numbers are dense (they come from a database's counter), so the table is an array. The array of
 * samples held back grows by doubling and is given back when it is empty and large: most of the
 * time most series hold a handful.
 */
enum { ROOM_FIRST = 8, ROOM_KEPT = 64 };

struct series_table {
	struct share share;
	GPtrArray *by_id;
	GByteArray *foreign; /* by id: 0 not known, or own; 1 foreign */
	uint32_t own;
	GHashTable *by_path; /* path (of the series) -> series */
};

static void series_destroy(gpointer data)
{
	struct series *s = data;
	if (s) {
		g_free(s->names);
		g_free(s->path);
		g_free(s->earlier);
		g_free(s->adopt);
		g_free(s->pending);
		g_free(s);
	}
}

struct series_table *series_table_create(const struct share *share)
{
	struct series_table *table = g_new0(struct series_table, 1);
	table->share = *share;
	table->foreign = g_byte_array_new();
	table->by_id = g_ptr_array_new_with_free_func(series_destroy);
	table->by_path = g_hash_table_new(g_str_hash, g_str_equal);
	return table;
}

void series_table_destroy(struct series_table *table)
{
	if (table) {
		g_hash_table_unref(table->by_path);
		g_ptr_array_unref(table->by_id);
		g_byte_array_unref(table->foreign);
		g_free(table);
	}
}

struct series *series_table_find(const struct series_table *table, uint32_t id)
{
	return id < table->by_id->len ? table->by_id->pdata[id] : NULL;
}

bool series_table_is_foreign(const struct series_table *table, uint32_t id)
{
	return id < table->foreign->len && table->foreign->data[id];
}

uint32_t series_table_own(const struct series_table *table)
{
	return table->own;
}

uint32_t series_table_limit(const struct series_table *table)
{
	return table->by_id->len;
}

static struct layout_name names_of(const struct series *s, enum field_type type)
{
	struct layout_name name = {.type = type};
	name.group = s->names;
	name.host = name.group + strlen(name.group) + 1;
	name.service = name.host + strlen(name.host) + 1;
	name.field = name.service + strlen(name.service) + 1;
	return name;
}

static char *pack_names(const struct layout_name *name)
{
	GString *all = g_string_new(NULL);
	const char *const parts[] = {name->group, name->host, name->service, name->field};
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		g_string_append_len(all, parts[i], (gssize)strlen(parts[i]) + 1);
	}
	return g_string_free(all, FALSE);
}

bool series_is_called(const struct series *s, const struct layout_name *name)
{
	struct layout_name mine = names_of(s, (enum field_type)s->type);
	return mine.type == name->type && !strcmp(mine.group, name->group) &&
		   !strcmp(mine.host, name->host) && !strcmp(mine.service, name->service) &&
		   !strcmp(mine.field, name->field);
}

void series_path_of_type(const struct series *s, enum field_type type, char out[LAYOUT_PATH_MAX])
{
	struct layout_name name = names_of(s, type);
	layout_path(&name, s->apart, out);
}

static void set_path(struct series_table *table, struct series *s, bool had_file)
{
	char path[LAYOUT_PATH_MAX];
	series_path_of_type(s, (enum field_type)s->type, path);
	if (had_file) {
		g_free(s->earlier);
		s->earlier = STEAL(s->path);
	}
	g_free(s->path);
	s->path = g_strdup(path);
	g_hash_table_insert(table->by_path, s->path, s);
	series_forget_file(s);
}

static void unset_path(struct series_table *table, struct series *s)
{
	if (s->path && g_hash_table_lookup(table->by_path, s->path) == s) {
		g_hash_table_remove(table->by_path, s->path);
	}
}

/*
 * Two series whose names join to the same file name (hostile 8): the one with the lower number,
 * which is the older one, keeps the plain name, whichever is told first. Only a file that is in use
 * is not taken away from a series by another of the same writer; the rule for those of two writers
 * has to come out the same in both.
 */
static void give_path(struct series_table *table, struct series *s, bool had_file)
{
	char plain[LAYOUT_PATH_MAX];
	s->apart = false;
	series_path_of_type(s, (enum field_type)s->type, plain);
	struct series *other = g_hash_table_lookup(table->by_path, plain);
	if (other && other != s) {
		if (other->id < s->id || (other->exists && !s->foreign)) {
			s->apart = true;
		} else {
			unset_path(table, other);
			other->apart = true;
			set_path(table, other, other->exists);
		}
	}
	set_path(table, s, had_file);
}

static void set_owner(struct series_table *table, struct series *s, const char *host)
{
	table->own -= s->names && !s->foreign;
	s->foreign = shard_of_host(host, table->share.instances) != table->share.instance;
	while (table->foreign->len <= s->id) {
		g_byte_array_append(table->foreign, (const guint8 *)"", 1);
	}
	table->foreign->data[s->id] = s->foreign;
	table->own += !s->foreign;
	if (s->foreign) {
		series_drop(s, s->count);
	}
}

struct series *series_table_define(
	struct series_table *table, uint32_t id, const struct layout_name *name)
{
	assert(id && id <= SERIES_ID_MAX);
	struct series *s = series_table_find(table, id);
	if (s && series_is_called(s, name)) {
		return s;
	}
	if (!s) {
		s = g_new0(struct series, 1);
		s->id = id;
		s->min = NAN;
		s->max = NAN;
		s->layout = layout_find("default");
		if (id >= table->by_id->len) {
			g_ptr_array_set_size(table->by_id, (gint)id + 1);
		}
		table->by_id->pdata[id] = s;
	} else {
		unset_path(table, s);
	}
	bool foreign = s->foreign;
	char *names = pack_names(name);
	set_owner(table, s, name->host);
	/* whether it has a file only its writer knows: perhaps; one of another writer is not ours to
	 * rename (rrd/move.c) */
	bool had_file = s->exists || (foreign && s->foreign);
	g_free(s->names);
	s->names = names;
	s->type = (uint8_t)name->type;
	give_path(table, s, had_file && s->path);
	return s;
}

void series_table_give_up(struct series_table *table, struct series *s)
{
	if (!s->apart) {
		unset_path(table, s);
		s->apart = true;
		set_path(table, s, false); /* the file is not its own any more */
	}
}

void series_table_release(struct series_table *table, struct series *s)
{
	unset_path(table, s);
	series_forget_file(s);
	series_drop(s, s->count);
	table->own -= !s->foreign;
	s->foreign = true;
	/* told again, it has to be given a file name again */
	static const struct layout_name nobody = {.group = "", .host = "", .service = "", .field = ""};
	g_free(s->names);
	s->names = pack_names(&nobody);
}

struct series *series_table_owner(const struct series_table *table, const char *path)
{
	return g_hash_table_lookup(table->by_path, path);
}

bool series_table_path_taken(const struct series_table *table, const char *path)
{
	return g_hash_table_contains(table->by_path, path);
}

void series_table_end_waiting(struct series_table *table)
{
	for (guint i = 0; i < table->by_id->len; i++) {
		struct series *s = table->by_id->pdata[i];
		if (s) {
			s->waiting = false;
		}
	}
}

void series_push(struct series *s, struct wall at, double value)
{
	if (s->count == s->room) {
		s->room = s->room ? 2 * s->room : ROOM_FIRST;
		s->pending = g_renew(struct sample, s->pending, s->room);
	}
	s->pending[s->count++] = (struct sample){.at = at, .value = value};
}

void series_drop(struct series *s, size_t count)
{
	if (!count) {
		return;
	}
	s->count -= (uint32_t)count;
	memmove(s->pending, s->pending + count, s->count * sizeof(*s->pending));
	if (!s->count && s->room > ROOM_KEPT) {
		g_free(s->pending);
		s->pending = NULL;
		s->room = 0;
	}
}

void series_forget_file(struct series *s)
{
	s->exists = false;
	g_clear_pointer(&s->adopt, g_free);
	s->tune = false;
	s->logged_epoch = 0;
	s->rest_until = 0;
}

void series_wait(struct series *s, uint32_t tick)
{
	series_forget_file(s);
	series_drop(s, s->count);
	s->last_ms = 0;
	s->waiting = true;
	s->waiting_since = tick;
}

void series_rest(struct series *s, uint32_t tick)
{
	s->rest_until = tick ? tick : 1;
}

bool series_resting(const struct series *s, uint32_t tick)
{
	return s->rest_until && (int32_t)(s->rest_until - tick) > 0;
}
