#include "support.h"

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
#include <unistd.h>

#include <cmocka.h>

#include "base/banned.h"

enum { BEGIN = 1700000000, SAMPLES = 200 };

static void sine_into(struct bench_tree *t, uint32_t id, int from, int to)
{
	for (int i = from; i < to; i++) {
		support_sample(t, id, BEGIN + 10 * i, 100 * sin(i / 20.0) + id);
	}
}

static double row_at(const char *path, int64_t t_s)
{
	struct fetch_rows rows;
	struct error err = {.kind = ERR_NONE};
	assert_true(fetch_rows(path, LAYOUT_AVERAGE, t_s - 10, t_s, 10, &rows, &err));
	assert_int_equal(rows.step_s, 10);
	double value = rows.count ? rows.values[(t_s - rows.t0_s) / 10 - 1] : NAN;
	fetch_free(&rows);
	return value;
}

static void samples_stand_in_the_file(void **state UNUSED)
{
	struct bench_tree *t = support_tree_create();
	support_series(t, 1, 10, FIELD_GAUGE, "default", "value");
	sine_into(t, 1, 0, SAMPLES);
	support_start(t);
	g_autofree char *file = support_file(t, 1);
	assert_non_null(file);
	assert_true(g_str_has_suffix(file, "/example.com/a.example.com-test-value-g.rrd"));
	for (int i = 1; i < SAMPLES; i++) {
		double want = 100 * sin(i / 20.0) + 1;
		assert_true(fabs(row_at(file, BEGIN + 10 * i) - want) < 1e-9);
	}
	struct stat st;
	assert_int_equal(stat(file, &st), 0);
	assert_in_range(st.st_size, 600000, 640000);
	assert_true(st.st_blocks * 512 >= st.st_size); /* no holes: hostile 89 */
	assert_int_equal(writer_counts(t->writer).values, SAMPLES);
	assert_int_equal(writer_counts(t->writer).failures, 0);
	support_tree_destroy(t);
}

static void counters_become_rates(void **state UNUSED)
{
	struct bench_tree *t = support_tree_create();
	support_series(t, 1, 10, FIELD_COUNTER, "compact", "c");
	support_series(t, 2, 10, FIELD_DERIVE, "compact", "d");
	for (int i = 0; i < 50; i++) {
		support_sample(t, 1, BEGIN + 10 * i, 1e15 + 70.0 * i);
		support_sample(t, 2, BEGIN + 10 * i, 5000 - 30.0 * i);
	}
	support_start(t);
	g_autofree char *c = support_file(t, 1);
	g_autofree char *d = support_file(t, 2);
	assert_true(fabs(row_at(c, BEGIN + 300) - 7) < 1e-9);
	assert_true(fabs(row_at(d, BEGIN + 300) + 3) < 1e-9);
	support_tree_destroy(t);
}

static void a_death_loses_nothing_of_the_journal(void **state UNUSED)
{
	for (int checkpoint_at = 0; checkpoint_at <= SAMPLES; checkpoint_at += 50) {
		struct bench_tree *whole = support_tree_create();
		struct bench_tree *broken = support_tree_create();
		struct bench_tree *both[] = {whole, broken};
		for (size_t k = 0; k < 2; k++) {
			support_series(both[k], 1, 10, FIELD_GAUGE, "default", "value");
			support_start(both[k]);
		}
		sine_into(whole, 1, 0, SAMPLES);
		support_feed(whole);
		for (int i = 0; i < SAMPLES; i += 10) {
			sine_into(broken, 1, i, i + 10);
			support_feed(broken);
			if (i == checkpoint_at) {
				support_checkpoint(broken);
			}
			if (i % 30 == 0) {
				uint32_t id = 1;
				writer_flush(broken->writer, &id, 1);
			}
			if (i % 70 == 0) {
				support_crash(broken);
				support_start(broken);
			}
		}
		g_autofree char *a = support_file(whole, 1);
		g_autofree char *b = support_file(broken, 1);
		for (int i = 1; i < SAMPLES; i++) {
			assert_true(row_at(a, BEGIN + 10 * i) == row_at(b, BEGIN + 10 * i));
		}
		support_tree_destroy(whole);
		support_tree_destroy(broken);
	}
}

/* hostile 80, 81 */
static void damage_nothing(const char *file UNUSED)
{
}

static void damage_cut(const char *file)
{
	assert_int_equal(truncate(file, 5000), 0);
}

static void damage_empty(const char *file)
{
	assert_int_equal(truncate(file, 0), 0);
}

static void damage_zeros(const char *file)
{
	struct stat st;
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(truncate(file, 0), 0);
	assert_int_equal(truncate(file, st.st_size), 0);
}

static void damage_symlink(const char *file)
{
	assert_int_equal(unlink(file), 0);
	assert_int_equal(symlink("/etc/hostname", file), 0);
}

static void damage_fifo(const char *file)
{
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkfifo(file, 0644), 0);
}

static void damage_directory(const char *file)
{
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkdir(file, 0755), 0);
}

static void damage_hard_link(const char *file)
{
	g_autofree char *other = g_strdup_printf("%s.other", file);
	assert_int_equal(link(file, other), 0);
}

static void damage_removed(const char *file)
{
	assert_int_equal(unlink(file), 0);
}

static void a_bad_file_is_set_aside_and_rebuilt(void **state UNUSED)
{
	static const struct {
		void (*damage)(const char *file);
		unsigned events;
	} cases[] = {{damage_nothing, 0}, {damage_cut, 1}, {damage_empty, 1}, {damage_zeros, 1},
		{damage_symlink, 1}, {damage_fifo, 1}, {damage_directory, 1}, {damage_hard_link, 1}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct bench_tree *t = support_tree_create();
		support_series(t, 1, 10, FIELD_GAUGE, "default", "value");
		support_series(t, 2, 10, FIELD_GAUGE, "default", "other");
		sine_into(t, 1, 0, 100);
		sine_into(t, 2, 0, 100);
		support_start(t);
		g_autofree char *file = support_file(t, 1);
		support_checkpoint(t);
		support_crash(t);
		cases[i].damage(file);
		support_start(t);
		sine_into(t, 1, 100, SAMPLES);
		sine_into(t, 2, 100, SAMPLES);
		support_feed(t);
		writer_tick(t->writer);
		support_feed(t);
		assert_int_equal(t->events, cases[i].events);
		if (cases[i].events) {
			assert_non_null(strstr(t->last_event, "rrd.set_aside example.com/a.example.com-test"));
		}
		g_autofree char *one = support_file(t, 1);
		g_autofree char *two = support_file(t, 2);
		assert_string_equal(one, file);
		for (int k = 1; k < SAMPLES; k++) {
			assert_true(fabs(row_at(one, BEGIN + 10 * k) - 100 * sin(k / 20.0) - 1) < 1e-9);
			assert_true(fabs(row_at(two, BEGIN + 10 * k) - 100 * sin(k / 20.0) - 2) < 1e-9);
		}
		support_tree_destroy(t);
	}
}

static void a_file_lost_while_running_is_made_again(void **state UNUSED)
{
	struct bench_tree *t = support_tree_create();
	support_series(t, 1, 10, FIELD_GAUGE, "default", "value");
	sine_into(t, 1, 0, 100);
	support_start(t);
	g_autofree char *file = support_file(t, 1);
	damage_removed(file);
	sine_into(t, 1, 100, SAMPLES);
	support_feed(t);
	for (int i = 0; i < 2 * WRITER_SPREAD; i++) {
		writer_tick(t->writer);
	}
	g_autofree char *again = support_file(t, 1);
	assert_non_null(again);
	assert_true(fabs(row_at(again, BEGIN + 10 * 150) - 100 * sin(150 / 20.0) - 1) < 1e-9);
	support_tree_destroy(t);
}

static void a_new_type_goes_on_in_the_old_file(void **state UNUSED)
{
	struct bench_tree *t = support_tree_create();
	support_series(t, 1, 10, FIELD_GAUGE, "default", "value");
	sine_into(t, 1, 0, 100);
	support_start(t);
	g_autofree char *before = support_file(t, 1);
	AUTO(service) s = service_create("example.com", "a.example.com", "test", 10);
	struct field *f = service_add_field(s, "value", "value", FIELD_DERIVE);
	f->series_id = 1;
	f->min = 0;
	writer_declare(t->writer, s);
	for (int i = 100; i < SAMPLES; i++) {
		support_sample(t, 1, BEGIN + 10 * i, 50.0 * i);
	}
	support_feed(t);
	g_autofree char *after = support_file(t, 1);
	assert_true(g_str_has_suffix(after, "-test-value-d.rrd"));
	assert_int_not_equal(access(before, F_OK), 0);
	assert_true(fabs(row_at(after, BEGIN + 10 * 50) - 100 * sin(50 / 20.0) - 1) < 1e-9);
	assert_true(fabs(row_at(after, BEGIN + 10 * 150) - 5) < 1e-9);
	/* and a death behind the change comes to the same */
	support_crash(t);
	support_start(t);
	assert_int_equal(t->events, 0);
	support_tree_destroy(t);
}

static void a_host_in_a_new_group_takes_its_files_along(void **state UNUSED)
{
	struct bench_tree *t = support_tree_create();
	support_series(t, 1, 10, FIELD_GAUGE, "default", "value");
	sine_into(t, 1, 0, 100);
	support_start(t);
	g_autofree char *before = support_file(t, 1);
	AUTO(service) s = service_create("other/place", "a.example.com", "test", 10);
	service_add_field(s, "value", "value", FIELD_GAUGE)->series_id = 1;
	writer_declare(t->writer, s);
	sine_into(t, 1, 100, SAMPLES);
	support_feed(t);
	g_autofree char *after = support_file(t, 1);
	assert_true(g_str_has_suffix(after, "/other/place/a.example.com-test-value-g.rrd"));
	assert_int_not_equal(access(before, F_OK), 0);
	assert_true(fabs(row_at(after, BEGIN + 500) - 100 * sin(50 / 20.0) - 1) < 1e-9);
	assert_true(fabs(row_at(after, BEGIN + 1500) - 100 * sin(150 / 20.0) - 1) < 1e-9);
	/* a death before the checkpoint: the old names are declared here, all is as if never renamed */
	support_crash(t);
	support_start(t);
	g_autofree char *again = support_file(t, 1);
	assert_string_equal(again, before);
	assert_int_not_equal(access(after, F_OK), 0);
	assert_true(fabs(row_at(again, BEGIN + 1500) - 100 * sin(150 / 20.0) - 1) < 1e-9);
	assert_int_equal(t->events, 0);
	support_tree_destroy(t);
}

static void series_of_the_same_file_name_are_kept_apart(void **state UNUSED)
{
	static const uint32_t orders[][2] = {{1, 2}, {2, 1}};
	for (size_t o = 0; o < 2; o++) {
		struct bench_tree *t = support_tree_create();
		support_start(t);
		for (size_t i = 0; i < 2; i++) {
			uint32_t id = orders[o][i];
			AUTO(service) s = service_create("g", id == 1 ? "h-a" : "h", id == 1 ? "b" : "a-b", 10);
			service_add_field(s, "f", "f", FIELD_GAUGE)->series_id = id;
			writer_declare(t->writer, s);
		}
		support_sample(t, 1, BEGIN, 1);
		support_sample(t, 1, BEGIN + 10, 1);
		support_sample(t, 2, BEGIN, 2);
		support_sample(t, 2, BEGIN + 10, 2);
		support_feed(t);
		g_autofree char *one = support_file(t, 1);
		g_autofree char *two = support_file(t, 2);
		assert_true(g_str_has_suffix(one, "/g/h-a-b-f-g.rrd"));
		assert_string_not_equal(one, two);
		assert_true(row_at(one, BEGIN + 10) == 1);
		assert_true(row_at(two, BEGIN + 10) == 2);
		support_tree_destroy(t);
	}
}

static void a_file_that_is_read_is_not_written(void **state UNUSED)
{
	struct bench_tree *t = support_tree_create();
	support_series(t, 1, 10, FIELD_GAUGE, "default", "value");
	sine_into(t, 1, 0, 10);
	support_start(t);
	g_autofree char *file = support_file(t, 1);
	writer_hold(t->writer, 1);
	sine_into(t, 1, 10, 20);
	support_feed(t);
	uint32_t id = 1;
	writer_flush(t->writer, &id, 1);
	assert_true(isnan(row_at(file, BEGIN + 150)));
	assert_true(writer_drain(t->writer, 1000));
	assert_false(writer_settled(t->writer));
	writer_release(t->writer, 1);
	writer_flush(t->writer, &id, 1);
	assert_false(isnan(row_at(file, BEGIN + 150)));
	support_tree_destroy(t);
}

static void every_series_is_written_within_the_spread(void **state UNUSED)
{
	enum { COUNT = 20 };
	struct bench_tree *t = support_tree_create();
	for (uint32_t id = 1; id <= COUNT; id++) {
		char field[16];
		snprintf(field, sizeof(field), "f%u", id);
		support_series(t, id, 10, FIELD_GAUGE, "compact", field);
		sine_into(t, id, 0, 5);
	}
	support_start(t);
	assert_int_equal(writer_counts(t->writer).values, 0);
	writer_tick(t->writer); /* new files do not wait for their slot */
	assert_int_equal(writer_counts(t->writer).values, COUNT * 5);
	for (uint32_t id = 1; id <= COUNT; id++) {
		sine_into(t, id, 5, 10);
	}
	support_feed(t);
	uint64_t before = writer_counts(t->writer).values;
	for (int i = 0; i < WRITER_SPREAD; i++) {
		uint64_t now = writer_counts(t->writer).values;
		writer_tick(t->writer);
		assert_true(writer_counts(t->writer).values - now <= 5);
	}
	assert_int_equal(writer_counts(t->writer).values - before, COUNT * 5);
	support_tree_destroy(t);
}

/* Values in the files after each of `turns` turns, in each of which all series get another one. */
static void feed_turns(
	struct bench_tree *t, const uint32_t *ids, size_t count, uint64_t *values, size_t turns)
{
	for (size_t turn = 0; turn < turns; turn++) {
		for (size_t i = 0; i < count; i++) {
			support_sample(t, ids[i], BEGIN + 300 * (int64_t)(turn + 1), 1);
		}
		support_feed(t);
		for (int i = 0; i < PACE_CYCLE_LEAST; i++) {
			writer_tick(t->writer);
		}
		values[turn] = writer_counts(t->writer).values;
	}
}

static void slow_series_are_written_in_turn_with_many_samples_each(void **state UNUSED)
{
	enum { SLOW = 3, COUNT = 4, TURNS = 2 * WRITER_TURNS };
	static const uint32_t ids[COUNT] = {1, 1 + PACE_CYCLE_LEAST, 1 + 2 * PACE_CYCLE_LEAST, 2};
	struct bench_tree *t = support_tree_create();
	for (size_t i = 0; i < COUNT; i++) {
		char field[16];
		snprintf(field, sizeof(field), "f%zu", i);
		support_series(t, ids[i], i < SLOW ? 60 : 1, FIELD_GAUGE, "compact", field);
		support_sample(t, ids[i], BEGIN, 1);
	}
	support_start(t);
	writer_tick(t->writer); /* makes the files */
	uint64_t before = writer_counts(t->writer).values;
	assert_int_equal(before, COUNT);
	uint64_t values[TURNS];
	feed_turns(t, ids, COUNT, values, TURNS);
	unsigned least = COUNT * TURNS;
	for (size_t turn = WRITER_TURNS; turn < TURNS; turn++) {
		/* one value of the fast series, and of at most one slow series all of a round of turns */
		uint64_t more = values[turn] - values[turn - 1];
		assert_true(more == 1 || more == 1 + WRITER_TURNS);
		least = more < least ? (unsigned)more : least;
	}
	assert_int_equal(least, 1); /* no slow series had this turn */
	assert_int_equal(
		values[TURNS - 1] - values[TURNS - 1 - WRITER_TURNS], WRITER_TURNS + SLOW * WRITER_TURNS);
	support_tree_destroy(t);
}

/* What waits for its turn is seen by whoever asks, and lost by nobody's death. */
static void what_waits_for_its_turn_is_seen_and_fed_again(void **state UNUSED)
{
	struct bench_tree *t = support_tree_create();
	support_series(t, 1, 60, FIELD_GAUGE, "compact", "value");
	for (int i = 0; i < 10; i++) {
		support_sample(t, 1, BEGIN + 60 * i, i);
	}
	support_start(t);
	g_autofree char *file = support_file(t, 1);
	support_checkpoint(t);
	for (int i = 10; i < 20; i++) {
		support_sample(t, 1, BEGIN + 60 * i, i);
	}
	support_feed(t);
	assert_int_equal(writer_counts(t->writer).values, 10);
	support_crash(t);
	support_start(t);
	g_autofree char *again = support_file(t, 1);
	assert_string_equal(again, file);
	struct fetch_rows rows;
	assert_true(fetch_rows(file, LAYOUT_AVERAGE, BEGIN + 1000, BEGIN + 1060, 60, &rows, NULL));
	assert_int_equal(rows.step_s, 60);
	assert_true(rows.count && !isnan(rows.values[0]));
	fetch_free(&rows);
	support_tree_destroy(t);
}

/* hostile 88; a limit of the process stands for the full disk */
static void a_full_disk_loses_nothing_that_fits_the_backlog(void **state UNUSED)
{
	struct bench_tree *t = support_tree_create();
	support_series(t, 1, 10, FIELD_GAUGE, "compact", "old");
	support_series(t, 2, 10, FIELD_GAUGE, "compact", "new");
	sine_into(t, 1, 0, 10);
	support_start(t);
	g_autofree char *old = support_file(t, 1);
	support_checkpoint(t);
	struct rlimit before;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	struct rlimit tight = {.rlim_cur = 30, .rlim_max = before.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	sine_into(t, 1, 10, 100);
	sine_into(t, 2, 10, 100);
	support_feed(t);
	for (int i = 0; i < 100; i++) {
		writer_tick(t->writer);
	}
	assert_int_equal(writer_counts(t->writer).values, 10);
	assert_true(writer_counts(t->writer).failures > 0);
	assert_int_equal(t->events, 1);
	assert_non_null(strstr(t->last_event, "rrd.failing"));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	for (int i = 0; i < WRITER_SPREAD; i++) {
		writer_tick(t->writer);
	}
	assert_int_equal(writer_counts(t->writer).values, 190);
	assert_int_equal(t->events, 2);
	assert_non_null(strstr(t->last_event, "rrd.working"));
	g_autofree char *new = support_file(t, 2);
	assert_true(fabs(row_at(old, BEGIN + 500) - 100 * sin(50 / 20.0) - 1) < 1e-9);
	assert_true(fabs(row_at(new, BEGIN + 500) - 100 * sin(50 / 20.0) - 2) < 1e-9);
	support_tree_destroy(t);
}

/* hostile 92 */
static void a_lack_of_descriptors_sets_no_file_aside(void **state UNUSED)
{
	struct bench_tree *t = support_tree_create();
	support_series(t, 1, 10, FIELD_GAUGE, "compact", "value");
	sine_into(t, 1, 0, 10);
	support_start(t);
	g_autofree char *file = support_file(t, 1);
	support_checkpoint(t);
	support_crash(t);
	support_start(t);
	struct rlimit before;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	sine_into(t, 1, 10, 100);
	support_feed(t);
	for (int i = 0; i < 10; i++) {
		writer_tick(t->writer);
	}
	assert_null(support_file(t, 1));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(t->rewinds, 0);
	assert_int_equal(t->events, 1);
	assert_non_null(strstr(t->last_event, "rrd.failing"));
	for (int i = 0; i < WRITER_SPREAD; i++) {
		writer_tick(t->writer);
	}
	g_autofree char *again = support_file(t, 1);
	assert_string_equal(again, file);
	assert_true(fabs(row_at(file, BEGIN + 500) - 100 * sin(50 / 20.0) - 1) < 1e-9);
	support_tree_destroy(t);
}

/* hostile 85 */
static void a_clock_that_is_behind_costs_no_file(void **state UNUSED)
{
	struct bench_tree *t = support_tree_create();
	int64_t ahead = wall_s(wall_now()) + 400 * 86400;
	support_series(t, 1, 10, FIELD_GAUGE, "compact", "value");
	support_sample(t, 1, ahead, 1);
	support_sample(t, 1, ahead + 10, 1);
	support_start(t);
	g_autofree char *file = support_file(t, 1);
	support_checkpoint(t);
	support_crash(t);
	support_start(t);
	sine_into(t, 1, 0, 10);
	support_feed(t);
	uint32_t id = 1;
	writer_flush(t->writer, &id, 1);
	g_autofree char *again = support_file(t, 1);
	assert_string_equal(again, file);
	assert_int_equal(t->events, 1);
	assert_non_null(strstr(t->last_event, "rrd.ahead"));
	assert_true(row_at(file, ahead + 10 - (ahead + 10) % 10) == 1);
	support_tree_destroy(t);
}

/* The journal may have nothing older to feed again. */
static void a_series_does_not_wait_for_ever(void **state UNUSED)
{
	struct bench_tree *t = support_tree_create();
	support_series(t, 1, 10, FIELD_GAUGE, "compact", "value");
	sine_into(t, 1, 0, 10);
	support_start(t);
	g_autofree char *file = support_file(t, 1);
	support_checkpoint(t);
	support_crash(t);
	damage_cut(file);
	support_start(t);
	assert_null(support_file(t, 1));
	assert_int_equal(t->rewinds, 1);
	t->rewinds = 0; /* nobody listens */
	for (int i = 0; i < 3 * WRITER_SPREAD; i++) {
		writer_tick(t->writer);
	}
	sine_into(t, 1, 10, 20);
	support_feed(t);
	g_autofree char *again = support_file(t, 1);
	assert_non_null(again);
	support_tree_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_stand_in_the_file),
		cmocka_unit_test(counters_become_rates),
		cmocka_unit_test(a_death_loses_nothing_of_the_journal),
		cmocka_unit_test(a_bad_file_is_set_aside_and_rebuilt),
		cmocka_unit_test(a_file_lost_while_running_is_made_again),
		cmocka_unit_test(a_new_type_goes_on_in_the_old_file),
		cmocka_unit_test(a_host_in_a_new_group_takes_its_files_along),
		cmocka_unit_test(series_of_the_same_file_name_are_kept_apart),
		cmocka_unit_test(a_file_that_is_read_is_not_written),
		cmocka_unit_test(every_series_is_written_within_the_spread),
		cmocka_unit_test(slow_series_are_written_in_turn_with_many_samples_each),
		cmocka_unit_test(what_waits_for_its_turn_is_seen_and_fed_again),
		cmocka_unit_test(a_full_disk_loses_nothing_that_fits_the_backlog),
		cmocka_unit_test(a_lack_of_descriptors_sets_no_file_aside),
		cmocka_unit_test(a_clock_that_is_behind_costs_no_file),
		cmocka_unit_test(a_series_does_not_wait_for_ever),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
