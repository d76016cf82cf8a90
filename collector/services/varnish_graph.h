#pragma once
#include "collector/services/probe.h"

/*
 * The graphs varnish_ASPECT as tables: which counter goes where. Names of fields are those of the
 * plugins varnish_ and varnish4_; a counter that this Varnish does not have makes no field.
 */
enum { VARNISH_GRAPHS = 10, VARNISH_FIELDS_MAX = 16 };

struct varnish_field {
	const char *counter; /* as varnishstat names it; "SMA.*.g_bytes": one field per storage */
	struct field_row row;
};

struct varnish_graph {
	struct graph_row row;                            /* without fields */
	struct varnish_field fields[VARNISH_FIELDS_MAX]; /* up to the first without counter */
};

extern const struct varnish_graph varnish_graphs[VARNISH_GRAPHS];
