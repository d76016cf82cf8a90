#include "base/auto.h"
#include "base/file.h"
#include "tests/support/test.h"

#include <fcntl.h>
#include <sys/stat.h>

static int at; /* the directory of the test */
static char *directory;

static int enter(void **state)
{
	(void)state;
	directory = test_directory();
	at = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return at < 0;
}

static int leave(void **state)
{
	(void)state;
	close(at);
	test_directory_remove(directory);
	return 0;
}

static void write_plain(const char *name, const char *content)
{
	AUTO_FD fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_true(file_write_all(fd, content, strlen(content), NULL));
}

static void content_comes_back_whole(void **state)
{
	(void)state;
	struct error err;
	size_t length = 0;
	assert_true(file_replace(at, "a", "one\0two", 7, 0640, &err));
	AUTO_FREE char *content = file_read(at, "a", 100, &length, &err);
	assert_non_null(content);
	assert_int_equal(length, 7);
	assert_memory_equal(content, "one\0two", 8); /* with a NUL behind */
	struct stat st;
	assert_int_equal(fstatat(at, "a", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void an_empty_file_is_no_error(void **state)
{
	(void)state;
	size_t length = 77;
	assert_true(file_replace(at, "a", "", 0, 0600, NULL));
	AUTO_FREE char *content = file_read(at, "a", 0, &length, NULL);
	assert_non_null(content);
	assert_int_equal(length, 0);
	assert_string_equal(content, "");
}

static void the_limit_is_exact(void **state)
{
	(void)state;
	struct error err;
	size_t length;
	write_plain("a", "12345");
	AUTO_FREE char *content = file_read(at, "a", 5, &length, &err);
	assert_non_null(content);
	assert_null(file_read(at, "a", 4, &length, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
}

static void files_of_proc_are_read_to_their_end(void **state)
{
	(void)state;
	size_t length = 0; /* their size is told as 0 */
	AUTO_FREE char *content = file_read(AT_FDCWD, "/proc/self/status", 100000, &length, NULL);
	assert_non_null(content);
	assert_true(length > 100);
	struct error err;
	assert_null(file_read(AT_FDCWD, "/proc/self/status", 100, &length, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
}

/* hostile 36: FIFO, device, directory in the place of a file */
static void what_is_no_regular_file_is_refused_at_once(void **state)
{
	(void)state;
	assert_int_equal(mkfifoat(at, "fifo", 0600), 0);
	assert_int_equal(mkdirat(at, "dir", 0700), 0);
	static const char *const names[] = {"fifo", "dir", "/dev/zero"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		struct error err;
		size_t length;
		assert_null(file_read(at, names[i], 100, &length, &err));
		assert_int_equal(err.kind, ERR_CONFIG);
	}
}

static void what_is_missing_is_not_found(void **state)
{
	(void)state;
	struct error err;
	size_t length;
	assert_null(file_read(at, "nothing", 100, &length, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void replacing_keeps_the_old_until_the_new_is_there(void **state)
{
	(void)state;
	struct error err;
	assert_true(file_replace(at, "a", "old", 3, 0600, &err));
	AUTO_FD before = openat(at, "a", O_RDONLY | O_CLOEXEC);
	assert_true(file_replace(at, "a", "newer", 5, 0600, &err));
	char old[8] = {0};
	assert_int_equal(read(before, old, sizeof(old)), 3); /* another file, not this one changed */
	assert_string_equal(old, "old");
	size_t length;
	AUTO_FREE char *content = file_read(at, "a", 100, &length, &err);
	assert_string_equal(content, "newer");
	assert_int_equal(faccessat(at, ".a.new", F_OK, 0), -1);
}

static void a_failed_replacement_leaves_the_old(void **state)
{
	(void)state;
	struct error err;
	assert_int_equal(mkdirat(at, "a", 0700), 0);
	assert_false(file_replace(at, "a", "x", 1, 0600, &err)); /* a file cannot replace a directory */
	assert_int_equal(err.kind, ERR_STORAGE);
	assert_int_equal(faccessat(at, ".a.new", F_OK, 0), -1);
	assert_false(file_replace(at, "no/such/dir", "x", 1, 0600, &err));
	assert_int_equal(err.kind, ERR_STORAGE);
}

static void nothing_is_written_through_a_link(void **state)
{
	(void)state;
	struct error err;
	write_plain("victim", "untouched");
	assert_int_equal(symlinkat("victim", at, ".a.new"), 0);
	assert_false(file_replace(at, "a", "x", 1, 0600, &err));
	assert_int_equal(symlinkat("victim", at, "b"), 0);
	assert_true(file_replace(at, "b", "x", 1, 0600, &err)); /* the link itself is replaced */
	size_t length;
	AUTO_FREE char *content = file_read(at, "victim", 100, &length, &err);
	assert_string_equal(content, "untouched");
}

static void names_with_a_path_work_too(void **state)
{
	(void)state;
	struct error err;
	size_t length;
	assert_int_equal(mkdirat(at, "sub", 0700), 0);
	assert_true(file_replace(at, "sub/a", "x", 1, 0600, &err));
	AUTO_FREE char *content = file_read(at, "sub/a", 100, &length, &err);
	assert_string_equal(content, "x");
	char path[4300];
	snprintf(path, sizeof(path), "%s/absolute", directory);
	assert_true(file_replace(AT_FDCWD, path, "y", 1, 0600, &err));
	AUTO_FREE char *other = file_read(AT_FDCWD, path, 100, &length, &err);
	assert_string_equal(other, "y");
	char longer[700];
	memset(longer, 'n', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_false(file_replace(at, longer, "x", 1, 0600, &err));
}

static void directories_are_made_with_their_parents(void **state)
{
	(void)state;
	char path[4300];
	struct error err;
	snprintf(path, sizeof(path), "%s/x/y/z", directory);
	assert_true(file_make_directory(path, &err));
	assert_true(file_make_directory(path, &err)); /* again is fine */
	write_plain("file", "");
	snprintf(path, sizeof(path), "%s/file", directory);
	assert_false(file_make_directory(path, &err));
	snprintf(path, sizeof(path), "%s/file/below", directory);
	assert_false(file_make_directory(path, &err));
	assert_false(file_make_directory("", &err));
}

static void a_full_disk_is_told(void **state)
{
	(void)state;
	struct error err;
	AUTO_FD full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(full >= 0);
	assert_false(file_write_all(full, "x", 1, &err));
	assert_int_equal(err.kind, ERR_STORAGE);
}

int main(void)
{
#define IN_DIRECTORY(f) cmocka_unit_test_setup_teardown(f, enter, leave)
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(content_comes_back_whole),
		IN_DIRECTORY(an_empty_file_is_no_error),
		IN_DIRECTORY(the_limit_is_exact),
		IN_DIRECTORY(files_of_proc_are_read_to_their_end),
		IN_DIRECTORY(what_is_no_regular_file_is_refused_at_once),
		IN_DIRECTORY(what_is_missing_is_not_found),
		IN_DIRECTORY(replacing_keeps_the_old_until_the_new_is_there),
		IN_DIRECTORY(a_failed_replacement_leaves_the_old),
		IN_DIRECTORY(nothing_is_written_through_a_link),
		IN_DIRECTORY(names_with_a_path_work_too),
		IN_DIRECTORY(directories_are_made_with_their_parents),
		IN_DIRECTORY(a_full_disk_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
