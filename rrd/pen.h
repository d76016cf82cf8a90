#pragma once
#include "rrd/drawing.h"
#include "rrd/graphargs.h"
#include "rrd/lines.h"
#include "rrd/palette.h"

/*
 * A drawing while its arguments are written: what the parts of it (sources, curves, marks, frame)
 * share. In the picture `front` comes before `body`: Munin puts files and rules across the graph
 * each before all that was there, so the last one written is the first.
 */
struct pen {
	const struct drawing *drawing;
	const struct service *service;
	const struct drawing_palette *palette;
	struct drawing_lines *lines;
	GPtrArray *frame, *front, *body, *below, *end; /* texts, owned */
	struct graphargs args;
	char number[GRAPHARGS_TEXT_MAX + 1]; /* "%6.2lf", or graph_printf */
	const char *average, *scale_mark;
	int64_t last_update_s; /* 0: not known */
};

/* Adds one argument. */
void pen_add(GPtrArray *to, const char *format, ...) PRINTF_LIKE(2, 3);

/* `text` with ${graph_period} replaced by `period` (NULL: the graph's own). g_free. */
char *pen_with_period(const struct pen *pen, const char *text, const char *period);

/* "hour", "day", or NULL if values are drawn as measured; and that in seconds, 1 then. */
const char *pen_sum_name(const struct pen *pen);
unsigned pen_sum_seconds(const struct pen *pen);

/* How far into the future the graph looks (graph_future), seconds; 0: not. */
int64_t pen_future(const struct pen *pen);

/* Seconds of one row of the archive that Munin would draw such a span from. */
int64_t pen_resolution(const struct pen *pen);

/* Everything before the files: title, size, axes, fonts, colours (rrd/pen_frame.c). */
void pen_write_frame(struct pen *pen);

/* Options of graph_args_after: they come later than Magpie's own, and count instead of them. */
void pen_write_options_after(struct pen *pen);

/* DEF and CDEF of a line, once (rrd/pen_sources.c). */
void pen_write_sources(struct pen *pen, struct drawing_line *line);

/* Curves with legend, mirrored ones, the total (rrd/pen_curves.c). */
void pen_write_curves(struct pen *pen);

/* Thresholds that belong to a field; of its negative if `mirrored` (rrd/pen_marks.c). */
void pen_write_field_rules(struct pen *pen, const struct drawing_line *line, bool mirrored);

/* What lies behind the curves: times in which something was wrong. */
void pen_write_spans(struct pen *pen);

/* Thresholds of rules, notes, the last update, trends, what is missing. */
void pen_write_marks(struct pen *pen);
void pen_write_end(struct pen *pen);
