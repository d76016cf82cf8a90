#include "magpie/output.h"
#include "base/attr.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "base/banned.h"

/* A directory of its own per test; the file in it and how many names there are. */
static char *directory, *file;

static int setup(void **state UNUSED)
{
	directory = g_dir_make_tmp("magpie-output-XXXXXX", NULL);
	file = g_build_filename(directory, "out.csv", NULL);
	return 0;
}

static int teardown(void **state UNUSED)
{
	g_remove(file);
	int removed = g_rmdir(directory); /* only if nothing else was left */
	g_free(file);
	g_free(directory);
	return removed;
}

static unsigned names(void)
{
	GDir *dir = g_dir_open(directory, 0, NULL);
	unsigned count = 0;
	while (g_dir_read_name(dir)) {
		count++;
	}
	g_dir_close(dir);
	return count;
}

static void assert_content(const char *expected)
{
	g_autofree char *content = NULL;
	assert_true(g_file_get_contents(file, &content, NULL, NULL));
	assert_string_equal(content, expected);
}

static void file_is_there_when_it_is_whole(void **state UNUSED)
{
	struct error err;
	struct output *output = output_open(file, &err);
	assert_non_null(output);
	assert_true(output_write(output, "one\n", 4, &err));
	assert_true(output_write(output, "two\n", 4, &err));
	assert_false(g_file_test(file, G_FILE_TEST_EXISTS));
	assert_true(output_commit(output, &err));
	output_destroy(output);
	assert_content("one\ntwo\n");
	assert_int_equal(names(), 1);
}

static void what_was_there_stays_until_then_and_after_a_failure(void **state UNUSED)
{
	struct error err;
	assert_true(g_file_set_contents(file, "old", 3, NULL));
	struct output *output = output_open(file, &err);
	assert_true(output_write(output, "half", 4, &err));
	output_destroy(output);
	assert_content("old");
	assert_int_equal(names(), 1);
	output = output_open(file, &err);
	assert_true(output_write(output, "new", 3, &err));
	assert_true(output_commit(output, &err));
	output_destroy(output);
	assert_content("new");
	assert_int_equal(names(), 1);
	output_destroy(NULL);
}

static void a_killed_process_leaves_nothing(void **state UNUSED)
{
	pid_t pid = fork();
	if (!pid) {
		struct output *output = output_open(file, NULL);
		if (output && output_write(output, "half", 4, NULL)) {
			raise(SIGKILL);
		}
		_exit(1);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(names(), 0);
}

static void devices_are_written_to_and_their_errors_told(void **state UNUSED)
{
	struct error err;
	struct output *output = output_open("/dev/full", &err);
	assert_non_null(output);
	assert_false(output_write(output, "x", 1, &err));
	assert_int_equal(err.kind, ERR_STORAGE);
	assert_non_null(strstr(err.text, "/dev/full"));
	output_destroy(output);
	output = output_open("/dev/null", &err);
	assert_true(output_write(output, "x", 1, &err));
	assert_true(output_commit(output, &err));
	output_destroy(output);
}

static void places_where_no_file_can_be_are_refused(void **state UNUSED)
{
	struct error err;
	g_autofree char *nowhere = g_build_filename(directory, "none", "x", NULL);
	assert_null(output_open(nowhere, &err));
	assert_int_equal(err.kind, ERR_STORAGE);
	assert_null(output_open(directory, &err));
	assert_non_null(strstr(err.text, "is a directory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(file_is_there_when_it_is_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_was_there_stays_until_then_and_after_a_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(a_killed_process_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			devices_are_written_to_and_their_errors_told, setup, teardown),
		cmocka_unit_test_setup_teardown(places_where_no_file_can_be_are_refused, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
