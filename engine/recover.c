/*
 * I1: the store is read before the journal is opened: its position is a sequence that may not be
 *     given out again, whatever has become of the journal.
 * I2: every series number met in the journal counts as taken, so that a lost or older state
 *     database cannot give it to another series.
 * I3: records up to the stored position only fill the window; those behind it are judged, with the
 *     same samples and the same instants as the first time.
 */
#include "engine/recover.h"
#include "base/log.h"
#include "base/number.h"
#include "engine/adoption.h"
#include "engine/engine.h"
#include "model/entry.h"
#include "model/journal_reader.h"

#include <inttypes.h>
#include <string.h>

#include "base/banned.h"

enum { BUSY_RECORDS = 100 }; /* of 5,000 samples each at most: well below a second */

static uint64_t number_from(const char *text)
{
	long long number;
	return number_parse_int(text, strlen(text), 0, INT64_MAX, &number) ? (uint64_t)number : 0;
}

static void load_value(void *owner, const char *name, const char *text)
{
	struct engine *engine = owner;
	if (!strcmp(name, "position")) {
		engine->applied = number_from(text);
	} else if (!strcmp(name, "next_series")) {
		uint64_t next = number_from(text);
		if (next && next <= UINT32_MAX) {
			inventory_reserve(engine->inventory, (uint32_t)next - 1);
		}
	} else if (!strcmp(name, "datafile_changed_s")) {
		adoption_restore(engine, number_from(text));
	} else if (!strcmp(name, "next_delivery")) {
		dispatch_restore_next(engine->dispatch, number_from(text));
	} else if (!strcmp(name, "admin_token_sha256")) {
		account_restore(engine->account, text);
	} else if (!strcmp(name, "tasks")) {
		tasks_restore(engine->tasks, text);
	}
}

static void load_service(void *owner, const char *name, const void *declaration, size_t length)
{
	struct engine *engine = owner;
	if (!inventory_restore(engine->inventory, declaration, length)) {
		engine_event(engine, "store.declaration", name, "the stored declaration is not readable");
	}
}

static void load_state(void *owner, const char *key, const void *state, size_t length)
{
	ruleset_restore(((struct engine *)owner)->ruleset, key, state, length);
}

static void load_outbox(void *owner, const struct outbox_row *row)
{
	dispatch_restore(((struct engine *)owner)->dispatch, row);
}

static void load_event(void *owner, const struct store_event *event)
{
	publish_event(((struct engine *)owner)->publish, event, false);
}

static void load_host(void *owner, const struct store_host *host)
{
	hosts_restore(((struct engine *)owner)->hosts, host);
}

static void load_source(void *owner, const char *id, const void *state, size_t length)
{
	struct engine *engine = owner;
	if (!sources_restore(engine->sources, state, length, engine->steady.now)) {
		log_warn("store.source", "id=\"%s\" next=\"known again when it was asked\"", log_safe(id));
	}
}

static void load_seen(void *owner, const char *host, const void *spans, size_t length)
{
	struct engine *engine = owner;
	if (!seen_restore(engine->seen, spans, length)) {
		log_warn("store.seen", "host=\"%s\" next=\"goes on without\"", log_safe(host));
	}
}

static void load_mark(void *owner, const char *id UNUSED, const void *mark, size_t length)
{
	marks_restore(owner, mark, length);
}

/* Never fails: without a usable file everything is kept in memory, and people are told. */
static struct store *open_store(struct engine *engine)
{
	char set_aside[256];
	struct error err = {.kind = ERR_NONE};
	g_autofree char *path = g_build_filename(engine->role->data_dir, "state.db", NULL);
	struct store *store = store_open_sqlite(path, wall_now(), set_aside, &err);
	if (!store) {
		engine_event(engine, "store.unusable", "state.db", err.text);
		return store_open_memory();
	}
	if (*set_aside) {
		engine_event(engine, "store.set_aside", set_aside,
			"the state database was damaged; an empty one was begun");
	}
	return store;
}

bool recover_store(struct engine *engine, struct store **store, struct error *err)
{
	static const struct store_loader loader = {load_value, load_service, load_state, load_outbox,
		load_event, load_host, load_source, load_seen, load_mark};
	*store = open_store(engine);
	if (store_load(*store, &loader, engine, err)) {
		return true;
	}
	store_close(*store);
	return error_prefix(err, "state.db cannot be read");
}

/* -- the journal -- */

/* I2 */
static void reserve_numbers(struct engine *engine, const struct record *record)
{
	struct entry_series series;
	struct entry_samples samples;
	struct entry_section section;
	if (record->type == ENTRY_SERIES &&
		entry_series_read(&series, record->payload, record->length)) {
		inventory_reserve(engine->inventory, series.series_id);
	} else if (record->type == ENTRY_SAMPLES &&
			   entry_samples_read(&samples, record->payload, record->length)) {
		while (entry_samples_next(&samples, &section)) {
			for (uint32_t i = 0; i < section.count; i++) {
				inventory_reserve(engine->inventory, entry_section_series(&section, i));
			}
		}
	}
}

void recover_replay(struct engine *engine)
{
	struct mono began = mono_now();
	uint64_t stored = engine->applied;
	uint64_t count = 0;
	AUTO(journal_reader) reader = journal_reader_create(engine->journal, 0);
	ruleset_bind(engine->ruleset, engine->catalog);
	struct record record;
	while (journal_reader_next(reader, journal_written(engine->journal), &record)) {
		reserve_numbers(engine, &record);
		apply_record(engine->apply, &record, record.sequence > stored);
		engine->applied = MAX(engine->applied, record.sequence);
		if (++count % BUSY_RECORDS == 0) {
			role_busy(engine->role);
		}
	}
	log_info("engine.recovered", "records=%" PRIu64 " series=%zu took_ms=%lld", count,
		catalog_series_count(engine->catalog), (long long)(mono_now().ms - began.ms));
}
