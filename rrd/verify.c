/*
 * Looks at every file of this writer's series, then (the first writer only) for files of nobody.
 * Nothing is changed. Argument: {"deep": true} reads all rows too.
 */
#include "rrd/examine.h"
#include "rrd/series.h"
#include "rrd/task.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

enum { WALK_NAMES = 200, FILES_A_LOOK = 8 };

struct verify {
	struct examination examination;
	struct examine_walk *walk;
	GHashTable *paths; /* of all series there are, owned; NULL: not walking yet */
	uint32_t next;     /* number of a series */
	int tree_fd;
};

static void *verify_begin(const struct task_scope *scope, const json_t *argument, struct error *err)
{
	const char *path = writer_tree_path(scope->writer);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		error_set(err, ERR_STORAGE, "%s cannot be opened", path);
		return NULL;
	}
	struct verify *v = g_new0(struct verify, 1);
	bool deep = json_is_true(json_object_get(argument, "deep"));
	examination_init(&v->examination, deep, wall_s(wall_now()));
	v->tree_fd = fd;
	return v;
}

/* A series of which samples were taken and none waits to be written should have a file. */
static void look_at(struct verify *v, const struct task_scope *scope, const struct series *s)
{
	const struct rrdfile_source source = files_source(s);
	(void)scope;
	if (examine_file(&v->examination, v->tree_fd, s->path, &source)) {
		return;
	}
	v->examination.missing++;
	if (s->last_ms && !s->count && !s->waiting && s->exists) {
		examination_add(&v->examination, s->path, true,
			"It is made again at the next write; restore what is older from a backup.",
			"is gone, although samples were written to it");
	}
}

static bool is_owned(void *owner, const char *path)
{
	return g_hash_table_contains(owner, path);
}

/* All series of all writers: names of foreign ones are known too. */
static GHashTable *paths_of_all(const struct task_scope *scope)
{
	GHashTable *paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (uint32_t id = 0; id < writer_series_limit(scope->writer); id++) {
		const struct series *s = writer_series(scope->writer, id);
		if (s && s->path) {
			g_hash_table_add(paths, g_strdup(s->path));
		}
	}
	return paths;
}

static bool walk_on(struct verify *v, const struct task_scope *scope, int64_t until_ms)
{
	if (!v->walk && !(v->walk = examine_walk_open(writer_tree_path(scope->writer), NULL))) {
		return false;
	}
	v->paths = v->paths ? v->paths : paths_of_all(scope);
	bool more = true;
	while (more && mono_now().ms < until_ms) {
		more = examine_walk_step(v->walk, &v->examination, WALK_NAMES, is_owned, v->paths);
	}
	return more;
}

static enum task_step verify_step(void *state, const struct task_scope *scope, int64_t budget_ms,
	struct task_progress *progress, struct error *err)
{
	struct verify *v = state;
	int64_t until_ms = mono_now().ms + budget_ms;
	uint32_t limit = writer_series_limit(scope->writer);
	(void)err;
	progress->total = limit;
	for (unsigned n = 0; v->next < limit; v->next++) {
		const struct series *s = writer_series(scope->writer, v->next);
		progress->done = v->next;
		if (!s || s->foreign || !s->path) {
			continue;
		}
		if (n++ % FILES_A_LOOK == 0 && mono_now().ms >= until_ms) {
			return TASK_MORE;
		}
		look_at(v, scope, s);
		snprintf(progress->detail, sizeof(progress->detail), "%s", s->path);
	}
	progress->done = limit;
	return scope->instance == 0 && walk_on(v, scope, until_ms + budget_ms) ? TASK_MORE : TASK_DONE;
}

static json_t *verify_end(void *state, bool done)
{
	struct verify *v = state;
	json_t *result = examination_finish(&v->examination);
	if (!done) {
		json_decref(result);
		result = NULL;
	}
	examine_walk_close(v->walk);
	g_clear_pointer(&v->paths, g_hash_table_unref);
	close(v->tree_fd);
	g_free(v);
	return result;
}

const struct task_kind verify_task = {verify_begin, verify_step, verify_end};
