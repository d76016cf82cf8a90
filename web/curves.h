#pragma once
#include "base/auto.h"
#include "model/catalog.h"
#include "web/archive.h"

/*
 * Columns of values to be answered: which series must be fetched for them, and how each is computed
 * from those: as stored, or as its graph shows it (model/plot.h: cdef, graph_period, sums, borrowed
 * fields). Holds copies, so that the catalog may change until the answer comes; the catalog itself
 * is looked at only while columns are added.
 */
struct curves;

enum { CURVES_SERIES_MAX = 1000 }; /* a graph may need more series than may be asked for by name */

/* At most `series_max` series will be fetched. */
struct curves *curves_create(const struct catalog *catalog, size_t series_max);
void curves_destroy(struct curves *curves);
DEFINE_AUTO(curves)

/*
 * Adds a column. `graphed`: with cdef and graph_period, as a graph shows it; a field that is made
 * from others always is. What cannot be computed is unknown. CONFIG: more series than allowed would
 * have to be fetched; nothing is added then.
 */
MUST_USE bool curves_add(
	struct curves *curves, const struct field *field, bool graphed, struct error *err);

/* The same by "host:service:name", which may be a curve that is no field (of `stack`, of
 * graph_order), or NOT_FOUND; a column that is there already is not added again. */
MUST_USE bool curves_add_id(struct curves *curves, const char *id, bool graphed, struct error *err);

/* All of a graph: what it shows and what it hides, in its order; if not `graphed`, its fields in
 * theirs. */
MUST_USE bool curves_add_graph(
	struct curves *curves, const struct service *service, bool graphed, struct error *err);

size_t curves_count(const struct curves *curves);
const char *curves_id(const struct curves *curves, size_t index); /* "host:service:field" */
const char *curves_field(const struct curves *curves, size_t index);
const char *curves_label(const struct curves *curves, size_t index);

/* Series to be fetched, each once; may be none. */
const uint32_t *curves_series(const struct curves *curves, size_t *count);

/* The values of one column from the answer to curves_series(); `out` has data->rows places. */
void curves_compute(const struct curves *curves, size_t index, const struct archive_data *data,
	int64_t now_s, double *out);
