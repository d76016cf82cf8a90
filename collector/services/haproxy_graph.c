#include "collector/services/haproxy_graph.h"

#include <assert.h>
#include <math.h>

#include "base/banned.h"

/*
 * Fields stand in the order of proxies and, within each, of columns; so values are set by index.
 * Where a field was refused (two names with one digest: it does not happen), the graph is left
 * without values rather than with those of another proxy.
 */
enum haproxy_side { HAPROXY_FRONTEND, HAPROXY_BACKEND };

struct haproxy_field {
	const char *prefix, *label;
	enum haproxy_column column;
	enum field_type type;
	bool hidden, bits;    /* graphed in bits */
	const char *negative; /* prefix of the field below the axis */
};

struct haproxy_graph {
	const char *name, *title, *vlabel, *info;
	enum haproxy_side side;
	bool scale;
	const struct haproxy_field *fields;
	size_t field_count;
};

#define FIELDS(...)                                                                                \
	(const struct haproxy_field[]){__VA_ARGS__},                                                   \
		sizeof((const struct haproxy_field[]){__VA_ARGS__}) / sizeof(struct haproxy_field)

#define SESSIONS                                                                                   \
	FIELDS({"scur", "Current Sessions", HAPROXY_SCUR, FIELD_GAUGE},                                \
		{"slim", "Limit Sessions", HAPROXY_SLIM, FIELD_GAUGE})
#define TOTAL FIELDS({"stot", "Total Sessions", HAPROXY_STOT, FIELD_DERIVE})
#define BYTES                                                                                      \
	FIELDS({"down", "Bytes", HAPROXY_BOUT, FIELD_DERIVE, .hidden = true, .bits = true},            \
		{"up", "Bytes", HAPROXY_BIN, FIELD_DERIVE, .bits = true, .negative = "down"})
#define DENIED                                                                                     \
	FIELDS({"dreq", "Denied Requests", HAPROXY_DREQ, FIELD_DERIVE},                                \
		{"dresp", "Denied Responses", HAPROXY_DRESP, FIELD_DERIVE})
#define RESPONSES                                                                                  \
	FIELDS({"hrsp_1xx", "HTTP 1xx", HAPROXY_1XX, FIELD_DERIVE},                                    \
		{"hrsp_2xx", "HTTP 2xx", HAPROXY_2XX, FIELD_DERIVE},                                       \
		{"hrsp_3xx", "HTTP 3xx", HAPROXY_3XX, FIELD_DERIVE},                                       \
		{"hrsp_4xx", "HTTP 4xx", HAPROXY_4XX, FIELD_DERIVE},                                       \
		{"hrsp_5xx", "HTTP 5xx", HAPROXY_5XX, FIELD_DERIVE},                                       \
		{"hrsp_other", "HTTP other", HAPROXY_OTHER, FIELD_DERIVE})

static const struct haproxy_graph haproxy_graphs[] = {
	{"haproxy_sessions_frontend", "Current sessions FRONTEND", "Sessions",
		"Sessions of clients, and how many there may be.", HAPROXY_FRONTEND, false, SESSIONS},
	{"haproxy_sessions_backend", "Current sessions BACKEND", "Sessions",
		"Sessions that backends have, and how many there may be.", HAPROXY_BACKEND, false,
		SESSIONS},
	{"haproxy_sessions_total_frontend", "Total sessions FRONTEND", "Sessions",
		"New sessions of clients.", HAPROXY_FRONTEND, false, TOTAL},
	{"haproxy_sessions_total_backend", "Total sessions BACKEND", "Sessions",
		"New sessions given to backends.", HAPROXY_BACKEND, false, TOTAL},
	{"haproxy_bytes_frontend", "Bytes FRONTEND", "Bytes in (-) / out (+)",
		"Traffic with clients, in bits.", HAPROXY_FRONTEND, true, BYTES},
	{"haproxy_bytes_backend", "Bytes BACKEND", "Bytes in (-) / out (+)",
		"Traffic with backends, in bits.", HAPROXY_BACKEND, true, BYTES},
	{"haproxy_errors_frontend", "Errors FRONTEND", "Errors", "Requests that were none.",
		HAPROXY_FRONTEND, false, FIELDS({"ereq", "Request Errors", HAPROXY_EREQ, FIELD_DERIVE})},
	{"haproxy_errors_backend", "Errors BACKEND", "Errors",
		"Connections to servers that failed, and answers that broke off.", HAPROXY_BACKEND, false,
		FIELDS({"econ", "Connection Errors", HAPROXY_ECON, FIELD_DERIVE},
			{"eresp", "Response Errors", HAPROXY_ERESP, FIELD_DERIVE})},
	{"haproxy_warnings_backend", "Warnings BACKEND", "Warnings",
		"Connections tried again, and given to another server.", HAPROXY_BACKEND, false,
		FIELDS({"wretr", "Warning Retries", HAPROXY_WRETR, FIELD_DERIVE},
			{"wredis", "Warning Redispatches", HAPROXY_WREDIS, FIELD_DERIVE})},
	{"haproxy_denied_frontend", "Denied Requests / Responses FRONTEND", "Requests and Responses",
		"What rules refused.", HAPROXY_FRONTEND, false, DENIED},
	{"haproxy_queue_backend", "Queued Request BACKEND", "Queued",
		"Requests that wait for a server, and how many may.", HAPROXY_BACKEND, false,
		FIELDS({"qcur", "Current queued request", HAPROXY_QCUR, FIELD_GAUGE},
			{"qlim", "Limit request", HAPROXY_QLIMIT, FIELD_GAUGE})},
	{"haproxy_active_backend", "Active Servers BACKEND", "Servers",
		"Servers that are up, without those kept in reserve.", HAPROXY_BACKEND, false,
		FIELDS({"act", "Active Servers", HAPROXY_ACT, FIELD_GAUGE})},
	{"haproxy_responses_frontend", "HTTP Responses FRONTEND", "Responses",
		"Answers to clients by class of their status.", HAPROXY_FRONTEND, false, RESPONSES},
};
static_assert(ARRAY_LENGTH(haproxy_graphs) == HAPROXY_GRAPHS, "HAPROXY_GRAPHS counts the rows");

static const GPtrArray *haproxy_side(
	const struct haproxy_stat *stat, const struct haproxy_graph *graph)
{
	return graph->side == HAPROXY_FRONTEND ? stat->frontends : stat->backends;
}

static void haproxy_add_field(
	struct service *service, const struct haproxy_field *field, const char *proxy)
{
	char name[64], label[160], negative[64], cdef[80];
	char *line = g_strconcat(proxy, "\n", NULL);
	char *digest = g_compute_checksum_for_string(G_CHECKSUM_MD5, line, -1);
	g_snprintf(name, sizeof name, "%s%s", field->prefix, digest);
	g_snprintf(label, sizeof label, "%s %s", field->label, proxy);
	g_snprintf(negative, sizeof negative, "%s%s", field->negative ? field->negative : "", digest);
	g_snprintf(cdef, sizeof cdef, "%s,8,*", name);
	g_free(line);
	g_free(digest);
	const struct field_row row = {.name = name,
		.label = label,
		.type = field->type,
		.min = "0",
		.negative = field->negative ? negative : NULL,
		.cdef = field->bits ? cdef : NULL,
		.unit = field->bits                   ? "B/s"
				: field->type == FIELD_DERIVE ? "/s"
											  : NULL,
		.hidden = field->hidden};
	(void)graph_field(service, &row);
}

static struct feed *haproxy_declare(
	struct probe *probe, const struct haproxy_graph *graph, const GPtrArray *proxies)
{
	const struct graph_row row = {.name = graph->name,
		.title = graph->title,
		.args = graph->scale ? "--base 1000" : "--base 1000 -l 0",
		.vlabel = graph->vlabel,
		.category = "loadbalancer",
		.info = graph->info,
		.no_scale = !graph->scale};
	struct service *service = probe_graph_begin(probe, &row, NULL);
	for (guint i = 0; i < proxies->len; i++) {
		const struct haproxy_proxy *proxy = proxies->pdata[i];
		for (size_t f = 0; f < graph->field_count; f++) {
			haproxy_add_field(service, &graph->fields[f], proxy->name);
		}
	}
	return probe_graph_declare(probe, service);
}

/* Whether the proxies are others than those of the declarations; then these are noted. */
static bool haproxy_changed(struct haproxy_graphs *graphs, const struct haproxy_stat *stat)
{
	GString *now = g_string_new(NULL);
	const GPtrArray *const sides[] = {stat->frontends, stat->backends};
	for (size_t s = 0; s < ARRAY_LENGTH(sides); s++) {
		for (guint i = 0; i < sides[s]->len; i++) {
			const struct haproxy_proxy *proxy = sides[s]->pdata[i];
			g_string_append_printf(now, "%zu%s\n", s, proxy->name);
		}
	}
	if (graphs->proxies && g_string_equal(now, graphs->proxies)) {
		g_string_free(now, TRUE);
		return false;
	}
	haproxy_graphs_finish(graphs);
	graphs->proxies = now;
	return true;
}

static void haproxy_set(
	struct feed *feed, const struct haproxy_graph *graph, const GPtrArray *proxies)
{
	if (!feed || feed_count(feed) != proxies->len * graph->field_count) {
		return;
	}
	for (guint i = 0; i < proxies->len; i++) {
		const struct haproxy_proxy *proxy = proxies->pdata[i];
		for (size_t f = 0; f < graph->field_count; f++) {
			feed->values[i * graph->field_count + f] = proxy->values[graph->fields[f].column];
		}
		feed->fresh = true;
	}
}

void haproxy_graphs_fill(
	struct haproxy_graphs *graphs, struct probe *probe, const struct haproxy_stat *stat)
{
	bool changed = haproxy_changed(graphs, stat);
	for (size_t g = 0; g < HAPROXY_GRAPHS; g++) {
		const struct haproxy_graph *graph = &haproxy_graphs[g];
		const GPtrArray *proxies = haproxy_side(stat, graph);
		if (changed && (proxies->len || graphs->feeds[g])) {
			graphs->feeds[g] = haproxy_declare(probe, graph, proxies);
		}
		haproxy_set(graphs->feeds[g], graph, proxies);
	}
}

void haproxy_graphs_finish(struct haproxy_graphs *graphs)
{
	if (graphs->proxies) {
		g_string_free(graphs->proxies, TRUE);
		graphs->proxies = NULL;
	}
}
