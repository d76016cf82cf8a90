#pragma once
#include <stdbool.h>

#include <glib.h>

/*
 * The handlers that web/routes.def names; one file per resource. Each fills the exchange's reply,
 * or holds the exchange and answers later.
 */
struct bundle;
struct config;
struct diag_list;
struct error;
struct exchange;
struct request;
struct ruleset;
struct web;

void api_healthz(struct web *web, struct exchange *x);
void api_readyz(struct web *web, struct exchange *x);
void api_metrics(struct web *web, struct exchange *x);
void api_status(struct web *web, struct exchange *x);
void api_wall(struct web *web, struct exchange *x);
void api_hosts(struct web *web, struct exchange *x);
void api_sources(struct web *web, struct exchange *x);
void api_host(struct web *web, struct exchange *x);
void api_series(struct web *web, struct exchange *x);
void api_alerts(struct web *web, struct exchange *x);
void api_data(struct web *web, struct exchange *x);
void api_export(struct web *web, struct exchange *x);
void api_export_parcel(struct web *web, struct exchange *x);
void api_graph(struct web *web, struct exchange *x);
void api_munin(struct web *web, struct exchange *x);
void api_rules(struct web *web, struct exchange *x);
void api_rules_check(struct web *web, struct exchange *x);
void api_events(struct web *web, struct exchange *x);
void api_marks(struct web *web, struct exchange *x);
void api_annotation(struct web *web, struct exchange *x);
void api_annotation_gone(struct web *web, struct exchange *x);
void api_archive_task(struct web *web, struct exchange *x);
void api_archive_tasks(struct web *web, struct exchange *x);
void api_archive_one(struct web *web, struct exchange *x);

/* The page of the browser side, whatever its address; the plain page if that was not built. */
void page_app(struct web *web, struct exchange *x);
void page_asset(struct web *web, struct exchange *x);
void page_plain(struct web *web, struct exchange *x);

/* A page that says what went wrong; `detail` may hold text from outside. */
void page_error(struct web *web, struct exchange *x, unsigned status, const char *detail);

/* The members of /api/v1/status but its events, for the stream; `owner` is the struct web. */
void api_status_event(void *owner, GString *out);

/* The rules of the bundle with the names that the configuration gives them; NULL: errors. */
struct ruleset *api_rules_load(
	const struct config *config, const struct bundle *bundle, struct diag_list *diags);

/* The list for `web->checks`; destroyed after the worker. */
GPtrArray *api_rules_checks(void);

/*
 * The numbers of the series (uint32_t, each once) that a request names by `match`, `group` or
 * `series`. CONFIG, NOT_FOUND: none.
 */
bool api_export_series(
	const struct web *web, const struct request *request, GArray *series, struct error *err);

/* A file's name from what was asked for, of plain characters, without ending (g_malloc). */
char *api_export_name(const struct request *request);
