/*
 * Makes a data directory with a past: a state database that knows HOSTS x SERVICES services and a
 * journal with SAMPLES samples of every series, the last one just now, ten seconds apart. What
 * `magpie serve` then finds there is what it would find after a restart: it fills the window,
 * judges, and makes the RRD files from the journal. Services are in turn of 1, 8 and 16 fields, the
 * ones of 8 drawn as a stack.
 *
 *     bench_past DIRECTORY [HOSTS [SERVICES [SAMPLES [LAYOUT]]]]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <glib.h>

#include "base/number.h"
#include "engine/inventory.h"
#include "incidents/store.h"
#include "model/journal.h"

#include "base/banned.h"

enum { STEP_S = 10 };

struct past {
	struct catalog *catalog;
	struct inventory *inventory;
	struct journal *journal;
	struct store *store;
	struct store_batch *batch;
	struct entry_writer writer;
	size_t unsynced_bytes;
};

static void fail(const char *text)
{
	fprintf(stderr, "bench_past: %s\n", text);
	exit(1);
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
	return ((struct past *)owner)->batch;
}

static void open_all(struct past *p, const char *directory, const char *layout)
{
	static const struct inventory_handlers handlers = {
		.event = on_event, .changed = on_changed, .words = on_changed, .batch = on_batch};
	static const struct journal_handlers journal_handlers = {.event = on_event};
	g_autofree char *journal = g_build_filename(directory, "journal", NULL);
	g_autofree char *state = g_build_filename(directory, "state.db", NULL);
	struct journal_options options = {.directory = journal, .handlers = &journal_handlers};
	char set_aside[256];
	struct error err;
	if (g_mkdir_with_parents(directory, 0755)) {
		fail("the directory cannot be made");
	}
	p->batch = store_batch_create();
	p->catalog = catalog_create();
	p->inventory = inventory_create(p->catalog, &handlers, p);
	p->store = store_open_sqlite(state, wall_now(), set_aside, &err);
	p->journal = p->store ? journal_open(&options, &err) : NULL;
	if (!p->journal) {
		fail(err.text);
	}
	inventory_set_layout(p->inventory, layout);
	inventory_set_journal(p->inventory, p->journal);
}

static void close_all(struct past *p)
{
	journal_close(p->journal);
	store_close(p->store);
	inventory_destroy(p->inventory);
	catalog_destroy(p->catalog);
	store_batch_destroy(p->batch);
	g_free(p);
}

static void declare_service(struct past *p, const char *host, size_t number)
{
	static const unsigned sizes[] = {1, 8, 16};
	unsigned count = sizes[number % ARRAY_LENGTH(sizes)];
	char name[32];
	bool changed;
	snprintf(name, sizeof(name), "past%zu", number);
	struct service *service = service_create("bench", host, name, STEP_S);
	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "field%u", i);
		struct field *field = service_add_field(service, name, name, FIELD_GAUGE);
		if (count == 8 &&
			!attributes_set(&field->attributes, ATTRIBUTES_FIELD, "draw", "AREASTACK")) {
			fail("a field cannot be drawn as a stack");
		}
	}
	if (!inventory_declare(p->inventory, service, wall_now(), &changed) || !changed) {
		fail("a service was refused");
	}
}

static void declare_host(struct past *p, size_t number, size_t services, struct wall now)
{
	char name[32];
	char nothing[] = "";
	snprintf(name, sizeof(name), "past%zu", number);
	struct store_host host = {
		.name = name, .error = nothing, .seen = now, .up = true, .step_s = STEP_S};
	memset(host.strip, '-', STORE_STRIP);
	store_put_host(p->batch, &host);
	for (size_t i = 0; i < services; i++) {
		declare_service(p, name, i);
	}
}

static void flush(struct past *p)
{
	uint64_t sequence;
	struct error err;
	if (p->writer.count && !journal_append(p->journal, ENTRY_SAMPLES, p->writer.payload,
							   p->writer.length, &sequence, &err)) {
		fail(err.text);
	}
	p->unsynced_bytes += p->writer.length;
	if (p->unsynced_bytes > JOURNAL_MEMORY_BYTES / 2) {
		p->unsynced_bytes = 0; /* the journal remembers what is not durable, up to a limit */
		if (!journal_sync(p->journal, &err)) {
			fail(err.text);
		}
	}
}

/* A curve with some life in it: every series its own height, a wave of hours and some noise. */
static double value_of(uint32_t id, int64_t at_s)
{
	double wave = sin((double)(at_s + 600 * (int64_t)id) * 2 * M_PI / 14400);
	return 10.0 * (1 + id % 8) + 5 * wave +
		   (double)((at_s / STEP_S * 7919 + id * 104729) % 100) / 25;
}

static void round_at(struct past *p, struct wall at)
{
	uint32_t limit = catalog_series_limit(p->catalog);
	entry_samples_start(&p->writer, at);
	for (uint32_t id = 1; id < limit; id++) {
		double value = value_of(id, wall_s(at));
		while (!entry_samples_add(&p->writer, at, id, value)) {
			flush(p);
			entry_samples_start(&p->writer, at);
		}
	}
	flush(p);
}

static size_t argument(int argc, char **argv, int index, long long otherwise)
{
	long long number = otherwise;
	if (index < argc && !number_parse_int(argv[index], strlen(argv[index]), 1, 1000000, &number)) {
		fail("usage: bench_past DIRECTORY [HOSTS [SERVICES [SAMPLES [LAYOUT]]]]");
	}
	return (size_t)number;
}

int main(int argc, char **argv)
{
	size_t hosts = argument(argc, argv, 2, 1);
	size_t services = argument(argc, argv, 3, 3);
	int64_t samples = (int64_t)argument(argc, argv, 4, 8640);
	struct past *p = g_new0(struct past, 1);
	struct wall now = {wall_now().ms / (STEP_S * 1000) * (STEP_S * 1000)};
	struct error err;
	if (argc < 2) {
		fail("usage: bench_past DIRECTORY [HOSTS [SERVICES [SAMPLES [LAYOUT]]]]");
	}
	open_all(p, argv[1], argc > 5 ? argv[5] : "default");
	for (size_t i = 0; i < hosts; i++) {
		declare_host(p, i, services, now);
	}
	for (int64_t i = 1; i <= samples; i++) {
		round_at(p, (struct wall){now.ms - (samples - i) * STEP_S * 1000});
	}
	store_put_number(p->batch, "position", journal_written(p->journal));
	if (!journal_sync(p->journal, &err) || !store_commit(p->store, p->batch, &err)) {
		fail(err.text);
	}
	printf("past_series %zu\n", catalog_series_count(p->catalog));
	close_all(p);
	return 0;
}
