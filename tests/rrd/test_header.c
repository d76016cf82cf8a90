#include "support.h"
#include "rrd/header.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <rrd.h>

#include "base/banned.h"

/*
 * Files made by librrd are read as they are; changed in any word they are refused, or librrd lives
 * through them (reliability, L5).
 */
enum { BEGIN = 1700000000, LATEST = 1800000000 };

struct sample_file {
	struct bench_tree *tree;
	char *path;
	char *content;
	size_t length;
};

static struct sample_file make(const char *layout)
{
	struct sample_file f = {.tree = support_tree_create()};
	support_series(f.tree, 1, 10, FIELD_GAUGE, layout, "value");
	for (int i = 0; i < 100; i++) {
		support_sample(f.tree, 1, BEGIN + 10 * i, i);
	}
	support_start(f.tree);
	f.path = support_file(f.tree, 1);
	f.content = support_read_file(f.path, &f.length);
	return f;
}

static void finish(struct sample_file *f)
{
	g_free(f->path);
	g_free(f->content);
	support_tree_destroy(f->tree);
}

static bool check(const char *content, size_t length, uint64_t file_size, struct header *h)
{
	struct error err = {.kind = ERR_NONE};
	bool good = header_read((const unsigned char *)content,
		length < HEADER_BYTES_MAX ? length : HEADER_BYTES_MAX, file_size, LATEST, h, &err);
	assert_true(good || err.kind == ERR_STORAGE);
	return good;
}

static void a_file_of_librrd_is_read(void **state UNUSED)
{
	static const struct {
		const char *layout;
		size_t archives;
		uint64_t step_s;
	} cases[] = {{"default", 7, 10}, {"compact", 10, 10}, {"normal", 12, 300}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct sample_file f = make(cases[i].layout);
		struct header h;
		assert_true(check(f.content, f.length, f.length, &h));
		assert_int_equal(h.archive_count, cases[i].archives);
		assert_int_equal(h.step_s, cases[i].step_s);
		assert_int_equal(h.heartbeat_s, 2 * cases[i].step_s);
		assert_int_equal(h.type, FIELD_GAUGE);
		assert_int_equal(h.last_update_s, BEGIN + 990);
		assert_true(isnan(h.min) && isnan(h.max));
		assert_int_equal(h.length, header_length(1, h.archive_count));
		finish(&f);
	}
}

static void a_file_of_another_size_is_refused(void **state UNUSED)
{
	struct sample_file f = make("compact");
	struct header h;
	for (size_t length = 0; length < f.length; length += length < 4096 ? 1 : 4096) {
		assert_false(check(f.content, length, length, &h));
	}
	assert_false(check(f.content, f.length, f.length + 8, &h));
	memset(f.content, 0, f.length);
	assert_false(check(f.content, f.length, f.length, &h));
	finish(&f);
}

static void a_file_written_ahead_is_refused(void **state UNUSED)
{
	struct sample_file f = make("compact");
	struct header h;
	struct error err;
	assert_false(header_read(
		(const unsigned char *)f.content, HEADER_BYTES_MAX, f.length, BEGIN + 989, &h, &err));
	assert_true(header_read(
		(const unsigned char *)f.content, HEADER_BYTES_MAX, f.length, BEGIN + 990, &h, &err));
	finish(&f);
}

static uint64_t value_of(size_t index)
{
	static const uint64_t words[] = {0, 1, 61, 255, 1ULL << 31, 1ULL << 32, (1ULL << 32) + 1,
		1ULL << 60, 1ULL << 61, 1ULL << 62, 1ULL << 63, ~0ULL, ~0ULL - 1, 0x7ff0000000000000ULL,
		0x7ff8000000000000ULL, 0x4141414141414141ULL};
	return words[index];
}

/* In a process of its own: what librrd does with the file. False: it died of it. */
static bool librrd_lives(const char *path, int *deaths)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit none = {0, 0};
		setrlimit(RLIMIT_CORE, &none);
		alarm(20);
		signal(SIGBUS, SIG_DFL);
		signal(SIGFPE, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		struct fetch_rows rows;
		if (fetch_rows(path, LAYOUT_AVERAGE, BEGIN, BEGIN + 1000, 10, &rows, NULL)) {
			fetch_free(&rows);
		}
		const char *argv[] = {"1700001000:5", "1700001300:6"};
		rrd_updatex_r(path, NULL, RRD_SKIP_PAST_UPDATES, 2, argv);
		rrd_info_free(rrd_info_r(path));
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*deaths += !WIFEXITED(status);
	return WIFEXITED(status);
}

/* hostile 80 */
static void no_changed_word_kills_librrd_behind_the_check(void **state UNUSED)
{
	enum { VALUES = 16 };
	struct sample_file f = make("compact");
	struct header h;
	assert_true(check(f.content, f.length, f.length, &h));
	char *copy = g_memdup2(f.content, f.length);
	int deaths = 0;
	unsigned accepted = 0;
	unsigned refused = 0;
	for (size_t at = 0; at + 8 <= h.length; at += 8) {
		for (size_t v = 0; v < VALUES; v++) {
			uint64_t word = value_of(v);
			struct header changed;
			memcpy(copy, f.content, f.length);
			memcpy(copy + at, &word, 8);
			if (!memcmp(copy, f.content, f.length)) {
				continue;
			}
			if (!check(copy, f.length, f.length, &changed)) {
				refused++;
				continue;
			}
			/* each accepted word is tried once or twice: a process each is what costs */
			if (v % 4 == at / 8 % 4) {
				accepted++;
				assert_true(g_file_set_contents(f.path, copy, (gssize)f.length, NULL));
				if (!librrd_lives(f.path, &deaths)) {
					print_error("word %zu value %zx\n", at, (size_t)word);
				}
			}
		}
	}
	assert_int_equal(deaths, 0);
	assert_true(refused > 500);
	assert_true(accepted > 50);
	g_free(copy);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_of_librrd_is_read),
		cmocka_unit_test(a_file_of_another_size_is_refused),
		cmocka_unit_test(a_file_written_ahead_is_refused),
		cmocka_unit_test(no_changed_word_kills_librrd_behind_the_check),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
