/*
 * A job waits, runs, ends. Two kinds of places: checks and plugins, which are short, and ways to
 * nodes, which last as long as a dialogue: neither waits for the other.
 *
 * A way to a node talks through a socket pair whose far end the child has as stdin and stdout. We
 * keep that end too: when the child is dead we say on it why, and when the collector closes its own
 * we see it hang up and end the child.
 *
 * I1: a job is in `waiting`, or in `running` (with a process), never in both; it is freed when it
 * leaves the second. I2: `done` is NULL from the moment on at which nobody is to be told.
 */
#include "runner/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "runner/transport.h"

#include "base/banned.h"

enum {
	GRACE_MS = 400,
	TICK_MS = 200,
	FILE_MAX = 256 << 20,
	LAST_WORDS_MAX = 5,  /* lines of stderr told through the socket */
	LAST_LINE_MAX = 300, /* bytes of each */
};

struct pool {
	struct pool_options options;
	char *state_dir;
	const struct config *config;
	GQueue waiting;     /* struct job *, owned, oldest first */
	GPtrArray *running; /* struct job *, owned */
	size_t transports;  /* of them */
	struct loop_timer *tick;
	bool ticking;
	uint64_t last;
	bool closed;
};

struct job {
	struct pool *pool;
	enum message_execute what;
	char *host, *name;
	struct mono began, deadline;
	job_fn done; /* see I2 */
	void *owner;
	struct spawn *spawn;
	struct loop_timer *told; /* TRANSPORT: tells that it runs */
	int near, far;           /* TRANSPORT: ends of the socket pair; else -1 */
};

static void job_free(void *p)
{
	struct job *job = p;
	AUTO_FD near UNUSED = job->near;
	AUTO_FD far UNUSED = job->far;
	loop_timer_destroy(job->told);
	g_free(job->host);
	g_free(job->name);
	g_free(job);
}

static void job_tell(struct job *job, const struct job_result *result)
{
	job_fn done = STEAL(job->done);
	if (done) {
		done(job->owner, result);
	} else if (result->fd >= 0) {
		close(result->fd);
	}
}

static void job_fail(struct job *job, const struct error *why)
{
	struct job_result result = {.error = *why, .output = "", .errors = (char[]){""}, .fd = -1};
	job_tell(job, &result);
}

/* -- a way to a node -- */

static void job_say(const struct job *job, const char *line, size_t length)
{
	g_autofree char *clean = text_clean(line, length, LAST_LINE_MAX);
	g_autofree char *text = g_strconcat(TRANSPORT_MARK, clean, "\n", NULL);
	ssize_t sent = send(job->far, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)sent; /* the reader is gone or far behind: then it does not matter */
}

/* Why it ended, for whoever still waits for a word from the node. */
static void job_last_words(const struct job *job, const struct spawn_result *result)
{
	char text[80];
	if (!result->started) {
		job_say(job, result->error.text, strlen(result->error.text));
		return;
	}
	const char *at = result->output;
	for (int i = 0; i < LAST_WORDS_MAX && *at; i++) {
		size_t length = strcspn(at, "\r\n");
		job_say(job, at, length);
		at += length;
		at += strspn(at, "\r\n");
	}
	if (result->timed_out || result->too_many || result->signal) {
		snprintf(text, sizeof(text), "%s",
			result->timed_out  ? "ended at its deadline"
			: result->too_many ? "ended: it started too many processes"
							   : "ended by a signal");
		job_say(job, text, strlen(text));
	} else if (result->exit_code) {
		snprintf(text, sizeof(text), "the command ended with code %d", result->exit_code);
		job_say(job, text, strlen(text));
	}
}

static void job_runs(void *owner)
{
	struct job *job = owner;
	struct job_result result = {.output = "", .errors = (char[]){""}, .fd = STEAL_FD(job->near)};
	job_tell(job, &result);
}

static bool job_open_socket(struct job *job, struct error *err)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		return error_errno(err, ERR_STORAGE, errno, "no socket");
	}
	job->near = pair[0];
	job->far = pair[1];
	fcntl(job->near, F_SETFL, O_NONBLOCK);
	return true;
}

/* Nobody listens at the near end any more. */
static bool job_is_deserted(const struct job *job)
{
	struct pollfd end = {.fd = job->far};
	return job->far >= 0 && job->near < 0 && poll(&end, 1, 0) > 0 && (end.revents & POLLHUP);
}

/* -- turns -- */

static void pool_turn(struct pool *pool);

static void pool_tick_later(struct pool *pool)
{
	if (!pool->ticking) {
		pool->ticking = true;
		loop_timer_after(pool->tick, TICK_MS);
	}
}

static void job_ended(void *owner, const struct spawn_result *spawned)
{
	struct job *job = owner;
	struct pool *pool = job->pool;
	if (job->what == EXECUTE_TRANSPORT) {
		job_last_words(job, spawned);
		pool->transports--;
		if (job->done) { /* before it was told that it runs: its words wait in the socket */
			job_runs(job);
		}
	} else {
		struct job_result result = {.exit_code = spawned->exit_code,
			.signal = spawned->signal,
			.ended = spawned->too_many    ? EXECUTED_TOO_MANY
					 : spawned->timed_out ? EXECUTED_TIMED_OUT
										  : EXECUTED_BY_ITSELF,
			.truncated = spawned->truncated,
			.took_ms = (uint32_t)(mono_now().ms - job->began.ms),
			.output = spawned->output,
			.length = spawned->length,
			.fd = -1};
		g_autofree char *errors =
			text_clean_lines(spawned->errors, spawned->errors_length, POOL_ERRORS_MAX);
		result.errors = errors;
		if (!spawned->started) {
			result.error = spawned->error;
		}
		job_tell(job, &result);
	}
	g_ptr_array_remove_fast(pool->running, job);
	pool_turn(pool);
}

static bool job_spawn(struct job *job, struct error *err)
{
	struct pool *pool = job->pool;
	struct order_command command;
	struct order order = {.what = job->what, .host = job->host, .name = job->name};
	g_autofree char *tag =
		g_strdup_printf("MAGPIE_RUN=%d.p%llu", (int)getpid(), (unsigned long long)++pool->last);
	if (!order_prepare(pool->config, &order, pool->state_dir, tag, &command, err)) {
		return false;
	}
	struct spawn_user user = {.uid = command.user.uid,
		.gid = command.user.gid,
		.groups = command.user.groups,
		.group_count = command.user.group_count};
	bool transport = job->what == EXECUTE_TRANSPORT;
	struct spawn_request request = {.program = -1,
		.path = command.path,
		.argv = (const char *const *)command.argv->pdata,
		.environment = (const char *const *)command.environment->pdata,
		.tag = tag,
		.timeout_ms = MAX(job->deadline.ms - mono_now().ms, 1),
		.grace_ms = GRACE_MS,
		.output_max = transport ? POOL_ERRORS_MAX : POOL_OUTPUT_MAX,
		.file_max = FILE_MAX,
		.user = command.change_user ? &user : NULL,
		.errors_apart = !transport,
		.processes_max = POOL_PROCESSES_MAX,
		.leave_nothing = true};
	bool ready = !transport || job_open_socket(job, err);
	request.socket = job->far;
	job->began = mono_now();
	job->spawn = ready ? spawner_start(pool->options.spawner, &request, job_ended, job, err) : NULL;
	order_finish(&command);
	return job->spawn;
}

/* True: it runs; the pool owns it. */
static bool job_run(struct job *job, struct error *err)
{
	struct pool *pool = job->pool;
	if (!job_spawn(job, err)) {
		return false;
	}
	g_ptr_array_add(pool->running, job);
	if (job->what == EXECUTE_TRANSPORT) {
		pool->transports++;
		job->told = loop_timer_create(pool->options.loop, job_runs, job);
		loop_timer_after(job->told, 0);
		pool_tick_later(pool);
	}
	return true;
}

static bool pool_has_room(const struct pool *pool, enum message_execute what)
{
	return what == EXECUTE_TRANSPORT ? pool->transports < POOL_TRANSPORTS_MAX
									 : pool->running->len - pool->transports < POOL_RUNNING_MAX;
}

/* Starts what waits, as far as there is room, oldest first. */
static void pool_turn(struct pool *pool)
{
	for (GList *at = pool->waiting.head, *next; at; at = next) {
		struct job *job = at->data;
		struct error err = {.kind = ERR_NONE};
		next = at->next;
		if (!pool_has_room(pool, job->what)) {
			continue;
		}
		g_queue_delete_link(&pool->waiting, at);
		if (!job_run(job, &err)) {
			job_fail(job, &err);
			job_free(job);
			next = pool->waiting.head; /* the callback may have changed the queue */
		}
	}
}

static void pool_expire(struct pool *pool)
{
	int64_t now = mono_now().ms;
	for (GList *at = pool->waiting.head; at;) {
		struct job *job = at->data;
		if (now < job->deadline.ms) {
			at = at->next;
			continue;
		}
		struct error why;
		error_set(&why, ERR_TIMEOUT, "no turn within its deadline: %u others are running",
			pool->running->len);
		g_queue_delete_link(&pool->waiting, at);
		job_fail(job, &why);
		job_free(job);
		at = pool->waiting.head; /* the callback may have changed the queue */
	}
}

static void pool_on_tick(void *owner)
{
	struct pool *pool = owner;
	pool->ticking = false;
	pool_expire(pool);
	for (size_t i = 0; i < pool->running->len; i++) {
		struct job *job = g_ptr_array_index(pool->running, i);
		if (job_is_deserted(job)) {
			spawn_end(job->spawn);
		}
	}
	if (pool->waiting.length || pool->transports) {
		pool_tick_later(pool);
	}
}

/* -- the pool -- */

struct pool *pool_create(const struct pool_options *options)
{
	struct pool *pool = g_new0(struct pool, 1);
	pool->options = *options;
	pool->state_dir = g_strdup(options->state_dir);
	pool->running = g_ptr_array_new_with_free_func(job_free);
	pool->tick = loop_timer_create(options->loop, pool_on_tick, pool);
	return pool;
}

void pool_destroy(struct pool *pool)
{
	if (!pool) {
		return;
	}
	struct job *job;
	while ((job = g_queue_pop_head(&pool->waiting))) {
		job_free(job);
	}
	g_ptr_array_free(pool->running, TRUE);
	loop_timer_destroy(pool->tick);
	g_free(pool->state_dir);
	g_free(pool);
}

void pool_configure(struct pool *pool, const struct config *config)
{
	pool->config = config;
}

struct job *pool_start(
	struct pool *pool, const struct order *order, job_fn done, void *owner, struct error *err)
{
	if (pool->closed || pool->waiting.length >= POOL_WAITING_MAX) {
		error_set(err, ERR_CONFLICT, "too much waits to be executed");
		return NULL;
	}
	struct job *job = g_new0(struct job, 1);
	job->pool = pool;
	job->what = order->what;
	job->host = g_strdup(order->host);
	job->name = g_strdup(order->name);
	job->deadline = (struct mono){mono_now().ms + order->timeout_ms};
	job->done = done;
	job->owner = owner;
	job->near = job->far = -1;
	if (!pool_has_room(pool, job->what)) {
		g_queue_push_tail(&pool->waiting, job);
		pool_tick_later(pool);
		return job;
	}
	if (!job_run(job, err)) {
		job_free(job);
		return NULL;
	}
	return job;
}

void pool_cancel(struct pool *pool, struct job *job)
{
	job->done = NULL;
	if (g_queue_remove(&pool->waiting, job)) {
		job_free(job);
	} else {
		spawn_end(job->spawn);
	}
}

void pool_close(struct pool *pool)
{
	struct error why;
	struct job *job;
	pool->closed = true;
	error_set(&why, ERR_CONFLICT, "the runner ends");
	while ((job = g_queue_pop_head(&pool->waiting))) {
		job_fail(job, &why);
		job_free(job);
	}
	for (size_t i = 0; i < pool->running->len; i++) {
		spawn_end(((struct job *)g_ptr_array_index(pool->running, i))->spawn);
	}
}
