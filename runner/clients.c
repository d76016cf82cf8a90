/*
 * Frames to jobs and back. A result that a collector's queue does not take is dropped: the round
 * that waits for it there ends at its own deadline, and the next one orders anew.
 */
#include "runner/clients.h"

#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/partner.h"

#include "base/banned.h"

enum { QUEUE_MAX = 16 << 20 };

struct clients {
	struct role *role;
	struct pool *pool;
	struct frame_writer *writer;
	GHashTable *by_instance; /* unsigned -> struct client *, owned */
};

struct client {
	struct clients *clients;
	struct partner *channel;
	GHashTable *wanted; /* uint64_t run -> struct wanted *, owned */
};

/* A job somebody waits for. */
struct wanted {
	struct client *client;
	uint64_t run;
	struct job *job;
};

static void client_tell(struct client *client, uint64_t run, const struct job_result *result)
{
	struct frame_writer *w = client->clients->writer;
	bool started = result->error.kind == ERR_NONE;
	const char *output = started ? result->output : result->error.text;
	size_t length = started ? result->length : strlen(output);
	message_start(w, MESSAGE_EXECUTED);
	frame_put_u64(w, run);
	frame_put_u8(w, started);
	frame_put_u32(w, started ? (uint32_t)result->exit_code : (uint32_t)result->error.kind);
	frame_put_u8(w, (uint8_t)result->signal);
	frame_put_u8(w, (uint8_t)result->ended);
	frame_put_u8(w, result->truncated);
	frame_put_u32(w, result->took_ms);
	frame_put_text(w, result->errors);
	frame_put_bytes(w, output, length);
	struct error err = {.kind = ERR_NONE};
	if (!partner_send_fd(client->channel, w, result->fd, &err)) {
		log_warn("runner.result_dropped", "run=%llu error=\"%s\"", (unsigned long long)run,
			log_safe(err.text));
	}
}

static void wanted_done(void *owner, const struct job_result *result)
{
	struct wanted *wanted = owner;
	AUTO_FD fd UNUSED = result->fd; /* its copy travels */
	client_tell(wanted->client, wanted->run, result);
	g_hash_table_remove(wanted->client->wanted, &wanted->run);
}

static void client_execute(struct client *client, uint64_t run, const struct order *order)
{
	if (g_hash_table_contains(client->wanted, &run)) {
		return;
	}
	struct error err = {.kind = ERR_NONE};
	struct wanted *wanted = g_new0(struct wanted, 1);
	wanted->client = client;
	wanted->run = run;
	g_hash_table_insert(client->wanted, &wanted->run, wanted);
	wanted->job = pool_start(client->clients->pool, order, wanted_done, wanted, &err);
	if (!wanted->job) {
		struct job_result result = {.error = err, .output = "", .errors = (char[]){""}, .fd = -1};
		wanted_done(wanted, &result);
	}
}

static void client_cancel(struct client *client, uint64_t run)
{
	struct wanted *wanted = g_hash_table_lookup(client->wanted, &run);
	if (wanted) {
		pool_cancel(client->clients->pool, wanted->job);
		g_hash_table_remove(client->wanted, &run);
	}
}

static void client_frame(void *owner, const struct frame *frame, int received)
{
	struct client *client = owner;
	AUTO_FD fd UNUSED = received;
	struct frame_reader r = frame_read(frame);
	uint64_t run = frame_get_u64(&r);
	if (frame->type == MESSAGE_EXECUTE_CANCEL) {
		client_cancel(client, run);
		return;
	}
	uint8_t what = frame_get_u8(&r);
	g_autofree char *host = frame_get_text(&r);
	g_autofree char *name = frame_get_text(&r);
	uint32_t timeout_ms = frame_get_u32(&r);
	if (!frame_read_done(&r) || what > EXECUTE_TRANSPORT || frame->type != MESSAGE_EXECUTE) {
		log_error("runner.order", "error=\"an EXECUTE frame is not as promised\"");
		return;
	}
	client_execute(client, run,
		&(struct order){.what = what, .host = host, .name = name, .timeout_ms = timeout_ms});
}

/* Nobody waits any more for what it ordered. */
static void client_gone(void *owner)
{
	struct client *client = owner;
	GHashTableIter iter;
	gpointer wanted;
	g_hash_table_iter_init(&iter, client->wanted);
	while (g_hash_table_iter_next(&iter, NULL, &wanted)) {
		pool_cancel(client->clients->pool, ((struct wanted *)wanted)->job);
		g_hash_table_iter_remove(&iter);
	}
}

static void client_free(void *p)
{
	struct client *client = p;
	client_gone(client);
	partner_destroy(client->channel);
	g_hash_table_destroy(client->wanted);
	g_free(client);
}

struct clients *clients_create(struct role *role, struct pool *pool)
{
	struct clients *clients = g_new0(struct clients, 1);
	clients->role = role;
	clients->pool = pool;
	clients->writer = g_new0(struct frame_writer, 1);
	clients->by_instance = g_hash_table_new_full(NULL, NULL, NULL, client_free);
	return clients;
}

void clients_destroy(struct clients *clients)
{
	if (clients) {
		g_hash_table_destroy(clients->by_instance);
		g_free(clients->writer);
		g_free(clients);
	}
}

void clients_join(struct clients *clients, unsigned instance, int fd)
{
	static const struct partner_handlers handlers = {.frame = client_frame, .gone = client_gone};
	const struct partner_options options = {
		.table = &message_table, .id = ROLE_COLLECTOR, .queue_max = QUEUE_MAX};
	struct client *client = g_hash_table_lookup(clients->by_instance, GUINT_TO_POINTER(instance));
	if (!client) {
		client = g_new0(struct client, 1);
		client->clients = clients;
		client->wanted = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
		client->channel = partner_create(clients->role, &options, &handlers, client);
		g_hash_table_insert(clients->by_instance, GUINT_TO_POINTER(instance), client);
	}
	partner_join(client->channel, fd);
}
