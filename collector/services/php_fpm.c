#include "base/text.h"
#include "collector/services/address.h"
#include "collector/services/fastcgi.h"
#include "collector/services/http_probe.h"
#include "collector/services/php_fpm_text.h"

#include <string.h>

#include "base/banned.h"

/*
 * PHP-FPM: its ping page (`path`), which takes a worker, so a pool without a free one is found
 * ("query: no answer"); then its status page (`status`: a path, or the address of a listener of its
 * own). Where nobody configured a ping page, any answer of a worker will do, also that there is no
 * such page.
 */
enum { PHP_FPM_SEARCH_EVERY = 60, PHP_FPM_INPUT_MAX = 72 << 10 };

struct php_fpm {
	struct fastcgi answer;
	struct feed *status, *process, *queues, *requests;
	struct service_address listener; /* of the status page; all empty: the pool's own */
	size_t tried;                    /* of the usual places */
	bool found, asking;              /* the place tried last is it; the status page is under way */
};

static const char *const php_fpm_places[] = {"/status", "/fpm-status", "/php-fpm-status", NULL};

static const struct field_row php_fpm_status_fields[] = {
	{"active", "Active processes", FIELD_GAUGE, .draw = "AREA", .info = "At work for somebody"},
	{"idle", "Idle processes", FIELD_GAUGE, .draw = "STACK", .info = "Waiting for work"},
	{"total", "Total processes", FIELD_GAUGE, .draw = "LINE2", .info = "Both together"},
};
static const struct graph_row php_fpm_status = {
	.name = "php_fpm_status",
	.title = "php-fpm status",
	.args = "--base 1000 -l 0",
	.vlabel = "Processes",
	.category = "webserver",
	.info = "What the processes of the pool do.",
	.fields = php_fpm_status_fields,
	.field_count = ARRAY_LENGTH(php_fpm_status_fields),
};

static const struct field_row php_fpm_process_fields[] = {
	{"active", "Active processes", FIELD_GAUGE, .draw = "AREA", .info = "At work for somebody"},
	{"idle", "Idle processes", FIELD_GAUGE, .draw = "STACK", .info = "Waiting for work"},
	{"total", "Total processes", FIELD_GAUGE, .draw = "LINE2", .info = "Both together"},
	{"max", "Max processes", FIELD_GAUGE, .draw = "LINE",
		.info = "The most that were active at once since the start"},
};
static const struct graph_row php_fpm_process = {
	.name = "php_fpm_process_process",
	.title = "php-fpm processes",
	.args = "--base 1000 -l 0",
	.vlabel = "Processes",
	.category = "appserver",
	.info = "What the processes of the pool do, and the most that ever were at work.",
	.fields = php_fpm_process_fields,
	.field_count = ARRAY_LENGTH(php_fpm_process_fields),
};

static const struct field_row php_fpm_queues_fields[] = {
	{"listen", "Listen queue", FIELD_GAUGE, .draw = "LINE",
		.info = "Requests that wait for a process"},
	{"max", "Max listen queue", FIELD_GAUGE, .draw = "LINE",
		.info = "The most that ever waited since the start"},
	{"len", "Queue len", FIELD_GAUGE, .draw = "LINE", .info = "How many can wait"},
};
static const struct graph_row php_fpm_queues = {
	.name = "php_fpm_process_queues",
	.title = "php-fpm queues",
	.args = "--base 1000 -l 0",
	.vlabel = "Queue",
	.category = "appserver",
	.info = "Requests that wait because no process of the pool is free.",
	.fields = php_fpm_queues_fields,
	.field_count = ARRAY_LENGTH(php_fpm_queues_fields),
};

static const struct field_row php_fpm_requests_fields[] = {
	{"connections", "Connections", FIELD_DERIVE, .min = "0", .draw = "LINE", .unit = "/s",
		.info = "Requests taken"},
	{"slow", "Slow requests", FIELD_DERIVE, .min = "0", .draw = "LINE", .unit = "/s",
		.info = "Requests that took longer than the pool's limit for its slow log"},
};
static const struct graph_row php_fpm_requests = {
	.name = "php_fpm_process_requests",
	.title = "php-fpm requests",
	.args = "--base 1000 -l 0",
	.vlabel = "Requests",
	.category = "appserver",
	.info = "How many requests the pool takes, and how many of them are slow.",
	.fields = php_fpm_requests_fields,
	.field_count = ARRAY_LENGTH(php_fpm_requests_fields),
};

static void php_fpm_begin(struct probe *probe)
{
	struct php_fpm *fpm = probe->state;
	const struct config_service *settings = probe->settings;
	struct error err = {0};
	struct http_place place;
	fpm->asking = false;
	if (!fpm->found && probe->round % PHP_FPM_SEARCH_EVERY == 0) {
		fpm->tried = 0;
	}
	if (settings->path && !http_place_of_status(probe, settings->path, &place)) {
		return;
	}
	if (settings->status && settings->status[0] != '/' &&
		!service_address_parse(settings->status, &fpm->listener, &err)) {
		probe_misconfigured(probe, "status: %s", err.text);
	}
}

/* The page asked for now; NULL: none more. */
static const char *php_fpm_path(const struct probe *probe)
{
	const struct php_fpm *fpm = probe->state;
	const struct config_service *settings = probe->settings;
	if (!fpm->asking) {
		return settings->path ? settings->path : "/ping";
	}
	if (settings->status) {
		return settings->status[0] == '/' ? settings->status : php_fpm_places[0];
	}
	return php_fpm_places[fpm->tried];
}

static void php_fpm_open(struct probe *probe)
{
	struct php_fpm *fpm = probe->state;
	probe_reach(probe, PROBE_QUERY);
	if (fpm->asking) {
		stream_deadline(probe->stream, MAX(1, target_left_ms(probe->target) / 2));
	}
	fastcgi_begin(&fpm->answer);
	GString *request = fastcgi_request(php_fpm_path(probe));
	stream_send(probe->stream, request->str, request->len);
	g_string_free(request, TRUE);
}

static void php_fpm_declare(struct probe *probe)
{
	struct php_fpm *fpm = probe->state;
	if (!fpm->status) {
		fpm->status = probe_graph(probe, &php_fpm_status);
		fpm->process = probe_graph(probe, &php_fpm_process);
		fpm->queues = probe_graph(probe, &php_fpm_queues);
		fpm->requests = probe_graph(probe, &php_fpm_requests);
	}
}

static void php_fpm_fill(struct probe *probe, const struct php_fpm_status *s)
{
	struct php_fpm *fpm = probe->state;
	php_fpm_declare(probe);
	probe_value(fpm->status, "active", s->active);
	probe_value(fpm->status, "idle", s->idle);
	probe_value(fpm->status, "total", s->total);
	probe_value(fpm->process, "active", s->active);
	probe_value(fpm->process, "idle", s->idle);
	probe_value(fpm->process, "total", s->total);
	probe_value(fpm->process, "max", s->active_max);
	probe_value(fpm->queues, "listen", s->queue);
	probe_value(fpm->queues, "max", s->queue_max);
	probe_value(fpm->queues, "len", s->queue_length);
	probe_value(fpm->requests, "connections", s->accepted);
	probe_value(fpm->requests, "slow", s->slow);
}

static void php_fpm_figures(struct probe *probe)
{
	struct php_fpm *fpm = probe->state;
	struct php_fpm_status status;
	int code = 0;
	const char *page;
	size_t length;
	bool good = fpm->answer.state == FASTCGI_DONE &&
				fastcgi_page(&fpm->answer, &code, &page, &length) && code == 200 &&
				php_fpm_status_parse(page, length, &status);
	if (good) {
		php_fpm_fill(probe, &status);
	}
	if (probe->settings->status && good) {
		probe_content(probe, "status");
	} else if (probe->settings->status) {
		probe_complain(probe, "status", "%s answers %d, not with the status of the pool",
			php_fpm_path(probe), code);
	} else {
		fpm->found = good;
		fpm->tried += !good;
	}
	probe_succeed(probe);
}

static void php_fpm_ask_status(struct probe *probe)
{
	struct php_fpm *fpm = probe->state;
	fpm->asking = true;
	if (!probe->settings->metrics || !php_fpm_path(probe)) {
		probe_succeed(probe);
		return;
	}
	const struct service_address *at = &fpm->listener;
	const struct stream_target own = {.host = at->host,
		.port = at->port ? at->port : probe->kind->port,
		.path = at->path[0] ? at->path : NULL,
		.anywhere = true};
	probe_connect(probe, at->host[0] || at->path[0] ? &own : NULL);
}

static void php_fpm_ping(struct probe *probe)
{
	static const char *const refusals[] = {"", "takes one request at a time",
		"is overloaded (FastCGI)", "refuses to respond (FastCGI: unknown role)"};
	struct php_fpm *fpm = probe->state;
	const struct fastcgi *answer = &fpm->answer;
	int code;
	const char *page;
	size_t length;
	if (answer->state == FASTCGI_BROKEN) {
		probe_fail(probe, "%s", answer->broken);
	} else if (answer->refused) {
		probe_fail(probe, "%s", refusals[MIN(answer->refused, ARRAY_LENGTH(refusals) - 1)]);
	} else if (!fastcgi_page(answer, &code, &page, &length)) {
		probe_fail(probe, "the answer has no page");
	} else if (code >= 500) {
		probe_fail(probe, "answers %d", code);
	} else if (probe->settings->path && code != 200) {
		probe_fail(probe, "answers %d to %s", code, probe->settings->path);
	} else {
		php_fpm_ask_status(probe);
	}
}

static void php_fpm_step(struct probe *probe)
{
	struct php_fpm *fpm = probe->state;
	if (fpm->answer.state == FASTCGI_MORE) {
		return;
	}
	if (fpm->asking) {
		php_fpm_figures(probe);
	} else {
		php_fpm_ping(probe);
	}
}

static void php_fpm_data(struct probe *probe)
{
	struct php_fpm *fpm = probe->state;
	size_t length;
	const char *bytes = stream_peek(probe->stream, &length);
	stream_take(probe->stream, fastcgi_feed(&fpm->answer, (const uint8_t *)bytes, length));
	php_fpm_step(probe);
}

/* What ails a status page on a listener of its own is not the pool's fault. */
static bool php_fpm_failed(struct probe *probe, const struct error *why)
{
	const struct php_fpm *fpm = probe->state;
	if (!fpm->asking || (!fpm->listener.host[0] && !fpm->listener.path[0])) {
		return false;
	}
	probe_complain(probe, "status", "%s", why->text);
	probe_succeed(probe);
	return true;
}

static bool php_fpm_closed(struct probe *probe)
{
	struct error why = {0};
	(void)error_set(&why, ERR_PROTOCOL, "the status listener closed the connection");
	return php_fpm_failed(probe, &why);
}

static void php_fpm_stop(struct probe *probe)
{
	struct php_fpm *fpm = probe->state;
	fastcgi_finish(&fpm->answer);
}

const struct probe_kind probe_php_fpm = {.name = "php_fpm",
	.port = 9000,
	.state_size = sizeof(struct php_fpm),
	.input_max = PHP_FPM_INPUT_MAX,
	.begin = php_fpm_begin,
	.open = php_fpm_open,
	.data = php_fpm_data,
	.closed = php_fpm_closed,
	.failed = php_fpm_failed,
	.stop = php_fpm_stop,
	.processes = (const char *const[]){"php-fpm*", NULL},
	.sockets = (const char *const[]){"*php*", NULL},
	.each_listener = true};
