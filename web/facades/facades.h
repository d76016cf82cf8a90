#pragma once
#include "web/api.h"
#include "web/server.h"
#include "web/web.h"

/*
 * Interfaces of other programs, so that what reads those reads Magpie: Graphite's and part of
 * Prometheus'. They may be asked by GET, or by POST with a form; parameters that mean nothing here
 * are known and ignored.
 */
#define GRAPHITE_RENDER_PARAMETERS                                                                 \
	"target from until format maxDataPoints width height title tz noCache cacheTimeout local "     \
	"_salt"
#define GRAPHITE_FIND_PARAMETERS                                                                   \
	"query format from until wildcards local tz _salt leavesOnly groupByExpr"

void api_graphite_render(struct web *web, struct exchange *x);
void api_graphite_find(struct web *web, struct exchange *x);
void api_graphite_expand(struct web *web, struct exchange *x);
void api_graphite_index(struct web *web, struct exchange *x);
void api_graphite_version(struct web *web, struct exchange *x);
void api_graphite_nothing(struct web *web, struct exchange *x);   /* [] */
void api_graphite_functions(struct web *web, struct exchange *x); /* {} */

#define PROM_QUERY_PARAMETERS "query time start end step timeout limit stats dedup partial_response"
#define PROM_NAMES_PARAMETERS "match[] start end limit metric type limit_per_metric state"

void api_prom_query(struct web *web, struct exchange *x);
void api_prom_query_range(struct web *web, struct exchange *x);
void api_prom_labels(struct web *web, struct exchange *x);
void api_prom_label_values(struct web *web, struct exchange *x);
void api_prom_series(struct web *web, struct exchange *x);
void api_prom_metadata(struct web *web, struct exchange *x);
void api_prom_buildinfo(struct web *web, struct exchange *x);
void api_prom_rules(struct web *web, struct exchange *x);
void api_prom_alerts(struct web *web, struct exchange *x);
void api_export_prometheus(struct web *web, struct exchange *x);

/* Reads the form of a POST and checks all names; false: the reply says what is wrong. */
MUST_USE bool facade_read(struct exchange *x, const char *parameters);
