#pragma once
#include "base/error.h"
#include "web/jsonout.h"
#include "web/replica.h"

#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/*
 * What a parcel (web/parcel.h) says of its content: how each series lies on disk, and what of it
 * stands in which file.
 */
enum { MANIFEST_ARCHIVES_MAX = 64 };

/* A series' file, from the rrd role's answer to FILE. */
struct manifest_file {
	uint32_t series_id;
	char *path; /* below the tree; NULL: there is no file, and `error` says why */
	char *error;
	uint32_t step_s, heartbeat_s;
	double min, max;
	int64_t last_s;
	size_t archive_count;
	struct manifest_archive {
		uint8_t cf; /* 0 average, 1 min, 2 max, else another */
		uint32_t step_s, rows;
	} archives[MANIFEST_ARCHIVES_MAX];
};

struct manifest_file *manifest_file_create(uint32_t series_id);
void manifest_file_destroy(struct manifest_file *file);

/*
 * Reads the answer; `*content` is what lies behind the description. PROTOCOL: not as promised.
 */
MUST_USE bool manifest_file_read(
	struct manifest_file *file, const GByteArray *answer, size_t *content, struct error *err);

/* All series of a service with one consolidation and step. */
struct manifest_table {
	uint8_t cf;
	int64_t step_s, from_s, to_s; /* rows end in (from, to] */
	GPtrArray *names;             /* char *: files of the parcel, owned */
};

/* The tables of a service, from its files; struct manifest_table, owned by the array. */
GPtrArray *manifest_tables(const GPtrArray *files);

/* Interval that an archive of `file` covers; false: it has none such. */
MUST_USE bool manifest_covers(
	const struct manifest_file *file, uint8_t cf, int64_t step_s, int64_t *from_s, int64_t *to_s);

/* "average", "min", "max". */
const char *manifest_cf_name(uint8_t cf);

/* One service as an object. */
void manifest_append_service(struct jsonout *j, const struct replica *replica,
	const GPtrArray *files, const GPtrArray *tables);
