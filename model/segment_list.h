#pragma once
#include "model/segment.h"

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/*
 * The segments of one directory, in the order of their sequences (model/journal.h, its only user).
 * The last one is written to.
 */
struct segment_list {
	int dir_fd;
	GPtrArray *segments; /* struct segment *, owned */
};

/* Tells of something found: kind as in struct journal_handlers, name of a file, explanation. */
typedef void (*segment_report_fn)(
	void *owner, const char *kind, const char *object, const char *text);

/*
 * Opens the directory (makes it if missing), checks every segment in it, moves away or cuts what is
 * damaged and tells of it. What is found is on disk afterwards. STORAGE: it cannot be used at all.
 */
MUST_USE bool segment_list_open(struct segment_list *list, const char *path,
	segment_report_fn report, void *owner, struct error *err);
void segment_list_close(struct segment_list *list);

size_t segment_list_count(const struct segment_list *list);
struct segment *segment_list_at(const struct segment_list *list, size_t index);
struct segment *segment_list_last(const struct segment_list *list); /* NULL: empty */

/* The first segment that holds a sequence greater than `after`; NULL: none. */
const struct segment *segment_list_find(const struct segment_list *list, uint64_t after);

/*
 * A new last segment for records from `first` on, of `bytes`, or smaller if the disk has no room
 * for that, but always with room for `least` bytes of records.
 */
MUST_USE bool segment_list_add(
	struct segment_list *list, uint64_t first, size_t bytes, size_t least, struct error *err);

/* Deletes the file as well. */
void segment_list_remove(struct segment_list *list, size_t index);

/* On disk, all together. */
uint64_t segment_list_bytes(const struct segment_list *list);
