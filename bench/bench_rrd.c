#include "base/file.h"
#include "base/loop.h"
#include "model/entry.h"
#include "rrd/drawing.h"
#include "rrd/fetch.h"
#include "rrd/lines.h"
#include "rrd/render.h"
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
 * Samples per second into RRD files, the way the rrd role does it (journal records in, batches out,
 * header log and checkpoint included), and how long a fetch and a picture take.
 *
 *     bench_rrd [DIRECTORY] [SERIES]      DIRECTORY: where the files lie (default /dev/shm)
 *
 * One figure per line: NAME VALUE UNIT.
 */
enum { BEGIN = 1700000000, ROUNDS = 1200, STEP_S = 10, FETCHES = 300, PICTURES = 60 };

static double seconds(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void on_event(void *owner UNUSED, const char *kind, const char *object, const char *text)
{
	fprintf(stderr, "%s %s %s\n", kind, object, text);
}

static void on_rewind(void *owner UNUSED)
{
	fprintf(stderr, "rewind\n");
	exit(1);
}

static struct writer *open_writer(const char *path)
{
	static const struct files_handlers handlers = {.event = on_event, .rewind = on_rewind};
	struct error err;
	struct writer *w = writer_create(path, &handlers, NULL, &err);
	if (!w) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	return w;
}

static void declare(struct writer *w, const char *layout, uint32_t series, uint64_t *sequence)
{
	unsigned char payload[ENTRY_SERIES_MAX];
	for (uint32_t id = 1; id <= series; id++) {
		struct entry_series e = {.series_id = id,
			.step_s = STEP_S,
			.type = id % 2 ? FIELD_GAUGE : FIELD_DERIVE,
			.min = NAN,
			.max = NAN};
		snprintf(e.layout, sizeof(e.layout), "%s", layout);
		snprintf(e.group, sizeof(e.group), "g%u", id / 1000);
		snprintf(e.host, sizeof(e.host), "host%u", id / 100);
		snprintf(e.service, sizeof(e.service), "service%u", id / 10);
		snprintf(e.field, sizeof(e.field), "f%u", id);
		size_t length = entry_series_write(&e, payload);
		writer_take(w, ++*sequence, ENTRY_SERIES, payload, length);
	}
}

/* One round of all series as journal records; returns CPU seconds that the writer took. */
static double feed_round(
	struct writer *w, struct entry_writer *e, uint32_t series, int round, uint64_t *sequence)
{
	double cpu = 0;
	struct wall at = wall_from_s(BEGIN + (int64_t)round * STEP_S);
	for (uint32_t id = 1; id <= series;) {
		entry_samples_start(e, at);
		for (; id <= series; id++) {
			double value = id % 2 ? (round * 37 % 1000) / 10.0 : 1e9 + 1000.0 * round + id;
			if (!entry_samples_add(e, at, id, value)) {
				break;
			}
		}
		double before = seconds(CLOCK_PROCESS_CPUTIME_ID);
		writer_take(w, ++*sequence, ENTRY_SAMPLES, e->payload, e->length);
		cpu += seconds(CLOCK_PROCESS_CPUTIME_ID) - before;
	}
	return cpu;
}

static double drain_and_checkpoint(struct writer *w)
{
	struct error err;
	double before = seconds(CLOCK_PROCESS_CPUTIME_ID);
	while (!writer_drain(w, 1000)) {
	}
	writer_freeze(w, true);
	if (!writer_sync(w, &err) || !writer_checkpoint(w, &err)) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	writer_freeze(w, false);
	return seconds(CLOCK_PROCESS_CPUTIME_ID) - before;
}

static void bench_writing(const char *directory, const char *layout, uint32_t series)
{
	g_autofree char *path = g_strdup_printf("%s/%s", directory, layout);
	struct entry_writer *e = g_new0(struct entry_writer, 1);
	struct writer *w = open_writer(path);
	uint64_t sequence = 0;
	declare(w, layout, series, &sequence);
	double cpu = 0;
	double first_cpu = 0;
	double wall = 0;
	uint64_t first = 0;
	for (int round = 0; round < ROUNDS; round++) {
		if (round == ROUNDS / 4) { /* all files are made by then */
			first_cpu = cpu + drain_and_checkpoint(w);
			first = writer_counts(w).values;
			cpu = 0;
			wall = seconds(CLOCK_MONOTONIC);
		}
		cpu += feed_round(w, e, series, round, &sequence);
	}
	cpu += drain_and_checkpoint(w);
	wall = seconds(CLOCK_MONOTONIC) - wall;
	struct files_counts counts = writer_counts(w);
	double values = (double)(counts.values - first);
	printf("rrd_write_%s %.0f samples/CPU-second\n", layout, values / cpu);
	printf("rrd_write_%s_elapsed %.0f samples/second\n", layout, values / wall);
	printf("rrd_create_%s %.0f files/CPU-second, first %d samples each included\n", layout,
		series / first_cpu, ROUNDS / 4);
	if (counts.failures) {
		fprintf(stderr, "%llu failures\n", (unsigned long long)counts.failures);
	}
	writer_destroy(w);
	g_free(e);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median_ms(double *took, size_t count)
{
	qsort(took, count, sizeof(*took), compare);
	return took[count / 2] * 1000;
}

static void bench_fetching(struct writer *w, uint32_t count)
{
	double took[FETCHES];
	int64_t end = BEGIN + (int64_t)ROUNDS * STEP_S;
	for (size_t i = 0; i < FETCHES; i++) {
		double before = seconds(CLOCK_MONOTONIC);
		struct fetch_rows rows[FETCH_SERIES_MAX];
		for (uint32_t id = 1; id <= count; id++) {
			g_autofree char *path =
				g_strdup_printf("%s/%s", writer_tree_path(w), writer_file(w, id));
			if (!fetch_rows(path, LAYOUT_AVERAGE, end - 86400, end, 300, &rows[id - 1], NULL)) {
				exit(1);
			}
		}
		struct fetch_grid grid = fetch_grid(rows, count, end - 86400, end, 300);
		double *values = g_new(double, grid.count);
		for (uint32_t k = 0; k < count; k++) {
			fetch_resample(&rows[k], LAYOUT_AVERAGE, &grid, values);
			fetch_free(&rows[k]);
		}
		g_free(values);
		took[i] = seconds(CLOCK_MONOTONIC) - before;
	}
	printf("rrd_fetch_day_%u %.3f ms\n", count, median_ms(took, FETCHES));
}

struct picture {
	struct loop *loop;
	struct drawing drawing;
	size_t bytes;
};

static GPtrArray *prepare(void *owner, struct error *err)
{
	struct picture *p = owner;
	return drawing_arguments(&p->drawing, err);
}

static void done(void *owner, const void *bytes, size_t length, const struct error *why)
{
	struct picture *p = owner;
	if (!bytes) {
		fprintf(stderr, "%s\n", why->text);
		exit(1);
	}
	p->bytes = length;
	loop_stop(p->loop);
}

static void drop(void *owner UNUSED)
{
}

static void bench_drawing(struct writer *w, enum drawing_format format, uint32_t count)
{
	double took[PICTURES];
	double first = 0;
	struct error err;
	struct loop *loop = loop_create();
	struct render *render = render_create(loop, &err);
	AUTO(catalog) catalog = catalog_create();
	g_autoptr(GHashTable) files = drawing_files_create();
	struct service *service = service_create("g", "h", "test", STEP_S);
	for (uint32_t id = 1; id <= count; id++) {
		char name[16];
		snprintf(name, sizeof(name), "f%u", id);
		struct field *f = service_add_field(service, name, name, FIELD_GAUGE);
		if (count > 1 && !attributes_set(&f->attributes, ATTRIBUTES_FIELD, "draw", "AREASTACK")) {
			exit(1);
		}
	}
	int64_t end = BEGIN + (int64_t)ROUNDS * STEP_S;
	service = catalog_declare(catalog, service, NULL);
	for (uint32_t id = 1; id <= count; id++) {
		g_autofree char *path = g_strdup_printf("%s/%s", writer_tree_path(w), writer_file(w, id));
		drawing_files_add(files, service_field(service, id - 1), path, end - STEP_S);
	}
	AUTO(plot) plot = plot_create(catalog, service);
	struct picture p = {.loop = loop,
		.drawing = {.plot = plot,
			.files = files,
			.from_s = end - 86400,
			.to_s = end,
			.now_s = end,
			.width = 400,
			.height = 175,
			.format = format,
			.lower = NAN,
			.upper = NAN,
			.title = "by day"}};
	struct render_job job = {.prepare = prepare, .done = done, .drop = drop, .owner = &p};
	usleep(200000); /* children warm up meanwhile, as in life */
	for (size_t i = 0; render && i < PICTURES; i++) {
		double before = seconds(CLOCK_MONOTONIC);
		if (!render_submit(render, &job, &err)) {
			exit(1);
		}
		loop_run(loop);
		took[i] = seconds(CLOCK_MONOTONIC) - before;
		first = i ? first : took[0] * 1000;
	}
	double median = median_ms(took, PICTURES);
	printf("rrd_%s_day_%u %.2f ms (least %.2f, first %.2f, %zu bytes)\n",
		format == DRAWING_PNG ? "png" : "svg", count, median, took[0] * 1000, first, p.bytes);
	render_destroy(render);
	loop_destroy(loop);
}

static int remove_one(
	const char *path, const struct stat *st UNUSED, int flag UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

int main(int argc, char **argv)
{
	static const char *const layouts[] = {"default", "compact", "normal"};
	g_autofree char *directory =
		g_strdup_printf("%s/magpie-bench-XXXXXX", argc > 1 ? argv[1] : "/dev/shm");
	long long series = argc > 2 ? g_ascii_strtoll(argv[2], NULL, 10) : 1000;
	if (series < 8 || series > 1000000 || !mkdtemp(directory)) {
		fprintf(stderr, "usage: bench_rrd [DIRECTORY] [SERIES]\n");
		return 2;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(layouts); i++) {
		bench_writing(directory, layouts[i], (uint32_t)series);
	}
	g_autofree char *path = g_strdup_printf("%s/default", directory);
	struct writer *w = open_writer(path);
	uint64_t sequence = writer_sequence(w);
	declare(w, "default", 8, &sequence);
	bench_fetching(w, 1);
	bench_fetching(w, 8);
	for (unsigned format = DRAWING_PNG; format <= DRAWING_SVG; format++) {
		bench_drawing(w, (enum drawing_format)format, 1);
		bench_drawing(w, (enum drawing_format)format, 8);
	}
	writer_destroy(w);
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}
