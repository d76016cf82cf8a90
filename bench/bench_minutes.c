#include "base/file.h"
#include "model/entry.h"
#include "rrd/writer.h"

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * What the archive of a fleet costs: series with a value a minute, in files of Munin's layout, an
 * hour of them with the role's own seconds and a checkpoint each half hour, as fast as it goes. The
 * files are made before.
 *
 *     bench_minutes [DIRECTORY] [SERIES]      DIRECTORY: where the files lie (default /dev/shm)
 *
 * One figure per line: NAME VALUE UNIT.
 */
enum { BEGIN = 1700000000, STEP_S = 60, CHECKPOINT_ROUNDS = 30, ROUNDS = 2 * CHECKPOINT_ROUNDS };

struct archive {
	struct writer *writer;
	struct entry_writer *entry;
	uint32_t series;
	uint64_t sequence;
	int round;
	double checkpoint_s; /* CPU of checkpoints, of all that was measured */
};

static double cpu_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	fprintf(stderr, "bench_minutes: %s\n", what);
	exit(1);
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
		struct entry_series e = {.series_id = id,
			.step_s = STEP_S,
			.type = id % 2 ? FIELD_GAUGE : FIELD_DERIVE,
			.min = NAN,
			.max = NAN};
		snprintf(e.layout, sizeof(e.layout), "normal");
		snprintf(e.group, sizeof(e.group), "example.com");
		snprintf(e.host, sizeof(e.host), "node%u.example.com", id / 250);
		snprintf(e.service, sizeof(e.service), "plugin%u", id / 10 % 25);
		snprintf(e.field, sizeof(e.field), "field%u", id);
		size_t length = entry_series_write(&e, payload);
		writer_take(a->writer, ++a->sequence, ENTRY_SERIES, payload, length);
	}
}

/* A minute: a value for each series, then its seconds. */
static void feed_minute(struct archive *a)
{
	struct wall at = wall_from_s(BEGIN + (int64_t)a->round * STEP_S);
	for (uint32_t id = 1; id <= a->series;) {
		entry_samples_start(a->entry, at);
		for (; id <= a->series; id++) {
			double value = id % 2 ? (a->round * 37 % 1000) / 10.0 : 1e9 + 1000.0 * a->round + id;
			if (!entry_samples_add(a->entry, at, id, value)) {
				break;
			}
		}
		writer_take(a->writer, ++a->sequence, ENTRY_SAMPLES, a->entry->payload, a->entry->length);
	}
	a->round++;
	for (int second = 0; second < STEP_S; second++) {
		writer_tick(a->writer);
	}
}

static void checkpoint(struct archive *a)
{
	struct error err = {.kind = ERR_NONE};
	double before = cpu_s();
	while (!writer_drain(a->writer, 1000)) {
	}
	writer_freeze(a->writer, true);
	if (!writer_sync(a->writer, &err) || !writer_checkpoint(a->writer, &err)) {
		fail(err.text);
	}
	writer_freeze(a->writer, false);
	a->checkpoint_s += cpu_s() - before;
}

static void measure(struct archive *a)
{
	declare(a);
	feed_minute(a);
	checkpoint(a); /* makes what is not there yet */
	a->checkpoint_s = 0;
	struct files_counts before = writer_counts(a->writer);
	double cpu = cpu_s();
	for (int i = 0; i < ROUNDS; i++) {
		feed_minute(a);
		if (a->round % CHECKPOINT_ROUNDS == 0) {
			checkpoint(a);
		}
	}
	cpu = cpu_s() - cpu;
	struct files_counts after = writer_counts(a->writer);
	double values = (double)(after.values - before.values);
	printf("minutes_write %.0f samples/CPU-second\n", values / cpu);
	printf(
		"minutes_values_a_write %.1f values\n", values / (double)(after.touched - before.touched));
	printf("minutes_in_checkpoints %.2f of the CPU\n", a->checkpoint_s / cpu);
	if (after.failures) {
		fail("some could not be written");
	}
}

static int remove_one(
	const char *path, const struct stat *st UNUSED, int flag UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

int main(int argc, char **argv)
{
	static const struct files_handlers handlers = {.event = on_event, .rewind = on_rewind};
	long long series = argc > 2 ? g_ascii_strtoll(argv[2], NULL, 10) : 12000;
	g_autofree char *directory =
		g_strdup_printf("%s/magpie-bench-XXXXXX", argc > 1 ? argv[1] : "/dev/shm");
	if (series < 1 || series > 1000000 || !mkdtemp(directory)) {
		fprintf(stderr, "usage: bench_minutes [DIRECTORY] [SERIES]\n");
		return 2;
	}
	struct error err = {.kind = ERR_NONE};
	struct archive a = {.series = (uint32_t)series,
		.entry = g_new0(struct entry_writer, 1),
		.writer = writer_create(directory, &handlers, NULL, &err)};
	if (!a.writer) {
		fail(err.text);
	}
	measure(&a);
	writer_destroy(a.writer);
	g_free(a.entry);
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}
