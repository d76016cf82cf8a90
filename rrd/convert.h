#pragma once
#include "base/attr.h"
#include "base/error.h"
#include "rrd/header.h"
#include "rrd/layout.h"

#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/*
 * Files of one layout made into files of another, in memory: rows from the best archive that has
 * them, the finest first; last update, the step under way and the rows under way go on exactly
 * where they were. What was known stays known wherever the new layout has room for its time.
 */
enum { CONVERT_BYTES_MAX = 512 << 20 };

struct convert_input {
	const unsigned char *bytes; /* a whole file */
	size_t length;
};

/*
 * The content of a file with the archives of `plan` out of one file, or of two that are to become
 * one: where both know something the first one counts, the later one goes on. Appended to `out`.
 * STORAGE: an input is no good RRD file; CONFIG: the result would be larger than CONVERT_BYTES_MAX.
 */
MUST_USE bool convert(const struct convert_input *inputs, size_t count,
	const struct layout_plan *plan, GByteArray *out, struct error *err);

/* Whether a file is laid out as planned: step and archives in order. */
bool convert_is_as_planned(const struct header *header, const struct layout_plan *plan);

/* The plan that a file has; false: it has archives that no plan has. */
MUST_USE bool convert_plan_of(const struct header *header, struct layout_plan *plan);
