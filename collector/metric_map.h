#pragma once
#include "base/error.h"
#include "collector/openmetrics_text.h"

/*
 * Rows of an exporter's `map`, which say that samples of a metric are a certain field of a certain
 * service: "node_load1=load:load", "errors{code=5*,host="a"}=app:errors". Metric and values may
 * hold globs; labels that are not named do not count.
 */
struct metric_map;

struct metric_map_row {
	char *metric, *service, *field;
	GPtrArray *labels; /* char *: name, value, name, value … */
};

/* `rows` (char *; NULL: none) are only read. NULL (CONFIG): one of them is none. */
struct metric_map *metric_map_create(const GPtrArray *rows, struct error *err);
void metric_map_destroy(struct metric_map *map); /* NULL allowed */

/* The first row that fits, or NULL. */
const struct metric_map_row *metric_map_find(
	const struct metric_map *map, const char *metric, const struct openmetrics_labels *labels);
