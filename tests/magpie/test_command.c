#include "magpie/command.h"
#include "base/attr.h"
#include "base/auto.h"
#include "base/file.h"
#include "magpie/table.h"
#include "tests/support/test.h"

#include <fcntl.h>

#include <glib.h>

/* The commands as the shell sees them: words in, exit code and text out. */
struct outcome {
	int code;
	char *out, *err; /* free */
};

static void outcome_finish(struct outcome *o)
{
	free(o->out);
	free(o->err);
}

static char *text_of(const char *path)
{
	size_t length;
	char *text = file_read(AT_FDCWD, path, 1 << 20, &length, NULL);
	assert_non_null(text);
	return text;
}

/* Runs `line` (words parted by blanks) with stdout and stderr in files. */
static struct outcome run(const char *line)
{
	char *dir = test_directory();
	g_autofree char *whole = g_strconcat("magpie", *line ? " " : "", line, NULL);
	g_auto(GStrv) words = g_strsplit(whole, " ", -1);
	g_autofree char **argv = g_memdup2(words, (g_strv_length(words) + 1) * sizeof(*words));
	g_autofree char *out_path = g_build_filename(dir, "out", NULL);
	g_autofree char *err_path = g_build_filename(dir, "err", NULL);
	fflush(NULL);
	AUTO_FD kept_out = dup(STDOUT_FILENO);
	AUTO_FD kept_err = dup(STDERR_FILENO);
	AUTO_FD out = open(out_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	AUTO_FD err = open(err_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0);
	struct outcome o = {.code = command_run((int)g_strv_length(words), argv)};
	fflush(NULL);
	assert_true(dup2(kept_out, STDOUT_FILENO) >= 0 && dup2(kept_err, STDERR_FILENO) >= 0);
	o.out = text_of(out_path);
	o.err = text_of(err_path);
	test_directory_remove(dir);
	return o;
}

static void every_command_helps_in_one_form(void **state UNUSED)
{
	static const struct {
		const char *words, *help;
	} commands[] = {
#define COMMAND(words, function, help) {words, help},
#include "magpie/commands.def"
#undef COMMAND
	};
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
		if (!commands[i].help) {
			continue;
		}
		g_autofree char *line = g_strconcat(commands[i].words, " --help", NULL);
		g_autofree char *usage =
			g_strconcat("usage: magpie ", commands[i].words, " [options]", NULL);
		struct outcome o = run(line);
		if (o.code || !g_str_has_prefix(o.out, usage) || !strstr(o.out, "\n\noptions:\n") ||
			!strstr(o.out, "\n  --help ") || *o.err) {
			fail_msg("%s: %d\n%s%s", line, o.code, o.out, o.err);
		}
		outcome_finish(&o);
	}
}

static void what_is_wrong_is_told_with_a_way_on(void **state UNUSED)
{
	static const struct {
		const char *line;
		int code;
		const char *out, *err;
	} cases[] = {
		{"", 2, "", "rules check"},
		{"servee", 2, "", "did you mean \"serve\"?"},
		{"rules", 2, "", "rules check"},
		{"rules chek", 2, "", "unknown command \"rules chek\"; did you mean \"rules check\"?"},
		{"rules --help", 0, "rules check", ""},
		{"nonsense --help", 2, "", "unknown command \"nonsense\""},
		{"rules check", 2, "", "missing: \"FILE|DIR...\""},
		{"rules check --format xml x", 2, "", "--format takes human, gcc or json, not \"xml\""},
		{"rules check --stric x", 2, "", "did you mean \"--strict\"?"},
		{"rules check /nowhere.magpie", 1, "", "/nowhere.magpie: No such file"},
		{"rules check /nowhere.conf", 1, "", "ends in \".magpie\""},
		{"version x", 2, "", "unexpected: \"x\""},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct outcome o = run(cases[i].line);
		if (o.code != cases[i].code || !strstr(o.out, cases[i].out) ||
			!strstr(o.err, cases[i].err)) {
			fail_msg("%s: %d\n%s%s", cases[i].line, o.code, o.out, o.err);
		}
		outcome_finish(&o);
	}
}

/* A node's text in a listing must not move the cursor or rename the window. */
static void listings_hold_no_control_characters(void **state UNUSED)
{
	static const struct table_column columns[] = {{"a", "a", false}};
	struct table table;
	table_init(&table, columns, 1);
	table_add(&table, "x\033]0;y\007\xc2\x9bz\n");
	table_add(&table, NULL);
	assert_string_equal(
		table.cells->pdata[0], "x\xef\xbf\xbd]0;y\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd");
	assert_string_equal(table.cells->pdata[1], "");
	table_finish(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_helps_in_one_form),
		cmocka_unit_test(what_is_wrong_is_told_with_a_way_on),
		cmocka_unit_test(listings_hold_no_control_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
