#include "support.h"
#include "rrd/task.h"
#include "model/shard.h"
#include "rrd/share.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/banned.h"

/*
 * Several writers on one tree, fed by one journal: here all in one process, each a `struct
 * bench_tree` that borrows path and journal from the first.
 */
enum {
	BEGIN = 1700000000,
	HOSTS = 12,
	FIELDS = 2,
	SERIES = HOSTS * FIELDS,
	SAMPLES = 400,
	MOST = 4
};

static void name_host(char out[32], unsigned host)
{
	snprintf(out, 32, "node%u.example.com", host);
}

static void fill(struct bench_tree *t, int from, int to)
{
	for (uint32_t id = 1; from == 0 && id <= SERIES; id++) {
		char host[32];
		name_host(host, (id - 1) / FIELDS);
		support_series_of(t, id, host, "test", id % FIELDS ? "a" : "b");
	}
	for (int i = from; i < to; i++) {
		for (uint32_t id = 1; id <= SERIES; id++) {
			support_sample(t, id, BEGIN + 10 * i, 1000 * sin(i / 30.0 + id));
		}
	}
}

struct writers {
	struct bench_tree parts[MOST];
	unsigned count;
};

static void open_all(struct writers *w, const struct bench_tree *tree, unsigned count)
{
	w->count = count;
	for (unsigned i = 0; i < count; i++) {
		w->parts[i] = *tree;
		w->parts[i].share = (struct share){i, count};
		support_start(&w->parts[i]);
		assert_int_equal(w->parts[i].events, 0);
	}
}

static void close_all(struct writers *w)
{
	for (unsigned i = 0; i < w->count; i++) {
		support_crash(&w->parts[i]);
	}
}

static void flush_all(struct bench_tree *t)
{
	for (uint32_t id = 1; id <= SERIES; id++) {
		writer_flush(t->writer, &id, 1);
	}
}

static void expect_same_file(const char *one, const char *two, int64_t to_s)
{
	static const int64_t steps[] = {10, 300, 3600};
	for (size_t k = 0; k < ARRAY_LENGTH(steps) * LAYOUT_CFS; k++) {
		struct fetch_rows x;
		struct fetch_rows y;
		enum layout_cf cf = (enum layout_cf)(k % LAYOUT_CFS);
		int64_t step = steps[k / LAYOUT_CFS];
		assert_true(fetch_rows(one, cf, BEGIN, to_s, step, &x, NULL));
		assert_true(fetch_rows(two, cf, BEGIN, to_s, step, &y, NULL));
		assert_int_equal(x.count, y.count);
		assert_memory_equal(x.values, y.values, x.count * sizeof(double));
		fetch_free(&x);
		fetch_free(&y);
	}
}

/* Every row is as if one writer had written all of the journal at once. */
static void expect_same_rows(struct bench_tree *tree, unsigned count)
{
	struct bench_tree *whole = support_tree_create();
	g_ptr_array_unref(whole->journal);
	whole->journal = g_ptr_array_ref(tree->journal);
	support_start(whole);
	struct writers w;
	open_all(&w, tree, count);
	for (uint32_t id = 1; id <= SERIES; id++) {
		char host[32];
		name_host(host, (id - 1) / FIELDS);
		g_autofree char *one = support_file(whole, id);
		g_autofree char *two = support_file(&w.parts[shard_of_host(host, count)], id);
		assert_non_null(two);
		expect_same_file(one, two, BEGIN + 10 * SAMPLES);
	}
	close_all(&w);
	support_tree_destroy(whole);
}

static void each_writes_the_files_of_its_hosts_only(void **state UNUSED)
{
	struct bench_tree *tree = support_tree_create();
	struct writers w;
	fill(tree, 0, 50);
	open_all(&w, tree, 3);
	uint64_t values = 0;
	for (unsigned i = 0; i < w.count; i++) {
		flush_all(&w.parts[i]);
		struct files_counts counts = writer_counts(w.parts[i].writer);
		assert_in_range(counts.values, 50, 49 * SERIES);
		assert_int_equal(counts.failures, 0);
		values += counts.values;
		/* a second time: nothing was held back */
		flush_all(&w.parts[i]);
		assert_int_equal(writer_counts(w.parts[i].writer).values, counts.values);
	}
	assert_int_equal(values, 50 * SERIES);
	/* all of them find the files of all */
	for (uint32_t id = 1; id <= SERIES; id++) {
		g_autofree char *first = support_file(&w.parts[0], id);
		assert_non_null(first);
		for (unsigned i = 1; i < w.count; i++) {
			g_autofree char *other = support_file(&w.parts[i], id);
			assert_string_equal(first, other);
		}
	}
	close_all(&w);
	expect_same_rows(tree, 3);
	support_tree_destroy(tree);
}

static void another_number_begins_at_the_oldest_checkpoint(void **state UNUSED)
{
	static const unsigned numbers[] = {3, 2, 1, 4, 4, 1};
	struct bench_tree *tree = support_tree_create();
	struct writers w;
	int to = 0;
	for (size_t round = 0; round < ARRAY_LENGTH(numbers); round++) {
		uint64_t least = UINT64_MAX;
		fill(tree, to, to + 20);
		to += 20;
		open_all(&w, tree, numbers[round]);
		for (unsigned i = 0; i < w.count; i++) {
			support_checkpoint(&w.parts[i]);
			least = MIN(least, writer_sequence(w.parts[i].writer));
			/* and goes on behind it, each at another place */
			fill(tree, to, to + 3);
			to += 3;
			support_feed(&w.parts[i]);
			flush_all(&w.parts[i]);
		}
		close_all(&w);
		struct bench_tree next = *tree;
		next.share = (struct share){0, numbers[(round + 1) % ARRAY_LENGTH(numbers)]};
		guint length = tree->journal->len;
		if (next.share.instances != numbers[round]) {
			/* read before it is fed anything */
			const struct files_plan plan = {.share = next.share, .handlers = {0}};
			struct writer *writer = writer_create_share(tree->path, &plan, NULL);
			assert_non_null(writer);
			assert_int_equal(writer_sequence(writer), least);
			writer_destroy(writer);
		}
		assert_int_equal(tree->journal->len, length);
	}
	fill(tree, to, SAMPLES);
	expect_same_rows(tree, 2);
	support_tree_destroy(tree);
}

/* One life of a writer among `instances`, killed at a random instant. */
static void live_and_die(struct bench_tree *tree, struct share share, long after_ns)
{
	timer_t timer;
	struct sigevent kill_us = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	struct itimerspec when = {.it_value = {.tv_nsec = after_ns}};
	if (!freopen("/dev/null", "w", stderr) || timer_create(CLOCK_MONOTONIC, &kill_us, &timer) ||
		timer_settime(timer, 0, &when, NULL)) {
		_exit(3);
	}
	tree->share = share;
	support_start(tree);
	flush_all(tree);
	support_checkpoint(tree);
	_exit(0);
}

/* Whole lives of all writers side by side, each time of another number, each cut off somewhere. */
static void killed_while_it_is_shared_anew_nothing_is_lost(void **state UNUSED)
{
	enum { ROUNDS = 40, LEAST_NS = 100000 };
	struct bench_tree *tree = support_tree_create();
	unsigned short seed[3] = {4, 5, 6};
	unsigned killed = 0;
	long life_ns = LEAST_NS; /* of the shortest round; the first comes to its end */
	for (unsigned round = 0; round < ROUNDS; round++) {
		fill(tree, (int)round * SAMPLES / ROUNDS, ((int)round + 1) * SAMPLES / ROUNDS);
		unsigned count = 1 + (unsigned)nrand48(seed) % MOST;
		pid_t pids[MOST];
		struct timespec begin;
		struct timespec end;
		clock_gettime(CLOCK_MONOTONIC, &begin);
		for (unsigned i = 0; i < count; i++) {
			long after_ns = round ? 1 + nrand48(seed) % MIN(life_ns, 999999998) : 999999999;
			pids[i] = fork();
			if (pids[i] == 0) {
				live_and_die(tree, (struct share){i, count}, after_ns);
			}
		}
		for (unsigned i = 0; i < count; i++) {
			int status;
			assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
			assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : !WEXITSTATUS(status));
			killed += WIFSIGNALED(status);
		}
		clock_gettime(CLOCK_MONOTONIC, &end);
		long took_ns = 1000000000 * (end.tv_sec - begin.tv_sec) + end.tv_nsec - begin.tv_nsec;
		life_ns = MAX(LEAST_NS, round ? MIN(life_ns, took_ns) : took_ns);
	}
	assert_true(killed > ROUNDS / 8);
	expect_same_rows(tree, 3);
	support_tree_destroy(tree);
}

static void a_part_has_one_writer_at_a_time(void **state UNUSED)
{
	int ready[2];
	struct bench_tree *tree = support_tree_create();
	fill(tree, 0, 5);
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		const struct timespec pause = {.tv_nsec = 200000000};
		tree->share = (struct share){1, 2};
		support_start(tree);
		char byte = write(ready[1], "x", 1) == 1;
		nanosleep(&pause, NULL);
		_exit(!byte);
	}
	char byte;
	assert_int_equal(read(ready[0], &byte, 1), 1);
	/* the other part is free; this one is when the process has ended, however that is */
	struct bench_tree other = *tree;
	other.share = (struct share){0, 2};
	support_start(&other);
	int status;
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	tree->share = (struct share){1, 2};
	support_start(tree);
	assert_int_equal(waitpid(pid, &status, WNOHANG), pid);
	support_crash(&other);
	close(ready[0]);
	close(ready[1]);
	support_tree_destroy(tree);
}

/* hostile 8: names of two hosts that join to one file name, in two writers */
static void series_of_two_writers_never_share_a_file(void **state UNUSED)
{
	struct bench_tree *tree = support_tree_create();
	struct writers w;
	char longer[32] = "";
	for (unsigned i = 0; i < 100; i++) {
		snprintf(longer, sizeof(longer), "a-b%u", i);
		if (shard_of_host(longer, 2) != shard_of_host("a", 2)) {
			break;
		}
	}
	support_series_of(tree, 7, longer, "c", "f");
	g_autofree char *service = g_strdup_printf("%s-c", longer + 2);
	support_series_of(tree, 5, "a", service, "f"); /* told later, with a lower number */
	for (int i = 0; i < 5; i++) {
		support_sample(tree, 7, BEGIN + 10 * i, 7);
		support_sample(tree, 5, BEGIN + 10 * i, 5);
	}
	open_all(&w, tree, 2);
	g_autofree char *five = support_file(&w.parts[shard_of_host("a", 2)], 5);
	g_autofree char *seven = support_file(&w.parts[shard_of_host(longer, 2)], 7);
	assert_non_null(five);
	assert_non_null(seven);
	assert_string_not_equal(five, seven);
	close_all(&w);
	support_tree_destroy(tree);
}

/* Reads the file over and over, as a drawing process of another role does. */
static pid_t start_reader(const char *file)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct fetch_rows rows;
		while (getppid() != 1) {
			if (fetch_rows(file, LAYOUT_AVERAGE, BEGIN, BEGIN + 3600, 10, &rows, NULL)) {
				fetch_free(&rows);
			}
		}
		_exit(0);
	}
	return pid;
}

/* reliability, L2 */
static void readers_in_other_processes_cost_no_sample_and_no_word(void **state UNUSED)
{
	enum { UPDATES = 1500 };
	struct bench_tree *tree = support_tree_create();
	const uint32_t id = 1;
	support_series_of(tree, id, "a", "test", "f");
	support_sample(tree, id, BEGIN, 0);
	support_start(tree);
	g_autofree char *file = support_file(tree, id);
	assert_non_null(file);
	pid_t reader = start_reader(file);
	for (int i = 1; i <= UPDATES; i++) {
		support_sample(tree, id, BEGIN + 10 * i, i);
		support_feed(tree);
		writer_flush(tree->writer, &id, 1);
		writer_tick(tree->writer);
	}
	kill(reader, SIGKILL);
	assert_int_equal(waitpid(reader, NULL, 0), reader);
	for (int i = 0; i < 100 && writer_counts(tree->writer).values <= UPDATES; i++) {
		writer_tick(tree->writer);
	}
	struct files_counts counts = writer_counts(tree->writer);
	assert_int_equal(counts.values, UPDATES + 1);
	assert_int_equal(counts.failures, 0);
	assert_int_equal(tree->events, 0);
	support_tree_destroy(tree);
}

/*
 * Time stamps with fractions, late writes, clean ends and deaths in any order: rows are those of
 * one undisturbed writing. (A row of zeros and ones can be more than one all the same: librrd
 * 1.7.2 counts whole seconds in the first row when a sample spans several and the one before it
 * had a fraction, and gives the rest, less than a second's worth, to the next row:
 * 10:1 20.907:1 40:1 make 0.9907 and 1.0093. The sum is right.)
 */
static void restarts_do_not_move_values_between_rows(void **state UNUSED)
{
	enum { LIVES = 60, PER_LIFE = 25 };
	struct bench_tree *tree = support_tree_create();
	const uint32_t id = 1;
	unsigned short seed[3] = {7, 8, 9};
	int64_t t_ms = BEGIN * 1000LL;
	support_series(tree, id, 10, FIELD_GAUGE, "default", "f");
	for (int life = 0; life < LIVES; life++) {
		support_start(tree);
		for (int i = 0; i < PER_LIFE; i++) {
			/* mostly on the grid, some late, some after a pause */
			int64_t grid_ms = t_ms - t_ms % 10000 + 10000;
			long kind = nrand48(seed) % 5;
			t_ms = grid_ms + (kind == 0 ? nrand48(seed) % 4000 : kind == 1 ? 10000 : 0);
			support_sample_ms(tree, id, t_ms, life % 2 ? 1 : (double)(nrand48(seed) % 2));
			support_feed(tree);
			if (nrand48(seed) % 7 == 0) {
				writer_flush(tree->writer, &id, 1);
			}
		}
		if (nrand48(seed) % 2) {
			support_checkpoint(tree);
		}
		support_crash(tree);
	}
	support_start(tree);
	struct bench_tree *whole = support_tree_create();
	g_ptr_array_unref(whole->journal);
	whole->journal = g_ptr_array_ref(tree->journal);
	support_start(whole);
	g_autofree char *one = support_file(whole, id);
	g_autofree char *two = support_file(tree, id);
	expect_same_file(one, two, t_ms / 1000);
	struct fetch_rows rows;
	assert_true(fetch_rows(two, LAYOUT_AVERAGE, BEGIN, t_ms / 1000, 10, &rows, NULL));
	size_t known = 0;
	for (size_t i = 0; i < rows.count; i++) {
		known += !isnan(rows.values[i]);
		assert_true(isnan(rows.values[i]) || (rows.values[i] >= 0 && rows.values[i] < 1.1));
	}
	assert_int_equal(rows.step_s, 10);
	assert_true(known > LIVES * PER_LIFE / 2);
	fetch_free(&rows);
	support_tree_destroy(whole);
	support_tree_destroy(tree);
}

static void make_checkpoint(void *role)
{
	support_feed(role); /* back to where it was asked for */
	support_checkpoint(role);
}

static struct catalog *catalog_of(const char *host, uint32_t id)
{
	struct catalog *catalog = catalog_create();
	struct service *service = service_create("example.com", host, "test", 10);
	service_add_field(service, "a", "a", FIELD_GAUGE)->series_id = id;
	catalog_declare(catalog, service, NULL);
	return catalog;
}

/* The host gets a name that is another writer's, which holds some of its samples back. */
static void a_host_that_goes_to_another_writer_takes_all_its_rows_along(void **state UNUSED)
{
	enum { HELD_BACK = 7 };
	char names[2][32] = {"node0.example.com", ""};
	unsigned owner = shard_of_host(names[0], 2);
	for (unsigned i = 1; !i || shard_of_host(names[1], 2) == owner; i++) {
		name_host(names[1], i);
	}
	struct bench_tree *tree = support_tree_create();
	struct writers w;
	support_series_of(tree, 1, names[0], "test", "a");
	for (int i = 0; i < SAMPLES; i++) {
		support_sample(tree, 1, BEGIN + 10 * i, i);
	}
	open_all(&w, tree, 2);
	struct bench_tree *before = &w.parts[owner];
	struct bench_tree *after = &w.parts[!owner];
	g_free(support_file(before, 1));
	support_checkpoint(after); /* it is far ahead of what the file has */
	for (int i = SAMPLES; i < SAMPLES + HELD_BACK; i++) {
		support_sample(tree, 1, BEGIN + 10 * i, i);
	}
	support_feed(before);
	support_feed(after);
	support_checkpoint(after);
	/* the new writer hears of it first, and is given the work at once */
	struct catalog *catalog = catalog_of(names[1], 1);
	writer_declare(after->writer, catalog_service(catalog, names[1], "test"));
	const struct task_scope scope = {.writer = after->writer,
		.catalog = catalog,
		.instance = !owner,
		.instances = 2,
		.checkpoint = make_checkpoint,
		.role = after};
	json_t *argument = json_pack("{s:s, s:s, s:s, s:s}", "host", names[0], "into", names[1],
		"from_group", "example.com", "into_group", "example.com");
	struct error err = {.kind = ERR_NONE};
	struct task_progress progress = {0};
	void *task = move_task.begin(&scope, argument, &err);
	enum task_step step = TASK_MORE;
	for (int i = 0; i < 1000 && step == TASK_MORE; i++) {
		step = move_task.step(task, &scope, 1000, &progress, &err);
	}
	assert_int_equal(step, TASK_DONE);
	json_t *result = move_task.end(task, true);
	assert_int_equal(json_integer_value(json_object_get(result, "moved")), 1);
	json_decref(result);
	json_decref(argument);
	g_autofree char *file = support_file(after, 1);
	assert_non_null(file);
	assert_non_null(strstr(file, names[1]));
	struct fetch_rows rows;
	int64_t to_s = BEGIN + 10 * (SAMPLES + HELD_BACK - 1);
	assert_true(fetch_rows(file, LAYOUT_AVERAGE, to_s - 1000, to_s, 10, &rows, NULL));
	for (size_t i = 1; i + 1 < rows.count; i++) {
		assert_false(isnan(rows.values[i]));
	}
	fetch_free(&rows);
	catalog_destroy(catalog);
	close_all(&w);
	support_tree_destroy(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_writes_the_files_of_its_hosts_only),
		cmocka_unit_test(another_number_begins_at_the_oldest_checkpoint),
		cmocka_unit_test(killed_while_it_is_shared_anew_nothing_is_lost),
		cmocka_unit_test(a_part_has_one_writer_at_a_time),
		cmocka_unit_test(series_of_two_writers_never_share_a_file),
		cmocka_unit_test(a_host_that_goes_to_another_writer_takes_all_its_rows_along),
		cmocka_unit_test(readers_in_other_processes_cost_no_sample_and_no_word),
		cmocka_unit_test(restarts_do_not_move_values_between_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
