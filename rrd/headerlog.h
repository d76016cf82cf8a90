#pragma once
#include "base/auto.h"
#include "base/error.h"
#include "rrd/tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The header log: what makes updates of RRD files safe against a kill -9 and a power cut at any
 * instruction. Before a file is touched for the first time after a checkpoint its header is kept
 * here; a file about to be made or renamed is noted. Putting all of that back gives the tree of the
 * checkpoint, up to rows that the replay from the journal writes again.
 */
struct headerlog;

struct headerlog_report {
	uint64_t sequence; /* of the journal, at the checkpoint; 0: from the beginning */
	size_t restored;   /* headers put back */
	size_t removed;    /* files made after the checkpoint, to be made again */
	size_t renamed;    /* files given their earlier name */
	size_t failed;     /* files that could not be brought back; they are told by their own check */
};

/*
 * Brings the part of the tree that is the instance's (rrd/share.h) back to its last checkpoint and
 * makes that durable; then begins an empty log for the same sequence. NULL with STORAGE: the tree
 * cannot be used.
 */
MUST_USE struct headerlog *headerlog_open(
	const struct tree *tree, unsigned instance, struct headerlog_report *report, struct error *err);
void headerlog_destroy(struct headerlog *log);

/*
 * For another number of writers: brings the files of all of them back, as above, and leaves an
 * empty log for each of the `instances` to come; all of them begin at the least sequence. Can be
 * repeated after a death in the middle. Nobody may have a log open.
 */
MUST_USE bool headerlog_share_anew(const struct tree *tree, unsigned instances, struct error *err);
DEFINE_AUTO(headerlog)

/* These collect; nothing counts before headerlog_commit(). */
void headerlog_add_image(
	struct headerlog *log, const char *path, const unsigned char *header, size_t length);
void headerlog_add_created(struct headerlog *log, const char *path);
void headerlog_add_moved(struct headerlog *log, const char *from, const char *to);

/* Another file, `inode`, is about to take the place of this one; it has that header. */
void headerlog_add_replaced(struct headerlog *log, const char *path, uint64_t inode,
	const unsigned char *header, size_t length);

/* A file is lost and its samples are needed again from the oldest record there is: after a crash
 * too. */
void headerlog_add_restart(struct headerlog *log);

/* Writes what was collected and makes it durable. After false nothing noted here may be touched. */
MUST_USE bool headerlog_commit(struct headerlog *log, struct error *err);

/* A checkpoint: all files are on disk as of `sequence`; begins the next log in place of this one.
 */
MUST_USE bool headerlog_checkpoint(struct headerlog *log, uint64_t sequence, struct error *err);

/* Bytes in the log, not yet committed ones included. */
uint64_t headerlog_bytes(const struct headerlog *log);
