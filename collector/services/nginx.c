#include "collector/services/http_probe.h"
#include "collector/services/nginx_text.h"

#include "base/banned.h"

/*
 * nginx: a page of it, then stub_status if it is there. A server error is told with its status, at
 * the stage "query": nginx itself runs, what it should serve does not. Where stub_status is, the
 * setting `status` says; without it the usual places are tried in the first round and now and then
 * later, one per round.
 */
enum { NGINX_BODY_MAX = 16 << 10, NGINX_SEARCH_EVERY = 30 };

static const char *const nginx_places[] = {
	"/nginx_status", "/stub_status", "/basic_status", "/nginx-status"};

struct nginx {
	struct http_text http;
	struct http_place place; /* of the page under way */
	struct feed *requests, *connections;
	size_t tried; /* of the usual places */
	int found;    /* which of them it is, plus 1; 0: none yet */
	bool status;  /* the status page is under way */
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

static void nginx_begin(struct probe *probe)
{
	struct nginx *nginx = probe->state;
	nginx->status = false;
	if (probe->round % NGINX_SEARCH_EVERY == 0) {
		nginx->tried = 0;
	}
	(void)!http_place_of_page(probe, &nginx->place);
}

static void nginx_open(struct probe *probe)
{
	struct nginx *nginx = probe->state;
	probe_reach(probe, PROBE_QUERY);
	http_get(probe, &nginx->http, &nginx->place, NGINX_BODY_MAX);
}

/* Where stub_status is to be asked now; NULL: nowhere. */
static const char *nginx_where(const struct probe *probe)
{
	const struct nginx *nginx = probe->state;
	if (!probe->settings->metrics) {
		return NULL;
	}
	if (probe->settings->status) {
		return probe->settings->status;
	}
	if (nginx->found) {
		return nginx_places[nginx->found - 1];
	}
	return nginx->tried < ARRAY_LENGTH(nginx_places) ? nginx_places[nginx->tried] : NULL;
}

static void nginx_page(struct probe *probe)
{
	struct nginx *nginx = probe->state;
	if (!http_judge(probe, &nginx->http)) {
		return;
	}
	probe_version(probe, "%s", nginx->http.server);
	const char *where = nginx_where(probe);
	if (!where) {
		probe_succeed(probe);
		return;
	}
	nginx->status = true;
	if (!http_place_of_status(probe, where, &nginx->place)) {
		return;
	}
	if (nginx->http.keep) {
		nginx_open(probe);
	} else {
		probe_connect(probe, NULL);
	}
}

static void nginx_fill(struct probe *probe, const struct nginx_status *status)
{
	struct nginx *nginx = probe->state;
	if (!nginx->requests) {
		nginx->requests = probe_graph(probe, &nginx_request);
		nginx->connections = probe_graph(probe, &nginx_status_graph);
	}
	probe_value(nginx->requests, "request", status->requests);
	probe_value(nginx->connections, "total", status->active);
	probe_value(nginx->connections, "reading", status->reading);
	probe_value(nginx->connections, "writing", status->writing);
	probe_value(nginx->connections, "waiting", status->waiting);
}

static void nginx_figures(struct probe *probe)
{
	struct nginx *nginx = probe->state;
	struct nginx_status status;
	const struct http_text *http = &nginx->http;
	bool good = http->state == HTTP_TEXT_DONE && http->status == 200 &&
				nginx_status_parse(http->body->str, http->body->len, &status);
	if (good) {
		nginx_fill(probe, &status);
		probe_content(probe, "stub_status");
		if (!probe->settings->status && !nginx->found) {
			nginx->found = (int)nginx->tried + 1;
		}
	} else if (probe->settings->status) {
		probe_complain(probe, "stub_status", "%s answers %d, not with stub_status",
			nginx->place.path, http->status);
	} else {
		nginx->found = 0;
		nginx->tried++;
	}
	probe_succeed(probe);
}

static void nginx_step(struct probe *probe, enum http_text_state state)
{
	struct nginx *nginx = probe->state;
	if (state == HTTP_TEXT_MORE) {
		return;
	}
	if (nginx->status) {
		nginx_figures(probe);
	} else {
		nginx_page(probe);
	}
}

static void nginx_data(struct probe *probe)
{
	struct nginx *nginx = probe->state;
	nginx_step(probe, http_read(probe, &nginx->http));
}

static bool nginx_closed(struct probe *probe)
{
	struct nginx *nginx = probe->state;
	http_text_end(&nginx->http);
	nginx_step(probe, nginx->http.state);
	return true;
}

static void nginx_stop(struct probe *probe)
{
	struct nginx *nginx = probe->state;
	http_text_finish(&nginx->http);
}

const struct probe_kind probe_nginx = {.name = "nginx",
	.port = 80,
	.state_size = sizeof(struct nginx),
	.begin = nginx_begin,
	.open = nginx_open,
	.data = nginx_data,
	.closed = nginx_closed,
	.stop = nginx_stop,
	.processes = (const char *const[]){"nginx", NULL}};
