#pragma once
#include "base/auto.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/record.h"
#include "model/entry.h"

/*
 * The journal of the engine: segment files in one directory, each a run of records with rising
 * sequence numbers (from 1). What journal_append() took survives the death of the process; what is
 * durable survives a power cut. It is also the queue to the rrd role: readers walk it at their own
 * pace.
 *
 * Segments are preallocated (model/segment.h). Where bytes turn out to be damaged, all before them
 * counts, the rest of that segment is moved to "corrupt/" and an event names the span.
 */
struct journal;

enum {
	JOURNAL_SEGMENT_BYTES = 64 << 20,
	JOURNAL_SEGMENT_LEAST = 256 << 10,
	JOURNAL_MEMORY_BYTES = 64 << 20,
	JOURNAL_SYNC_MS = 1000,
	JOURNAL_KEEP_MS = 2 * 3600 * 1000,
};

struct journal_handlers {
	/* All up to `sequence` is on disk. In the loop's thread. May be NULL. */
	void (*durable)(void *owner, uint64_t sequence);
	/* Something people should know: kind "journal.full", object, explanation. May be NULL. */
	void (*event)(void *owner, const char *kind, const char *object, const char *text);
};

/* Zero stands for the default everywhere. */
struct journal_options {
	const char *directory; /* made if missing */
	size_t segment_bytes;
	int64_t keep_ms;      /* at least this long, however far the readers are */
	uint64_t most_bytes;  /* beyond this the oldest go even if rrd still needs them; 0: 8 GiB */
	uint64_t least_after; /* new sequences are greater than this one (of the state database) */
	struct loop *loop;    /* NULL: no worker and no timer, journal_sync() alone makes durable */
	const struct journal_handlers *handlers;
	void *owner;
};

/* Opens the directory, checks all segments, cuts what is torn. STORAGE: it cannot be used at all.
 */
MUST_USE struct journal *journal_open(const struct journal_options *options, struct error *err);

/* Waits for a sync under way, makes the rest durable. NULL allowed. */
void journal_close(struct journal *journal);

/*
 * Gives the record the next sequence and writes it; after true a kill -9 does not lose it. While
 * the disk takes nothing (journal_broken), or a sync does not come to its end, records wait in
 * memory, up to JOURNAL_MEMORY_BYTES, and are written when it does again. STORAGE: that memory is
 * full too, the record is dropped.
 */
MUST_USE bool journal_append(struct journal *journal, uint16_t type, const void *payload,
	size_t length, uint64_t *sequence, struct error *err);

/* Whether the disk takes nothing now; tried again each second. */
bool journal_broken(const struct journal *journal);

/* Asks for a sync now instead of within JOURNAL_SYNC_MS: a change of state waits for it. */
void journal_hurry(struct journal *journal);

/* Makes all that is written durable before it returns. */
MUST_USE bool journal_sync(struct journal *journal, struct error *err);

uint64_t journal_oldest(const struct journal *journal); /* first sequence kept; written + 1: none */
uint64_t journal_written(const struct journal *journal); /* last sequence given out */
uint64_t journal_durable(const struct journal *journal);
uint64_t journal_bytes(const struct journal *journal); /* on disk */

/* Sequences up to this one were used elsewhere (an rrd role that is ahead): never give them out. */
void journal_raise(struct journal *journal, uint64_t sequence);

/* All up to `sequence` is safe elsewhere: whole segments below it and older than the time to keep
 * are removed. */
void journal_release(struct journal *journal, uint64_t sequence, struct wall now);

/* A segment for readers (model/journal_reader.h): the first one that holds a sequence greater than
 * `after`. */
struct journal_part {
	int dir_fd;
	const char *name; /* until the journal changes */
	uint64_t first, last;
};
bool journal_part(const struct journal *journal, uint64_t after, struct journal_part *part);

/* A reader could not read the rest of that segment: tells people. */
void journal_report(struct journal *journal, const char *name, uint64_t after, uint64_t last);
