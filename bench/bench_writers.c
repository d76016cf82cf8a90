#include "base/file.h"
#include "model/entry.h"
#include "rrd/writer.h"

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * The archive caught up after an outage: hours of samples of many hosts, as fast as the writers of
 * one tree take them, first by one, then by two, then by as many as are asked for. Each is a
 * process that gets all of the journal and writes its own hosts' part, as a role does; the files
 * are made before.
 *
 *     bench_writers [DIRECTORY] [SERIES] [WRITERS]
 *
 * One figure per line: NAME VALUE UNIT. By the clock, which counts only on a machine that does
 * nothing else, and by the CPU of the busiest of them, which the others do not make faster or
 * slower.
 */
enum { BEGIN = 1700000000, STEP_S = 60, ROUNDS = 240, PER_HOST = 50 };

struct archive {
	struct writer *writer;
	struct entry_writer *entry;
	uint32_t series;
	uint64_t sequence;
};

static void fail(const char *what)
{
	fprintf(stderr, "bench_writers: %s\n", what);
	exit(1);
}

static double clock_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void on_event(void *owner UNUSED, const char *kind, const char *object, const char *text)
{
	fprintf(stderr, "%s %s %s\n", kind, object, text);
}

static void on_rewind(void *owner UNUSED)
{
	fail("rewind");
}

static void declare(struct archive *a)
{
	unsigned char payload[ENTRY_SERIES_MAX];
	for (uint32_t id = 1; id <= a->series; id++) {
		struct entry_series e = {
			.series_id = id, .step_s = STEP_S, .type = FIELD_GAUGE, .min = NAN, .max = NAN};
		snprintf(e.layout, sizeof(e.layout), "normal");
		snprintf(e.group, sizeof(e.group), "example.com");
		snprintf(e.host, sizeof(e.host), "node%u.example.com", id / PER_HOST);
		snprintf(e.service, sizeof(e.service), "plugin%u", id / 10 % 5);
		snprintf(e.field, sizeof(e.field), "field%u", id);
		size_t length = entry_series_write(&e, payload);
		writer_take(a->writer, ++a->sequence, ENTRY_SERIES, payload, length);
	}
}

static void feed(struct archive *a, int from, int to)
{
	for (int round = from; round < to; round++) {
		struct wall at = wall_from_s(BEGIN + (int64_t)round * STEP_S);
		for (uint32_t id = 1; id <= a->series;) {
			entry_samples_start(a->entry, at);
			while (id <= a->series &&
				   entry_samples_add(a->entry, at, id, (round * 37 % 1000) / 10.0)) {
				id++;
			}
			writer_take(
				a->writer, ++a->sequence, ENTRY_SAMPLES, a->entry->payload, a->entry->length);
		}
	}
	while (!writer_drain(a->writer, 1000)) {
	}
}

static void checkpoint(struct archive *a)
{
	struct error err = {.kind = ERR_NONE};
	writer_freeze(a->writer, true);
	if (!writer_sync(a->writer, &err) || !writer_checkpoint(a->writer, &err)) {
		fail(err.text);
	}
	writer_freeze(a->writer, false);
}

/* One process of so many: makes its files, waits for the others, writes; says when it began. */
static void run_writer(
	const char *directory, uint32_t series, struct share share, int ready, int go)
{
	const struct files_plan plan = {
		.share = share, .handlers = {.event = on_event, .rewind = on_rewind}};
	struct error err = {.kind = ERR_NONE};
	struct archive a = {.series = series,
		.entry = g_new0(struct entry_writer, 1),
		.writer = writer_create_share(directory, &plan, &err)};
	if (!a.writer) {
		fail(err.text);
	}
	char byte;
	declare(&a);
	feed(&a, 0, 1);
	checkpoint(&a);
	if (write(ready, "x", 1) != 1 || read(go, &byte, 1) != 1) {
		fail("pipe");
	}
	double cpu = cpu_s();
	feed(&a, 1, ROUNDS);
	cpu = cpu_s() - cpu;
	if (writer_counts(a.writer).failures || write(ready, &cpu, sizeof(cpu)) != sizeof(cpu)) {
		fail("some could not be written");
	}
	_exit(0);
}

static int remove_one(
	const char *path, const struct stat *st UNUSED, int flag UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

struct result {
	double rate;      /* samples per second of all of them together */
	double busiest_s; /* CPU of the one that took most */
};

static struct result measure(const char *parent, uint32_t series, unsigned writers)
{
	int ready[2];
	int go[2];
	char byte;
	g_autofree char *directory = g_strdup_printf("%s/magpie-bench-XXXXXX", parent);
	if (!mkdtemp(directory) || pipe(ready) || pipe(go)) {
		fail(directory);
	}
	for (unsigned i = 0; i < writers; i++) {
		if (!fork()) {
			run_writer(directory, series, (struct share){i, writers}, ready[1], go[0]);
		}
	}
	close(ready[1]);
	for (unsigned i = 0; i < writers; i++) {
		if (read(ready[0], &byte, 1) != 1) {
			fail("a writer ended early");
		}
	}
	double begin = clock_s();
	for (unsigned i = 0; i < writers; i++) {
		byte = (char)write(go[1], "x", 1);
	}
	struct result result = {0};
	for (unsigned i = 0; i < writers; i++) {
		int status;
		double cpu = 0;
		if (wait(&status) < 0 || status || read(ready[0], &cpu, sizeof(cpu)) != sizeof(cpu)) {
			fail("a writer failed");
		}
		result.busiest_s = cpu > result.busiest_s ? cpu : result.busiest_s;
	}
	result.rate = (double)series * (ROUNDS - 1) / (clock_s() - begin);
	close(ready[0]);
	close(go[0]);
	close(go[1]);
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return result;
}

int main(int argc, char **argv)
{
	const char *directory = argc > 1 ? argv[1] : "/dev/shm";
	long long series = argc > 2 ? g_ascii_strtoll(argv[2], NULL, 10) : 10000;
	long long writers = argc > 3 ? g_ascii_strtoll(argv[3], NULL, 10) : 2;
	if (series < 1 || series > 1000000 || writers < 2 || writers > SHARE_MOST) {
		fprintf(stderr, "usage: bench_writers [DIRECTORY] [SERIES] [WRITERS]\n");
		return 2;
	}
	struct result one = measure(directory, (uint32_t)series, 1);
	struct result many = measure(directory, (uint32_t)series, (unsigned)writers);
	printf("writers_one %.0f samples/s\n", one.rate);
	printf("writers_many %.0f samples/s\n", many.rate);
	printf("writers_ratio %.2f times by the clock\n", many.rate / one.rate);
	printf("writers_split %.2f times less CPU in the busiest\n", one.busiest_s / many.busiest_s);
	return 0;
}
