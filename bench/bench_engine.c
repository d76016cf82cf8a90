/*
 * What the engine does with a sample, on one core: journalled, in the window, judged by one
 * threshold rule; beside it the bare append of as many bytes, and the rules alone. And the memory
 * that an idle series costs with its window full, and an instance of a rule beside it. Prints one
 * figure per line: name, value, unit.
 *
 *     bench_engine [SERIES [ROUNDS [DIRECTORY]]]
 */
#include <fcntl.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>

#include "base/bundle.h"
#include "base/diag.h"
#include "base/number.h"
#include "engine/apply.h"
#include "engine/inventory.h"
#include "model/journal.h"
#include "rules/ruleset.h"

#include "base/banned.h"

enum { FIELDS = 250, STEP_S = 10, BATCH = 5000 };

static const char rule_text[] = "rule too_much {\n\tvalue demo:*\n\twarn > 1000000\n}\n";

struct bench {
	struct catalog *catalog;
	struct window *window;
	struct inventory *inventory;
	struct journal *journal;
	struct apply *apply;
	struct ruleset *ruleset;
	struct store_batch *batch;
	struct entry_writer writer;
	uint64_t transitions, written_bytes, evaluations;
	double judging_cpu_s;
	size_t series;
};

static double cpu_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double resident_bytes(void)
{
	AUTO_FREE char *line = NULL;
	size_t size = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	double pages = 0;
	if (file && getline(&line, &size, file) > 0) {
		const char *second = strchr(line, ' ');
		pages = second ? (double)strtoull(second, NULL, 10) : 0;
	}
	if (file) {
		fclose(file);
	}
	return pages * (double)sysconf(_SC_PAGESIZE);
}

static void on_transition(void *owner, const struct transition *t UNUSED)
{
	((struct bench *)owner)->transitions++;
}

static void on_judge(void *owner, const uint32_t *series_ids, size_t count, struct wall now)
{
	struct bench *b = owner;
	double before = cpu_s();
	ruleset_step(b->ruleset, b->window, series_ids, count, now, on_transition, b);
	b->judging_cpu_s += cpu_s() - before;
	b->evaluations += count;
}

static void on_event(void *owner UNUSED, const char *kind, const char *object, const char *text)
{
	fprintf(stderr, "%s %s: %s\n", kind, object, text);
}

static void on_changed(void *owner UNUSED, const struct service *service UNUSED)
{
}

static struct store_batch *on_batch(void *owner)
{
	return ((struct bench *)owner)->batch;
}

static void load_rules(struct bench *b)
{
	AUTO(bundle) bundle = bundle_create();
	AUTO(diag_list) diags = diag_list_create();
	bundle_add(bundle, "bench.magpie", rule_text, strlen(rule_text));
	struct ruleset_names names = {0};
	b->ruleset = ruleset_load(bundle, false, &names, diags);
	if (!b->ruleset) {
		GString *text = g_string_new("");
		diag_print(diags, DIAG_HUMAN, text);
		fputs(text->str, stderr);
		exit(1);
	}
}

static void declare_all(struct bench *b)
{
	for (size_t host = 0; host * FIELDS < b->series; host++) {
		char name[32];
		bool changed;
		snprintf(name, sizeof(name), "host%zu", host);
		struct service *service = service_create("example.com", name, "demo", STEP_S);
		for (unsigned i = 0; i < FIELDS; i++) {
			snprintf(name, sizeof(name), "field%u", i);
			service_add_field(service, name, name, FIELD_GAUGE);
		}
		(void)inventory_declare(b->inventory, service, wall_now(), &changed);
	}
}

static void flush(struct bench *b)
{
	struct record record = {
		.type = ENTRY_SAMPLES, .length = (uint32_t)b->writer.length, .payload = b->writer.payload};
	if (!journal_append(b->journal, ENTRY_SAMPLES, b->writer.payload, b->writer.length,
			&record.sequence, NULL)) {
		fprintf(stderr, "the journal takes nothing\n");
		exit(1);
	}
	b->written_bytes += b->writer.length;
	apply_record(b->apply, &record, true);
}

/* One value for every series at one instant, as fast as can be. */
static void round_at(struct bench *b, struct wall at, struct wall now)
{
	entry_samples_start(&b->writer, now);
	for (uint32_t id = 1; id <= b->series; id++) {
		if (!apply_gate(b->apply, id, at, now)) {
			continue;
		}
		while (!entry_samples_add(&b->writer, at, id, (double)(id % 1000))) {
			flush(b);
			entry_samples_start(&b->writer, now);
		}
		if (b->writer.count == BATCH) {
			flush(b);
			entry_samples_start(&b->writer, now);
		}
	}
	if (b->writer.count) {
		flush(b);
	}
}

static void open_all(struct bench *b, const char *directory)
{
	static const struct inventory_handlers inventory_handlers = {
		.event = on_event, .changed = on_changed, .words = on_changed, .batch = on_batch};
	static const struct apply_handlers apply_handlers = {.judge = on_judge};
	static const struct journal_handlers journal_handlers = {.event = on_event};
	struct journal_options options = {.directory = directory, .handlers = &journal_handlers};
	struct error err;
	b->batch = store_batch_create();
	b->catalog = catalog_create();
	b->window = window_create();
	b->inventory = inventory_create(b->catalog, &inventory_handlers, b);
	b->apply = apply_create(b->catalog, b->window, &apply_handlers, b);
	b->journal = journal_open(&options, &err);
	if (!b->journal) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	load_rules(b);
}

static void close_all(struct bench *b)
{
	ruleset_destroy(b->ruleset);
	apply_destroy(b->apply);
	journal_close(b->journal);
	inventory_destroy(b->inventory);
	window_destroy(b->window);
	catalog_destroy(b->catalog);
	store_batch_destroy(b->batch);
	g_free(b);
}

static long long argument(int argc, char **argv, int index, long long otherwise)
{
	long long number;
	return index < argc && number_parse_int(argv[index], strlen(argv[index]), 1, 100000000, &number)
			   ? number
			   : otherwise;
}

/* CPU seconds to append as many bytes in pieces as large, one fdatasync a round: what the disk and
 * the kernel take whatever is done with samples. */
static double bare_append_cpu_s(const struct bench *b, const char *directory, long long rounds)
{
	g_autofree char *path = g_build_filename(directory, "bare", NULL);
	uint64_t piece = BATCH * ENTRY_PAIR;
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	uint64_t left = b->written_bytes;
	uint64_t round = b->written_bytes / (uint64_t)rounds;
	double began = cpu_s();
	for (uint64_t since = 0; left; since += piece) {
		piece = MIN(piece, left);
		if (write(fd, b->writer.payload, piece) != (ssize_t)piece) {
			fprintf(stderr, "%s cannot be written\n", path);
			exit(1);
		}
		left -= piece;
		if ((since >= round || !left) && !fdatasync(fd)) {
			since = 0;
		}
	}
	double took = cpu_s() - began;
	unlink(path);
	return took;
}

static double settled_bytes(void)
{
	malloc_trim(0);
	return resident_bytes();
}

static void print_memory(const struct bench *b, double series_bytes, double instance_bytes)
{
	double count = (double)b->series;
	printf("engine_bytes_per_series %.0f bytes\n", series_bytes / count);
	printf("engine_bytes_per_rule_instance %.0f bytes\n", instance_bytes / count);
	printf("engine_window_bytes_per_series %.0f bytes\n", (double)window_bytes(b->window) / count);
}

int main(int argc, char **argv)
{
	struct bench *b = g_new0(struct bench, 1);
	long long rounds = argument(argc, argv, 2, WINDOW_SAMPLES);
	b->series = (size_t)argument(argc, argv, 1, 100000) / FIELDS * FIELDS;
	const char *directory = argc > 3 ? argv[3] : "bench-journal";
	open_all(b, directory);
	double empty = settled_bytes();
	declare_all(b);
	store_batch_destroy(b->batch); /* the store has it */
	b->batch = store_batch_create();
	double declared = settled_bytes();
	ruleset_bind(b->ruleset, b->catalog);
	double bound = settled_bytes() - declared;
	int64_t start_ms = wall_now().ms / 10000 * 10000 - rounds * STEP_S * 1000;
	double began = cpu_s();
	struct mono wall_began = mono_now();
	for (int64_t i = 0; i < rounds; i++) {
		struct wall at = {start_ms + i * STEP_S * 1000};
		round_at(b, at, at);
		if (!journal_sync(b->journal, NULL)) {
			fprintf(stderr, "the journal cannot be made durable\n");
			return 1;
		}
	}
	double took = cpu_s() - began;
	double took_wall = (double)(mono_now().ms - wall_began.ms) / 1000;
	double samples = (double)b->series * (double)rounds;
	printf("engine_samples_per_cpu_s %.0f samples/s\n", samples / took);
	printf("engine_samples_per_s %.0f samples/s\n", samples / took_wall);
	printf("engine_evaluations_per_cpu_s %.0f evaluations/s\n",
		(double)b->evaluations / b->judging_cpu_s);
	print_memory(b, settled_bytes() - empty - bound, bound);
	printf("engine_bare_append_per_cpu_s %.0f samples/s\n",
		samples / bare_append_cpu_s(b, directory, rounds));
	printf("engine_transitions %llu\n", (unsigned long long)b->transitions);
	close_all(b);
	return 0;
}
