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
	PLOT_BORROWED, /* `name=path` of graph_order: draw, type, info and label are the lender's */
	PLOT_SUM,      /* `sum`: sources are added, unknown ones count as nothing (ADDNAN) */
	PLOT_STACKED,  /* a part of `stack`: unknown counts as 0 */
};

enum { PLOT_CURVES_MAX = 1000, PLOT_SOURCES_MAX = 1000 };

struct plot_curve {
	enum plot_kind kind;
	char name[IDENT_FIELD_MAX + 1]; /* inside this graph; unique in it */
	const char *label;
	const struct attributes *attributes; /* draw, colour, line, warning … as they count here */
	const char *draw;                    /* "AREA" … resolved; "LINE1" if nothing was said */
	const struct field **sources;        /* series that are read: one; of a sum any number */
	size_t source_count;
	struct rpn *cdef;                  /* names are names of curves of this plot; NULL: as it is */
	unsigned scale;                    /* graph_period: 1, 60 or 3600; 1 for GAUGE */
	const struct plot_curve *negative; /* drawn mirrored below zero together with this one */
	bool drawn;                        /* by itself: not hidden, and nobody's negative */
	char *broken;                      /* why it cannot be computed, for people; NULL: it can */
};

struct plot {
	const struct service *service;
	struct plot_curve *curves; /* in the order of drawing, hidden ones included */
	size_t count, drawn;
	bool mirrored; /* some curve is drawn below zero */
};

/* Never NULL; what cannot be resolved is a curve with `broken`, or left out if it has no name. */
MUST_USE struct plot *plot_create(const struct catalog *catalog, const struct service *service);
void plot_destroy(struct plot *plot);
DEFINE_AUTO(plot)

const struct plot_curve *plot_find(const struct plot *plot, const char *name);
