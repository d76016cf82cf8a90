#pragma once
#include "base/attr.h"
#include "base/error.h"
#include "model/service.h"

#include <stdint.h>

#include <glib.h>

/*
 * A graph of a service as arguments for rrd_graph_v, drawn as Munin draws it: order, draw types,
 * mirrored fields, colours, legend with current, least, average and greatest value. Built from
 * checked names, numbers and escaped texts only.
 */
enum { DRAWING_SIZE_LEAST = 100, DRAWING_SIZE_MOST = 4000, DRAWING_LIMITS_MAX = 16 };

enum drawing_format { DRAWING_PNG, DRAWING_SVG, DRAWING_PDF, DRAWING_EPS, DRAWING_FORMATS };
enum drawing_theme { DRAWING_LIGHT, DRAWING_DARK, DRAWING_THEMES };

struct drawing_limit {
	double value;
	uint8_t level; /* 1 warning, 2 critical */
};

struct drawing {
	const struct service *service;
	const char *const *files; /* absolute path per field of the service, NULL: no file, left out */
	int64_t from_s, to_s;
	int64_t last_update_s; /* 0: unknown */
	uint16_t width, height;
	enum drawing_format format;
	enum drawing_theme theme;
	const char *title; /* behind the graph's own, "" if nothing */
	struct drawing_limit limits[DRAWING_LIMITS_MAX];
	size_t limit_count;
};

/*
 * The arguments, "graph", "-" and on, each g_malloc, NULL-terminated by the array's own means.
 * NOT_FOUND: no field that is drawn has a file.
 */
MUST_USE GPtrArray *drawing_arguments(const struct drawing *drawing, struct error *err);

/* `text` as it may stand in a legend or comment; to be freed by g_free. For tests too. */
char *drawing_escape(const char *text);
