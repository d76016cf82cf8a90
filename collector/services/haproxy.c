#include "base/text.h"
#include "collector/services/address.h"
#include "collector/services/haproxy_graph.h"
#include "collector/services/http_probe.h"

#include <string.h>

#include "base/banned.h"

/*
 * HAProxy in two ways. Over its stats socket (the address is a Unix socket): "show stat" is the
 * exchange, for it is the worker itself that answers. Over HTTP: a page through a frontend, then
 * the table, from where `status` says: a stats socket, or the path of the stats page.
 */
enum { HAPROXY_BODY_MAX = 1 << 20, HAPROXY_INPUT_MAX = 64 << 10, HAPROXY_PAGE_MAX = 16 << 10 };

struct haproxy {
	struct http_text http;
	struct http_place place;
	struct haproxy_graphs graphs;
	struct service_address socket; /* of `status`; empty: none */
	GString *table;                /* what came over the stats socket */
	enum haproxy_step { HAPROXY_PAGE, HAPROXY_SOCKET, HAPROXY_STATS_PAGE } step;
	bool by_socket; /* the address is the stats socket */
};

static void haproxy_start(struct probe *probe)
{
	struct haproxy *haproxy = probe->state;
	haproxy->table = g_string_new(NULL);
	haproxy->by_socket = !probe_port(probe);
}

static void haproxy_begin(struct probe *probe)
{
	struct haproxy *haproxy = probe->state;
	const char *status = probe->settings->status;
	struct error err = {0};
	haproxy->step = haproxy->by_socket ? HAPROXY_SOCKET : HAPROXY_PAGE;
	g_string_truncate(haproxy->table, 0);
	if (status && g_str_has_prefix(status, "unix:") &&
		!service_address_parse(status, &haproxy->socket, &err)) {
		probe_misconfigured(probe, "status: %s", err.text);
		return;
	}
	(void)!http_place_of_page(probe, &haproxy->place);
}

static void haproxy_open(struct probe *probe)
{
	struct haproxy *haproxy = probe->state;
	probe_reach(probe, PROBE_QUERY);
	if (haproxy->step == HAPROXY_SOCKET) {
		stream_send_text(probe->stream, "show info;show stat\n");
		return;
	}
	http_get(probe, &haproxy->http, &haproxy->place,
		haproxy->step == HAPROXY_PAGE ? HAPROXY_PAGE_MAX : HAPROXY_BODY_MAX);
}

/* The table is whole. Where it is the exchange itself, a bad one is a failure. */
static void haproxy_judge_table(struct probe *probe, const char *text, size_t length)
{
	struct haproxy *haproxy = probe->state;
	struct haproxy_stat stat;
	bool good = haproxy_stat_parse(text, length, &stat);
	if (good) {
		if (probe->settings->metrics) {
			haproxy_graphs_fill(&haproxy->graphs, probe, &stat);
		}
		if (stat.version[0]) {
			probe_version(probe, "HAProxy %s", stat.version);
		}
		probe_content(probe, "stats");
	}
	haproxy_stat_finish(&stat);
	if (!good && haproxy->by_socket) {
		probe_fail(probe, "the stats socket does not answer with the table");
		return;
	}
	if (!good) {
		probe_complain(probe, "stats", "%s gives no table of HAProxy", probe->settings->status);
	}
	probe_succeed(probe);
}

static void haproxy_judge_page(struct probe *probe)
{
	struct haproxy *haproxy = probe->state;
	const char *status = probe->settings->status;
	if (!http_judge(probe, &haproxy->http)) {
		return;
	}
	if (!status || !probe->settings->metrics) {
		probe_succeed(probe);
		return;
	}
	if (haproxy->socket.path[0]) {
		const struct stream_target at = {.path = haproxy->socket.path};
		haproxy->step = HAPROXY_SOCKET;
		probe_connect(probe, &at);
		return;
	}
	haproxy->step = HAPROXY_STATS_PAGE;
	if (!http_place_of_status(probe, status, &haproxy->place)) {
		return;
	}
	if (haproxy->http.keep) {
		haproxy_open(probe);
	} else {
		probe_connect(probe, NULL);
	}
}

static void haproxy_step(struct probe *probe)
{
	struct haproxy *haproxy = probe->state;
	if (haproxy->http.state == HTTP_TEXT_MORE) {
		return;
	}
	if (haproxy->step == HAPROXY_PAGE) {
		haproxy_judge_page(probe);
	} else {
		haproxy_judge_table(probe, haproxy->http.body->str, haproxy->http.body->len);
	}
}

static void haproxy_data(struct probe *probe)
{
	struct haproxy *haproxy = probe->state;
	if (haproxy->step != HAPROXY_SOCKET) {
		(void)http_read(probe, &haproxy->http);
		haproxy_step(probe);
		return;
	}
	size_t length;
	const char *bytes = stream_peek(probe->stream, &length);
	g_string_append_len(
		haproxy->table, bytes, (gssize)MIN(length, HAPROXY_BODY_MAX - haproxy->table->len));
	stream_take(probe->stream, length);
	if (haproxy->table->len >= HAPROXY_BODY_MAX) {
		haproxy_judge_table(probe, haproxy->table->str, haproxy->table->len);
	}
}

static bool haproxy_closed(struct probe *probe)
{
	struct haproxy *haproxy = probe->state;
	if (haproxy->step == HAPROXY_SOCKET) {
		haproxy_judge_table(probe, haproxy->table->str, haproxy->table->len);
		return true;
	}
	http_text_end(&haproxy->http);
	haproxy_step(probe);
	return true;
}

/* A page came through, only the stats socket fails. */
static bool haproxy_failed(struct probe *probe, const struct error *why)
{
	const struct haproxy *haproxy = probe->state;
	if (haproxy->by_socket || haproxy->step != HAPROXY_SOCKET || why->kind == ERR_TIMEOUT) {
		return false;
	}
	probe_complain(probe, "stats", "%s", why->text);
	probe_succeed(probe);
	return true;
}

static void haproxy_stop(struct probe *probe)
{
	struct haproxy *haproxy = probe->state;
	http_text_finish(&haproxy->http);
	haproxy_graphs_finish(&haproxy->graphs);
	g_string_free(haproxy->table, TRUE);
}

const struct probe_kind probe_haproxy = {.name = "haproxy",
	.port = 80,
	.state_size = sizeof(struct haproxy),
	.input_max = HAPROXY_INPUT_MAX,
	.start = haproxy_start,
	.begin = haproxy_begin,
	.open = haproxy_open,
	.data = haproxy_data,
	.closed = haproxy_closed,
	.failed = haproxy_failed,
	.stop = haproxy_stop,
	.processes = (const char *const[]){"haproxy", NULL},
	.sockets = (const char *const[]){
		"!*master*", "/run/haproxy/*", "/var/run/haproxy/*", "*haproxy*", NULL}};
