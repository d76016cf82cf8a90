#include "base/attr.h"
#include "web/api.h"
#include "web/asset.h"
#include "web/html.h"
#include "web/replica.h"
#include "web/server.h"
#include "web/view.h"
#include "web/web.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * Pages that need no script: what went wrong, and the list of problems for any browser there is.
 * They also stand in for the browser side where that was not built.
 */
static const char html_type[] = "text/html; charset=utf-8";

static bool serve_asset(struct exchange *x, const char *path)
{
	const struct asset *asset = asset_find(path);
	if (!asset) {
		return false;
	}
	reply_fixed(&x->reply, asset->type, asset->bytes, asset->length);
	x->reply.gzipped = true;
	x->reply.etag = true;
	x->reply.cache = asset->immutable ? "public, max-age=31536000, immutable" : "no-cache";
	return true;
}

void page_asset(struct web *web, struct exchange *x)
{
	size_t path = strcspn(x->request.target, "?");
	g_autofree char *plain = g_strndup(x->request.target, path);
	if (!serve_asset(x, plain)) {
		page_error(web, x, 404, "there is no such file");
	}
}

void page_app(struct web *web, struct exchange *x)
{
	if (!serve_asset(x, "/")) {
		page_plain(web, x);
	}
}

void page_error(struct web *web UNUSED, struct exchange *x, unsigned status, const char *detail)
{
	char title[64];
	snprintf(title, sizeof(title), "%u %s", status, reply_reason(status));
	struct html h = html_begin(reply_text(&x->reply, status, html_type), title);
	html_element(&h, "h1", title);
	html_element(&h, "p", detail);
	html_open(&h, "p", NULL);
	html_link(&h, "All hosts", "/", "");
	html_text(&h, " · ");
	html_link(&h, "Problems without script", "/", "plain");
	html_close(&h);
	html_end(&h);
}

static void moment_cell(struct html *h, int64_t ms)
{
	char text[32];
	html_element(h, "td", ms ? wall_format((struct wall){ms}, text) : "never");
}

static void alert_row(struct html *h, const struct replica_alert *a)
{
	g_autofree char *what = g_strdup_printf("%s %s", a->service, a->field);
	html_open(h, "tr", "class", replica_level_name(a->level), NULL);
	html_element(h, "td", replica_level_name(a->level));
	html_element(h, "td", replica_state_name(a->state));
	html_open(h, "td", NULL);
	html_link(h, a->host, "/hosts/", a->host);
	html_close(h);
	html_element(h, "td", what);
	html_element(h, "td", *a->summary ? a->summary : a->rule);
	html_element(h, "td", a->value_text);
	html_element(h, "td", a->threshold_text);
	moment_cell(h, a->since_ms);
	html_close(h);
}

static void head_row(struct html *h, const char *const *names)
{
	html_open(h, "thead", NULL);
	html_open(h, "tr", NULL);
	for (size_t i = 0; names[i]; i++) {
		html_open(h, "th", "scope", "col", NULL);
		html_text(h, names[i]);
		html_close(h);
	}
	html_close(h);
	html_close(h);
}

static void problem_table(struct html *h, const struct web *web)
{
	static const char *const names[] = {
		"Level", "State", "Host", "Service", "What", "Value", "Limit", "Since", NULL};
	const GPtrArray *alerts = replica_alerts(web->replica);
	html_element(h, "h1", "Problems");
	if (!alerts->len) {
		html_element(h, "p",
			replica_complete(web->replica) ? "No problems." : "Not known yet: Magpie is starting.");
		return;
	}
	html_open(h, "table", NULL);
	head_row(h, names);
	html_open(h, "tbody", NULL);
	for (guint i = 0; i < alerts->len; i++) {
		alert_row(h, alerts->pdata[i]);
	}
	html_close(h);
	html_close(h);
}

static void host_table(struct html *h, const struct web *web, struct wall now)
{
	static const char *const names[] = {"Host", "Group", "State", "Newest sample", "Error", NULL};
	const GPtrArray *hosts = replica_hosts(web->replica);
	html_element(h, "h1", "Hosts");
	html_open(h, "table", NULL);
	head_row(h, names);
	html_open(h, "tbody", NULL);
	for (guint i = 0; i < hosts->len; i++) {
		const struct replica_host *host = hosts->pdata[i];
		html_open(h, "tr", NULL);
		html_open(h, "td", NULL);
		html_link(h, host->name, "/hosts/", host->name);
		html_close(h);
		html_element(h, "td", host->group);
		html_element(h, "td", replica_level_name(view_host_state(web->replica, host, now)));
		moment_cell(h, host->last_seen_ms);
		html_element(h, "td", host->error);
		html_close(h);
	}
	html_close(h);
	html_close(h);
}

void page_plain(struct web *web, struct exchange *x)
{
	int64_t since_ms = 0;
	char since[32];
	struct html h = html_begin(reply_text(&x->reply, 200, html_type), "Problems – Magpie");
	const char *complaint = replica_status(web->replica)->complaint;
	if (replica_complete(web->replica) && replica_stale(web->replica, &since_ms)) {
		html_open(&h, "p", "class", "critical", NULL);
		html_text(&h, "Old: nothing new from the engine since ");
		html_text(&h, wall_format((struct wall){since_ms}, since));
		html_close(&h);
	}
	if (*complaint) {
		html_element(&h, "p", "A configuration was refused; the one before goes on:");
		html_element(&h, "pre", complaint);
	}
	problem_table(&h, web);
	host_table(&h, web, x->request.now);
	html_end(&h);
}
