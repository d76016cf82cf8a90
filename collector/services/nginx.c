#include "collector/services/nginx_text.h"
#include "collector/services/web_page.h"

#include "base/banned.h"

/*
 * nginx: a page of it, then stub_status.
 */
struct nginx {
	struct web_page web;
	struct feed *requests, *connections;
};

static const struct field_row nginx_request_fields[] = {
	{"request", "requests", FIELD_DERIVE, .min = "0", .draw = "LINE", .unit = "/s"},
};
static const struct graph_row nginx_request = {
	.name = "nginx_request",
	.title = "Nginx requests",
	.args = "--base 1000",
	.vlabel = "Requests per ${graph_period}",
	.category = "nginx",
	.info = "Requests that clients made, whatever the answer was.",
	.fields = nginx_request_fields,
	.field_count = ARRAY_LENGTH(nginx_request_fields),
};

static const struct field_row nginx_status_fields[] = {
	{"total", "Active connections", FIELD_GAUGE, .draw = "LINE",
		.info = "All open connections, idle ones too"},
	{"reading", "Reading", FIELD_GAUGE, .draw = "LINE", .info = "A request is coming in"},
	{"writing", "Writing", FIELD_GAUGE, .draw = "LINE", .info = "An answer is being made or sent"},
	{"waiting", "Waiting", FIELD_GAUGE, .draw = "LINE", .info = "Kept open for another request"},
};
static const struct graph_row nginx_status_graph = {
	.name = "nginx_status",
	.title = "Nginx status",
	.args = "--base 1000",
	.vlabel = "Connections",
	.category = "nginx",
	.info = "What nginx does with the connections of its clients.",
	.fields = nginx_status_fields,
	.field_count = ARRAY_LENGTH(nginx_status_fields),
};

static bool nginx_figures(struct probe *probe, const char *text, size_t length)
{
	struct nginx *nginx = probe->state;
	struct nginx_status status;
	if (!nginx_status_parse(text, length, &status)) {
		return false;
	}
	if (!nginx->requests) {
		nginx->requests = probe_graph(probe, &nginx_request);
		nginx->connections = probe_graph(probe, &nginx_status_graph);
	}
	probe_value(nginx->requests, "request", status.requests);
	probe_value(nginx->connections, "total", status.active);
	probe_value(nginx->connections, "reading", status.reading);
	probe_value(nginx->connections, "writing", status.writing);
	probe_value(nginx->connections, "waiting", status.waiting);
	return true;
}

static const char *const nginx_places[] = {
	"/nginx_status", "/stub_status", "/basic_status", "/nginx-status", NULL};

static const struct web_status nginx_pages = {
	.name = "stub_status", .places = nginx_places, .body_max = 16 << 10, .figures = nginx_figures};

static void nginx_start(struct probe *probe)
{
	struct nginx *nginx = probe->state;
	nginx->web.what = &nginx_pages;
}

const struct probe_kind probe_nginx = {.name = "nginx",
	.port = 80,
	.state_size = sizeof(struct nginx),
	.start = nginx_start,
	.begin = web_begin,
	.open = web_open,
	.data = web_data,
	.closed = web_closed,
	.stop = web_stop,
	.ports = (const uint16_t[]){443, 8080, 8443, 8000, 0},
	.processes = (const char *const[]){"nginx", NULL}};
