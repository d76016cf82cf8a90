#pragma once
#include "base/auto.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a command writes into a file of any length: the file is there when all of it is on disk, and
 * never in part. Until then it has no name (or where the file system cannot do that, one beside),
 * so that an error, Ctrl-C, a full disk or kill -9 leave what stood there before.
 */
struct output;

/* `path` NULL or "-": stdout; a device or pipe is written to as it is. STORAGE: cannot be made. */
MUST_USE struct output *output_open(const char *path, struct error *err);

/* Writes; STORAGE: disk full and the like, with the path. */
MUST_USE bool output_write(
	struct output *output, const void *bytes, size_t length, struct error *err);

/* All was written: to disk, and under its name. */
MUST_USE bool output_commit(struct output *output, struct error *err);

/* Without output_commit() nothing is left. NULL allowed. */
void output_destroy(struct output *output);
DEFINE_AUTO(output)
