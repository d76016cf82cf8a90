#pragma once
#include "collector/services/probe.h"
#include "collector/services/stats.h"

/* The graphs of a Redis, made of what INFO says. */
enum redis_graph {
	REDIS_CLIENTS,
	REDIS_KEYS_PER_SEC,
	REDIS_KEY_RATIO,
	REDIS_PER_SEC,
	REDIS_REPL_BACKLOG,
	REDIS_REPL_LAG,
	REDIS_MEMORY,
	REDIS_KEYS,
	REDIS_GRAPHS
};

enum { REDIS_DATABASES_MAX = 64 }; /* that get fields of their own */

struct redis_graphs {
	struct feed *feeds[REDIS_GRAPHS];
	unsigned databases; /* declared in REDIS_KEYS */
};

/* Declares what is not declared yet and sets the values of this round. */
void redis_graphs_fill(struct redis_graphs *graphs, struct probe *probe, const struct stats *info);

/* Keys and those with an end of one database: "keys=3,expires=1,avg_ttl=0". */
MUST_USE bool redis_database_parse(const char *text, double *keys, double *expires);

/* Seconds that the replica of "ip=…,port=…,state=online,offset=…,lag=1" is behind; NaN: not told.
 */
double redis_lag_parse(const char *text);
