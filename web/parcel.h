#pragma once
#include "base/attr.h"
#include "base/error.h"

#include <stdbool.h>

#include <glib.h>

/*
 * All that is kept of any number of series, as a .tar.gz that is made while it is sent:
 *
 *     HOST/SERVICE.average.300s.csv   a row per step, a column per field; oldest first
 *     HOST/SERVICE.average.300s.20260101T000000Z.csv …   the same in parts, where it is long
 *     rrd/GROUP/HOST-SERVICE-FIELD-g.rrd   the files themselves, if they are wanted
 *     HOST/manifest.json   titles, attributes, units, types, limits, files and tables
 *     manifest.json        last of all: which hosts; without it the parcel is not whole
 */
struct exchange;
struct web;

struct parcel_wish {
	bool csv, rrd;
	const char *name; /* without ending, plain characters */
};

/* Of `series` (uint32_t, each once, those of a service and of a host together). UNREACHABLE: too
 * many long answers. */
MUST_USE bool parcel_start(struct web *web, struct exchange *x, const struct parcel_wish *wish,
	const GArray *series, struct error *err);
