#include "collector/services/elasticsearch_text.h"
#include "collector/services/http_probe.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * Elasticsearch and OpenSearch over one connection: the health of the cluster (red fails; yellow is
 * normal on one node), whether it locked an index as the disk is nearly full, the memory of the
 * JVM. Asked for a login that is not configured it is alive.
 */
enum { ELASTICSEARCH_HEALTH_MAX = 64 << 10, ELASTICSEARCH_PAGE_MAX = 1 << 20 };

enum elasticsearch_step { ELASTICSEARCH_HEALTH, ELASTICSEARCH_BLOCKS, ELASTICSEARCH_MEMORY };

struct elasticsearch {
	struct http_text http;
	struct http_place place; /* of its root: virtual host and prefix */
	struct feed *shards, *nodes, *memory;
	enum elasticsearch_step step;
};

static const struct graph_row elasticsearch_shards = {
	.name = "elasticsearch_cluster_shards",
	.title = "elasticsearch cluster shards",
	.vlabel = "shards",
	.category = "elasticsearch",
	.info = "Shards by what is done with them.",
	.no_scale = true,
};
static const struct graph_row elasticsearch_nodes = {
	.name = "elasticsearch_cluster_nodes",
	.title = "elasticsearch cluster nodes",
	.vlabel = "nodes",
	.category = "elasticsearch",
	.info = "Nodes of the cluster.",
	.no_scale = true,
};

static const struct field_row elasticsearch_memory_fields[] = {
	{"heap_max", "heap_max", FIELD_GAUGE, .unit = "B", .info = "How far the heap may grow"},
	{"heap_committed", "heap_committed", FIELD_GAUGE, .unit = "B",
		.info = "Of the heap, taken from the system"},
	{"heap_used", "heap_used", FIELD_GAUGE, .unit = "B", .info = "Of the heap, in use"},
	{"non_heap_committed", "non_heap_committed", FIELD_GAUGE, .unit = "B",
		.info = "Beside the heap, taken from the system"},
	{"non_heap_used", "non_heap_used", FIELD_GAUGE, .unit = "B", .info = "Beside the heap, in use"},
};
static const struct graph_row elasticsearch_memory = {
	.name = "elasticsearch_jvm_memory",
	.title = "Elasticsearch JVM memory usage",
	.args = "--base 1024",
	.vlabel = "Bytes",
	.category = "elasticsearch",
	.info = "Memory of the Java machine.",
	.fields = elasticsearch_memory_fields,
	.field_count = ARRAY_LENGTH(elasticsearch_memory_fields),
};

static const char *const elasticsearch_paths[] = {
	[ELASTICSEARCH_HEALTH] = "/_cluster/health?timeout=3s",
	[ELASTICSEARCH_BLOCKS] = "/_cluster/state/blocks?filter_path=blocks",
	[ELASTICSEARCH_MEMORY] = "/_nodes/_local/stats/jvm?filter_path=nodes.*.jvm.mem",
};

static void elasticsearch_begin(struct probe *probe)
{
	struct elasticsearch *es = probe->state;
	es->step = ELASTICSEARCH_HEALTH;
	(void)!http_place_of_page(probe, &es->place);
}

static void elasticsearch_open(struct probe *probe)
{
	struct elasticsearch *es = probe->state;
	struct http_place place;
	probe_reach(probe, PROBE_QUERY);
	place = es->place;
	size_t prefix = strlen(place.path);
	prefix -= prefix && place.path[prefix - 1] == '/';
	g_snprintf(
		place.path + prefix, sizeof place.path - prefix, "%s", elasticsearch_paths[es->step]);
	http_get(probe, &es->http, &place,
		es->step == ELASTICSEARCH_HEALTH ? ELASTICSEARCH_HEALTH_MAX : ELASTICSEARCH_PAGE_MAX);
}

static void elasticsearch_ask(struct probe *probe, enum elasticsearch_step step)
{
	struct elasticsearch *es = probe->state;
	es->step = step;
	if (es->http.keep) {
		elasticsearch_open(probe);
	} else {
		probe_connect(probe, NULL);
	}
}

/* A graph of the numbers whose name ends with `end`. */
static void elasticsearch_fill(struct probe *probe, struct feed **feed, const struct graph_row *row,
	const char *end, const GArray *values)
{
	if (!*feed) {
		struct service *service = probe_graph_begin(probe, row, NULL);
		for (guint i = 0; i < values->len; i++) {
			const struct elasticsearch_value *v =
				&g_array_index(values, struct elasticsearch_value, i);
			if (g_str_has_suffix(v->name, end)) {
				const struct field_row field = {.name = v->name, .label = v->name};
				(void)graph_field(service, &field);
			}
		}
		*feed = probe_graph_declare(probe, service);
	}
	for (guint i = 0; i < values->len; i++) {
		const struct elasticsearch_value *v = &g_array_index(values, struct elasticsearch_value, i);
		if (g_str_has_suffix(v->name, end)) {
			probe_value(*feed, v->name, v->value);
		}
	}
}

/* Nobody configured a login: that is no fault. Whoever did counts on what it shows: a cluster whose
 * own list of users is on a lost shard lets nobody in. */
static void elasticsearch_refused(struct probe *probe, int status)
{
	if (!probe->settings->user) {
		probe_succeed_but(probe, "alive, but asks for a login (%d)", status);
		return;
	}
	if (status == 403) {
		probe_misconfigured(probe, "the user may not ask for the cluster's health: grant monitor");
		return;
	}
	probe->stage = PROBE_AUTHENTICATE; /* which goes with the question here */
	probe_fail(probe, "refuses user or password (%d)", status);
}

static void elasticsearch_judge_health(struct probe *probe)
{
	struct elasticsearch *es = probe->state;
	struct elasticsearch_health health;
	if (es->http.status == 401 || es->http.status == 403) {
		elasticsearch_refused(probe, es->http.status);
		return;
	}
	bool good = elasticsearch_health_parse(es->http.body->str, es->http.body->len, &health);
	if (good) {
		elasticsearch_fill(probe, &es->shards, &elasticsearch_shards, "_shards", health.values);
		elasticsearch_fill(probe, &es->nodes, &elasticsearch_nodes, "_nodes", health.values);
	}
	bool red = good && !strcmp(health.status, "red");
	elasticsearch_health_finish(&health);
	if (red) {
		probe_fail(probe, "the cluster is red: there are shards that nobody serves");
	} else if (!good) {
		probe_fail(probe, "answers %d, not with the health of a cluster", es->http.status);
	} else {
		probe_reach(probe, PROBE_WRITE);
		elasticsearch_ask(probe, ELASTICSEARCH_BLOCKS);
	}
}

static void elasticsearch_judge_blocks(struct probe *probe)
{
	struct elasticsearch *es = probe->state;
	char *index;
	bool known = es->http.status == 200 &&
				 elasticsearch_blocks_parse(es->http.body->str, es->http.body->len, &index);
	if (known && index) {
		probe_canary(probe, false);
		probe_fail(probe, "index %s was made read-only, as the disk is nearly full", index);
		g_free(index);
		return;
	}
	if (known) {
		probe_canary(probe, true);
	}
	if (probe->settings->metrics) {
		elasticsearch_ask(probe, ELASTICSEARCH_MEMORY);
	} else {
		probe_succeed(probe);
	}
}

static void elasticsearch_judge_memory(struct probe *probe)
{
	struct elasticsearch *es = probe->state;
	struct elasticsearch_memory m;
	if (es->http.state == HTTP_TEXT_DONE && es->http.status == 200 &&
		elasticsearch_memory_parse(es->http.body->str, es->http.body->len, &m)) {
		if (!es->memory) {
			es->memory = probe_graph(probe, &elasticsearch_memory);
		}
		probe_value(es->memory, "heap_max", m.heap_max);
		probe_value(es->memory, "heap_committed", m.heap_committed);
		probe_value(es->memory, "heap_used", m.heap_used);
		probe_value(es->memory, "non_heap_committed", m.non_heap_committed);
		probe_value(es->memory, "non_heap_used", m.non_heap_used);
		probe_content(probe, "jvm");
	} else {
		probe_complain(
			probe, "jvm", "answers %d, not with the memory of its Java machine", es->http.status);
	}
	probe_succeed(probe);
}

static void elasticsearch_step(struct probe *probe)
{
	struct elasticsearch *es = probe->state;
	if (es->http.state == HTTP_TEXT_MORE ||
		(es->step != ELASTICSEARCH_MEMORY && !http_judge(probe, &es->http))) {
		return;
	}
	if (es->step == ELASTICSEARCH_HEALTH) {
		elasticsearch_judge_health(probe);
	} else if (es->step == ELASTICSEARCH_BLOCKS) {
		elasticsearch_judge_blocks(probe);
	} else {
		elasticsearch_judge_memory(probe);
	}
}

static void elasticsearch_data(struct probe *probe)
{
	struct elasticsearch *es = probe->state;
	(void)http_read(probe, &es->http);
	elasticsearch_step(probe);
}

static bool elasticsearch_closed(struct probe *probe)
{
	struct elasticsearch *es = probe->state;
	http_text_end(&es->http);
	elasticsearch_step(probe);
	return true;
}

static void elasticsearch_stop(struct probe *probe)
{
	struct elasticsearch *es = probe->state;
	http_text_finish(&es->http);
}

const struct probe_kind probe_elasticsearch = {.name = "elasticsearch",
	.port = 9200,
	.state_size = sizeof(struct elasticsearch),
	.begin = elasticsearch_begin,
	.open = elasticsearch_open,
	.data = elasticsearch_data,
	.closed = elasticsearch_closed,
	.stop = elasticsearch_stop,
	.processes = (const char *const[]){"java", NULL}};
