#pragma once
#include "base/attr.h"
#include "base/error.h"
#include "model/plot.h"

#include <stdint.h>

#include <glib.h>

/*
 * A graph of a service as arguments for rrd_graph_v, drawn as Munin draws it: order, draw types,
 * mirrored fields, colours, legend with current, least, average and greatest value. Built from
 * checked names, numbers and escaped texts only.
 */
enum {
	DRAWING_SIZE_LEAST = 100,
	DRAWING_SIZE_MOST = 4000,
	DRAWING_LIMITS_MAX = 16,
	DRAWING_SPANS_MAX = 200,
	DRAWING_NOTES_MAX = 50,
};

enum drawing_format { DRAWING_PNG, DRAWING_SVG, DRAWING_PDF, DRAWING_EPS, DRAWING_FORMATS };

/* The third is Munin's own, for those who know their graphs by it. */
enum drawing_theme { DRAWING_LIGHT, DRAWING_DARK, DRAWING_MUNIN, DRAWING_THEMES };

struct drawing_limit {
	double value;
	uint8_t level; /* 1 warning, 2 critical */
};

/* A time in which something was wrong; to_s 0: it goes on. */
enum drawing_level { DRAWING_NOTICE = 1, DRAWING_WARNING, DRAWING_CRITICAL, DRAWING_UNKNOWN };

struct drawing_span {
	int64_t from_s, to_s;
	uint8_t level; /* enum drawing_level */
};

/* What somebody noted; to_s 0: of an instant. */
struct drawing_note {
	int64_t at_s, to_s;
	char *text; /* cleaned, of the drawing's owner */
};

/* Munin's sums: what came together in an hour (week-sum) or a day (year-sum). */
enum drawing_sum { DRAWING_AS_MEASURED, DRAWING_PER_HOUR, DRAWING_PER_DAY, DRAWING_SUMS };

struct drawing {
	const struct plot *plot;
	GHashTable *files; /* of its sources (rrd/lines.h); what has none is left out */
	int64_t from_s, to_s;
	int64_t now_s;
	uint16_t width, height;
	enum drawing_format format;
	enum drawing_theme theme;
	const char *title; /* behind the graph's own, "" if nothing */
	enum drawing_sum sum;
	bool only_graph;     /* the plot without title, legend and axes */
	bool full_size;      /* width and height are those of the whole picture */
	double lower, upper; /* of the y axis; NaN: the graph's own */
	struct drawing_limit limits[DRAWING_LIMITS_MAX];
	size_t limit_count;
	struct drawing_span spans[DRAWING_SPANS_MAX];
	size_t span_count;
	struct drawing_note notes[DRAWING_NOTES_MAX];
	size_t note_count;
};

/*
 * The arguments, "graph", "-" and on, each g_malloc, NULL-terminated by the array's own means.
 * NOT_FOUND: no field that is drawn has a file. STORAGE: none that can be read.
 */
MUST_USE GPtrArray *drawing_arguments(const struct drawing *drawing, struct error *err);

/* `text` as it may stand in a legend or comment; to be freed by g_free. For tests too. */
char *drawing_escape(const char *text);
