#pragma once
#include "web/archive.h"
#include "web/sheet.h"

#include <glib.h>

/*
 * Values of any number of series over any span, as a long answer: the archive is asked in slices,
 * each within its limits, and what it answered is written as a sheet while the client takes it.
 */
struct exchange;
struct web;

enum {
	EXTRACT_ROWS_MAX = 50 * 1000 * 1000, /* of a series */
	EXTRACT_WIDE_MAX = 10 * 1000,        /* columns side by side; long sheets have no limit */
};

struct extract_wish {
	enum sheet_format format;
	enum sheet_layout layout;
	enum archive_cf cfs[3];
	size_t cf_count;
	int64_t from_s, to_s, step_s; /* step 0: the finest that is kept since `from` */
	bool graphed;                 /* as drawn (cdef, graph_period), not as stored */
	const char *name;             /* file to be saved as, without ending; plain characters */
};

/*
 * Of `series` (numbers, each once, in order). CONFIG: too many columns or rows, or a cdef that
 * cannot be read; UNREACHABLE: too many long answers.
 */
MUST_USE bool extract_start(struct web *web, struct exchange *x, const struct extract_wish *wish,
	const GArray *series, struct error *err);
