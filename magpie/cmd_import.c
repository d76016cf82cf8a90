#include "base/attr.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "magpie/command.h"
#include "magpie/import_tree.h"
#include "magpie/import_write.h"
#include "magpie/options.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

/*
 * `magpie import munin`: reads what there is of a Munin (munin.conf with its includes, datafile,
 * the RRD tree), writes a magpie.conf that goes on with all of it, and accounts for every host,
 * line and file that it could not take. Nothing of Munin's is ever written to.
 */
static const char default_config[] = "/etc/munin/munin.conf";
static const char default_directory[] = "/var/lib/munin";
static const char default_output[] = "/etc/magpie/magpie.conf";

struct import {
	const char *config, *directory_wish, *output;
	bool dry_run, force;
	char *directory; /* absolute */
	struct import_conf *conf;
	struct diag_list *diags;
	GPtrArray
		*texts; /* char *, of malloc: of the files, as long as their complaints may be added */
	struct munin_datafile *datafile;
	size_t datafile_bytes;
	struct import_report report;
	struct import_tree tree;
	char *tree_trouble; /* it could not be read */
	char *text;         /* the magpie.conf */
	FILE *out;          /* where the account goes */
};

/* -- reading -- */

static bool read_conf(
	struct import *import, const char *path, import_include_fn include, struct error *err)
{
	size_t length;
	char *text = file_read(AT_FDCWD, path, IMPORT_FILE_MAX, &length, err);
	if (!text) {
		return false;
	}
	g_ptr_array_add(import->texts, text);
	struct diag_source source = {.name = path, .text = text, .length = length};
	import_conf_parse(import->conf, &source, import->diags, include, import);
	return true;
}

static int by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void complain_of_file(struct import *import, const char *path, const char *text)
{
	struct diag_source source = {.name = path};
	struct diag_place place = {.line = 1, .column = 1, .end_column = 1};
	diag_add(import->diags, &source, place, DIAG_ERROR, "M105", "%s", text);
}

/* The files of a directory in order, without hidden ones and an editor's backups. */
static void include_directory(void *owner, const char *path)
{
	struct import *import = owner;
	DIR *directory = opendir(path);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	if (!directory) {
		complain_of_file(import, path, "includedir: the directory cannot be read");
		return;
	}
	for (struct dirent *entry; (entry = readdir(directory));) {
		if (entry->d_name[0] != '.' && !g_str_has_suffix(entry->d_name, "~")) {
			g_ptr_array_add(names, g_build_filename(path, entry->d_name, NULL));
		}
	}
	closedir(directory);
	g_ptr_array_sort(names, by_name);
	for (guint i = 0; i < names->len; i++) {
		struct error err = {.kind = ERR_NONE};
		bool directory_below = g_file_test(names->pdata[i], G_FILE_TEST_IS_DIR);
		if (!directory_below && !read_conf(import, names->pdata[i], NULL, &err)) {
			complain_of_file(import, names->pdata[i], err.text);
		}
	}
}

static void read_datafile(struct import *import)
{
	struct error err = {.kind = ERR_NONE};
	g_autofree char *path = g_build_filename(import->directory, "datafile", NULL);
	char *text = file_read(AT_FDCWD, path, MUNIN_DATAFILE_BYTES_MAX, &import->datafile_bytes, &err);
	if (!text) {
		import_note(&import->report, IMPORT_CHANGED, "datafile", NULL,
			"%s; graphs and fields are known by their files' names only", err.text);
		return;
	}
	struct diag_source source = {.name = path, .text = text, .length = import->datafile_bytes};
	import->datafile = munin_datafile_parse(&source, import->diags);
	free(text);
}

static void choose_directory(struct import *import)
{
	const struct import_setting *dbdir = import_find(import->conf->globals, "dbdir");
	const char *directory = import->directory_wish ? import->directory_wish
							: dbdir                ? dbdir->value
												   : default_directory;
	import->directory = g_canonicalize_filename(directory, NULL);
}

/* -- the account -- */

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

static void tell_hosts(const struct import *import)
{
	const struct import_report *r = &import->report;
	guint hosts = import->conf->hosts->len;
	guint files = import->conf->files->len;
	fprintf(import->out,
		"%s: %u host%s in %u file%s: %u asked, %u with virtual graphs only, "
		"%u not asked, %u lost\n",
		import->config, hosts, plural(hosts), files, plural(files), r->asked, r->drawn, r->unasked,
		r->lost);
	fprintf(import->out, "  %u override%s, %u virtual graph%s, %u channel%s\n", r->overrides,
		plural(r->overrides), r->graphs, plural(r->graphs), r->channels, plural(r->channels));
	if (import->datafile) {
		fprintf(import->out, "datafile: %u graph%s, %zu field%s\n", import->datafile->services->len,
			plural(import->datafile->services->len), import->datafile->fields,
			plural(import->datafile->fields));
	}
}

static void format_bytes(uint64_t bytes, char out[32])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	double size = (double)bytes;
	size_t unit = 0;
	while (size >= 1000 && unit + 1 < ARRAY_LENGTH(units)) {
		size /= 1000;
		unit++;
	}
	snprintf(out, 32, unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

static void format_time(int64_t at_s, char out[32])
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(at_s);
	g_autofree char *text = time ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ") : NULL;
	g_strlcpy(out, text ? text : "?", 32);
}

static void tell_owner(const struct import *import)
{
	const struct passwd *user = getpwuid(import->tree.owner);
	const struct group *group = getgrgid(import->tree.group);
	if (!import->tree.writable) {
		fprintf(import->out,
			"  You may not write there: as this user Magpie could not go on with it.\n");
	}
	fprintf(import->out, "  It belongs to %s:%s: run Magpie as root or as that user.\n",
		user ? user->pw_name : "?", group ? group->gr_name : "?");
}

static void tell_tree(const struct import *import)
{
	const struct import_tree *tree = &import->tree;
	char bytes[32];
	char oldest[32];
	char newest[32];
	if (import->tree_trouble) {
		fprintf(import->out, "%s: 0 files adopted, 0 unmatched: %s\n", import->directory,
			import->tree_trouble);
		return;
	}
	format_bytes(tree->bytes, bytes);
	fprintf(import->out, "%s: %zu files adopted, %u unmatched\n", import->directory, tree->adopted,
		tree->unmatched->len);
	if (tree->adopted) {
		format_time(tree->oldest_s, oldest);
		format_time(tree->newest_s, newest);
		fprintf(import->out, "  %s, last written %s to %s\n", bytes, oldest, newest);
	}
	if (tree->renamed) {
		fprintf(import->out,
			"  %zu of them get the letter of the type that their field has now with its next "
			"value\n",
			tree->renamed);
	}
	tell_owner(import);
}

static void tell_notes(const struct import *import, enum import_note_kind kind, const char *heading)
{
	bool told = false;
	for (guint i = 0; i < import->report.notes->len; i++) {
		const struct import_note *note = import->report.notes->pdata[i];
		if (note->kind != kind) {
			continue;
		}
		fprintf(import->out, "%s", told ? "" : heading);
		told = true;
		fprintf(import->out, "  ");
		if (note->file) {
			fprintf(import->out, "%s:%u: ", note->file, note->line);
		}
		fprintf(import->out, "%s%s%s\n", note->subject, *note->subject ? ": " : "", note->text);
	}
}

static void tell_unmatched(const struct import *import)
{
	if (import->tree_trouble) {
		return;
	}
	for (guint i = 0; i < import->tree.unmatched->len; i++) {
		const struct import_file *file = import->tree.unmatched->pdata[i];
		fprintf(import->out, "%s  %s: %s\n",
			i ? "" : "\nunmatched files (they stay as they are):\n", file->path, file->why);
	}
}

static void tell(const struct import *import)
{
	GString *complaints = g_string_new(NULL);
	diag_print(import->diags, DIAG_HUMAN, complaints);
	fwrite(complaints->str, 1, complaints->len, import->out);
	g_string_free(complaints, TRUE);
	tell_hosts(import);
	tell_tree(import);
	tell_notes(import, IMPORT_LOST, "\nlost hosts:\n");
	tell_notes(import, IMPORT_DROPPED, "\nleft out:\n");
	tell_notes(import, IMPORT_CHANGED, "\nother than before:\n");
	tell_unmatched(import);
}

/* -- the whole -- */

static bool to_stdout(const struct import *import)
{
	return !strcmp(import->output, "-");
}

static bool write_result(struct import *import, struct error *err)
{
	if (to_stdout(import)) {
		fwrite(import->text, 1, strlen(import->text), stdout);
		return true;
	}
	if (import->dry_run) {
		fprintf(import->out, "\ndry run: %s was not written\n", import->output);
		return true;
	}
	g_autofree char *directory = g_path_get_dirname(import->output);
	if (!file_make_directory(directory, err) ||
		!file_replace(AT_FDCWD, import->output, import->text, strlen(import->text), 0644, err)) {
		return false;
	}
	fprintf(import->out, "\n%s is written. Stop munin-cron first, then: magpie serve --config %s\n",
		import->output, import->output);
	return true;
}

static bool import_all(struct import *import, struct error *err)
{
	if (!import->force && !import->dry_run && !to_stdout(import) &&
		access(import->output, F_OK) == 0) {
		return error_set(err, ERR_CONFLICT,
			"%s is there already: --force replaces it, --output FILE writes elsewhere",
			import->output);
	}
	if (!read_conf(import, import->config, include_directory, err)) {
		return false;
	}
	choose_directory(import);
	read_datafile(import);
	struct import_options options = {
		.origin = import->config, .directory = import->directory, .datafile = import->datafile};
	import->text = import_write(import->conf, &options, &import->report);
	struct error tree_err = {.kind = ERR_NONE};
	if (!import_tree_read(
			&import->tree, import->directory, import->conf, import->datafile, &tree_err)) {
		import->tree_trouble = g_strdup(tree_err.text);
	}
	if (import->report.asked) {
		import_note(&import->report, IMPORT_CHANGED, "warning, critical", NULL,
			"levels of plugins and of munin.conf are shown and drawn, not judged: rules say what "
			"is told "
			"to whom");
	}
	tell(import);
	return write_result(import, err);
}

static int import_run(struct import *import)
{
	struct error err = {.kind = ERR_NONE};
	import->out = to_stdout(import) ? stderr : stdout;
	import->conf = import_conf_create();
	import->diags = diag_list_create();
	import->texts = g_ptr_array_new_with_free_func(free);
	import_report_init(&import->report);
	import->tree.unmatched = NULL;
	bool done = import_all(import, &err);
	if (!done) {
		fprintf(stderr, "magpie import munin: %s\n", err.text);
	}
	bool whole =
		done && !import->report.lost && !import->tree_trouble && !diag_errors(import->diags);
	import_conf_destroy(import->conf);
	diag_list_destroy(import->diags);
	g_ptr_array_unref(import->texts);
	munin_datafile_destroy(import->datafile);
	import_report_finish(&import->report);
	import_tree_finish(&import->tree);
	g_free(import->tree_trouble);
	g_free(import->directory);
	g_free(import->text);
	return whole ? COMMAND_DONE : COMMAND_FAILED;
}

int cmd_import_munin(int argc, char **argv)
{
	struct import import = {.config = default_config, .output = default_output};
	const struct option_row rows[] = {
		{"config", "FILE", "Munin's configuration (default: /etc/munin/munin.conf)", &import.config,
			NULL},
		{"dbdir", "DIRECTORY",
			"its RRD tree (default: what its configuration says, else "
			"/var/lib/munin)",
			&import.directory_wish, NULL},
		{"o", "FILE", "the same as --output", &import.output, NULL},
		{"output", "FILE", "where to write (default: /etc/magpie/magpie.conf); - is stdout",
			&import.output, NULL},
		{"force", NULL, "replace a file that is there", NULL, &import.force},
		{"dry-run", NULL, "tell everything, write nothing", NULL, &import.dry_run},
	};
	const struct options options = {.command = "import munin",
		.operands = "",
		.about =
			"Reads munin.conf with its includes, the datafile and the RRD tree; writes a "
			"magpie.conf that\ngoes on with them in place, and tells every host, line and file "
			"that it does not take.\nNothing of Munin's is changed. Exit code: 0 all hosts are "
			"taken, 1 some are lost or\nnothing could be written, 2 wrong usage.",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows)};
	int operands;
	enum options_result result = options_parse(&options, argc, argv, &operands);
	return result != OPTIONS_GO ? (int)result : import_run(&import);
}
