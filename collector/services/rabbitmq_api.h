#pragma once
#include "base/httpclient.h"
#include "collector/services/probe.h"

#include <glib.h>

/*
 * Figures of a RabbitMQ's queues and connections from its management plugin, over HTTP: the part of
 * its probe that makes graphs.
 */
enum { RABBITMQ_QUEUES_MAX = 500, RABBITMQ_NAME_MAX = 255, RABBITMQ_ANSWER_MAX = 4 << 20 };

/* One queue; figures that are not told are NaN. */
struct rabbitmq_queue {
	char name[RABBITMQ_NAME_MAX + 1];
	double consumers, memory_bytes, messages, unacknowledged;
};

/* Reads the answer to /api/queues: struct rabbitmq_queue each, sorted by name; of more than
 * RABBITMQ_QUEUES_MAX the first by name, whatever their order in the answer. NULL (PROTOCOL): it is
 * none. The caller frees it (g_array_unref). */
MUST_USE GArray *rabbitmq_queues_parse(const char *text, size_t length, struct error *err);

/* Reads the answer to /api/overview: the number of connections; NaN: not told. */
double rabbitmq_connections_parse(const char *text, size_t length);

enum rabbitmq_graph {
	RABBITMQ_CONNECTIONS,
	RABBITMQ_CONSUMERS,
	RABBITMQ_MESSAGES,
	RABBITMQ_UNACKNOWLEDGED,
	RABBITMQ_MEMORY,
	RABBITMQ_GRAPHS
};

struct rabbitmq_api {
	struct probe *probe;
	struct httpclient_transfer *transfer; /* NULL: none under way */
	bool queues;                          /* asked for those, else for the overview */
	struct feed *feeds[RABBITMQ_GRAPHS];
};

void rabbitmq_api_init(struct rabbitmq_api *api, struct probe *probe);
void rabbitmq_api_finish(struct rabbitmq_api *api);

/* Begins to ask; the probe succeeds when all is told or failed. False: there is nothing to be
 * asked.
 */
MUST_USE bool rabbitmq_api_ask(struct rabbitmq_api *api);
void rabbitmq_api_cancel(struct rabbitmq_api *api);
