#include "base/text.h"
#include "web/api.h"
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
enum { LIST_MAX = 10000, SELECTORS_MAX = 64 };

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
	jsonout_text(j, "order", attributes_or(a, "graph_order", ""));
	jsonout_text(j, "period", attributes_or(a, "graph_period", "second"));
	jsonout_bool(j, "scale", attributes_flag(a, "graph_scale", true));
	jsonout_text(j, "total", attributes_get(a, "graph_total"));
	jsonout_bool(j, "graph", attributes_flag(a, "graph", true));
	jsonout_int(j, "step", service->step_s);
	view_span(j, view_service_span(web->replica, service));
	jsonout_text(j, "state", replica_level_name(view_service_state(web->replica, service)));
	jsonout_open(j, "fields", '[');
	for (size_t i = 0; i < service_field_count(service); i++) {
		view_field(web->replica, j, service_field(service, i));
	}
	jsonout_close(j);
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

/* -- series by selector: HOST[:SERVICE[:FIELD]], each with * and ?, several by comma -- */

struct selectors {
	char **texts[SELECTORS_MAX]; /* host, service, field */
	size_t count;
};

static void selectors_finish(struct selectors *all)
{
	for (size_t i = 0; i < all->count; i++) {
		g_strfreev(all->texts[i]);
	}
}

static bool selectors_read(const char *text, struct selectors *all, struct error *err)
{
	g_auto(GStrv) parts = g_strsplit(*text ? text : ",", ",", SELECTORS_MAX + 1);
	for (size_t i = 0; parts[i]; i++) {
		char **three = g_strsplit(parts[i], ":", 4);
		guint n = g_strv_length(three);
		if (i == SELECTORS_MAX || n > 3 || !*parts[i]) {
			g_strfreev(three);
			return error_set(err, ERR_CONFIG,
				"match is HOST:SERVICE:FIELD with * and ?, at most %d of them by comma",
				SELECTORS_MAX);
		}
		all->texts[all->count++] = three;
	}
	return true;
}

static bool part_matches(char **three, guint index, const char *name)
{
	for (guint i = 0; i <= index; i++) {
		if (!three[i]) {
			return true;
		}
	}
	return text_glob(three[index], name);
}

static bool selected(const struct selectors *all, const struct field *field)
{
	const struct service *service = field->service;
	for (size_t i = 0; i < all->count; i++) {
		if (part_matches(all->texts[i], 0, service->host_name) &&
			part_matches(all->texts[i], 1, service->name) &&
			part_matches(all->texts[i], 2, field->name)) {
			return true;
		}
	}
	return !all->count;
}

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

/* Returns false when the list is full. */
static bool append_of_service(const struct web *web, struct jsonout *j,
	const struct service *service, const struct selectors *all, int64_t *room)
{
	for (size_t f = 0; f < service_field_count(service); f++) {
		const struct field *field = service_field(service, f);
		if (field->gone || !field->series_id || !selected(all, field)) {
			continue;
		}
		if (!*room) {
			return false;
		}
		--*room;
		append_series(web, j, field);
	}
	return true;
}

static bool append_selected(
	const struct web *web, struct jsonout *j, const struct selectors *all, int64_t room)
{
	const GPtrArray *hosts = catalog_hosts(replica_catalog(web->replica));
	for (guint h = 0; h < hosts->len; h++) {
		const struct host *host = hosts->pdata[h];
		for (guint s = 0; s < host->services->len; s++) {
			if (!append_of_service(web, j, host->services->pdata[s], all, &room)) {
				return false;
			}
		}
	}
	return true;
}

void api_series(struct web *web, struct exchange *x)
{
	const char *match = request_text(&x->request, "match");
	struct selectors all = {.count = 0};
	struct error err = {0};
	int64_t limit = LIST_MAX;
	if ((match && !selectors_read(match, &all, &err)) ||
		!request_int(&x->request, "limit", 1, LIST_MAX, &limit, &err)) {
		reply_error(&x->reply, &err);
	} else {
		struct jsonout j = jsonout_begin(reply_json(&x->reply));
		jsonout_open(&j, NULL, '{');
		jsonout_open(&j, "series", '[');
		bool whole = append_selected(web, &j, &all, limit);
		jsonout_close(&j);
		jsonout_bool(&j, "truncated", !whole);
		jsonout_close(&j);
	}
	selectors_finish(&all);
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
