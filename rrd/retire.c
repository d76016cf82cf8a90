/*
 * The task "retire": {"series": [numbers], "before_s", "delete", "dry_run"}. Files of series that
 * the engine is about to forget go to .magpie/retired, or away for good. One that is not there is
 * done already; one that has had samples since `before_s` (the task may have waited for hours) is
 * kept, as the engine will not forget it either.
 */
#include "rrd/series.h"
#include "rrd/task.h"

#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

enum { NAMES_MOST = 300 };

struct retire {
	GArray *series; /* u32 */
	guint next;
	int64_t before_s; /* 0: not said */
	bool dry_run, delete_files;
	uint64_t files, bytes;
	json_t *names;
};

static void *retire_begin(const struct task_scope *scope, const json_t *argument, struct error *err)
{
	(void)scope;
	const json_t *series = json_object_get(argument, "series");
	if (!json_is_array(series)) {
		error_set(err, ERR_CONFIG, "\"series\" is missing");
		return NULL;
	}
	struct retire *r = g_new0(struct retire, 1);
	r->series = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	r->dry_run = json_is_true(json_object_get(argument, "dry_run"));
	r->delete_files = json_is_true(json_object_get(argument, "delete"));
	r->before_s = json_integer_value(json_object_get(argument, "before_s"));
	r->names = json_array();
	for (size_t i = 0; i < json_array_size(series); i++) {
		json_int_t id = json_integer_value(json_array_get(series, i));
		uint32_t number = id > 0 && id <= SERIES_ID_MAX ? (uint32_t)id : 0;
		g_array_append_val(r->series, number);
	}
	return r;
}

static bool put_away(
	struct retire *r, const struct task_scope *scope, struct series *s, struct error *err)
{
	const struct tree *tree = files_tree(writer_files(scope->writer));
	struct stat st;
	struct error why = {.kind = ERR_NONE};
	AUTO_FD fd = tree_file(tree, s->path, &st, &why);
	if (fd >= 0) {
		r->files++;
		r->bytes += (uint64_t)st.st_size;
		if (json_array_size(r->names) < NAMES_MOST) {
			json_array_append_new(r->names, json_string(s->path));
		}
	}
	if (r->dry_run) {
		return true;
	}
	if (fd >= 0 &&
		!(r->delete_files ? tree_remove(tree, s->path, err) : tree_retire(tree, s->path, err))) {
		return false;
	}
	series_table_release(writer_table(scope->writer), s);
	return true;
}

static bool came_back(const struct retire *r, const struct series *s)
{
	return r->before_s && s->last_ms / 1000 >= r->before_s;
}

static enum task_step retire_step(void *state, const struct task_scope *scope, int64_t budget_ms,
	struct task_progress *progress, struct error *err)
{
	struct retire *r = state;
	struct mono begin = mono_now();
	while (r->next < r->series->len && mono_now().ms - begin.ms < budget_ms) {
		struct series *s =
			writer_series(scope->writer, g_array_index(r->series, uint32_t, r->next));
		if (s && s->readers) {
			break; /* it is being drawn: in the next turn */
		}
		if (s && !s->foreign && !came_back(r, s) && !put_away(r, scope, s, err)) {
			return TASK_FAILED;
		}
		r->next++;
	}
	progress->done = r->next;
	progress->total = r->series->len;
	return r->next < r->series->len ? TASK_MORE : TASK_DONE;
}

static json_t *retire_end(void *state, bool done)
{
	struct retire *r = state;
	(void)done;
	json_t *result = json_pack("{s:I, s:I, s:b, s:O}", "files", (json_int_t)r->files, "bytes",
		(json_int_t)r->bytes, "dry_run", r->dry_run, "names", r->names);
	json_decref(r->names);
	g_array_unref(r->series);
	g_free(r);
	return result;
}

const struct task_kind retire_task = {retire_begin, retire_step, retire_end};
