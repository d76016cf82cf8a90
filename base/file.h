#pragma once
#include "base/attr.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Whole files, durably. `dir_fd` may be AT_FDCWD. Reading follows symbolic links (configuration
 * often lies behind one); writing never goes through a link, it replaces it.
 */

/*
 * Reads a regular file of at most `limit` bytes; `*length` does not count the NUL put behind the
 * content. The caller frees it (free). NULL: NOT_FOUND if it is not there, CONFIG if it is no
 * regular file or too large, else STORAGE.
 */
MUST_USE char *file_read(
	int dir_fd, const char *name, size_t limit, size_t *length, struct error *err);

/*
 * Writes beside (".NAME.new"), fsyncs, renames over NAME, fsyncs the directory: after true the new
 * content is on disk, before it the old one stands. `mode` as for open(2).
 */
MUST_USE bool file_replace(int dir_fd, const char *name, const void *content, size_t length,
	unsigned mode, struct error *err);

/* Makes a directory and its parents (mode 0755) where they are missing. */
MUST_USE bool file_make_directory(const char *path, struct error *err);

/* write(2) until all is written. */
MUST_USE bool file_write_all(int fd, const void *content, size_t length, struct error *err);

/* fsync of the directory itself, so that a new name in it survives a power cut. */
MUST_USE bool file_sync_directory(int dir_fd, const char *name, struct error *err);
