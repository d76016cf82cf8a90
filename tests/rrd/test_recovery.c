#include "support.h"
#include "rrd/headerlog.h"
#include "rrd/marker.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/banned.h"

/*
 * A process that writes is killed at random instants, again and again, on one tree. When the
 * journal has been written to its end the rows of every archive are the same as in a tree that
 * nobody disturbed (goal 1 of the reliability page; scenario tests do the same with whole roles).
 */
enum {
	BEGIN = 1700000000,
	SERIES = 5,
	SAMPLES = 6000,
	ROUNDS = 60,
	PER_TICK = 25,
	KILL_WITHIN_TICKS = 40,
	KILL_WITHIN_NS = 400000
};

static double value_at(uint32_t id, int i)
{
	switch (id % 3) {
	case 0: return 1000 * sin(i / 50.0 + id);
	case 1: return 12345.0 * i; /* a counter */
	default: return i % 7 == 3 ? NAN : i * 0.25;
	}
}

static void fill(struct bench_tree *t)
{
	for (uint32_t id = 1; id <= SERIES; id++) {
		char field[16];
		snprintf(field, sizeof(field), "f%u", id);
		support_series(t, id, 10, id % 3 == 1 ? FIELD_DERIVE : FIELD_GAUGE,
			id % 2 ? "default" : "compact", field);
	}
	for (int i = 0; i < SAMPLES; i++) {
		for (uint32_t id = 1; id <= SERIES; id++) {
			if (id < SERIES || i > SAMPLES / 2) { /* one begins in the middle */
				support_sample(t, id, BEGIN + 10 * i, value_at(id, i));
			}
		}
	}
}

/* When a role is to die: so long after that tick; 0: it lives. By a timer of the kernel, so that it
 * hits whatever is being done. */
struct death {
	guint tick;
	long after_ns;
};

static void arm(const struct death *death)
{
	timer_t timer;
	struct sigevent kill_us = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	struct itimerspec when = {.it_value = {.tv_nsec = death->after_ns}};
	if (timer_create(CLOCK_MONOTONIC, &kill_us, &timer) || timer_settime(timer, 0, &when, NULL)) {
		_exit(3);
	}
}

/* What a role does, in small: feed, tick, now and then a checkpoint. */
static void run_role(struct bench_tree *t, unsigned seed, const struct death *death)
{
	guint ticks = 0;
	guint whole = t->journal->len;
	/* only the declarations at the start; the rest is fed below, slice by slice */
	g_ptr_array_set_free_func(t->journal, NULL);
	GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	for (guint i = 0; i < t->journal->len; i++) {
		g_ptr_array_add(all, t->journal->pdata[i]);
	}
	g_ptr_array_set_size(t->journal, SERIES);
	support_start(t);
	for (guint i = SERIES; i < whole; i += PER_TICK) {
		for (guint k = i; k < i + PER_TICK && k < whole; k++) {
			g_ptr_array_add(t->journal, all->pdata[k]);
		}
		if (t->journal->len <= writer_sequence(t->writer)) {
			continue; /* before the checkpoint */
		}
		support_feed(t);
		if (death->after_ns && ticks++ == death->tick) {
			arm(death);
		}
		writer_tick(t->writer);
		if ((i / PER_TICK + seed) % 53 == 0) {
			support_checkpoint(t);
		}
	}
	support_feed(t);
	for (uint32_t id = 1; id <= SERIES; id++) {
		writer_flush(t->writer, &id, 1);
	}
	for (guint i = t->journal->len; i < all->len; i++) {
		g_ptr_array_add(t->journal, all->pdata[i]);
	}
	g_ptr_array_set_free_func(t->journal, (GDestroyNotify)g_bytes_unref);
	g_ptr_array_set_free_func(all, NULL);
	g_ptr_array_unref(all);
}

static void expect_same_rows(struct bench_tree *a, struct bench_tree *b)
{
	static const int64_t steps[] = {10, 300, 3600, 7200, 86400};
	for (uint32_t id = 1; id <= SERIES; id++) {
		g_autofree char *one = support_file(a, id);
		g_autofree char *two = support_file(b, id);
		for (size_t k = 0; k < ARRAY_LENGTH(steps) * LAYOUT_CFS; k++) {
			struct fetch_rows x;
			struct fetch_rows y;
			enum layout_cf cf = (enum layout_cf)(k % LAYOUT_CFS);
			int64_t from = BEGIN - 2 * 86400;
			int64_t to = BEGIN + 10 * SAMPLES;
			int64_t step = steps[k / LAYOUT_CFS];
			if (step == 10) {
				from = BEGIN;
			}
			assert_true(fetch_rows(one, cf, from, to, step, &x, NULL));
			assert_true(fetch_rows(two, cf, from, to, step, &y, NULL));
			assert_int_equal(x.count, y.count);
			assert_int_equal(x.step_s, y.step_s);
			assert_memory_equal(x.values, y.values, x.count * sizeof(double));
			fetch_free(&x);
			fetch_free(&y);
		}
	}
}

static void killed_at_any_instant_the_rows_come_out_the_same(void **state UNUSED)
{
	struct bench_tree *whole = support_tree_create();
	struct bench_tree *broken = support_tree_create();
	fill(whole);
	fill(broken);
	unsigned killed_at_work = 0;
	unsigned short seed[3] = {1, 2, 3};
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct death death = {.tick = (guint)(nrand48(seed) % KILL_WITHIN_TICKS),
			.after_ns = 1 + nrand48(seed) % KILL_WITHIN_NS};
		pid_t pid = fork();
		if (pid == 0) {
			if (!freopen("/dev/null", "w", stderr)) {
				_exit(2);
			}
			run_role(broken, round, &death);
			_exit(0);
		}
		int status = 0;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
		killed_at_work += WIFSIGNALED(status);
	}
	assert_true(killed_at_work > ROUNDS / 4);
	static const struct death never = {0};
	run_role(whole, 0, &never);
	run_role(broken, 0, &never);
	expect_same_rows(whole, broken);
	assert_int_equal(broken->events, 0); /* no file was found to be bad */
	support_tree_destroy(whole);
	support_tree_destroy(broken);
}

static void what_was_made_after_the_checkpoint_is_made_again(void **state UNUSED)
{
	struct bench_tree *t = support_tree_create();
	support_start(t);
	support_checkpoint(t);
	support_series(t, 1, 10, FIELD_GAUGE, "compact", "f");
	support_sample(t, 1, BEGIN, 1);
	support_sample(t, 1, BEGIN + 10, 2);
	support_feed(t);
	g_autofree char *file = support_file(t, 1);
	support_crash(t);
	/* a power cut: the name is there, the content is not */
	struct stat st;
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(truncate(file, 0), 0);
	assert_int_equal(truncate(file, st.st_size), 0);
	/* and librrd's own half-made file beside it */
	g_autofree char *half = g_strdup_printf("%sAbC123", file);
	assert_true(g_file_set_contents(half, "x", 1, NULL));
	support_start(t);
	g_autofree char *again = support_file(t, 1);
	assert_string_equal(again, file);
	assert_int_equal(t->events, 0);
	assert_int_not_equal(access(half, F_OK), 0);
	support_tree_destroy(t);
}

/* Dies of `number` while the marker names a file. */
static void die_touching(const char *tree_path, const char *path, int number)
{
	pid_t pid = fork();
	if (pid == 0) {
		char suspect[LAYOUT_PATH_MAX];
		struct rlimit none = {0, 0};
		struct tree *tree = tree_open(tree_path, NULL);
		setrlimit(RLIMIT_CORE, &none);
		signal(SIGBUS, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		signal(SIGFPE, SIG_DFL);
		struct marker *marker = marker_open(tree, 0, suspect, NULL);
		marker_set(marker, path);
		raise(number);
		raise(number);
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void a_file_that_kills_twice_is_set_aside(void **state UNUSED)
{
	static const struct {
		int first, second;
		const char *other; /* file touched the first time; NULL: the same */
		unsigned events;
	} cases[] = {{SIGBUS, SIGFPE, NULL, 1}, {SIGSEGV, SIGBUS, NULL, 1}, {SIGKILL, SIGKILL, NULL, 0},
		{SIGBUS, SIGKILL, NULL, 0}, {SIGBUS, SIGBUS, "example.com/another.rrd", 0}};
	static const char path[] = "example.com/a.example.com-test-f-g.rrd";
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct bench_tree *t = support_tree_create();
		support_series(t, 1, 10, FIELD_GAUGE, "compact", "f");
		for (int k = 0; k < 100; k++) {
			support_sample(t, 1, BEGIN + 10 * k, k);
		}
		support_start(t);
		g_autofree char *file = support_file(t, 1);
		support_checkpoint(t);
		support_crash(t);
		die_touching(t->path, cases[i].other ? cases[i].other : path, cases[i].first);
		die_touching(t->path, path, cases[i].second);
		support_start(t);
		assert_int_equal(t->events, cases[i].events);
		g_autofree char *again = support_file(t, 1);
		struct fetch_rows rows;
		assert_true(fetch_rows(again, LAYOUT_AVERAGE, BEGIN + 490, BEGIN + 500, 10, &rows, NULL));
		assert_true(rows.values[0] == 50); /* rebuilt from the journal, or never gone */
		fetch_free(&rows);
		support_tree_destroy(t);
	}
}

static void a_damaged_header_log_ends_where_it_is_damaged(void **state UNUSED)
{
	struct bench_tree *t = support_tree_create();
	support_series(t, 1, 10, FIELD_GAUGE, "compact", "f");
	for (int k = 0; k < 100; k++) {
		support_sample(t, 1, BEGIN + 10 * k, k);
	}
	support_start(t);
	g_autofree char *file = support_file(t, 1);
	support_checkpoint(t);
	support_sample(t, 1, BEGIN + 1000, 100);
	support_feed(t);
	uint32_t id = 1;
	writer_flush(t->writer, &id, 1);
	support_crash(t);
	g_autofree char *log = g_strdup_printf("%s/.magpie/headers", t->path);
	size_t length;
	g_autofree char *content = support_read_file(log, &length);
	for (size_t cut = 0; cut < length; cut += 97) {
		g_autofree char *bad = g_memdup2(content, length);
		bad[cut] ^= 0x40;
		assert_true(g_file_set_contents(log, bad, (gssize)length, NULL));
		support_start(t);
		g_autofree char *again = support_file(t, 1);
		assert_string_equal(again, file);
		support_crash(t);
	}
	support_tree_destroy(t);
}

/* -- names that were given twice since the checkpoint -- */

enum names_step { END_STEPS, MOVE_XY, MOVE_YZ, MAKE_X, MAKE_Y, LOSE_Y };

static void put_file_at(const struct tree *tree, const char *path, char first)
{
	char full[600];
	const char content[2] = {first, 0};
	tree_full_path(tree, path, full, sizeof(full));
	assert_true(g_file_set_contents(full, content, 1, NULL));
}

static char first_of(const struct tree *tree, const char *path)
{
	char full[600];
	g_autofree char *content = NULL;
	tree_full_path(tree, path, full, sizeof(full));
	return g_file_get_contents(full, &content, NULL, NULL) ? *content : 0;
}

/* Notes it, and (without `only_noted`) does it. */
static void take_step(
	const struct tree *tree, struct headerlog *log, enum names_step step, bool only_noted)
{
	bool from_x = step == MOVE_XY;
	const char *made = step == MAKE_X ? "g/x.rrd" : "g/y.rrd";
	const char *from = from_x ? "g/x.rrd" : "g/y.rrd";
	const char *to = from_x ? "g/y.rrd" : "g/z.rrd";
	if (step == MAKE_X || step == MAKE_Y) {
		headerlog_add_created(log, made);
	} else if (step != LOSE_Y) {
		headerlog_add_moved(log, from, to);
	}
	assert_true(headerlog_commit(log, NULL));
	if (only_noted) {
		return;
	}
	if (step == LOSE_Y) {
		assert_true(tree_set_aside(tree, "g/y.rrd", NULL));
	} else if (step == MAKE_X || step == MAKE_Y) {
		put_file_at(tree, made, 'n');
	} else {
		assert_true(tree_rename(tree, from, to, NULL));
	}
}

/*
 * A host is renamed and its node still answers by the old name: the file that is made there is not
 * the one that was. The history ('o') comes back to its name or is where it was put, and the new
 * file ('n') goes, also if the recovery itself is cut off and begins anew.
 */
static void a_new_file_at_an_old_name_costs_the_renamed_one_nothing(void **state UNUSED)
{
	static const struct {
		enum names_step steps[5];
		bool only_noted; /* the last step */
		char x, y;       /* what is there afterwards */
	} cases[] = {
		{{MOVE_XY}, false, 'o', 0},
		{{MOVE_XY}, true, 'o', 0},
		{{MOVE_XY, MAKE_X}, false, 'o', 0},
		{{MOVE_XY, MAKE_X}, true, 'o', 0},
		{{MOVE_XY, MOVE_YZ, MAKE_Y}, false, 'o', 0},
		{{MOVE_XY, MOVE_YZ, MAKE_Y, MAKE_X}, false, 'o', 0},
		{{MOVE_XY, MOVE_YZ, MAKE_X, MAKE_Y}, true, 'o', 0},
		{{MOVE_XY, LOSE_Y, MAKE_Y}, false, 0, 0},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		g_autofree char *path = support_directory();
		struct headerlog_report report;
		AUTO(tree) tree = tree_open(path, NULL);
		assert_true(tree_make_parents(tree, "g/x.rrd", NULL));
		put_file_at(tree, "g/x.rrd", 'o');
		struct headerlog *log = headerlog_open(tree, 0, &report, NULL);
		for (size_t k = 0; cases[i].steps[k]; k++) {
			take_step(tree, log, cases[i].steps[k], cases[i].only_noted && !cases[i].steps[k + 1]);
		}
		headerlog_destroy(log);
		size_t length;
		g_autofree char *name = g_strdup_printf("%s/.magpie/headers", path);
		g_autofree char *noted = support_read_file(name, &length);
		for (int again = 0; again < 3; again++) {
			assert_true(g_file_set_contents(name, noted, (gssize)length, NULL));
			log = headerlog_open(tree, 0, &report, NULL);
			headerlog_destroy(log);
			assert_int_equal(first_of(tree, "g/x.rrd"), cases[i].x);
			assert_int_equal(first_of(tree, "g/y.rrd"), cases[i].y);
			assert_int_equal(first_of(tree, "g/z.rrd"), 0);
		}
		support_remove(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_at_any_instant_the_rows_come_out_the_same),
		cmocka_unit_test(what_was_made_after_the_checkpoint_is_made_again),
		cmocka_unit_test(a_file_that_kills_twice_is_set_aside),
		cmocka_unit_test(a_damaged_header_log_ends_where_it_is_damaged),
		cmocka_unit_test(a_new_file_at_an_old_name_costs_the_renamed_one_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
