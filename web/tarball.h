#pragma once
#include "base/auto.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/*
 * A tar archive (pax), compressed with gzip, made piece by piece in memory: what was made is taken
 * out as it comes.
 */
struct tarball;

MUST_USE struct tarball *tarball_create(struct error *err);
void tarball_destroy(struct tarball *tarball);
DEFINE_AUTO(tarball)

/* A file begins: `length` bytes must follow by tarball_add(), in any pieces. */
MUST_USE bool tarball_begin(
	struct tarball *tarball, const char *path, size_t length, int64_t mtime_s, struct error *err);
MUST_USE bool tarball_add(
	struct tarball *tarball, const void *bytes, size_t length, struct error *err);

/* The end; nothing can be added any more. */
MUST_USE bool tarball_close(struct tarball *tarball, struct error *err);

/* Moves what was made so far behind `out`. */
void tarball_take(struct tarball *tarball, GString *out);
