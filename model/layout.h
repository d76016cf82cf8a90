#pragma once
#include "base/attr.h"
#include "base/auto.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Which archives an RRD file has: how much time a row covers and for how long rows are kept. Named
 * layouts, and Munin's own notation for any other:
 *
 *     default | compact | normal | huge
 *     custom FIRST[, NEXT …]      FIRST: a duration, or a number of rows of one step each
 *                                 NEXT:  "5m for 1w" or "STEPS ROWS"; units s m h d w t (31 days) y
 *
 * Pure. In durations a tenth is added to the rows, as Munin does.
 */
enum layout_cf { LAYOUT_AVERAGE, LAYOUT_MIN, LAYOUT_MAX, LAYOUT_CFS };

enum {
	LAYOUT_SPANS_MAX = 20,
	LAYOUT_ARCHIVES_MAX = LAYOUT_SPANS_MAX * LAYOUT_CFS,
	LAYOUT_TEXT_MAX = 400,
};

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

/* "default", "compact", "normal" or "huge"; NULL if there is no such layout. Lives for ever. */
const struct layout *layout_find(const char *name);

/* A name or Munin's notation. CONFIG: the reason. */
MUST_USE struct layout *layout_parse(const char *text, struct error *err);
void layout_destroy(struct layout *layout); /* of layout_parse() only; NULL allowed */
DEFINE_AUTO(layout)

/* Whether a text can be parsed, for tables of settings. */
MUST_USE bool layout_check(const char *text, struct error *err);

/*
 * The archives for a series measured every `step_s` seconds (> 0). Spans are kept whatever the step
 * is: rows per archive follow from it. An archive that would repeat the one before it is left out,
 * but in Munin's layouts, which are as Munin makes them.
 */
void layout_plan(const struct layout *layout, uint32_t step_s, struct layout_plan *plan);

/* Bytes of a file with that plan (64-bit librrd). */
uint64_t layout_bytes(const struct layout_plan *plan);

/* "AVERAGE", "MIN", "MAX". */
const char *layout_cf_name(enum layout_cf cf);
