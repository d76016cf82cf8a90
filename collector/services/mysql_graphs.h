#pragma once
#include "collector/services/probe.h"
#include "collector/services/stats.h"

/* The graphs of a MySQL or MariaDB, made of all the figures it told in a round. */
enum mysql_graph {
#define MYSQL_GRAPH_BEGIN(aspect)
#define MYSQL_FIELD(...)
#define MYSQL_GRAPH_END(aspect, ...) MYSQL_GRAPH_##aspect,
#include "collector/services/mysql_graphs.def"
#undef MYSQL_GRAPH_BEGIN
#undef MYSQL_FIELD
#undef MYSQL_GRAPH_END
	MYSQL_GRAPHS
};

struct mysql_graphs {
	struct feed *feeds[MYSQL_GRAPHS];
};

/* Declares graphs for which there are figures for the first time, and sets the values of this
 * round. */
void mysql_graphs_fill(
	struct mysql_graphs *graphs, struct probe *probe, const struct stats *figures);

/* A field's value: the figure of that name or what stands in for it; NaN: the server does not say.
 */
double mysql_figure(const struct stats *figures, const char *field);
