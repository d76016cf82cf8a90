#include "collector/services/rabbitmq_api.h"

#include <math.h>
#include <string.h>

#include <jansson.h>

#include "base/banned.h"

/*
 * Two questions, one after the other: /api/overview for the number of connections, /api/queues of
 * the virtual host for the rest. Names of graphs are those of Munin's contributions, one field per
 * queue; queues come and go, so graphs are declared each round and change only if the queues did.
 */
static const struct graph_row rabbitmq_rows[RABBITMQ_GRAPHS] = {
	[RABBITMQ_CONNECTIONS] = {.name = "rabbitmq_connections",
		.title = "RabbitMQ connections",
		.args = "--base 1000 -l 0",
		.vlabel = "connections",
		.category = "chat",
		.info = "Clients that hold a connection to RabbitMQ.",
		.fields = (const struct field_row[]){{"connections", "Connections", FIELD_GAUGE, .min = "0",
			.unit = "1"}},
		.field_count = 1},
	[RABBITMQ_CONSUMERS] = {.name = "rabbitmq_consumers",
		.title = "RabbitMQ consumers",
		.args = "--base 1000 -l 0",
		.vlabel = "consumers",
		.category = "chat",
		.info = "Consumers that each queue has."},
	[RABBITMQ_MESSAGES] = {.name = "rabbitmq_messages",
		.title = "RabbitMQ messages",
		.args = "--base 1000 -l 0",
		.vlabel = "queue_size",
		.category = "chat",
		.info = "Messages that lie in each queue."},
	[RABBITMQ_UNACKNOWLEDGED] = {.name = "rabbitmq_messages_unacknowledged",
		.title = "RabbitMQ unacknowledged messages",
		.args = "--base 1000 -l 0",
		.vlabel = "unacknowledged",
		.category = "chat",
		.info = "Messages handed to consumers that did not say yet that they are done."},
	[RABBITMQ_MEMORY] = {.name = "rabbitmq_queue_memory",
		.title = "RabbitMQ memory used by queue",
		.args = "--base 1024 --vertical-label Bytes -l 0",
		.vlabel = "memory",
		.category = "chat",
		.info = "Memory that each queue takes."},
};

static const char *const rabbitmq_what = "management";

/* -- what is told -- */

static double rabbitmq_figure(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	return json_is_number(value) ? json_number_value(value) : NAN;
}

static const char *rabbitmq_name(const json_t *queue)
{
	return json_string_value(json_object_get(queue, "name"));
}

static int rabbitmq_compare(const void *a, const void *b)
{
	return strcmp(
		rabbitmq_name(*(const json_t *const *)a), rabbitmq_name(*(const json_t *const *)b));
}

/* Those with a name that can be shown, sorted by it; part of `root`. */
static GPtrArray *rabbitmq_sorted(const json_t *root)
{
	GPtrArray *sorted = g_ptr_array_new();
	for (size_t i = 0; i < json_array_size(root); i++) {
		json_t *one = json_array_get(root, i);
		const char *name = rabbitmq_name(one);
		if (name && *name && strlen(name) <= RABBITMQ_NAME_MAX &&
			!g_str_has_prefix(name, "amq.gen-")) { /* of a moment, such as our own */
			g_ptr_array_add(sorted, one);
		}
	}
	g_ptr_array_sort(sorted, rabbitmq_compare);
	return sorted;
}

GArray *rabbitmq_queues_parse(const char *text, size_t length, struct error *err)
{
	json_t *root = json_loadb(text, length, 0, NULL);
	if (!json_is_array(root)) {
		json_decref(root);
		(void)error_set(err, ERR_PROTOCOL, "the answer is no list of queues");
		return NULL;
	}
	GPtrArray *sorted = rabbitmq_sorted(root);
	GArray *queues = g_array_new(FALSE, TRUE, sizeof(struct rabbitmq_queue));
	for (guint i = 0; i < sorted->len && i < RABBITMQ_QUEUES_MAX; i++) {
		const json_t *one = sorted->pdata[i];
		struct rabbitmq_queue queue = {.consumers = rabbitmq_figure(one, "consumers"),
			.memory_bytes = rabbitmq_figure(one, "memory"),
			.messages = rabbitmq_figure(one, "messages"),
			.unacknowledged = rabbitmq_figure(one, "messages_unacknowledged")};
		g_strlcpy(queue.name, rabbitmq_name(one), sizeof(queue.name));
		g_array_append_val(queues, queue);
	}
	g_ptr_array_unref(sorted);
	json_decref(root);
	return queues;
}

double rabbitmq_connections_parse(const char *text, size_t length)
{
	json_t *root = json_loadb(text, length, 0, NULL);
	double count = rabbitmq_figure(json_object_get(root, "object_totals"), "connections");
	json_decref(root);
	return count;
}

/* -- graphs -- */

static double rabbitmq_value(const struct rabbitmq_queue *queue, enum rabbitmq_graph graph)
{
	switch (graph) {
	case RABBITMQ_CONSUMERS: return queue->consumers;
	case RABBITMQ_MESSAGES: return queue->messages;
	case RABBITMQ_UNACKNOWLEDGED: return queue->unacknowledged;
	case RABBITMQ_MEMORY: return queue->memory_bytes;
	default: return NAN;
	}
}

static void rabbitmq_fill(struct rabbitmq_api *api, enum rabbitmq_graph graph, const GArray *queues)
{
	struct service *service = probe_graph_begin(api->probe, &rabbitmq_rows[graph], NULL);
	char field[IDENT_FIELD_MAX + 1];
	for (guint i = 0; i < queues->len; i++) {
		const struct rabbitmq_queue *queue = &g_array_index(queues, struct rabbitmq_queue, i);
		if (ident_clean_field(queue->name, field)) {
			const struct field_row row = {field, queue->name, FIELD_GAUGE, .min = "0",
				.unit = graph == RABBITMQ_MEMORY ? "B" : "1"};
			(void)graph_field(service, &row);
		}
	}
	api->feeds[graph] = probe_graph_declare(api->probe, service);
	for (guint i = 0; i < queues->len; i++) {
		const struct rabbitmq_queue *queue = &g_array_index(queues, struct rabbitmq_queue, i);
		if (ident_clean_field(queue->name, field)) {
			probe_value(api->feeds[graph], field, rabbitmq_value(queue, graph));
		}
	}
}

/* -- asking -- */

void rabbitmq_api_init(struct rabbitmq_api *api, struct probe *probe)
{
	*api = (struct rabbitmq_api){.probe = probe};
}

void rabbitmq_api_cancel(struct rabbitmq_api *api)
{
	if (api->transfer) {
		httpclient_cancel(api->transfer);
		api->transfer = NULL;
	}
}

void rabbitmq_api_finish(struct rabbitmq_api *api)
{
	rabbitmq_api_cancel(api);
}

static bool rabbitmq_api_take(
	struct rabbitmq_api *api, const struct httpclient_result *result, struct error *err)
{
	if (result->error.kind != ERR_NONE) {
		*err = result->error;
		return false;
	}
	if (result->status != 200) {
		return error_set(err, ERR_PROTOCOL, "status %ld", result->status);
	}
	if (result->truncated) {
		return error_set(err, ERR_PROTOCOL, "the answer is too long");
	}
	if (!api->queues) {
		struct feed **feed = &api->feeds[RABBITMQ_CONNECTIONS];
		*feed = *feed ? *feed : probe_graph(api->probe, &rabbitmq_rows[RABBITMQ_CONNECTIONS]);
		probe_value(*feed, "connections", rabbitmq_connections_parse(result->body, result->length));
		return true;
	}
	GArray *queues = rabbitmq_queues_parse(result->body, result->length, err);
	if (!queues) {
		return false;
	}
	for (int graph = RABBITMQ_CONSUMERS; graph < RABBITMQ_GRAPHS; graph++) {
		rabbitmq_fill(api, graph, queues);
	}
	g_array_unref(queues);
	return true;
}

static bool rabbitmq_api_send(struct rabbitmq_api *api, bool queues);

static void rabbitmq_api_done(void *owner, const struct httpclient_result *result)
{
	struct rabbitmq_api *api = owner;
	struct probe *probe = api->probe;
	struct error err = {.kind = ERR_NONE};
	api->transfer = NULL;
	if (!rabbitmq_api_take(api, result, &err)) {
		probe_complain(probe, rabbitmq_what, "%s: %s", probe->settings->status, err.text);
	} else if (!api->queues && rabbitmq_api_send(api, true)) {
		return;
	} else if (api->queues) {
		probe_content(probe, rabbitmq_what);
	}
	probe_succeed(probe);
}

static char *rabbitmq_login(const struct probe *probe)
{
	const char *user = probe->settings->user ? probe->settings->user : "guest";
	const char *password = probe->password ? probe->password : "guest";
	char *plain = g_strdup_printf("%s:%s", user, password);
	char *coded = g_base64_encode((const guchar *)plain, strlen(plain));
	char *header = g_strdup_printf("Authorization: Basic %s", coded);
	explicit_bzero(plain, strlen(plain));
	g_free(plain);
	g_free(coded);
	return header;
}

static char *rabbitmq_url(const struct probe *probe, bool queues)
{
	const char *scheme = strstr(probe->settings->status, "://") ? "" : "http://";
	const char *vhost = probe->settings->vhost ? probe->settings->vhost : "/";
	char *escaped = g_uri_escape_string(vhost, NULL, FALSE);
	char *path = queues ? g_strdup_printf("/api/queues/%s?columns=name,consumers,memory,messages,"
										  "messages_unacknowledged",
							  escaped)
						: g_strdup("/api/overview?columns=object_totals.connections");
	char *url = g_strconcat(scheme, probe->settings->status, path, NULL);
	g_free(escaped);
	g_free(path);
	return url;
}

/* False: it could not be begun, which is told as complaint. */
static bool rabbitmq_api_send(struct rabbitmq_api *api, bool queues)
{
	struct probe *probe = api->probe;
	struct error err = {.kind = ERR_NONE};
	char *url = rabbitmq_url(probe, queues);
	char *login = rabbitmq_login(probe);
	const char *const headers[] = {login, NULL};
	const struct httpclient_request request = {.url = url,
		.headers = headers,
		.response_max = RABBITMQ_ANSWER_MAX,
		.timeout_ms = MAX(100, target_left_ms(probe->target) / 2)};
	api->queues = queues;
	api->transfer =
		httpclient_start(probe->target->world->http, &request, rabbitmq_api_done, api, &err);
	if (!api->transfer) {
		probe_complain(probe, rabbitmq_what, "%s: %s", probe->settings->status, err.text);
	}
	explicit_bzero(login, strlen(login));
	g_free(login);
	g_free(url);
	return api->transfer;
}

bool rabbitmq_api_ask(struct rabbitmq_api *api)
{
	const struct probe *probe = api->probe;
	return probe->settings->metrics && probe->settings->status && probe->target->world->http &&
		   rabbitmq_api_send(api, false);
}
