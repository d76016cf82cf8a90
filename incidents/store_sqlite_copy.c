/*
 * Copies of the state database: by SQLite's own way of copying through the connection that writes
 * (there is no other one), some pages at a time; and of a file at rest, to look at it without
 * touching it.
 */
#include "base/file.h"
#include "incidents/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/banned.h"

enum { PAGES_A_STEP = 1000, CHUNK = 256 << 10 };

struct store_copy {
	sqlite3 *to;
	sqlite3_backup *backup;
	char *path;
};

void store_copy_end(struct store_copy *copy)
{
	if (copy) {
		sqlite3_backup_finish(copy->backup);
		sqlite3_close(copy->to);
		g_free(copy->path);
		g_free(copy);
	}
}

static struct store_copy *failed(struct store_copy *copy, const char *doing, struct error *err)
{
	error_set(err, ERR_STORAGE, "%s: %s: %s", copy->path, doing,
		copy->to ? sqlite3_errmsg(copy->to) : "out of memory");
	store_copy_end(copy);
	return NULL;
}

struct store_copy *store_copy_begin(struct store *store, const char *path, struct error *err)
{
	sqlite3 *from = store->class->database ? store->class->database(store) : NULL;
	if (!from) {
		error_set(err, ERR_NOT_FOUND, "state is kept in memory only");
		return NULL;
	}
	struct store_copy *copy = g_new0(struct store_copy, 1);
	copy->path = g_strdup(path);
	if (unlink(path) && errno != ENOENT) {
		error_errno(err, ERR_STORAGE, errno, "%s", path);
		store_copy_end(copy);
		return NULL;
	}
	mode_t before = umask(0077);
	int rc = sqlite3_open_v2(path, &copy->to,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
		NULL);
	umask(before);
	if (rc != SQLITE_OK) {
		return failed(copy, "open", err);
	}
	copy->backup = sqlite3_backup_init(copy->to, "main", from, "main");
	return copy->backup ? copy : failed(copy, "copy", err);
}

bool store_copy_step(struct store_copy *copy, bool *more, struct error *err)
{
	int rc = sqlite3_backup_step(copy->backup, PAGES_A_STEP);
	*more = rc == SQLITE_OK;
	if (rc == SQLITE_OK || rc == SQLITE_DONE) {
		return true;
	}
	return error_set(err, ERR_STORAGE, "%s: %s", copy->path, sqlite3_errstr(rc));
}

/* -- looking at one -- */

static bool copy_file(const char *from, const char *to, struct error *err)
{
	g_autofree char *chunk = g_malloc(CHUNK);
	AUTO_FD in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	if (in < 0 || fstat(in, &st)) {
		return error_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_STORAGE, errno, "%s", from);
	}
	if (!S_ISREG(st.st_mode)) {
		return error_set(err, ERR_STORAGE, "%s: is no plain file", from);
	}
	AUTO_FD out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (out < 0) {
		return error_errno(err, ERR_STORAGE, errno, "%s", to);
	}
	ssize_t n;
	while ((n = read(in, chunk, CHUNK)) > 0) {
		if (!file_write_all(out, chunk, (size_t)n, err)) {
			return false;
		}
	}
	return n == 0 || error_errno(err, ERR_STORAGE, errno, "%s", from);
}

static bool load_copy(
	const char *path, const struct store_loader *loader, void *owner, struct error *err)
{
	char set_aside[256];
	struct store *store = store_open_sqlite(path, wall_now(), set_aside, err);
	bool good = store && !*set_aside && store_load(store, loader, owner, err);
	store_close(store);
	return good || (store && *set_aside ? error_set(err, ERR_STORAGE, "it is damaged") : false);
}

static void remove_all(const char *directory)
{
	GDir *dir = g_dir_open(directory, 0, NULL);
	const char *name;
	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(directory, name, NULL);
		(void)unlink(path);
	}
	if (dir) {
		g_dir_close(dir);
	}
	(void)rmdir(directory);
}

bool store_examine(
	const char *path, const struct store_loader *loader, void *owner, struct error *err)
{
	g_autofree char *directory = g_dir_make_tmp("magpie-state-XXXXXX", NULL);
	if (!directory) {
		return error_set(err, ERR_STORAGE, "no directory can be made in %s", g_get_tmp_dir());
	}
	g_autofree char *copy = g_build_filename(directory, "state.db", NULL);
	g_autofree char *wal = g_strconcat(path, "-wal", NULL);
	g_autofree char *copied_wal = g_strconcat(copy, "-wal", NULL);
	struct error why = {.kind = ERR_NONE};
	bool good = copy_file(path, copy, err);
	if (good && !copy_file(wal, copied_wal, &why) && why.kind != ERR_NOT_FOUND) {
		good = error_set(err, why.kind, "%s", why.text);
	}
	good = good && load_copy(copy, loader, owner, err);
	remove_all(directory);
	return good;
}
