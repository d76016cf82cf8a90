/*
 * Orders go out with a number of ours, results come back with it. Nobody waits here: the deadline
 * is kept by the runner, and by the round of the source that asked, which cancels.
 *
 * I1: an execution leaves the table before its callback is called, so the callback may start and
 * cancel what it likes.
 */
#include "collector/remote_executor.h"

#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/partner.h"
#include "model/message.h"

#include "base/banned.h"

enum { QUEUE_MAX = 4 << 20 };

struct remote_executor {
	struct executor executor; /* first */
	struct partner *runner;
	struct frame_writer *writer;
	GHashTable *under_way; /* uint64_t -> struct execution *, owned */
	uint64_t last;
};

struct execution {
	struct remote_executor *remote;
	uint64_t run;
	execution_fn done;
	void *owner;
};

static struct execution *remote_start(struct executor *executor,
	const struct execution_request *request, execution_fn done, void *owner, struct error *err)
{
	struct remote_executor *remote = (struct remote_executor *)executor;
	if (!partner_joined(remote->runner)) {
		error_set(err, ERR_UNREACHABLE, "the runner, which executes, is not there at the moment");
		return NULL;
	}
	message_start(remote->writer, MESSAGE_EXECUTE);
	frame_put_u64(remote->writer, ++remote->last);
	frame_put_u8(remote->writer, (uint8_t)request->what);
	frame_put_text(remote->writer, request->host);
	frame_put_text(remote->writer, request->name);
	frame_put_u32(remote->writer, request->timeout_ms);
	if (!partner_send(remote->runner, remote->writer, err)) {
		error_prefix(err, "the runner, which executes");
		return NULL;
	}
	struct execution *execution = g_new0(struct execution, 1);
	execution->remote = remote;
	execution->run = remote->last;
	execution->done = done;
	execution->owner = owner;
	g_hash_table_insert(remote->under_way, &execution->run, execution);
	return execution;
}

static void remote_cancel(struct execution *execution)
{
	struct remote_executor *remote = execution->remote;
	message_start(remote->writer, MESSAGE_EXECUTE_CANCEL);
	frame_put_u64(remote->writer, execution->run);
	(void)partner_send(remote->runner, remote->writer, NULL); /* else its deadline ends it */
	g_hash_table_remove(remote->under_way, &execution->run);
}

/* See I1. False: nobody waits for that run. */
static bool remote_tell(
	struct remote_executor *remote, uint64_t run, const struct execution_result *result)
{
	struct execution *execution = g_hash_table_lookup(remote->under_way, &run);
	if (!execution) {
		return false;
	}
	g_hash_table_steal(remote->under_way, &run);
	execution->done(execution->owner, result);
	g_free(execution);
	return true;
}

static void remote_frame(void *owner, const struct frame *frame, int received)
{
	struct remote_executor *remote = owner;
	AUTO_FD fd = received;
	if (frame->type != MESSAGE_EXECUTED) {
		return;
	}
	struct frame_reader r = frame_read(frame);
	uint64_t run = frame_get_u64(&r);
	bool started = frame_get_u8(&r);
	uint32_t code = frame_get_u32(&r);
	struct execution_result result = {.signal = frame_get_u8(&r)};
	uint8_t ended = frame_get_u8(&r);
	result.truncated = frame_get_u8(&r);
	result.took_ms = frame_get_u32(&r);
	g_autofree char *errors = frame_get_text(&r);
	result.length = frame_left(&r);
	const unsigned char *bytes = frame_get_bytes(&r, result.length);
	g_autofree char *output = g_malloc0(result.length + 1);
	memcpy(output, bytes, bytes ? result.length : 0);
	if (!frame_read_done(&r) || result.length > EXECUTION_OUTPUT_MAX) {
		log_error("executor.frame", "error=\"an EXECUTED frame is not as promised\"");
		return;
	}
	if (!started) {
		bool known = code > ERR_NONE && code <= ERR_STORAGE;
		error_set(&result.error, known ? (enum error_kind)code : ERR_STORAGE, "%s", output);
	}
	result.exit_code = started ? (int)code : 0;
	result.timed_out = ended == EXECUTED_TIMED_OUT;
	result.too_many = ended == EXECUTED_TOO_MANY;
	result.output = output;
	result.errors = errors;
	result.fd = fd;
	if (remote_tell(remote, run, &result)) {
		fd = -1; /* the callee's */
	}
}

/* The runner is gone with all it ran. */
static void remote_gone(void *owner)
{
	struct remote_executor *remote = owner;
	struct execution_result result = {.output = "", .errors = "", .fd = -1};
	error_set(&result.error, ERR_UNREACHABLE, "the runner, which executes, ended meanwhile");
	guint count = 0;
	g_autofree uint64_t *runs = NULL;
	GHashTableIter iter;
	gpointer key;
	runs = g_new(uint64_t, g_hash_table_size(remote->under_way) + 1);
	g_hash_table_iter_init(&iter, remote->under_way);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		runs[count++] = *(uint64_t *)key;
	}
	for (guint i = 0; i < count; i++) {
		remote_tell(remote, runs[i], &result);
	}
}

struct executor *remote_executor_create(struct role *role)
{
	static const struct executor_kind kind = {.start = remote_start, .cancel = remote_cancel};
	static const struct partner_handlers handlers = {.frame = remote_frame, .gone = remote_gone};
	const struct partner_options options = {
		.table = &message_table, .id = ROLE_RUNNER, .queue_max = QUEUE_MAX, .needed = true};
	struct remote_executor *remote = g_new0(struct remote_executor, 1);
	remote->executor.kind = &kind;
	remote->writer = g_new0(struct frame_writer, 1);
	remote->under_way = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
	remote->runner = partner_create(role, &options, &handlers, remote);
	return &remote->executor;
}

void remote_executor_destroy(struct executor *executor)
{
	struct remote_executor *remote = (struct remote_executor *)executor;
	if (remote) {
		partner_destroy(remote->runner);
		g_hash_table_destroy(remote->under_way);
		g_free(remote->writer);
		g_free(remote);
	}
}

void remote_executor_connect(struct executor *executor, int fd)
{
	partner_join(((struct remote_executor *)executor)->runner, fd);
}
