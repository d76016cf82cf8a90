#pragma once
#include "base/auto.h"
#include "base/clock.h"
#include "base/error.h"
#include "incidents/store_batch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What must outlive the process beside samples: numbers of series and the inventory, states of rule
 * instances, messages to be sent, what happened, what hosts looked like. One interface, two
 * implementations: SQLite, and memory for tests and for the time when the disk takes nothing.
 *
 * Everything is read once at the start; after that only batches are written, each as one
 * transaction. A store may be used by one thread at a time, not always the same.
 */
struct store;

/* Gets everything that is kept. The pointers live during the call only. */
struct store_loader {
	void (*value)(void *owner, const char *name, const char *text);
	void (*service)(void *owner, const char *name, const void *declaration, size_t length);
	void (*state)(void *owner, const char *key, const void *state, size_t length);
	void (*outbox)(void *owner, const struct outbox_row *row);   /* not over, by id */
	void (*event)(void *owner, const struct store_event *event); /* the latest 500, oldest first */
	void (*host)(void *owner, const struct store_host *host);
	/* What engine/sources.h and engine/seen.h made. May be NULL. */
	void (*source)(void *owner, const char *id, const void *state, size_t length);
	void (*seen)(void *owner, const char *host, const void *spans, size_t length);
	/* What model/mark.h wrote. May be NULL. */
	void (*mark)(void *owner, const char *id, const void *mark, size_t length);
};

/*
 * Opens or makes DATA/state.db. A file that is damaged is renamed ("state.db.corrupt-TIME") and an
 * empty one begun: then `*set_aside` tells so (else ""). STORAGE: it cannot be written, or comes
 * from a newer Magpie: it is left as it is.
 */
MUST_USE struct store *store_open_sqlite(
	const char *path, struct wall now, char set_aside[256], struct error *err);

/* An empty one in memory; never fails. */
struct store *store_open_memory(void);

void store_close(struct store *store); /* NULL allowed */

MUST_USE bool store_load(
	struct store *store, const struct store_loader *loader, void *owner, struct error *err);

/* All of the batch or nothing. STORAGE: nothing was written; the same batch may be tried again. */
MUST_USE bool store_commit(struct store *store, const struct store_batch *batch, struct error *err);

/*
 * Copies all that is stored to a new file at `path` (one that is there is written over), beside
 * whatever is committed meanwhile: store_copy_step() copies some of it, `*more` says whether there
 * is a rest. Both by whoever may use the store. STORAGE: it cannot be copied; a store in memory has
 * no copy (NOT_FOUND).
 */
struct store_copy;
MUST_USE struct store_copy *store_copy_begin(
	struct store *store, const char *path, struct error *err);
MUST_USE bool store_copy_step(struct store_copy *copy, bool *more, struct error *err);
void store_copy_end(struct store_copy *copy); /* NULL allowed */

/*
 * Reads a file that no server has open, without changing it: whether it is whole, what is stored,
 * and whether this program can use it. STORAGE: it is damaged or newer than this program.
 */
MUST_USE bool store_examine(
	const char *path, const struct store_loader *loader, void *owner, struct error *err);

/* -- for implementations -- */

enum { STORE_EVENTS_LOADED = 500 };

struct store_class {
	bool (*load)(
		struct store *store, const struct store_loader *loader, void *owner, struct error *err);
	bool (*commit)(struct store *store, const struct store_batch *batch, struct error *err);
	void (*close)(struct store *store);
	/* The connection (sqlite3 *) for store_copy_begin(); NULL: not such a store. */
	void *(*database)(struct store *store);
};

struct store {
	const struct store_class *class;
};
