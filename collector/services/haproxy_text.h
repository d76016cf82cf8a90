#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/*
 * What HAProxy says at "show stat": comma-separated values, one line per frontend, backend and
 * server, columns named by the first line. Of these the frontends and backends are kept.
 */
enum haproxy_column {
	HAPROXY_SCUR,
	HAPROXY_SLIM,
	HAPROXY_STOT,
	HAPROXY_BIN,
	HAPROXY_BOUT,
	HAPROXY_EREQ,
	HAPROXY_ECON,
	HAPROXY_ERESP,
	HAPROXY_WRETR,
	HAPROXY_WREDIS,
	HAPROXY_DREQ,
	HAPROXY_DRESP,
	HAPROXY_QCUR,
	HAPROXY_QLIMIT,
	HAPROXY_ACT,
	HAPROXY_1XX,
	HAPROXY_2XX,
	HAPROXY_3XX,
	HAPROXY_4XX,
	HAPROXY_5XX,
	HAPROXY_OTHER,
	HAPROXY_COLUMNS
};
enum { HAPROXY_PROXIES_MAX = 150 }; /* of one side; more are left out */

struct haproxy_proxy {
	char *name;                     /* clean text */
	double values[HAPROXY_COLUMNS]; /* NaN: empty or no number */
};

struct haproxy_stat {
	GPtrArray *frontends, *backends; /* struct haproxy_proxy *, each name once */
	char version[32];                /* of "show info", if that stands before; "" */
};

/* False: there is no such table in it; then `stat` is empty. Both have to be finished. */
MUST_USE bool haproxy_stat_parse(const char *text, size_t length, struct haproxy_stat *stat);
void haproxy_stat_finish(struct haproxy_stat *stat);
