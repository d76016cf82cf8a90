/*
 * The order makes it sound (docs/archive.md, "Backup and restore"): files first, each as of some
 * instant; then the journal, which has all that any of them has, for nothing gets into a file
 * before it is durable there; then the state, so that every series in the journal is known to it.
 * While a backup is made no segment of the journal is given up.
 *
 * Copying is done by a worker of its own, the state by the keeper's between two commits.
 */
#include "engine/backup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/worker.h"
#include "engine/engine.h"
#include "model/version.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

enum { CHUNK = 1 << 20 };

struct backup_job {
	struct backup *backup;
	char *data, *directory;
	char *manifest; /* what is written at the end; NULL: not there yet */
	struct error err;
	bool good;
};

struct backup {
	struct engine *engine;
	struct worker *worker; /* NULL: none under way yet */
	uint64_t task;         /* 0: none under way */
	struct backup_job *job;
};

/* -- in the worker -- */

static bool copy_bytes(int in, int out, struct error *err)
{
	g_autofree char *chunk = g_malloc(CHUNK);
	for (;;) {
		ssize_t n = read(in, chunk, CHUNK);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return error_errno(err, ERR_STORAGE, errno, "read");
		}
		if (!n) {
			return true;
		}
		if (!file_write_all(out, chunk, (size_t)n, err)) {
			return false;
		}
	}
}

/* One that is not there (any more) is none. */
static bool copy_file(const char *from, const char *to, struct error *err)
{
	AUTO_FD in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (in < 0) {
		return errno == ENOENT || error_errno(err, ERR_STORAGE, errno, "%s", from);
	}
	AUTO_FD out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (out < 0) {
		return error_errno(err, ERR_STORAGE, errno, "%s", to);
	}
	return copy_bytes(in, out, err) || error_prefix(err, "%s", from);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Oldest first, so that what is appended meanwhile comes along. */
static bool copy_journal(const char *from, const char *to, struct error *err)
{
	GDir *dir = g_dir_open(from, 0, NULL);
	if (!dir || !file_make_directory(to, err)) {
		if (dir) {
			g_dir_close(dir);
		}
		return dir ? false : error_set(err, ERR_STORAGE, "%s cannot be read", from);
	}
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	const char *name;
	while ((name = g_dir_read_name(dir))) {
		if (g_str_has_suffix(name, ".journal")) {
			g_ptr_array_add(names, g_strdup(name));
		}
	}
	g_dir_close(dir);
	g_ptr_array_sort(names, by_name);
	for (guint i = 0; i < names->len; i++) {
		g_autofree char *one = g_build_filename(from, names->pdata[i], NULL);
		g_autofree char *other = g_build_filename(to, names->pdata[i], NULL);
		if (!copy_file(one, other, err)) {
			return false;
		}
	}
	return true;
}

static void copy_run(void *data)
{
	static const char *const files[] = {"accepted.bundle", "admin.token"};
	struct backup_job *job = data;
	g_autofree char *from = g_build_filename(job->data, "journal", NULL);
	g_autofree char *to = g_build_filename(job->directory, "journal", NULL);
	job->good = copy_journal(from, to, &job->err);
	for (size_t i = 0; job->good && i < ARRAY_LENGTH(files); i++) {
		g_autofree char *one = g_build_filename(job->data, files[i], NULL);
		g_autofree char *other = g_build_filename(job->directory, files[i], NULL);
		job->good = copy_file(one, other, &job->err);
	}
}

static void finish_run(void *data)
{
	struct backup_job *job = data;
	AUTO_FD fd = open(job->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || syncfs(fd)) {
		job->good = error_errno(&job->err, ERR_STORAGE, errno, "%s", job->directory);
		return;
	}
	job->good =
		file_replace(fd, BACKUP_MANIFEST, job->manifest, strlen(job->manifest), 0600, &job->err);
}

/* -- in the loop -- */

static void job_free(struct backup_job *job)
{
	if (job) {
		g_free(job->data);
		g_free(job->directory);
		g_free(job->manifest);
		g_free(job);
	}
}

static void over(struct backup *b)
{
	struct backup_job *job = g_steal_pointer(&b->job);
	uint64_t task = b->task;
	b->task = 0;
	if (!job->good) {
		log_warn("backup.failed", "directory=%s error=\"%s\"", job->directory, job->err.text);
	}
	tasks_close(b->engine->tasks, task, job->good ? NULL : &job->err, b->engine->steady.now);
	job_free(job);
}

static void finish_done(void *data)
{
	over(((struct backup_job *)data)->backup);
}

static void state_done(void *owner, const struct error *why)
{
	struct backup *b = owner;
	b->job->good = !why;
	if (why) {
		b->job->err = *why;
		over(b);
		return;
	}
	worker_submit(b->worker, finish_run, finish_done, b->job);
}

static void copy_done(void *data)
{
	struct backup_job *job = data;
	struct backup *b = job->backup;
	g_autofree char *to = g_build_filename(job->directory, "state.db", NULL);
	job->good = job->good && keeper_copy(b->engine->keeper, to, state_done, b, &job->err);
	if (!job->good) {
		over(b);
	}
}

/* Sum of what the writers say they have copied. */
static json_int_t files_of(struct backup *b)
{
	json_t *task = tasks_describe(b->engine->tasks, b->task);
	json_int_t files = 0;
	size_t i;
	json_t *part;
	json_array_foreach(json_object_get(task, "parts"), i, part)
	{
		files += json_integer_value(json_object_get(json_object_get(part, "result"), "files"));
	}
	json_decref(task);
	return files;
}

static char *manifest_text(struct backup *b)
{
	char when[32];
	json_t *manifest = json_pack("{s:i, s:s, s:s, s:I}", "format", (int)BACKUP_FORMAT, "version",
		MAGPIE_VERSION, "made", wall_format(b->engine->steady.now, when), "files", files_of(b));
	char *text = json_dumps(manifest, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	char *copy = g_strconcat(text ? text : "{}", "\n", NULL);
	free(text);
	json_decref(manifest);
	return copy;
}

void backup_go_on(struct backup *b, uint64_t task, const json_t *argument)
{
	const char *directory = json_string_value(json_object_get(argument, "directory"));
	if (b->job || !directory) {
		struct error err = {.kind = ERR_NONE};
		error_set(&err, ERR_CONFLICT, "another backup is under way");
		tasks_close(b->engine->tasks, task, &err, b->engine->steady.now);
		return;
	}
	b->task = task;
	b->job = g_new0(struct backup_job, 1);
	b->job->backup = b;
	b->job->data = g_strdup(b->engine->role->data_dir);
	b->job->directory = g_strdup(directory);
	b->job->manifest = manifest_text(b);
	if (!b->worker) {
		b->worker = worker_create(b->engine->loop, "backup");
	}
	worker_submit(b->worker, copy_run, copy_done, b->job);
}

json_t *backup_argument(const struct engine *engine, const json_t *asked, struct error *err)
{
	const char *name = json_string_value(json_object_get(asked, "name"));
	if (!name || !text_is_plain(name, BACKUP_NAME_MAX) || *name == '.' || *name == '-') {
		error_set(err, ERR_CONFIG, "\"name\" has to be made of letters, digits, - _ and .");
		return NULL;
	}
	if (tasks_has_open(engine->tasks, "backup")) {
		error_set(err, ERR_CONFLICT, "a backup is under way; see magpie archive tasks");
		return NULL;
	}
	const char *configured = engine->config->archive.backup;
	g_autofree char *below = configured ? g_strdup(configured)
										: g_build_filename(engine->role->data_dir, "backup", NULL);
	g_autofree char *directory = g_build_filename(below, name, NULL);
	if (!file_make_directory(below, err)) {
		return NULL;
	}
	if (mkdir(directory, 0700)) {
		error_errno(err, errno == EEXIST ? ERR_CONFLICT : ERR_STORAGE, errno, "%s", directory);
		return NULL;
	}
	g_autofree char *real = g_canonicalize_filename(directory, NULL);
	return json_pack("{s:s, s:s}", "name", name, "directory", real);
}

/* -- life -- */

struct backup *backup_create(struct engine *engine)
{
	struct backup *backup = g_new0(struct backup, 1);
	backup->engine = engine;
	return backup;
}

void backup_destroy(struct backup *backup)
{
	if (backup) {
		worker_destroy(backup->worker);
		job_free(backup->job);
		g_free(backup);
	}
}
