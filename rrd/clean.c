/*
 * The task "clean": {"older_s", "delete", "dry_run"}. RRD files in the tree that no series owns and
 * that were not written for that long go to .magpie/retired, or away for good; with "delete" also
 * what was set aside or retired that long ago. One directory after the other, by the first writer
 * alone: every writer knows the names of all series.
 */
#include "rrd/series.h"
#include "rrd/task.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

enum { NAMES_MOST = 300, DEPTH_MOST = 16 };

struct clean {
	GQueue directories; /* char *, below the tree; "" is the tree itself */
	DIR *open;          /* of the first of them; NULL: not begun */
	int64_t before_s;
	bool dry_run, delete_files;
	uint64_t seen, files, bytes;
	json_t *names;
};

static void *clean_begin(const struct task_scope *scope, const json_t *argument, struct error *err)
{
	const json_t *older = json_object_get(argument, "older_s");
	json_int_t older_s = json_integer_value(older);
	int64_t now_s = wall_s(wall_now());
	if (!json_is_integer(older) || older_s < 0 || older_s >= now_s) {
		error_set(err, ERR_CONFIG, "\"older_s\" is out of range");
		return NULL;
	}
	struct clean *c = g_new0(struct clean, 1);
	c->before_s = now_s - older_s;
	c->dry_run = json_is_true(json_object_get(argument, "dry_run"));
	c->delete_files = json_is_true(json_object_get(argument, "delete"));
	c->names = json_array();
	g_queue_init(&c->directories);
	if (!scope->instance) {
		g_queue_push_tail(&c->directories, g_strdup(""));
		g_queue_push_tail(&c->directories, g_strdup(TREE_PRIVATE "/corrupt"));
		g_queue_push_tail(&c->directories, g_strdup(TREE_PRIVATE "/retired"));
	}
	return c;
}

static bool is_private(const char *path)
{
	return g_str_has_prefix(path, TREE_PRIVATE "/");
}

static bool put_away(struct clean *c, const struct tree *tree, const char *path, struct error *err)
{
	struct stat st;
	AUTO_FD fd = tree_file(tree, path, &st, NULL);
	if (fd < 0 || st.st_mtime >= c->before_s || (is_private(path) && !c->delete_files)) {
		return true;
	}
	c->files++;
	c->bytes += (uint64_t)st.st_size;
	if (json_array_size(c->names) < NAMES_MOST) {
		json_array_append_new(c->names, json_string(path));
	}
	return c->dry_run ||
		   (c->delete_files ? tree_remove(tree, path, err) : tree_retire(tree, path, err));
}

static unsigned depth_of(const char *path)
{
	unsigned depth = 0;
	for (const char *p = path; *p; p++) {
		depth += *p == '/';
	}
	return depth;
}

static bool look_at(struct clean *c, const struct task_scope *scope, const char *directory,
	const struct dirent *entry, struct error *err)
{
	const struct tree *tree = files_tree(writer_files(scope->writer));
	g_autofree char *path =
		*directory ? g_strdup_printf("%s/%s", directory, entry->d_name) : g_strdup(entry->d_name);
	if (entry->d_name[0] == '.' || strlen(path) >= LAYOUT_PATH_MAX ||
		!g_utf8_validate(path, -1, NULL)) {
		return true;
	}
	if (entry->d_type == DT_DIR && depth_of(path) < DEPTH_MOST && !is_private(path)) {
		g_queue_push_tail(&c->directories, g_steal_pointer(&path));
		return true;
	}
	c->seen += entry->d_type == DT_REG;
	bool ours = is_private(path) || g_str_has_suffix(path, ".rrd");
	if (entry->d_type != DT_REG || !ours ||
		series_table_path_taken(writer_table(scope->writer), path)) {
		return true;
	}
	return put_away(c, tree, path, err);
}

/* The first directory of the queue; NULL: it is not there (any more). */
static DIR *open_first(const struct clean *c, const struct task_scope *scope)
{
	char full[2 * LAYOUT_PATH_MAX];
	const char *path = g_queue_peek_head((GQueue *)&c->directories);
	tree_full_path(files_tree(writer_files(scope->writer)), path, full, sizeof(full));
	int fd = open(full, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	if (!directory && fd >= 0) {
		close(fd);
	}
	return directory;
}

static void close_first(struct clean *c)
{
	if (c->open) {
		closedir(g_steal_pointer(&c->open));
	}
	g_free(g_queue_pop_head(&c->directories));
}

/* One directory may hold all files of a large tree: some names of it at a time. */
static enum task_step clean_step(void *state, const struct task_scope *scope, int64_t budget_ms,
	struct task_progress *progress, struct error *err)
{
	enum { NAMES_A_LOOK = 16 };
	struct clean *c = state;
	struct mono begin = mono_now();
	for (unsigned n = 1; !g_queue_is_empty(&c->directories); n++) {
		const char *path = g_queue_peek_head(&c->directories);
		snprintf(progress->detail, sizeof(progress->detail), "%.150s", path);
		c->open = c->open ? c->open : open_first(c, scope);
		const struct dirent *entry = c->open ? readdir(c->open) : NULL;
		if (!entry) {
			close_first(c);
		} else if (!look_at(c, scope, path, entry, err)) {
			return TASK_FAILED;
		}
		if (n % NAMES_A_LOOK == 0 && mono_now().ms - begin.ms >= budget_ms) {
			break;
		}
	}
	progress->done = c->seen;
	progress->total = c->seen;
	return g_queue_is_empty(&c->directories) ? TASK_DONE : TASK_MORE;
}

static json_t *clean_end(void *state, bool done)
{
	struct clean *c = state;
	(void)done;
	json_t *result = json_pack("{s:I, s:I, s:I, s:b, s:O}", "seen", (json_int_t)c->seen, "files",
		(json_int_t)c->files, "bytes", (json_int_t)c->bytes, "dry_run", c->dry_run, "names",
		c->names);
	json_decref(c->names);
	if (c->open) {
		closedir(c->open);
	}
	g_queue_clear_full(&c->directories, g_free);
	g_free(c);
	return result;
}

const struct task_kind clean_task = {clean_begin, clean_step, clean_end};
