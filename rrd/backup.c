/*
 * A copy of this writer's part of the tree, file by file, between two updates: each is whole and as
 * of its own last update. That is enough: whoever starts on the copy has no header log, so the
 * journal is fed from its oldest record, and of each file what it has already is passed over.
 *
 * Argument: {"directory"}, an absolute path that the engine made of its configuration. Can be begun
 * anew: files that are there are written again.
 */
#include "base/file.h"
#include "rrd/series.h"
#include "rrd/task.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

enum {
	CHUNK = 256 << 10,
	SPARE_BYTES = 64 << 20, /* left free where the copy goes */
	SPARE_EVERY = 64,       /* files between two looks at the free space */
};

struct backup {
	char *directory; /* "DIRECTORY/rrd" */
	char *made;      /* the directory made last */
	uint32_t next;   /* number of a series */
	uint64_t files, bytes, left_out;
	unsigned char *chunk;
};

static void *backup_begin(const struct task_scope *scope, const json_t *argument, struct error *err)
{
	const char *directory = json_string_value(json_object_get(argument, "directory"));
	(void)scope;
	if (!directory || *directory != '/') {
		error_set(err, ERR_CONFIG, "\"directory\" is missing");
		return NULL;
	}
	struct backup *b = g_new0(struct backup, 1);
	b->directory = g_strconcat(directory, "/rrd", NULL);
	b->made = g_strdup("");
	b->chunk = g_malloc(CHUNK);
	return b;
}

static bool has_room(const struct backup *b, struct error *err)
{
	struct statvfs fs;
	if (statvfs(b->directory, &fs)) {
		return error_errno(err, ERR_STORAGE, errno, "%s", b->directory);
	}
	if ((uint64_t)fs.f_bavail * fs.f_frsize < SPARE_BYTES) {
		return error_set(
			err, ERR_STORAGE, "%s: less than %d MB are free", b->directory, SPARE_BYTES >> 20);
	}
	return true;
}

static int make_copy(struct backup *b, const char *path, struct error *err)
{
	g_autofree char *to = g_strdup_printf("%s/%s", b->directory, path);
	g_autofree char *parent = g_path_get_dirname(to);
	if (strcmp(parent, b->made) != 0) {
		if (!file_make_directory(parent, err)) {
			return -1;
		}
		g_free(b->made);
		b->made = g_steal_pointer(&parent);
	}
	int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0) {
		error_errno(err, ERR_STORAGE, errno, "%s", to);
	}
	return fd;
}

/* All bytes; nothing else of this process writes the file meanwhile. */
static bool copy_bytes(struct backup *b, int from, int to, struct error *err)
{
	for (;;) {
		ssize_t n = read(from, b->chunk, CHUNK);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return error_errno(err, ERR_UNREACHABLE, errno, "read");
		}
		if (!n) {
			return true;
		}
		if (!file_write_all(to, b->chunk, (size_t)n, err)) {
			return false;
		}
		b->bytes += (uint64_t)n;
	}
}

/* A file that cannot be read now is left out and counted; false: the copy cannot go on. */
static bool copy_file(
	struct backup *b, const struct tree *tree, const char *path, struct error *err)
{
	struct stat st;
	struct error why = {.kind = ERR_NONE};
	AUTO_FD from = tree_file(tree, path, &st, &why);
	if (from < 0) {
		b->left_out += why.kind != ERR_NOT_FOUND;
		return true;
	}
	AUTO_FD to = make_copy(b, path, err);
	if (to < 0) {
		return false;
	}
	if (!copy_bytes(b, from, to, &why)) {
		if (why.kind != ERR_UNREACHABLE) {
			return error_set(err, ERR_STORAGE, "%s: %s", path, why.text);
		}
		b->left_out++;
		return true;
	}
	b->files++;
	return true;
}

static enum task_step backup_step(void *state, const struct task_scope *scope, int64_t budget_ms,
	struct task_progress *progress, struct error *err)
{
	struct backup *b = state;
	struct mono begin = mono_now();
	uint32_t limit = writer_series_limit(scope->writer);
	const struct tree *tree = files_tree(writer_files(scope->writer));
	if (!b->files && (!file_make_directory(b->directory, err) || !has_room(b, err))) {
		return TASK_FAILED;
	}
	for (; b->next < limit && mono_now().ms - begin.ms < budget_ms; b->next++) {
		const struct series *s = writer_series(scope->writer, b->next);
		if (!s || s->foreign || !s->path) {
			continue;
		}
		if (!copy_file(b, tree, s->path, err) ||
			(b->files % SPARE_EVERY == 0 && !has_room(b, err))) {
			return TASK_FAILED;
		}
		snprintf(progress->detail, sizeof(progress->detail), "%s", s->path);
	}
	progress->done = b->next;
	progress->total = limit;
	return b->next < limit ? TASK_MORE : TASK_DONE;
}

static json_t *backup_end(void *state, bool done)
{
	struct backup *b = state;
	json_t *result = done ? json_pack("{s:I, s:I, s:I}", "files", (json_int_t)b->files, "bytes",
								(json_int_t)b->bytes, "left_out", (json_int_t)b->left_out)
						  : NULL;
	g_free(b->directory);
	g_free(b->made);
	g_free(b->chunk);
	g_free(b);
	return result;
}

const struct task_kind backup_task = {backup_begin, backup_step, backup_end};
