/*
 * `magpie rules check`: every complaint about rule files, without a running Magpie. The files are
 * read here, once, with what they include; the rule set itself sees them as a bundle, as the roles
 * do.
 */
#include "magpie/command.h"
#include "magpie/options.h"

#include <fcntl.h>
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <glib.h>

#include "base/bundle.h"
#include "base/diag.h"
#include "base/file.h"
#include "base/lexer.h"
#include "rules/ruleset.h"

#include "base/banned.h"

struct check {
	struct bundle *bundle;
	bool strict, failed, with_default;
	enum diag_format format;
	size_t bytes;
};

static void add_file(struct check *c, const char *path);

/* Files named by `include` in a text that was read, relative to it. */
static void add_includes(struct check *c, const char *path, const char *text, size_t length)
{
	AUTO(diag_list) unheard = diag_list_create();
	struct diag_source source = {path, text, length};
	struct lexer lexer;
	bool first = true;
	char *directory = g_path_get_dirname(path);
	lexer_init(&lexer, &source, unheard);
	for (; lexer.token.kind != TOKEN_END; lexer_advance(&lexer)) {
		if (first && lexer_at_word(&lexer, "include") && lexer.ahead.kind == TOKEN_STRING) {
			GString *name = g_string_new(NULL);
			lexer_string(&lexer.ahead, name);
			char *pattern = name->str[0] == '/' || !strcmp(directory, ".")
								? g_strdup(name->str)
								: g_build_filename(directory, name->str, NULL);
			glob_t found;
			if (!glob(pattern, 0, NULL, &found)) {
				for (size_t i = 0; i < found.gl_pathc; i++) {
					add_file(c, found.gl_pathv[i]);
				}
				globfree(&found);
			}
			g_free(pattern);
			g_string_free(name, TRUE);
		}
		first = lexer.token.kind == TOKEN_EOL;
	}
	g_free(directory);
}

static void add_file(struct check *c, const char *path)
{
	if (bundle_find(c->bundle, path)) {
		return;
	}
	struct error err = {0};
	size_t length = 0;
	AUTO_FREE char *text = file_read(AT_FDCWD, path, BUNDLE_FILE_MAX, &length, &err);
	if (!text || c->bytes + length > BUNDLE_MAX) {
		(void)fprintf(stderr, "magpie rules check: %s\n",
			text ? "the rule files are larger than 64 MiB" : err.text);
		c->failed = true;
		return;
	}
	c->bytes += length;
	bundle_add(c->bundle, path, text, length);
	add_includes(c, path, text, length);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_directory(struct check *c, const char *path)
{
	GError *error = NULL;
	GDir *dir = g_dir_open(path, 0, &error);
	if (!dir) {
		(void)fprintf(stderr, "magpie rules check: %s\n", error->message);
		g_error_free(error);
		c->failed = true;
		return;
	}
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	for (const char *name = g_dir_read_name(dir); name; name = g_dir_read_name(dir)) {
		if (name[0] != '.' && ruleset_is_rule_file(name)) {
			g_ptr_array_add(names, g_build_filename(path, name, NULL));
		}
	}
	g_dir_close(dir);
	g_ptr_array_sort(names, by_name);
	for (guint i = 0; i < names->len; i++) {
		add_file(c, g_ptr_array_index(names, i));
	}
	g_ptr_array_unref(names);
}

static void add_path(struct check *c, const char *path)
{
	if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
		add_directory(c, path);
	} else if (!ruleset_is_rule_file(path)) {
		(void)fprintf(
			stderr, "magpie rules check: %s: the name of a rule file ends in \".magpie\"\n", path);
		c->failed = true;
	} else {
		add_file(c, path);
	}
}

static int report(const struct check *c)
{
	AUTO(diag_list) diags = diag_list_create();
	AUTO(ruleset) set = ruleset_load(c->bundle, c->with_default, NULL, diags);
	GString *out = g_string_new(NULL);
	diag_print(diags, c->format, out);
	(void)fwrite(out->str, 1, out->len, stdout);
	if (c->format == DIAG_HUMAN && !diag_errors(diags) && set) {
		(void)printf("%zu file%s, %zu warning%s, no error\n", bundle_count(c->bundle),
			bundle_count(c->bundle) == 1 ? "" : "s", diag_warnings(diags),
			diag_warnings(diags) == 1 ? "" : "s");
	}
	g_string_free(out, TRUE);
	return diag_exit_code(diags, c->strict);
}

static int check_paths(struct check *c, char **paths, int count)
{
	c->bundle = bundle_create();
	for (int i = 0; i < count; i++) {
		add_path(c, paths[i]);
	}
	int found = report(c);
	bundle_destroy(c->bundle);
	return c->failed ? COMMAND_FAILED : found;
}

int cmd_rules_check(int argc, char **argv)
{
	struct check c = {0};
	const char *format_name = "human";
	bool no_default = false;
	const struct option_row rows[] = {
		{"format", "human|gcc|json", "form of the complaints (default: human)", &format_name, NULL},
		{"strict", NULL, "warnings make the command fail as well", NULL, &c.strict},
		{"no-default", NULL, "check without the rules that come with Magpie", NULL, &no_default},
	};
	const struct options options = {.command = "rules check",
		.operands = "FILE|DIR...",
		.about = "Reads rule files (of a directory: all *.magpie in it) and what they include, and "
				 "tells\neverything that is wrong with them.\n"
				 "Exit code: 0 fine, 1 errors, 2 wrong usage, or warnings with --strict.",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows),
		.least_operands = 1,
		.most_operands = SIZE_MAX};
	int operands;
	enum options_result result = options_parse(&options, argc, argv, &operands);
	if (result != OPTIONS_GO) {
		return result;
	}
	if (!diag_format_parse(format_name, &c.format)) {
		fprintf(stderr, "magpie rules check: --format takes human, gcc or json, not \"%s\"\n",
			format_name);
		return COMMAND_USAGE;
	}
	c.with_default = !no_default;
	return check_paths(&c, argv, operands);
}
