#pragma once
#include "base/auto.h"
#include "model/rpn.h"
#include "model/service.h"

/*
 * Which fields of a service are drawn, in which order, in which colour, and what is drawn mirrored
 * below which: Munin's graph_order, graph, skipdraw, negative, colour, cdef and graph_period, read
 * once.
 */
struct drawing_line {
	const struct field *field;
	const char *file;                    /* absolute path */
	const struct drawing_line *negative; /* drawn mirrored, or NULL */
	struct rpn *cdef;                    /* NULL: as it is */
	unsigned scale;                      /* graph_period: 1, 60 or 3600 */
	bool drawn;
	bool broken; /* its cdef cannot be computed */
	char colour[8];
};

struct drawing_lines {
	struct drawing_line *line; /* every field that has a file, in order of drawing */
	size_t count;
	size_t drawn;
	size_t label_width; /* characters, of the longest label in the legend */
	bool mirrored;      /* some field is drawn below zero */
};

/* `files[i]` is the path of field i's file, NULL: it has none and is left out. Both are borrowed.
 */
MUST_USE struct drawing_lines *drawing_lines_create(
	const struct service *service, const char *const *files);
void drawing_lines_destroy(struct drawing_lines *lines);
DEFINE_AUTO(drawing_lines)
