#include "base/attr.h"
#include "model/message.h"
#include "web/api.h"
#include "web/archive.h"
#include "web/jsonout.h"
#include "web/replica.h"
#include "web/server.h"
#include "web/stream.h"
#include "web/view.h"
#include "web/web.h"

#include <string.h>

#include "base/banned.h"

/*
 * What the program says about itself: alive, ready, its roles, its numbers.
 */
void api_healthz(struct web *web UNUSED, struct exchange *x)
{
	struct jsonout j = jsonout_begin(reply_json(&x->reply));
	jsonout_open(&j, NULL, '{');
	jsonout_text(&j, "status", "ok");
	jsonout_close(&j);
	x->reply.etag = false;
	x->reply.cache = NULL;
}

void api_readyz(struct web *web, struct exchange *x)
{
	if (!replica_complete(web->replica)) {
		reply_problem(&x->reply, 503, "the engine has not told its state yet");
	} else if (replica_stale(web->replica, NULL)) {
		reply_problem(&x->reply, 503, "the engine is away");
	} else if (!archive_connected(web->archive)) {
		reply_problem(&x->reply, 503, "the archive is away");
	} else {
		api_healthz(web, x);
	}
}

/* Since the oldest role runs: a restart of one does not begin anew. */
static int64_t uptime_s(const struct web *web, struct wall now)
{
	int64_t since_ms = web->started_at.ms;
	for (size_t i = 0; i < web->role_count; i++) {
		if (web->roles[i].running && web->roles[i].since.ms < since_ms) {
			since_ms = web->roles[i].since.ms;
		}
	}
	return (now.ms - since_ms) / 1000;
}

static void append_roles(const struct web *web, struct jsonout *j, struct wall now)
{
	jsonout_open(j, "roles", '[');
	for (size_t i = 0; i < web->role_count; i++) {
		const struct role_status *role = &web->roles[i];
		jsonout_open(j, NULL, '{');
		jsonout_text(j, "name", role_name(role->role));
		jsonout_int(j, "instance", role->instance);
		jsonout_bool(j, "running", role->running);
		jsonout_int(j, "pid", role->pid);
		jsonout_int(j, "restarts", role->restarts);
		jsonout_int(j, "uptime_s", role->running ? (now.ms - role->since.ms) / 1000 : 0);
		jsonout_close(j);
	}
	jsonout_close(j);
}

static void append_status(const struct web *web, struct jsonout *j, struct wall now)
{
	const struct replica_status *status = replica_status(web->replica);
	int64_t since_ms = 0;
	jsonout_text(j, "version", MAGPIE_VERSION);
	jsonout_int(j, "uptime_s", uptime_s(web, now));
	jsonout_int(j, "now_ms", now.ms);
	jsonout_int(j, "hosts", replica_hosts(web->replica)->len);
	jsonout_int(j, "series", (int64_t)catalog_series_count(replica_catalog(web->replica)));
	jsonout_number(j, "samples_per_s", status->samples_per_s);
	jsonout_int(j, "samples", (int64_t)status->samples);
	jsonout_bool(j, "stale", replica_stale(web->replica, &since_ms));
	jsonout_moment(j, "stale_since", since_ms);
	jsonout_text(j, "rules_error", *status->complaint ? status->complaint : NULL);
	jsonout_moment(j, "rules_loaded", status->rules_loaded_ms);
	append_roles(web, j, now);
}

void api_status(struct web *web, struct exchange *x)
{
	const GPtrArray *events = replica_events(web->replica);
	struct jsonout j = jsonout_begin(reply_json(&x->reply));
	jsonout_open(&j, NULL, '{');
	append_status(web, &j, x->request.now);
	jsonout_open(&j, "events", '[');
	for (guint i = 0; i < events->len; i++) {
		view_event(&j, NULL, events->pdata[i]);
	}
	jsonout_close(&j);
	jsonout_close(&j);
}

void api_status_event(void *owner, GString *out)
{
	struct jsonout j = jsonout_begin(out);
	jsonout_open(&j, NULL, '{');
	append_status(owner, &j, wall_now());
	jsonout_close(&j);
}

/* -- Prometheus text format 0.0.4 -- */

static void metric(GString *out, const char *name, const char *type, double value)
{
	char text[G_ASCII_DTOSTR_BUF_SIZE];
	g_ascii_dtostr(text, sizeof(text), value);
	g_string_append_printf(out, "# TYPE magpie_%s %s\nmagpie_%s %s\n", name, type, name, text);
}

/* "NAME.3": that of the writer 3. They come in the order of their names. */
static bool append_of_writer(GString *out, const char *name, double value)
{
	char text[G_ASCII_DTOSTR_BUF_SIZE];
	const char *dot = strrchr(name, '.');
	if (!dot || !g_ascii_isdigit(dot[1]) ||
		strspn(name, "abcdefghijklmnopqrstuvwxyz_") != (size_t)(dot - name)) {
		return false;
	}
	g_autofree char *plain = g_strndup(name, (gsize)(dot - name));
	if (!strcmp(dot, ".0")) {
		g_string_append_printf(out, "# TYPE magpie_%s %s\n", plain,
			g_str_has_suffix(plain, "_total") ? "counter" : "gauge");
	}
	g_string_append_printf(out, "magpie_%s{writer=\"%s\"} %s\n", plain, dot + 1,
		g_ascii_dtostr(text, sizeof(text), value));
	return true;
}

/* The engine's names are plain ([A-Za-z0-9_.-]); those of Prometheus have no dot and no dash. */
static void append_statistic(void *owner, const char *name, double value)
{
	if (append_of_writer(owner, name, value)) {
		return;
	}
	g_autofree char *clean = g_strdup(name);
	g_strdelimit(clean, ".-", '_');
	metric(owner, clean, g_str_has_suffix(clean, "_total") ? "counter" : "gauge", value);
}

static void append_web_metrics(const struct web *web, GString *out)
{
	const struct server_counters *server = server_count(web->server);
	const struct gate_counters *gate = server_gate_count(web->server);
	const struct archive_counters *archive = archive_count(web->archive);
	g_string_append(out, "# TYPE magpie_web_requests_total counter\n");
	for (unsigned i = 1; i < G_N_ELEMENTS(server->by_class); i++) {
		g_string_append_printf(out, "magpie_web_requests_total{class=\"%uxx\"} %llu\n", i,
			(unsigned long long)server->by_class[i]);
	}
	metric(out, "web_connections", "gauge", gate->open);
	metric(out, "web_accepted_total", "counter", (double)gate->accepted);
	metric(out, "web_refused_total", "counter", (double)gate->refused);
	metric(out, "web_late_total", "counter", (double)gate->late);
	metric(out, "web_crowded_total", "counter", (double)gate->crowded);
	metric(out, "web_stream_clients", "gauge", (double)stream_clients(web->stream));
	metric(out, "web_archive_pending", "gauge", archive->pending);
	metric(out, "web_archive_fetches_total", "counter", (double)archive->fetches);
	metric(out, "web_archive_graphs_total", "counter", (double)archive->graphs);
	metric(out, "web_archive_late_total", "counter", (double)archive->late);
}

static void append_roles_metrics(const struct web *web, GString *out)
{
	g_string_append(out, "# TYPE magpie_role_up gauge\n");
	for (size_t i = 0; i < web->role_count; i++) {
		g_string_append_printf(out, "magpie_role_up{role=\"%s\",instance=\"%u\"} %d\n",
			role_name(web->roles[i].role), web->roles[i].instance, web->roles[i].running);
	}
	g_string_append(out, "# TYPE magpie_role_restarts_total counter\n");
	for (size_t i = 0; i < web->role_count; i++) {
		g_string_append_printf(out, "magpie_role_restarts_total{role=\"%s\",instance=\"%u\"} %u\n",
			role_name(web->roles[i].role), web->roles[i].instance, web->roles[i].restarts);
	}
}

static void append_alert_metrics(const struct web *web, GString *out)
{
	unsigned counts[LEVEL_COUNT] = {0};
	const GPtrArray *alerts = replica_alerts(web->replica);
	for (guint i = 0; i < alerts->len; i++) {
		const struct replica_alert *a = alerts->pdata[i];
		counts[a->level] += a->state != ALERT_PENDING;
	}
	g_string_append(out, "# TYPE magpie_alerts gauge\n");
	for (unsigned level = LEVEL_NOTICE; level < LEVEL_COUNT; level++) {
		g_string_append_printf(
			out, "magpie_alerts{level=\"%s\"} %u\n", replica_level_name(level), counts[level]);
	}
}

void api_metrics(struct web *web, struct exchange *x)
{
	GString *out = reply_text(&x->reply, 200, "text/plain; version=0.0.4; charset=utf-8");
	metric(out, "stale", "gauge", replica_stale(web->replica, NULL));
	metric(out, "hosts", "gauge", replica_hosts(web->replica)->len);
	metric(out, "series", "gauge", (double)catalog_series_count(replica_catalog(web->replica)));
	metric(out, "uptime_seconds", "gauge", (double)uptime_s(web, x->request.now));
	append_alert_metrics(web, out);
	append_roles_metrics(web, out);
	append_web_metrics(web, out);
	replica_each_statistic(web->replica, append_statistic, out);
}
