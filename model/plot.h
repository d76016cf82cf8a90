#pragma once
#include "base/auto.h"
#include "model/catalog.h"
#include "model/rpn.h"

/*
 * What a graph shows: Munin's graph_order, graph_sources, graph, skipdraw, negative, stack, sum,
 * cdef, graph_period and borrowed fields, read once and resolved against the catalog. From here
 * the pictures (rrd) and the values and charts (web) are made, so that they cannot differ.
 * Borrows the catalog's entries: it lives until the next declaration.
 */
enum plot_kind {
	PLOT_OWN,      /* a field of the service */
	PLOT_BORROWED, /* `name=path` of graph_order: draw, type and info are the lender's */
	PLOT_SUM,      /* `sum`: sources are added, unknown ones count as 0 (ADDNAN) */
	PLOT_STACKED,  /* a part of `stack`: unknown counts as 0 */
};

enum { PLOT_CURVES_MAX = 1000, PLOT_SOURCES_MAX = 1000 };

/* What a name in a cdef stands for. */
enum plot_value {
	PLOT_RAW,    /* a curve that comes later: its sources alone */
	PLOT_SCALED, /* the curve itself: its sources times `scale` */
	PLOT_RESULT, /* a curve that comes earlier: what became of it, cdef included */
};

struct plot_input {
	const struct plot_curve *curve;
	enum plot_value value;
};

/*
 * A curve's value: its sources (added if they are several), times `scale`, then through `cdef`, if
 * there is one. Its sources: of SUM and STACKED unknown counts as 0.
 */
struct plot_curve {
	enum plot_kind kind;
	char name[IDENT_FIELD_MAX + 1]; /* inside this graph; unique in it */
	const char *label;
	const struct attributes *attributes; /* draw, colour, line, warning … as they count here */
	const char *draw; /* "AREA", "STACK", "LINE2" … resolved; "LINE1" if nothing was said */
	const struct field **sources; /* series that are read: one; of a sum any number */
	size_t source_count;
	struct rpn *cdef;          /* names are names of curves of this plot; NULL: as it is */
	struct plot_input *inputs; /* of `cdef`, by the index of its names */
	unsigned scale;            /* graph_period: 1, 60 or 3600; 1 for GAUGE, SUM and STACKED */
	const struct plot_curve *negative; /* drawn mirrored below zero together with this one */
	bool drawn;          /* by itself: not hidden, not broken, and nobody's negative */
	const char *broken;  /* why it cannot be computed, for people; NULL: it can */
	const char *missing; /* paths nothing was found for, parted by ", "; NULL: none */
};

struct plot {
	const struct service *service;
	struct plot_curve *curves; /* in the order of drawing, hidden ones included */
	size_t count, drawn;
	bool mirrored;         /* some curve is drawn below zero */
	bool combined;         /* some curve is a sum or stacked: drawn one resolution less far */
	GStringChunk *texts;   /* of the curves */
	GPtrArray *attributes; /* made for borrowed curves: struct attributes * */
};

/* Never NULL; what cannot be resolved is a curve with `broken`, or left out if it has no name. */
MUST_USE struct plot *plot_create(const struct catalog *catalog, const struct service *service);
void plot_destroy(struct plot *plot);
DEFINE_AUTO(plot)

const struct plot_curve *plot_find(const struct plot *plot, const char *name);

/*
 * Whether a field is made from others by its own graph (sum, stack, borrowed): it has no samples of
 * its own.
 */
bool plot_is_made(const struct field *field);
