#include "base/auto.h"
#include "base/file.h"
#include "magpie/command.h"
#include "tests/support/test.h"

#include <fcntl.h>

#include <glib.h>

/* The command as the shell sees it: files in, exit code and text out. */
struct fixture {
	char *dir, *config, *output;
};

static struct fixture begin(const char *config, const char *rules)
{
	struct fixture f = {.dir = test_directory()};
	f.config = g_build_filename(f.dir, "magpie.conf", NULL);
	f.output = g_build_filename(f.dir, "output", NULL);
	g_autofree char *rules_dir = g_build_filename(f.dir, "rules.d", NULL);
	g_autofree char *rule_file = g_build_filename(rules_dir, "a.magpie", NULL);
	assert_int_equal(mkdir(rules_dir, 0755), 0);
	assert_true(g_file_set_contents(f.config, config, -1, NULL));
	assert_true(g_file_set_contents(rule_file, rules, -1, NULL));
	return f;
}

static void end(struct fixture *f)
{
	g_free(f->config);
	g_free(f->output);
	test_directory_remove(f->dir);
}

/* Runs it with stdout in a file; the caller frees the text (free). */
static char *run(struct fixture *f, const char *option, int expected)
{
	const char *argv[] = {"config check", "--config", f->config, option, NULL};
	fflush(stdout);
	AUTO_FD kept = dup(STDOUT_FILENO);
	AUTO_FD file = open(f->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(dup2(file, STDOUT_FILENO) >= 0);
	int code = cmd_config_check(option ? 4 : 3, (char **)argv);
	fflush(stdout);
	assert_true(dup2(kept, STDOUT_FILENO) >= 0);
	size_t length;
	char *text = file_read(AT_FDCWD, f->output, 1 << 20, &length, NULL);
	assert_non_null(text);
	if (code != expected) {
		fail_msg("exit code %d: %s", code, text);
	}
	return text;
}

static const char good_rule[] = "rule full {\n  value df:*\n  warn > 92%\n}\n";

static void a_good_configuration_exits_0_and_is_counted(void **state UNUSED)
{
	struct fixture f =
		begin("default_rules no\nchannel a { webhook \"http://a.example/\" }\n", good_rule);
	AUTO_FREE char *text = run(&f, NULL, 0);
	assert_non_null(strstr(text, "2 files, 1 host, 1 source, 1 channel, 0 actions, 1 rule, "));
	end(&f);
}

static void errors_of_all_files_come_in_one_run_and_exit_1(void **state UNUSED)
{
	struct fixture f = begin("intervall 10s\n", "rule full {\n  value df:*\n  war > 92%\n}\n");
	AUTO_FREE char *text = run(&f, NULL, 1);
	assert_non_null(strstr(text, "magpie.conf:1:1: error"));
	assert_non_null(strstr(text, "did you mean \"interval\"?"));
	assert_non_null(strstr(text, "rules.d/a.magpie:3:3: error"));
	assert_non_null(strstr(text, "did you mean \"warn\"?"));
	AUTO_FREE char *json = run(&f, "--format=json", 1);
	assert_non_null(strstr(json, "\"diagnostics\""));
	end(&f);
}

static void a_rule_that_names_an_unknown_channel_is_an_error(void **state UNUSED)
{
	struct fixture f = begin("channel ops { webhook \"http://a.example/\" }\n",
		"rule full {\n  value df:*\n  warn > 92%\n  notify opps\n}\n");
	AUTO_FREE char *text = run(&f, NULL, 1);
	assert_non_null(strstr(text, "rules.d/a.magpie:4:10: error[E205]"));
	end(&f);
}

static void no_rule_is_blamed_for_names_of_a_broken_configuration(void **state UNUSED)
{
	struct fixture f = begin("channel ops { webhok \"http://a.example/\" }\n",
		"rule full {\n  value df:*\n  warn > 92%\n  notify ops\n}\n");
	AUTO_FREE char *text = run(&f, NULL, 1);
	assert_null(strstr(text, "E205"));
	end(&f);
}

static void what_cannot_be_read_and_wrong_usage_are_told_apart(void **state UNUSED)
{
	const char *missing[] = {"config check", "--config", "/nonexistent", NULL};
	assert_int_equal(cmd_config_check(3, (char **)missing), 1);
	const char *unknown[] = {"config check", "--nonsense", NULL};
	assert_int_equal(cmd_config_check(2, (char **)unknown), 2);
	const char *format[] = {"config check", "--format", "yaml", NULL};
	assert_int_equal(cmd_config_check(3, (char **)format), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_configuration_exits_0_and_is_counted),
		cmocka_unit_test(errors_of_all_files_come_in_one_run_and_exit_1),
		cmocka_unit_test(a_rule_that_names_an_unknown_channel_is_an_error),
		cmocka_unit_test(no_rule_is_blamed_for_names_of_a_broken_configuration),
		cmocka_unit_test(what_cannot_be_read_and_wrong_usage_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
