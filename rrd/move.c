/*
 * The task "move": {"host", "from_group", "into", "into_group", "dry_run"}. The engine knows the
 * new names already; the files are still called as before. One that stands alone is renamed; where
 * both are there the old one's rows go into the new one, in which what it knows counts. Every step
 * looks at what is there, so that the task can begin anew at any point. It is over when a
 * checkpoint has made it final: before that a crash would undo the renames.
 *
 * The old name's host may be another writer's. Its header log may have the file too, and two logs
 * are undone in any order: so such a file is copied, not renamed, and what that writer held back
 * comes from the journal once more.
 */
#include "base/file.h"
#include "model/shard.h"
#include "rrd/convert.h"
#include "rrd/series.h"
#include "rrd/task.h"

#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

enum { FILES_MOST = 200, CHECKPOINT_EVERY_MS = 5000, WAIT_MS = 150000 };

struct move {
	char *host, *from_group, *into, *into_group;
	bool dry_run, begun;
	GArray *series; /* u32: still to be done */
	guint next;
	uint64_t moved, merged, total;
	uint32_t epoch; /* of the last change; 0: none */
	struct mono asked, waiting;
	json_t *files;
};

static void move_free(struct move *m)
{
	g_free(m->host);
	g_free(m->from_group);
	g_free(m->into);
	g_free(m->into_group);
	g_array_unref(m->series);
	json_decref(m->files);
	g_free(m);
}

static char *name_of(const json_t *argument, const char *member, bool group)
{
	const char *text = json_string_value(json_object_get(argument, member));
	bool good = text && (group ? ident_is_group(text) : ident_is_host(text));
	return good ? g_strdup(text) : NULL;
}

static void *move_begin(const struct task_scope *scope, const json_t *argument, struct error *err)
{
	struct move *m = g_new0(struct move, 1);
	m->host = name_of(argument, "host", false);
	m->into = name_of(argument, "into", false);
	m->from_group = name_of(argument, "from_group", true);
	m->into_group = name_of(argument, "into_group", true);
	m->dry_run = json_is_true(json_object_get(argument, "dry_run"));
	m->series = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	m->files = json_array();
	if (!m->host || !m->into || !m->from_group || !m->into_group) {
		move_free(m);
		error_set(err, ERR_CONFIG, "\"host\", \"into\" and their groups are wanted");
		return NULL;
	}
	const struct host *host = catalog_host(scope->catalog, m->dry_run ? m->host : m->into);
	for (guint i = 0; host && i < host->services->len; i++) {
		const struct service *service = host->services->pdata[i];
		for (size_t k = 0; k < service_field_count(service); k++) {
			g_array_append_val(m->series, service_field(service, k)->series_id);
		}
	}
	m->total = m->series->len;
	return m;
}

/* Path of that field's file under another host's name. */
static void path_of(const struct move *m, const struct field *field, bool into, unsigned type,
	char out[LAYOUT_PATH_MAX])
{
	struct layout_name name = {.group = into ? m->into_group : m->from_group,
		.host = into ? m->into : m->host,
		.service = field->service->name,
		.field = field->name,
		.type = (enum field_type)type};
	layout_path(&name, false, out);
}

static void note(struct move *m, const char *from, const char *to, bool merged)
{
	m->moved += !merged;
	m->merged += merged;
	if (json_array_size(m->files) < FILES_MOST) {
		g_autofree char *text = g_strdup_printf("%s %s %s", from, merged ? "into" : "to", to);
		json_array_append_new(m->files, json_string(text));
	}
}

static char *read_whole(
	const struct task_scope *scope, const char *path, size_t *length, struct error *err)
{
	char full[2 * LAYOUT_PATH_MAX];
	tree_full_path(files_tree(writer_files(scope->writer)), path, full, sizeof(full));
	return file_read(-1, full, CONVERT_BYTES_MAX, length, err);
}

static bool merge_files(
	const struct task_scope *scope, struct series *s, const char *from, struct error *err)
{
	struct files *files = writer_files(scope->writer);
	struct header header;
	struct layout_plan plan;
	size_t length[2];
	AUTO_FREE char *own = read_whole(scope, s->path, &length[0], err);
	AUTO_FREE char *other = own ? read_whole(scope, from, &length[1], err) : NULL;
	if (!other || !files_look(files, s->path, &header, err)) {
		return false;
	}
	layout_plan(s->layout, s->step_s, &plan);
	g_autoptr(GByteArray) made = g_byte_array_new();
	const struct convert_input inputs[] = {
		{(const unsigned char *)own, length[0]}, {(const unsigned char *)other, length[1]}};
	return convert(inputs, 2, &plan, made, err) &&
		   files_replace(files, s, made->data, made->len, err) &&
		   tree_remove(files_tree(files), from, err);
}

/* The file of another writer's host: a copy of it, then it goes. */
static bool copy_over(
	const struct task_scope *scope, struct series *s, const char *from, struct error *err)
{
	struct files *files = writer_files(scope->writer);
	size_t length;
	AUTO_FREE char *content = read_whole(scope, from, &length, err);
	return content && files_replace(files, s, content, length, err) &&
		   tree_remove(files_tree(files), from, err);
}

static bool is_anothers(const struct move *m, const struct task_scope *scope)
{
	return shard_of_host(m->host, scope->instances) != shard_of_host(m->into, scope->instances);
}

enum outcome { NOTHING, DONE, LATER, FAILED };

/*
 * Whether the file at `from` is free to be moved. The series that had it until now is not known to
 * the engine any more: what is held back for it is written, and then it is done with.
 */
static bool is_free(const struct task_scope *scope, const char *from)
{
	struct series *owner = series_table_owner(writer_table(scope->writer), from);
	if (owner && !catalog_series(scope->catalog, owner->id) && !owner->readers) {
		files_write(writer_files(scope->writer), &owner, 1);
		series_table_release(writer_table(scope->writer), owner);
		owner = NULL;
	}
	return !owner;
}

/* What is held back goes into its file first: a merged one may end later. */
static bool is_written(const struct task_scope *scope, struct series *s)
{
	files_write(writer_files(scope->writer), &s, 1);
	return !s->count && !s->waiting;
}

/* The file of one type under the old name. */
static enum outcome move_file(struct move *m, const struct task_scope *scope, struct series *s,
	const char *from, struct error *err)
{
	struct files *files = writer_files(scope->writer);
	struct header header;
	struct error why = {.kind = ERR_NONE};
	bool another = is_anothers(m, scope);
	if (!strcmp(from, s->path) || !files_look(files, from, &header, NULL)) {
		return NOTHING;
	}
	const struct series *owner = series_table_owner(writer_table(scope->writer), from);
	if (owner && catalog_series(scope->catalog, owner->id)) {
		return NOTHING;
	}
	bool merged = files_look(files, s->path, &header, &why);
	if (!is_free(scope, from) || (merged && (files_is_young(files, s) || !is_written(scope, s)))) {
		return LATER;
	}
	if (!merged && why.kind != ERR_NOT_FOUND) {
		error_set(err, why.kind, "%s", why.text);
		return FAILED;
	}
	if (another) {
		files_feed_again(files, s);
	}
	if (merged    ? !merge_files(scope, s, from, err)
		: another ? !copy_over(scope, s, from, err)
				  : !files_take_over(files, s, from, err)) {
		return FAILED;
	}
	m->epoch = files_epoch(files);
	note(m, from, s->path, merged);
	return DONE;
}

static enum outcome move_series(
	struct move *m, const struct task_scope *scope, uint32_t id, struct error *err)
{
	const struct field *field = catalog_series(scope->catalog, id);
	struct series *s = writer_series(scope->writer, id);
	enum outcome outcome = NOTHING;
	if (!field || !s || s->foreign) {
		return NOTHING;
	}
	if (s->waiting) {
		return LATER;
	}
	for (unsigned type = 0; type < FIELD_TYPES && outcome != FAILED; type++) {
		char from[LAYOUT_PATH_MAX];
		path_of(m, field, false, type, from);
		enum outcome one = move_file(m, scope, s, from, err);
		outcome = one == FAILED || one == LATER || outcome == NOTHING ? one : outcome;
	}
	return outcome;
}

static void tell_series(struct move *m, const struct task_scope *scope, uint32_t id)
{
	const struct field *field = catalog_series(scope->catalog, id);
	const struct series *s = writer_series(scope->writer, id);
	char to[LAYOUT_PATH_MAX];
	struct header header;
	if (!field || !s || s->foreign ||
		!files_look(writer_files(scope->writer), s->path, &header, NULL)) {
		return;
	}
	path_of(m, field, true, s->type, to);
	note(m, s->path, to, files_look(writer_files(scope->writer), to, &header, NULL));
}

/* Once all was tried: what was young, then the checkpoint that makes it final. */
static enum task_step wait_step(struct move *m, const struct task_scope *scope, struct error *err)
{
	bool final = !m->epoch || m->epoch != files_epoch(writer_files(scope->writer));
	struct mono now = mono_now();
	if (!m->series->len && final) {
		return TASK_DONE;
	}
	m->waiting = m->waiting.ms ? m->waiting : now;
	if (now.ms - m->waiting.ms > WAIT_MS) {
		error_set(err, ERR_UNREACHABLE, "no checkpoint could be made");
		return TASK_FAILED;
	}
	if (!m->asked.ms || now.ms - m->asked.ms > CHECKPOINT_EVERY_MS) {
		m->asked = now;
		scope->checkpoint(scope->role);
	}
	m->next = 0;
	return TASK_MORE;
}

static enum task_step move_step(void *state, const struct task_scope *scope, int64_t budget_ms,
	struct task_progress *progress, struct error *err)
{
	struct move *m = state;
	struct mono begin = mono_now();
	while (m->next < m->series->len && mono_now().ms - begin.ms < budget_ms) {
		uint32_t id = g_array_index(m->series, uint32_t, m->next);
		enum outcome outcome = NOTHING;
		if (m->dry_run) {
			tell_series(m, scope, id);
		} else {
			outcome = move_series(m, scope, id, err);
		}
		if (outcome == FAILED) {
			return TASK_FAILED;
		}
		if (outcome == LATER) {
			m->next++;
		} else {
			g_array_remove_index_fast(m->series, m->next);
		}
	}
	progress->total = m->total;
	progress->done = m->total - m->series->len;
	snprintf(progress->detail, sizeof(progress->detail), "%s", m->into);
	return m->next < m->series->len ? TASK_MORE : wait_step(m, scope, err);
}

static json_t *move_end(void *state, bool done)
{
	struct move *m = state;
	(void)done;
	json_t *result = json_pack("{s:I, s:I, s:b, s:O}", "moved", (json_int_t)m->moved, "merged",
		(json_int_t)m->merged, "dry_run", m->dry_run, "files", m->files);
	move_free(m);
	return result;
}

const struct task_kind move_task = {move_begin, move_step, move_end};
