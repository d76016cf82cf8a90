#include "web/api.h"
#include "web/choice.h"
#include "web/jsonout.h"
#include "web/replica.h"
#include "web/server.h"
#include "web/stream.h"
#include "web/view.h"
#include "web/web.h"

#include <string.h>

#include "base/banned.h"

/*
 * What is known now, from the replica alone: wall, hosts, series, alerts, sources, and the stream
 * of their changes.
 */
enum { LIST_MAX = 10000 };

static void append_totals(const struct web *web, struct jsonout *j)
{
	const GPtrArray *hosts = catalog_hosts(replica_catalog(web->replica));
	const struct replica_status *status = replica_status(web->replica);
	int64_t services = 0;
	for (guint i = 0; i < hosts->len; i++) {
		services += ((const struct host *)hosts->pdata[i])->services->len;
	}
	jsonout_open(j, "totals", '{');
	jsonout_int(j, "hosts", replica_hosts(web->replica)->len);
	jsonout_int(j, "services", services);
	jsonout_int(j, "series", (int64_t)catalog_series_count(replica_catalog(web->replica)));
	jsonout_number(j, "samples_per_s", status->samples_per_s);
	jsonout_close(j);
}

void api_wall(struct web *web, struct exchange *x)
{
	const GPtrArray *categories = view_categories(web->view);
	const GPtrArray *hosts = replica_hosts(web->replica);
	struct jsonout j = jsonout_begin(reply_json(&x->reply));
	jsonout_open(&j, NULL, '{');
	jsonout_moment(&j, "now", x->request.now.ms);
	jsonout_bool(&j, "stale", replica_stale(web->replica, NULL));
	jsonout_open(&j, "categories", '[');
	for (guint i = 0; i < categories->len; i++) {
		jsonout_text(&j, NULL, categories->pdata[i]);
	}
	jsonout_close(&j);
	append_totals(web, &j);
	jsonout_open(&j, "hosts", '[');
	for (guint i = 0; i < hosts->len; i++) {
		if (view_host_left(hosts->pdata[i], x->request.now)) {
			continue;
		}
		jsonout_open(&j, NULL, '{');
		view_host_members(web->view, &j, hosts->pdata[i], x->request.now, true);
		jsonout_close(&j);
	}
	jsonout_close(&j);
	jsonout_close(&j);
}

/* Of a host: when the first of its series began to exist. */
static void append_first_seen(const struct web *web, struct jsonout *j, const struct host *entry)
{
	uint32_t first_s = 0;
	for (guint i = 0; entry && i < entry->services->len; i++) {
		struct replica_span span = view_service_span(web->replica, entry->services->pdata[i]);
		if (span.first_s && (!first_s || span.first_s < first_s)) {
			first_s = span.first_s;
		}
	}
	jsonout_moment(j, "first_seen", (int64_t)first_s * 1000);
}

void api_hosts(struct web *web, struct exchange *x)
{
	const GPtrArray *hosts = replica_hosts(web->replica);
	struct jsonout j = jsonout_begin(reply_json(&x->reply));
	jsonout_open(&j, NULL, '{');
	jsonout_open(&j, "hosts", '[');
	for (guint i = 0; i < hosts->len; i++) {
		const struct replica_host *host = hosts->pdata[i];
		const struct host *entry = catalog_host(replica_catalog(web->replica), host->name);
		jsonout_open(&j, NULL, '{');
		view_host_members(web->view, &j, host, x->request.now, false);
		append_first_seen(web, &j, entry);
		jsonout_int(&j, "services", entry ? entry->services->len : 0);
		jsonout_close(&j);
	}
	jsonout_close(&j);
	jsonout_close(&j);
}

static void append_service(const struct web *web, struct jsonout *j, const struct service *service)
{
	const struct attributes *a = &service->attributes;
	char category[64];
	jsonout_open(j, NULL, '{');
	jsonout_text(j, "service", service->name);
	jsonout_text(j, "title", attributes_or(a, "graph_title", service->name));
	jsonout_text(j, "category", view_category(service, category));
	jsonout_text(j, "vlabel", attributes_or(a, "graph_vlabel", ""));
	jsonout_text(j, "info", attributes_or(a, "graph_info", ""));
	jsonout_text(j, "args", attributes_or(a, "graph_args", ""));
	jsonout_text(j, "period", attributes_or(a, "graph_period", "second"));
	jsonout_bool(j, "scale", attributes_flag(a, "graph_scale", true));
	jsonout_text(j, "total", attributes_get(a, "graph_total"));
	jsonout_bool(j, "graph", attributes_flag(a, "graph", true));
	jsonout_int(j, "step", service->step_s);
	view_span(j, view_service_span(web->replica, service));
	jsonout_text(j, "state", replica_level_name(view_service_state(web->replica, service)));
	view_fields(web->replica, j, service);
	jsonout_close(j);
}

void api_host(struct web *web, struct exchange *x)
{
	const struct replica_host *host = replica_host(web->replica, x->request.variable[0]);
	if (!host) {
		reply_problem(&x->reply, 404, "there is no host \"%.100s\"", x->request.variable[0]);
		return;
	}
	const struct host *entry = catalog_host(replica_catalog(web->replica), host->name);
	struct jsonout j = jsonout_begin(reply_json(&x->reply));
	jsonout_open(&j, NULL, '{');
	view_host_members(web->view, &j, host, x->request.now, false);
	append_first_seen(web, &j, entry);
	jsonout_open(&j, "services", '[');
	for (guint i = 0; entry && i < entry->services->len; i++) {
		append_service(web, &j, entry->services->pdata[i]);
	}
	jsonout_close(&j);
	jsonout_close(&j);
}

/* -- series by selector -- */

static void append_series(const struct web *web, struct jsonout *j, const struct field *field)
{
	char id[IDENT_SERIES_MAX + 1];
	struct sample last;
	jsonout_open(j, NULL, '{');
	jsonout_text(j, "id", field_series_name(field, id));
	jsonout_text(j, "host", field->service->host_name);
	jsonout_text(j, "service", field->service->name);
	jsonout_text(j, "field", field->name);
	jsonout_text(j, "label", field->label);
	jsonout_text(j, "type", field_type_name(field->type));
	jsonout_text(j, "unit", attributes_or(&field->attributes, "unit", ""));
	jsonout_number(j, "min", field->min);
	jsonout_number(j, "max", field->max);
	if (replica_last(web->replica, field->series_id, &last)) {
		jsonout_open(j, "last", '{');
		jsonout_int(j, "t", wall_s(last.at));
		jsonout_number(j, "v", last.value);
		jsonout_close(j);
	} else {
		jsonout_null(j, "last");
	}
	jsonout_close(j);
}

struct listed {
	const struct web *web;
	struct jsonout *j;
	int64_t room;
};

/* False when the list is full. */
static bool list_series(void *owner, const struct field *field)
{
	struct listed *listed = owner;
	if (listed->room) {
		append_series(listed->web, listed->j, field);
	}
	return listed->room-- > 0;
}

void api_series(struct web *web, struct exchange *x)
{
	struct error err = {0};
	int64_t limit = LIST_MAX;
	AUTO(choice)
	all = choice_create(request_text(&x->request, "match"), NULL, &err);
	if (!all || !request_int(&x->request, "limit", 1, LIST_MAX, &limit, &err)) {
		reply_error(&x->reply, &err);
		return;
	}
	struct jsonout j = jsonout_begin(reply_json(&x->reply));
	struct listed listed = {web, &j, limit};
	jsonout_open(&j, NULL, '{');
	jsonout_open(&j, "series", '[');
	bool whole = choice_each(all, replica_catalog(web->replica), list_series, &listed);
	jsonout_close(&j);
	jsonout_bool(&j, "truncated", !whole);
	jsonout_close(&j);
}

void api_alerts(struct web *web, struct exchange *x)
{
	const GPtrArray *alerts = replica_alerts(web->replica);
	struct jsonout j = jsonout_begin(reply_json(&x->reply));
	jsonout_open(&j, NULL, '{');
	jsonout_open(&j, "alerts", '[');
	for (guint i = 0; i < alerts->len; i++) {
		view_alert(web->replica, &j, alerts->pdata[i]);
	}
	jsonout_close(&j);
	jsonout_close(&j);
}

void api_sources(struct web *web, struct exchange *x)
{
	const GPtrArray *sources = replica_sources(web->replica);
	struct jsonout j = jsonout_begin(reply_json(&x->reply));
	jsonout_open(&j, NULL, '{');
	jsonout_moment(&j, "now", x->request.now.ms);
	jsonout_open(&j, "sources", '[');
	for (guint i = 0; i < sources->len; i++) {
		view_source(web->replica, &j, sources->pdata[i]);
	}
	jsonout_close(&j);
	jsonout_close(&j);
}

void api_events(struct web *web, struct exchange *x)
{
	stream_open(web->stream, x);
}
