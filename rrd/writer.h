#pragma once
#include "base/auto.h"
#include "base/clock.h"
#include "base/error.h"
#include "model/catalog.h"
#include "model/entry.h"
#include "model/retention.h"
#include "model/service.h"
#include "rrd/files.h"
#include "rrd/pace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Samples into files. Holds back the samples of each series and writes them in batches, spread
 * evenly over time; keeps the header log ahead of every touch; sets bad files aside and asks for
 * their samples again. Series are known by their number (the state database's).
 */
struct writer;

enum {
	WRITER_BATCH = 60,               /* samples of a series after which its turn has come */
	WRITER_SPREAD = PACE_CYCLE_MOST, /* ticks within which every series has its turn */
	WRITER_TURNS = PACE_TURNS,       /* turns of a slow series from one write to the next */
};

/*
 * Opens the tree (makes it), puts it back to its last checkpoint. Events about what was found are
 * told before it returns. NULL with STORAGE: the tree cannot be used.
 */
MUST_USE struct writer *writer_create(
	const char *tree_path, const struct files_handlers *handlers, void *owner, struct error *err);
/* The same for a part of the tree: samples of the other hosts are passed over. */
MUST_USE struct writer *writer_create_share(
	const char *tree_path, const struct files_plan *plan, struct error *err);
void writer_destroy(struct writer *writer); /* what is held back is not written */
DEFINE_AUTO(writer)

/* Journal sequence taken in last; after writer_create() the one to feed on from. */
uint64_t writer_sequence(const struct writer *writer);

/* Takes a journal record: samples go to their series, series become known. */
void writer_take(struct writer *writer, uint64_t sequence, uint16_t type,
	const unsigned char *payload, size_t length);

/* What the catalog says of a service: makes its numbered fields known, or changes them. */
void writer_declare(struct writer *writer, const struct service *service);

/*
 * Which layout files of series are made with from now on, those that are in `catalog` at once.
 * `retention` must stay until another one is set.
 */
void writer_retain(
	struct writer *writer, const struct retention *retention, const struct catalog *catalog);

/* Once a second: writes what is due. */
void writer_tick(struct writer *writer);

/* Writes all that is held back for these series. */
void writer_flush(struct writer *writer, const uint32_t *series_ids, size_t count);

/* Path of the file, for reading; NULL: there is none (yet), or it is bad. Checked by the look of
 * it. */
const char *writer_file(struct writer *writer, uint32_t series_id);

/* librrd is about to read that file in this process; NULL: it has. If it dies of it, we know. */
void writer_reading(struct writer *writer, const char *file);

/* Seconds between samples; 0: not a series. */
uint32_t writer_step(const struct writer *writer, uint32_t series_id);

/* Newest sample taken in; ms 0: none. */
struct wall writer_last(const struct writer *writer, uint32_t series_id);

/* Absolute path of the tree. */
const char *writer_tree_path(const struct writer *writer);

/* While somebody else reads the file of a series it is not written. Counted. */
void writer_hold(struct writer *writer, uint32_t series_id);
void writer_release(struct writer *writer, uint32_t series_id);

/* Series whose files are this writer's. */
uint32_t writer_series_count(const struct writer *writer);

struct files_counts writer_counts(const struct writer *writer);

/* Bytes of the header log: what a start has to put back. */
uint64_t writer_log_bytes(const struct writer *writer);

/*
 * -- checkpoint --
 * drain until true, with no feed in between; sync (slow, any thread); finish. From freeze to finish
 * nothing is written.
 */
/* Writes for about `budget_ms`; true: nothing is held back. */
bool writer_drain(struct writer *writer, int64_t budget_ms);

/* Whether a checkpoint can be made: nothing held back for want of space, no rewind under way. */
bool writer_settled(const struct writer *writer);
void writer_freeze(struct writer *writer, bool frozen);
MUST_USE bool writer_sync(const struct writer *writer, struct error *err);
MUST_USE bool writer_checkpoint(struct writer *writer, struct error *err);

/* -- for long work on the tree (rrd/task.h) -- */
struct series *writer_series(const struct writer *writer, uint32_t series_id); /* NULL: unknown */
uint32_t writer_series_limit(const struct writer *writer); /* numbers are below it */
struct files *writer_files(struct writer *writer);
struct series_table *writer_table(struct writer *writer);
