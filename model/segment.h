#pragma once
#include "base/auto.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/record.h"

#include <stdint.h>
#include <sys/types.h>

/*
 * One file of the journal (model/journal.h, its only user): a first record that describes it, then
 * records with strictly rising sequences, then preallocated zeros. Named after its first sequence,
 * twenty digits and ".journal", so that names sort as sequences do.
 */
enum { SEGMENT_NAME_MAX = 40, SEGMENT_TYPE = 0xffff, SEGMENT_VERSION = 1 };

struct segment {
	char name[SEGMENT_NAME_MAX];
	uint64_t first;    /* least sequence that may stand in it */
	uint64_t last;     /* greatest sequence that counts; first - 1: none */
	uint64_t previous; /* `first` of the segment before it; 0: it was the oldest */
	struct wall created;
	off_t end;   /* behind the last record */
	off_t size;  /* of the file */
	int fd;      /* open for writing, or -1 */
	bool synced; /* nothing written since the last sync */
};

/* Makes and preallocates a file of `bytes` and writes its first record. STORAGE: nothing is left.
 */
MUST_USE struct segment *segment_create(
	int dir_fd, uint64_t first, uint64_t previous, size_t bytes, struct error *err);

/* What segment_open() found behind the last good record. */
struct segment_damage {
	size_t bytes;  /* 0: nothing */
	bool unusable; /* the first record is none, or of a newer version: nothing of it counts; without
					  bytes: nothing was written yet */
};

/* Reads through the file and checks every record. NULL: it cannot be read at all. */
MUST_USE struct segment *segment_open(
	int dir_fd, const char *name, struct segment_damage *damage, struct error *err);

/* Closes and frees; the file stays. NULL allowed. */
void segment_destroy(struct segment *segment);
DEFINE_AUTO(segment)

/* Writes `length` bytes of whole records, the last of which has the sequence `last`. */
MUST_USE bool segment_append(
	struct segment *segment, const void *records, size_t length, uint64_t last, struct error *err);

/* Copies what stands behind the last good record to "corrupt/" and cuts it off. */
MUST_USE bool segment_set_aside(int dir_fd, struct segment *segment, struct error *err);

/* Gives the unused rest of the file back. */
void segment_trim(struct segment *segment);

/* -- walking one file -- */

struct segment_cursor {
	int fd;   /* its own, or -1 */
	off_t at; /* file offset of the buffer's first byte */
	size_t used, length, size;
	unsigned char *buffer;
};

MUST_USE bool segment_cursor_open(
	struct segment_cursor *cursor, int dir_fd, const char *name, struct error *err);
void segment_cursor_close(struct segment_cursor *cursor);

/* The next record as base/record.h gives it; valid until the next call. After END and TORN it looks
 * at the file again. */
enum record_state segment_cursor_next(struct segment_cursor *cursor, struct record *record);

/* File offset behind the last record that was given. */
off_t segment_cursor_offset(const struct segment_cursor *cursor);
