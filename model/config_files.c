/*
 * The only place that reads configuration from disk. It is done once, by the process that starts or
 * reloads; what is read travels as a bundle. Files are opened so that a FIFO, a device or a loop of
 * links is an error and never a wait.
 */
#include "model/config_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/block.h"
#include "base/diag.h"
#include "base/file.h"
#include "base/log.h"
#include "base/schema.h"
#include "model/config.h"

#include "base/banned.h"

enum { FILES_MAX = 10000 };

/* Who may write rules may switch off alarms, and magpie.conf says what is executed: not everybody.
 */
static bool config_files_trusted(int dir_fd, const char *name, struct error *err)
{
	struct stat st;
	if (fstatat(dir_fd, name, &st, 0)) {
		return true; /* whoever opens it tells why */
	}
	if (st.st_mode & S_IWOTH) {
		return error_set(err, ERR_DENIED, "%s: everybody may write it (mode %04o): chmod o-w", name,
			(unsigned)(st.st_mode & 07777));
	}
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		log_warn("config.owner", "file=%s uid=%u", log_safe(name), (unsigned)st.st_uid);
	}
	return true;
}

/* `shown` is its name in the bundle; `*total` counts the bytes of all files. */
static bool config_files_add(struct bundle *bundle, int dir_fd, const char *name, const char *shown,
	size_t *total, struct error *err)
{
	size_t length;
	if (!config_files_trusted(dir_fd, name, err)) {
		return false;
	}
	AUTO_FREE char *text = file_read(dir_fd, name, BUNDLE_FILE_MAX, &length, err);
	if (!text) {
		return false;
	}
	*total += length + strlen(shown) + 64;
	if (*total > BUNDLE_MAX) {
		return error_set(err, ERR_CONFIG, "%s: all files together have more than %d MiB", shown,
			BUNDLE_MAX >> 20);
	}
	bundle_add(bundle, shown, text, length);
	return true;
}

/* The value of `rules`, as written; NULL: not set. The caller frees it (g_free). */
static char *config_files_rules_setting(const struct bundle *bundle)
{
	const struct bundle_file *file = bundle_find(bundle, CONFIG_MAIN_FILE);
	struct diag_source source = {file->name, file->text, file->length};
	AUTO(diag_list) ignored = diag_list_create(); /* config_parse tells them */
	AUTO(block) block = block_parse(&source, ignored);
	const struct block_statement *s = schema_find(block, "rules");
	return s && s->values->len ? g_strdup(block_value(s, 0)->text) : NULL;
}

static int config_files_by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of the rule files, sorted. Hidden ones are left out: editors make them. */
static GPtrArray *config_files_names(DIR *dir)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	struct dirent *entry;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && g_str_has_suffix(entry->d_name, ".magpie")) {
			g_ptr_array_add(names, g_strdup(entry->d_name));
		}
	}
	g_ptr_array_sort(names, config_files_by_name);
	return names;
}

/* `shown` is the directory as people wrote it; `required`: it was written. */
static bool config_files_add_rules(
	struct bundle *bundle, const char *path, const char *shown, bool required, struct error *err)
{
	DIR *dir = opendir(path);
	if (!dir) {
		bool fine = errno == ENOENT && !required;
		return fine || error_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_STORAGE, errno,
						   "rules directory %s", path);
	}
	g_autoptr(GPtrArray) names = config_files_names(dir);
	bool good = config_files_trusted(AT_FDCWD, path, err) &&
				(names->len <= FILES_MAX ||
					error_set(err, ERR_CONFIG, "%s: more than %d rule files", path, FILES_MAX));
	size_t total = bundle_find(bundle, CONFIG_MAIN_FILE)->length;
	for (size_t i = 0; good && i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);
		g_autofree char *full = g_strconcat(shown, "/", name, NULL);
		good = config_files_add(bundle, dirfd(dir), name, full, &total, err);
		if (!good) {
			error_prefix(err, "%s", path);
		}
	}
	closedir(dir);
	return good;
}

struct bundle *config_files_read(const char *path, struct error *err)
{
	AUTO(bundle) bundle = bundle_create();
	size_t total = 0;
	if (!path) {
		return STEAL(bundle);
	}
	if (!config_files_add(bundle, AT_FDCWD, path, CONFIG_MAIN_FILE, &total, err)) {
		return NULL;
	}
	g_autofree char *setting = config_files_rules_setting(bundle);
	g_autofree char *beside = g_path_get_dirname(path);
	const char *shown = setting ? setting : "rules.d";
	g_autofree char *rules =
		g_path_is_absolute(shown) ? g_strdup(shown) : g_build_filename(beside, shown, NULL);
	if (!config_files_add_rules(bundle, rules, shown, setting != NULL, err)) {
		return NULL;
	}
	return STEAL(bundle);
}
