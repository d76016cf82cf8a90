#pragma once
#include "base/attr.h"
#include "base/error.h"
#include "model/sample.h"
#include "rrd/header.h"
#include "rrd/layout.h"
#include "rrd/tree.h"

#include <stddef.h>
#include <stdint.h>

/*
 * One RRD file: look at it, make it, write to it, change its data source. These are the only calls
 * into librrd that touch a file for writing; a header that was not checked never reaches them.
 */
enum { RRDFILE_BATCH_MAX = 64 };

/* What a file of a series must be. */
struct rrdfile_source {
	enum field_type type;
	uint32_t step_s;
	double min, max; /* NaN: none */
};

/*
 * Reads and checks the header; `bytes` (HEADER_BYTES_MAX) gets it raw. A sparse file is given its
 * blocks, for an update of one is SIGBUS on a full disk. NOT_FOUND: there is no file. DENIED: it is
 * no plain file. CONFLICT: no space for its blocks. UNREACHABLE: it cannot be read now. STORAGE: it
 * is corrupt.
 */
MUST_USE bool rrdfile_look(const struct tree *tree, const char *path, int64_t latest_s,
	struct header *header, unsigned char *bytes, struct error *err);

/* Whether the data source in the header is not what it should be and rrdfile_tune() has to run. */
bool rrdfile_differs(const struct header *header, const struct rrdfile_source *source);

/* Changes type, limits and, unless `heartbeat_too` is false, heartbeat in the file. */
MUST_USE bool rrdfile_tune(const struct tree *tree, const char *path,
	const struct rrdfile_source *source, bool heartbeat_too, struct error *err);

/* Makes a file whose first sample comes behind `start_s`; all its blocks are allocated. */
MUST_USE bool rrdfile_create(const struct tree *tree, const char *path,
	const struct layout_plan *plan, const struct rrdfile_source *source, int64_t start_s,
	struct error *err);

/*
 * Writes at most RRDFILE_BATCH_MAX samples with rising times; those not newer than the file's last
 * are skipped. TIMEOUT: another process reads the file, try later.
 */
MUST_USE bool rrdfile_update(const struct tree *tree, const char *path, enum field_type type,
	const struct sample *samples, size_t count, struct error *err);

/* The text librrd is given for one sample, "SECONDS[.mmm]:VALUE", for tests; returns the length. */
enum { RRDFILE_TEXT_MAX = 72 };
size_t rrdfile_sample_text(
	const struct sample *sample, enum field_type type, char out[RRDFILE_TEXT_MAX]);
