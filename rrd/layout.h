#pragma once
#include "base/attr.h"
#include "base/error.h"
#include "model/service.h"

#include <stddef.h>
#include <stdint.h>

/*
 * How a series lies on disk: which file, which archives. Names follow Munin, so that its trees are
 * read and go on growing; archives come from a small table of layouts.
 */
enum layout_cf { LAYOUT_AVERAGE, LAYOUT_MIN, LAYOUT_MAX, LAYOUT_CFS };

enum { LAYOUT_ARCHIVES_MAX = 12, LAYOUT_PATH_MAX = 1024, LAYOUT_NAME_MAX = 255 };

struct layout_archive {
	enum layout_cf cf;
	uint32_t steps_per_row;
	uint32_t rows;
};

struct layout_plan {
	uint32_t step_s; /* of the file */
	uint32_t heartbeat_s;
	size_t count;
	struct layout_archive archives[LAYOUT_ARCHIVES_MAX];
};

struct layout;

/* "default", "compact" or "normal"; NULL if there is no such layout. */
const struct layout *layout_find(const char *name);

/*
 * The archives for a series measured every `step_s` seconds (> 0). Spans are kept whatever the step
 * is: rows per archive follow from it. An archive that would repeat the one before it is left out.
 */
void layout_plan(const struct layout *layout, uint32_t step_s, struct layout_plan *plan);

/* Bytes of a file with that plan (64-bit librrd). */
uint64_t layout_bytes(const struct layout_plan *plan);

/* "AVERAGE", "MIN", "MAX". */
const char *layout_cf_name(enum layout_cf cf);

struct layout_name {
	const char *group, *host, *service, *field; /* valid: model/ident.h */
	enum field_type type;
};

/*
 * The path below the tree: GROUP[/SUB]/HOST-SERVICE[-SUB]-FIELD-T.rrd with T the first letter of
 * the type. A name longer than a file name may be, and one that `apart` asks to be set apart from
 * another series of the same name, ends in a hash of the series' own name: stable over restarts.
 */
void layout_path(const struct layout_name *name, bool apart, char out[LAYOUT_PATH_MAX]);
