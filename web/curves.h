#pragma once
#include "base/auto.h"
#include "model/service.h"
#include "web/archive.h"

/*
 * Columns of values to be answered: which series must be fetched for them, and how each is computed
 * from those: as stored, or as drawn (cdef, graph_period). Holds copies, so that the catalog may
 * change until the answer comes.
 */
struct curves;

struct curves *curves_create(void);
void curves_destroy(struct curves *curves);
DEFINE_AUTO(curves)

/*
 * Adds a column. `graphed`: with cdef and graph_period, as a graph shows it. CONFIG: more than
 * ARCHIVE_SERIES_MAX series would have to be fetched, or the cdef cannot be read.
 */
MUST_USE bool curves_add(
	struct curves *curves, const struct field *field, bool graphed, struct error *err);

size_t curves_count(const struct curves *curves);
const char *curves_id(const struct curves *curves, size_t index); /* "host:service:field" */
const char *curves_field(const struct curves *curves, size_t index);
const char *curves_label(const struct curves *curves, size_t index);

/* Series to be fetched, each once; may be none. */
const uint32_t *curves_series(const struct curves *curves, size_t *count);

/* The values of one column from the answer to curves_series(); `out` has data->rows places. */
void curves_compute(const struct curves *curves, size_t index, const struct archive_data *data,
	int64_t now_s, double *out);
