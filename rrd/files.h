#pragma once
#include "base/auto.h"
#include "base/error.h"
#include "rrd/headerlog.h"
#include "rrd/rrdfile.h"
#include "rrd/series.h"
#include "rrd/share.h"

/*
 * The files of all series, written safely: each is looked at before it is touched, the header log
 * is kept ahead of every touch, bad files are set aside and their samples asked for again.
 */
struct files;

enum {
	FILES_BACKLOG = 960 /* samples kept of a series that cannot be written; then the oldest go */
};

struct files_handlers {
	/* For people: kind "rrd.set_aside", object, explanation. */
	void (*event)(void *owner, const char *kind, const char *object, const char *text);
	/* The journal is needed again from its oldest record. */
	void (*rewind)(void *owner);
};

struct files_counts {
	uint64_t values;   /* written */
	uint64_t touched;  /* files updated or made */
	uint64_t locked;   /* writes that were put off because somebody read the file */
	uint64_t failures; /* samples and files that could not be taken */
};

/*
 * Opens the tree (makes it) and puts it back to its last checkpoint, which `*report` names. Events
 * about what was found are told before it returns. `table` is borrowed.
 */
struct files_plan {
	struct share share;
	struct files_handlers handlers;
	void *owner;
};

MUST_USE struct files *files_open(const char *path, const struct series_table *table,
	const struct files_plan *plan, struct headerlog_report *report, struct error *err);
void files_destroy(struct files *files);
DEFINE_AUTO(files)

/* Writes what is held back of these series, as far as they can be written now. */
void files_write(struct files *files, struct series *const *list, size_t count);

/* Whether the series has a file that can be read; a bad one is set aside. */
bool files_readable(struct files *files, struct series *series);

/* librrd is about to read that file in this process; NULL: it has. */
void files_mark(struct files *files, const char *path);

/* What its file must be. */
struct rrdfile_source files_source(const struct series *series);

/* Once a second: counts the time until a file that failed is tried again. */
void files_tick(struct files *files);
uint32_t files_ticks(const struct files *files);

struct files_counts files_counts(const struct files *files);
uint64_t files_log_bytes(const struct files *files);
const char *files_tree_path(const struct files *files);

const struct tree *files_tree(const struct files *files);

/* Looks at a file, as before a touch (rrdfile_look). Nothing is set aside. */
MUST_USE bool files_look(
	struct files *files, const char *path, struct header *header, struct error *err);

/* Whether the file was made or renamed since the last checkpoint: then it cannot be replaced yet.
 */
bool files_is_young(const struct files *files, const struct series *series);

/*
 * Puts `content`, a whole RRD file, durably in the place of the series' file, or makes it. A death
 * at any instant leaves either of both, whole. CONFLICT: the file is young, or all is frozen.
 */
MUST_USE bool files_replace(struct files *files, struct series *series, const void *content,
	size_t length, struct error *err);

/*
 * Gives the file at `from`, that is no series' own, the name of the series' file, which is not
 * there. NOT_FOUND: there is no file at `from`; CONFLICT: all is frozen.
 */
MUST_USE bool files_take_over(
	struct files *files, struct series *series, const char *from, struct error *err);

/* Samples of the series are missing that were another writer's: asks for the journal from its
 * oldest record. */
void files_feed_again(struct files *files, struct series *series);

/* Grows with each checkpoint. */
uint32_t files_epoch(const struct files *files);

/* -- checkpoint: freeze, sync (slow, any thread), checkpoint, thaw -- */
void files_freeze(struct files *files, bool frozen);
bool files_frozen(const struct files *files);
MUST_USE bool files_sync(const struct files *files, struct error *err);
MUST_USE bool files_checkpoint(struct files *files, uint64_t sequence, struct error *err);
