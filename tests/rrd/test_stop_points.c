#include "support.h"
#include "rrd/header.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/banned.h"

/*
 * Every piece of work on the tree is cut off at evenly spaced instructions. A child does it under
 * ptrace, instruction by instruction; at each point, while it stands still, its tree is copied:
 * that is what a SIGKILL there would leave, files and the stores into shared mappings. (Killing a
 * fresh child at each point instead gives the same trees in as many times the time; real kills are
 * test_recovery.c's.) Each copy is opened as a role does, fed from the journal, and has to be byte
 * for byte what it is if nobody was disturbed (reliability, L3). librrd begins a new file at a
 * random row: of those the rows are compared, and the header apart from the row pointers.
 *
 * Instruction by instruction takes minutes. The short form for every day goes from system call to
 * system call (but for stores into mappings nothing in a tree changes between two of them) and from
 * there some instructions on, one to some thousands, others each time. MAGPIE_STOP_POINTS, that is
 * script/soak, asks for the long form: so many evenly spaced instructions of all of them.
 */
enum {
	BEGIN = 1700000000,
	STEP_S = 10,
	BASE = 700, /* samples of each series before the work: all archives have rows */
	MORE = 3,   /* and in it */
	SERIES = 3,
	BORN = SERIES + 1, /* the series that is new */
	POINTS = 20,       /* of the short form, for each piece of work */
	STRIDES = 14,      /* behind a system call: one instruction, two, four … */
};

static double value_at(uint32_t id, int i)
{
	return id == 2 ? 1234.0 * i : id == 3 && i % 5 == 2 ? __builtin_nan("") : 0.25 * i + id;
}

static void samples_of(struct bench_tree *t, uint32_t id, int from, int to)
{
	for (int i = from; i < to; i++) {
		support_sample(t, id, BEGIN + STEP_S * i, value_at(id, i));
	}
}

static void flush_all(struct bench_tree *t)
{
	static const uint32_t ids[] = {1, 2, 3, BORN};
	writer_flush(t->writer, ids, ARRAY_LENGTH(ids));
}

/* -- what is cut off: `prepare` goes before the first instruction that counts -- */

/* Further samples are in the journal and with the writer, not in the files. */
static void take_more(struct bench_tree *t)
{
	for (uint32_t id = 1; id <= SERIES; id++) {
		samples_of(t, id, BASE, BASE + MORE);
	}
	support_feed(t);
}

/* The header log knows the files already. */
static void take_more_twice(struct bench_tree *t)
{
	take_more(t);
	flush_all(t);
	for (uint32_t id = 1; id <= SERIES; id++) {
		samples_of(t, id, BASE + MORE, BASE + 2 * MORE);
	}
	support_feed(t);
}

static void take_born(struct bench_tree *t)
{
	support_series(t, BORN, STEP_S, FIELD_GAUGE, "compact", "born");
	samples_of(t, BORN, BASE, BASE + MORE);
	support_feed(t);
}

/* A series gets another type: its file is renamed and tuned. */
static void take_changed(struct bench_tree *t)
{
	support_series(t, 1, STEP_S, FIELD_DERIVE, "compact", "f1");
	samples_of(t, 1, BASE, BASE + MORE);
	support_feed(t);
}

static void work_more(struct bench_tree *t)
{
	take_more(t);
	flush_all(t);
}

/* A role that died in the middle of an update: what is cut off here is the next one's recovery. */
static void die_in_the_middle(struct bench_tree *t)
{
	work_more(t);
	support_crash(t);
	for (uint32_t id = 1; id <= SERIES; id++) {
		samples_of(t, id, BASE + MORE, BASE + 2 * MORE);
	}
}

static void recover(struct bench_tree *t)
{
	support_start(t);
	flush_all(t);
}

/* A sanitizer's instructions are many, and none of ours: it sees the first piece only. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

struct work {
	const char *name;
	void (*prepare)(struct bench_tree *t);
	void (*run)(struct bench_tree *t);
};

static const struct work works[] = {
	{"first update after a checkpoint", take_more, flush_all},
	{"second update", take_more_twice, flush_all},
	{"creation", take_born, flush_all},
	{"rename and tune", take_changed, flush_all},
	{"checkpoint", take_more, support_checkpoint},
	{"checkpoint of what is written", work_more, support_checkpoint},
	{"recovery", die_in_the_middle, recover},
	{"opening a tree at rest", support_crash, recover},
};

#ifdef SANITIZED
enum { LEFT_OUT = ARRAY_LENGTH(works) - 1 };
#else
enum { LEFT_OUT = 0 };
#endif

/* -- trees -- */

static void copy_tree(const char *from, const char *to)
{
	g_autofree char *all = g_strdup_printf("%s/.", from);
	char *argv[] = {(char *)"cp", (char *)"-a", all, (char *)to, NULL};
	int status = -1;
	assert_true(
		g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL));
	assert_int_equal(status, 0);
}

static void copy_journal(const struct bench_tree *from, struct bench_tree *to)
{
	for (guint i = 0; i < from->journal->len; i++) {
		g_ptr_array_add(to->journal, g_bytes_ref(from->journal->pdata[i]));
	}
}

/* A tree of its own with the files and the journal of `model`. */
static struct bench_tree *clone_tree(const struct bench_tree *model)
{
	struct bench_tree *t = support_tree_create();
	copy_tree(model->path, t->path);
	copy_journal(model, t);
	return t;
}

static struct bench_tree *make_model(void)
{
	struct bench_tree *t = support_tree_create();
	for (uint32_t id = 1; id <= SERIES; id++) {
		char field[16];
		snprintf(field, sizeof(field), "f%u", id);
		support_series(t, id, STEP_S, id == 2 ? FIELD_DERIVE : FIELD_GAUGE, "compact", field);
		samples_of(t, id, 0, BASE);
	}
	support_start(t);
	support_checkpoint(t);
	support_crash(t);
	return t;
}

/* -- the child -- */

static pid_t child_of(const struct work *work, struct bench_tree *t)
{
	pid_t pid = fork();
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout)) {
			_exit(2);
		}
		support_start(t);
		work->prepare(t);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		work->run(t);
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	return pid;
}

/* How it goes on: to the next instruction, or to the next beginning or end of a system call. */
typedef enum __ptrace_request pace_t;

/* Lets it do so many of those; false: it is done. */
static bool run_steps(pid_t pid, pace_t pace, uint64_t steps, uint64_t *done)
{
	for (uint64_t i = 0; i < steps; i++, (*done)++) {
		int status = 0;
		if (ptrace(pace, pid, NULL, NULL) || waitpid(pid, &status, 0) != pid) {
			fail_msg("ptrace: %s", strerror(errno));
		}
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
			return false;
		}
	}
	return true;
}

static uint64_t count_steps(const struct work *work, const struct bench_tree *model, pace_t pace)
{
	uint64_t steps = 0;
	struct bench_tree *t = clone_tree(model);
	assert_false(run_steps(child_of(work, t), pace, UINT64_MAX, &steps));
	support_tree_destroy(t);
	return steps;
}

/* -- comparing -- */

static void finish_work(struct bench_tree *t)
{
	support_start(t);
	flush_all(t);
	support_checkpoint(t);
}

static void expect_same_rows(const char *one, const char *two)
{
	static const int64_t steps[] = {STEP_S, 60, 300, 3600};
	for (size_t k = 0; k < ARRAY_LENGTH(steps) * LAYOUT_CFS; k++) {
		struct fetch_rows x;
		struct fetch_rows y;
		enum layout_cf cf = (enum layout_cf)(k % LAYOUT_CFS);
		int64_t to = BEGIN + STEP_S * (BASE + 3 * MORE);
		assert_true(fetch_rows(one, cf, BEGIN, to, steps[k / LAYOUT_CFS], &x, NULL));
		assert_true(fetch_rows(two, cf, BEGIN, to, steps[k / LAYOUT_CFS], &y, NULL));
		assert_int_equal(x.count, y.count);
		assert_memory_equal(x.values, y.values, x.count * sizeof(double));
		fetch_free(&x);
		fetch_free(&y);
	}
}

static void expect_same_file(struct bench_tree *a, struct bench_tree *b, uint32_t id)
{
	g_autofree char *one = support_file(a, id);
	g_autofree char *two = support_file(b, id);
	assert_int_equal(!one, !two);
	if (!one) {
		return;
	}
	size_t m;
	size_t n;
	g_autofree char *x = support_read_file(one, &m);
	g_autofree char *y = support_read_file(two, &n);
	assert_int_equal(m, n);
	struct header header;
	assert_true(
		header_read((const unsigned char *)x, HEADER_BYTES_MAX, m, INT64_MAX, &header, NULL));
	if (id != BORN) {
		assert_memory_equal(x, y, m);
		return;
	}
	assert_memory_equal(x, y, header.length - 8 * header.archive_count);
	expect_same_rows(one, two);
}

/* 0: the short form. */
static unsigned wanted_points(void)
{
	const char *text = getenv("MAGPIE_STOP_POINTS");
	return text ? (unsigned)g_ascii_strtoull(text, NULL, 10) : 0;
}

/* What is left by a death now: comes out as `whole` did. */
static void expect_recovery(const struct bench_tree *stopped, struct bench_tree *whole)
{
	struct bench_tree *t = support_tree_create();
	copy_tree(stopped->path, t->path);
	copy_journal(whole, t);
	finish_work(t);
	assert_int_equal(t->events, 0);
	for (uint32_t id = 1; id <= BORN; id++) {
		expect_same_file(whole, t, id);
	}
	support_tree_destroy(t);
}

struct cutting {
	bool brief;
	pace_t pace;
	unsigned points, cuts, stride;
	uint64_t steps;
};

/* One child from its beginning to its end. */
static void cut_one(struct cutting *c, const struct work *work, const struct bench_tree *model,
	struct bench_tree *whole)
{
	uint64_t done = 0;
	uint64_t further = 0;
	struct bench_tree *t = clone_tree(model);
	pid_t pid = child_of(work, t);
	do {
		expect_recovery(t, whole);
		c->cuts++;
		c->stride = (c->stride + 5) % STRIDES; /* far and near by turns */
	} while (run_steps(pid, c->pace, MAX(c->steps / c->points, 1), &done) &&
			 (!c->brief || run_steps(pid, PTRACE_SINGLESTEP, 1ULL << c->stride, &further)));
	expect_recovery(t, whole); /* all was done, but nobody said so */
	support_tree_destroy(t);
}

static void cut_off(const struct work *work, const struct bench_tree *model)
{
	enum { ROUNDS = 10 };
	unsigned points = wanted_points();
	struct cutting c = {.brief = !points, .points = points ? points : POINTS};
	c.pace = c.brief ? PTRACE_SYSCALL : PTRACE_SINGLESTEP;
	c.stride = (unsigned)g_random_int_range(0, STRIDES);
	c.steps = count_steps(work, model, c.pace);
	struct bench_tree *whole = clone_tree(model);
	support_start(whole);
	work->prepare(whole);
	support_crash(whole);
	finish_work(whole);
	/* in the short form a child leaps over system calls, so that it takes some of them */
	for (int round = 0; round < (c.brief ? ROUNDS : 1) && c.cuts < c.points; round++) {
		cut_one(&c, work, model, whole);
	}
	print_message("%s: cut off at %u points of %llu %s\n", work->name, c.cuts,
		(unsigned long long)c.steps, c.brief ? "begins and ends of system calls" : "instructions");
	/* the way may differ by some instructions from one run to the next */
	assert_true(c.cuts >= c.points / 2);
	support_tree_destroy(whole);
}

static void cut_off_at_any_instruction_it_comes_out_the_same(void **state UNUSED)
{
	struct bench_tree *model = make_model();
	for (size_t i = 0; i < ARRAY_LENGTH(works) - LEFT_OUT; i++) {
		cut_off(&works[i], model);
	}
	support_tree_destroy(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_off_at_any_instruction_it_comes_out_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
