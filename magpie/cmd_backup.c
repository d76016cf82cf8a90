/*
 * `magpie backup` and `magpie restore`. The running server makes the copy in a directory of its own
 * (engine/backup.h); the command may then take it elsewhere, as the user who gave it. Restoring is
 * for a data directory that has nothing in it: everything is looked at before anything is put in
 * its place. cp and tar are executed directly, never a shell.
 */
#include "base/auto.h"
#include "base/file.h"
#include "engine/backup.h"
#include "magpie/archive_task.h"
#include "magpie/at_rest.h"
#include "magpie/command.h"
#include "magpie/options.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/banned.h"

enum { MANIFEST_BYTES = 65536, OPEN_DIRECTORIES = 16 };

/* -- tools -- */

static int remove_one(
	const char *path, const struct stat *st UNUSED, int flag UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

static bool remove_tree(const char *path)
{
	return nftw(path, remove_one, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0;
}

static bool execute(const char *const *argv, struct error *err)
{
	GError *problem = NULL;
	int status = 0;
	g_autofree char *said = NULL;
	bool ran = g_spawn_sync(
		NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &said, &status, &problem);
	if (!ran) {
		error_set(err, ERR_STORAGE, "%s: %s", argv[0], problem->message);
		g_error_free(problem);
		return false;
	}
	/* what they say begins with their name */
	return !status || error_set(err, ERR_STORAGE, "%.200s", *g_strstrip(said) ? said : argv[0]);
}

static bool is_archive(const char *path, bool *packed)
{
	*packed = g_str_has_suffix(path, ".tar.gz") || g_str_has_suffix(path, ".tgz");
	return *packed || g_str_has_suffix(path, ".tar");
}

/* -- backup -- */

static bool take_as_file(
	const char *below, const char *name, const char *file, bool packed, struct error *err)
{
	/* a name that nobody can have prepared, only ours to read: the administrator's token is in it
	 */
	g_autofree char *half = g_strconcat(file, ".XXXXXX", NULL);
	AUTO_FD made = g_mkstemp(half);
	if (made < 0) {
		return error_errno(err, ERR_STORAGE, errno, "%s", half);
	}
	/* a name with a colon would be that of another machine's file */
	const char *const argv[] = {
		"tar", "--force-local", "-C", below, packed ? "-czf" : "-cf", half, "--", name, NULL};
	bool good = execute(argv, err);
	if (good && (fsync(made) || rename(half, file))) {
		good = error_errno(err, ERR_STORAGE, errno, "%s", file);
	}
	if (!good) {
		(void)unlink(half);
	}
	return good;
}

static bool take_as_directory(const char *from, const char *to, struct error *err)
{
	const char *const argv[] = {"cp", "-a", "--", from, to, NULL};
	if (!file_make_directory(to, err) || !execute(argv, err)) {
		return false;
	}
	AUTO_FD fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return (fd >= 0 && !syncfs(fd)) || error_errno(err, ERR_STORAGE, errno, "%s", to);
}

/* The answer names a directory that is removed in the end, by root perhaps: only one that is called
 * as was asked for, and is a whole backup. */
static bool is_what_was_asked(const char *directory, const char *name)
{
	struct stat st;
	g_autofree char *base = directory ? g_path_get_basename(directory) : NULL;
	g_autofree char *manifest =
		directory ? g_build_filename(directory, BACKUP_MANIFEST, NULL) : NULL;
	return directory && g_path_is_absolute(directory) && !strcmp(base, name) &&
		   !lstat(directory, &st) && S_ISDIR(st.st_mode) && !lstat(manifest, &st) &&
		   S_ISREG(st.st_mode);
}

/* From the server's place to where it was asked for. */
static bool take_away(const char *directory, const char *target, struct error *err)
{
	g_autofree char *below = g_path_get_dirname(directory);
	g_autofree char *name = g_path_get_basename(directory);
	bool packed;
	bool good = is_archive(target, &packed) ? take_as_file(below, name, target, packed, err)
											: take_as_directory(directory, target, err);
	if (good && !remove_tree(directory)) {
		fprintf(stderr, "magpie backup: %s could not be removed and can be\n", directory);
	}
	return good;
}

static char *name_of_now(void)
{
	char when[32];
	wall_format(wall_now(), when);
	GString *name = g_string_new("magpie-");
	for (const char *at = when; *at; at++) {
		if (*at != ':' && *at != '-') {
			g_string_append_c(name, *at);
		}
	}
	return g_string_free(name, FALSE);
}

static int backup(const struct archive_task *order, const char *target)
{
	struct error err = {.kind = ERR_NONE};
	g_autofree char *name = name_of_now();
	json_t *task = archive_task_run(order, json_pack("{s:s}", "name", name), &err);
	if (!task) {
		return client_failed("backup", &err);
	}
	json_t *argument = json_object_get(task, "argument");
	g_autofree char *directory =
		g_strdup(json_string_value(json_object_get(argument, "directory")));
	long long files = (long long)archive_task_sum(task, "files");
	long long bytes = (long long)archive_task_sum(task, "bytes");
	long long left_out = (long long)archive_task_sum(task, "left_out");
	json_decref(task);
	if (target && !is_what_was_asked(directory, name)) {
		fprintf(stderr, "magpie backup: the server names %s, where no copy called %s is here\n",
			directory ? directory : "nothing", name);
		return COMMAND_FAILED;
	}
	if (!directory || (target && !take_away(directory, target, &err))) {
		fprintf(stderr, "magpie backup: %s; the copy is whole in %s on the server\n", err.text,
			directory ? directory : "?");
		return COMMAND_FAILED;
	}
	bool packed;
	g_autofree char *within = target && !is_archive(target, &packed)
								  ? g_build_filename(target, name, NULL)
								  : g_strdup(target ? target : directory);
	printf("%s: %lld files of the archive, %.1f MB, with journal and state\n", within, files,
		(double)bytes / 1e6);
	if (left_out) {
		printf("%lld files could not be read and are not in it; see magpie doctor archive\n",
			left_out);
	}
	return left_out ? COMMAND_FAILED : COMMAND_DONE;
}

int cmd_backup(int argc, char **argv)
{
	struct client client = {0};
	struct archive_task order = {.client = &client, .verb = "backup"};
	const struct option_row rows[] = {CLIENT_OPTIONS(client), CLIENT_TOKEN_OPTION(client),
		{"q", NULL, "nothing of how it goes", NULL, &order.quiet}};
	const struct options options = {.command = "backup",
		.operands = "[DIR|FILE.tar|FILE.tar.gz]",
		.about =
			"Copies archive, journal and state of the running server, so that a restore loses "
			"nothing that\nwas there at the end of the copy. The server copies into `archive { "
			"backup }` of its\nconfiguration (default: DATA/backup); with an operand the copy "
			"is then moved there,\ninto a directory under the name of its time.",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows),
		.most_operands = 1};
	int operands;
	enum options_result result = options_parse(&options, argc, argv, &operands);
	return result != OPTIONS_GO ? (int)result : backup(&order, operands ? argv[0] : NULL);
}

/* -- restore -- */

struct restore {
	const char *from, *data, *archive;
	char *scratch; /* "DATA/.restore" */
	char *copy;    /* the backup below it */
};

static bool is_empty(const char *directory)
{
	GDir *dir = g_dir_open(directory, 0, NULL);
	const char *name = dir ? g_dir_read_name(dir) : NULL;
	bool empty = !name;
	if (dir) {
		g_dir_close(dir);
	}
	return empty;
}

/* Nobody uses it, nothing is in it that would be lost. The lock is held to the end of the process.
 */
static bool take_data(const struct restore *r, struct error *err)
{
	static const char *const things[] = {"journal", "rrd", "state.db"};
	g_autofree char *lock = g_build_filename(r->data, "lock", NULL);
	if (!file_make_directory(r->data, err)) {
		return false;
	}
	int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB)) {
		return error_set(err, ERR_CONFLICT, "a magpie serve uses %s: stop it first", r->data);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(things); i++) {
		g_autofree char *path = g_build_filename(r->data, things[i], NULL);
		if (g_file_test(path, G_FILE_TEST_IS_DIR) ? !is_empty(path) : !access(path, F_OK)) {
			return error_set(err, ERR_CONFLICT, "%s is there: move it away first", path);
		}
	}
	if (r->archive && !is_empty(r->archive)) {
		return error_set(err, ERR_CONFLICT, "%s is not empty: move away what is in it", r->archive);
	}
	return true;
}

static bool unpack(struct restore *r, struct error *err)
{
	bool packed;
	bool file = is_archive(r->from, &packed);
	const char *const tar[] = {
		"tar", "--force-local", "-C", r->scratch, "--no-same-owner", "-xf", r->from, NULL};
	const char *const cp[] = {"cp", "-a", "--", r->from, r->scratch, NULL};
	if (mkdir(r->scratch, 0700)) {
		return error_errno(err, ERR_CONFLICT, errno, "%s", r->scratch);
	}
	if (!execute(file ? tar : cp, err)) {
		return false;
	}
	GDir *dir = g_dir_open(r->scratch, 0, NULL);
	const char *name = dir ? g_dir_read_name(dir) : NULL;
	r->copy = name ? g_build_filename(r->scratch, name, NULL) : NULL;
	bool single = name && !g_dir_read_name(dir);
	if (dir) {
		g_dir_close(dir);
	}
	return single || error_set(err, ERR_CONFIG, "%s: is no backup of Magpie", r->from);
}

static bool read_manifest(const struct restore *r, json_int_t *files, struct error *err)
{
	g_autofree char *path = g_build_filename(r->copy, BACKUP_MANIFEST, NULL);
	size_t length;
	AUTO_FREE char *text = file_read(AT_FDCWD, path, MANIFEST_BYTES, &length, NULL);
	json_t *manifest = text ? json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL) : NULL;
	json_t *format = json_object_get(manifest, "format");
	bool good = json_is_integer(format) && json_integer_value(format) > 0;
	bool newer = good && json_integer_value(format) > BACKUP_FORMAT;
	*files = json_integer_value(json_object_get(manifest, "files"));
	json_decref(manifest);
	if (newer) {
		return error_set(err, ERR_CONFIG, "%s: was made by a newer Magpie", r->from);
	}
	return good ||
		   error_set(err, ERR_CONFIG,
			   "%s: is no backup, or one that was not finished (no " BACKUP_MANIFEST ")", r->from);
}

/* Only plain files and directories. */
static int refuse_odd(
	const char *path UNUSED, const struct stat *st, int flag UNUSED, struct FTW *ftw UNUSED)
{
	return !S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode);
}

static void print_wrong(json_t *result)
{
	size_t i;
	json_t *row;
	json_array_foreach(json_object_get(result, "findings"), i, row)
	{
		if (json_is_true(json_object_get(row, "wrong"))) {
			fprintf(stderr, "  %s: %s\n", json_string_value(json_object_get(row, "path")),
				json_string_value(json_object_get(row, "what")));
		}
	}
}

static bool examine(const struct restore *r, struct error *err)
{
	struct at_rest rest;
	json_int_t files;
	if (!read_manifest(r, &files, err)) {
		return false;
	}
	if (nftw(r->copy, refuse_odd, OPEN_DIRECTORIES, FTW_PHYS)) {
		return error_set(err, ERR_CONFIG, "%s: has links or devices in it", r->from);
	}
	g_autofree char *journal = g_build_filename(r->copy, "journal", NULL);
	g_autofree char *state = g_build_filename(r->copy, "state.db", NULL);
	g_autofree char *tree = g_build_filename(r->copy, "rrd", NULL);
	at_rest_init(&rest, false);
	rest.in_use = true; /* copied while it was written: its end may be torn */
	at_rest_journal(&rest, journal);
	at_rest_state(&rest, state);
	at_rest_tree(&rest, tree, false);
	json_t *result = at_rest_finish(&rest);
	json_int_t found = json_integer_value(json_object_get(result, "files"));
	json_int_t wrong = json_integer_value(json_object_get(result, "wrong"));
	print_wrong(result);
	json_decref(result);
	if (wrong) {
		return error_set(err, ERR_STORAGE,
			"%s: %lld things are wrong with it; nothing was restored", r->from, (long long)wrong);
	}
	return found >= files ||
		   error_set(err, ERR_STORAGE, "%s: only %lld of %lld files of the archive are in it",
			   r->from, (long long)found, (long long)files);
}

/* Files belong to whom the data directory belongs to, whoever unpacked them. */
static struct stat owner_of_data;

static int give_to_owner(
	const char *path, const struct stat *st UNUSED, int flag UNUSED, struct FTW *ftw UNUSED)
{
	return lchown(path, owner_of_data.st_uid, owner_of_data.st_gid);
}

static bool put_tree(const struct restore *r, struct error *err)
{
	g_autofree char *from = g_build_filename(r->copy, "rrd", NULL);
	g_autofree char *usual = g_build_filename(r->data, "rrd", NULL);
	const char *to = r->archive ? r->archive : usual;
	(void)rmdir(to); /* empty, see take_data() */
	if (!rename(from, to)) {
		return true;
	}
	const char *const cp[] = {"cp", "-a", "-T", "--", from, to, NULL};
	return errno == EXDEV ? execute(cp, err) : error_errno(err, ERR_STORAGE, errno, "%s", to);
}

/* The state last: without it the directory still counts as empty of everything that matters. */
static bool put_in_place(const struct restore *r, struct error *err)
{
	static const char *const names[] = {"journal", "accepted.bundle", "admin.token", "state.db"};
	if (!geteuid() && (stat(r->data, &owner_of_data) ||
						  nftw(r->copy, give_to_owner, OPEN_DIRECTORIES, FTW_PHYS))) {
		return error_errno(err, ERR_STORAGE, errno, "%s: owner", r->copy);
	}
	if (!put_tree(r, err)) {
		return false;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		g_autofree char *from = g_build_filename(r->copy, names[i], NULL);
		g_autofree char *to = g_build_filename(r->data, names[i], NULL);
		if (g_file_test(to, G_FILE_TEST_IS_DIR)) {
			(void)rmdir(to);
		}
		if (rename(from, to) && errno != ENOENT) {
			return error_errno(err, ERR_STORAGE, errno, "%s", to);
		}
	}
	AUTO_FD fd = open(r->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return (fd >= 0 && !syncfs(fd)) || error_errno(err, ERR_STORAGE, errno, "%s", r->data);
}

static int restore(struct restore *r)
{
	struct error err = {.kind = ERR_NONE};
	bool good = take_data(r, &err);
	if (good) {
		r->scratch = g_build_filename(r->data, ".restore", NULL);
		good = unpack(r, &err) && examine(r, &err) && put_in_place(r, &err);
		(void)remove_tree(r->scratch);
	}
	if (!good) {
		return client_failed("restore", &err);
	}
	g_autofree char *usual = g_build_filename(r->data, "rrd", NULL);
	printf(
		"%s is restored to %s, its RRD files to %s, where the configuration has to look for them.\n"
		"Start magpie serve: it replays the journal.\n",
		r->from, r->data, r->archive ? r->archive : usual);
	return COMMAND_DONE;
}

int cmd_restore(int argc, char **argv)
{
	struct restore r = {0};
	const struct option_row rows[] = {
		{"data", "DIR", "the data directory, empty or not there yet", &r.data, NULL},
		{"archive", "DIR",
			"where the RRD files go if the configuration has them elsewhere than in DIR/rrd",
			&r.archive, NULL}};
	const struct options options = {.command = "restore",
		.operands = "DIR|FILE",
		.about = "Puts what `magpie backup` made into a data directory that no server uses. All of "
				 "it is looked\nat first; nothing is put in its place if anything is wrong.",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows),
		.least_operands = 1,
		.most_operands = 1};
	int operands;
	enum options_result result = options_parse(&options, argc, argv, &operands);
	if (result != OPTIONS_GO) {
		return result;
	}
	if (!r.data) {
		fprintf(stderr, "magpie restore: --data DIR is missing\n");
		return COMMAND_USAGE;
	}
	r.from = argv[0];
	int code = restore(&r);
	g_free(r.scratch);
	g_free(r.copy);
	return code;
}
