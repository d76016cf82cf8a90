/*
 * The runner role: the engine names an action and gives arguments, the configuration says what that
 * is, the result goes back raw. It parses nothing. What collectors want executed (runner/clients.c)
 * has places of its own, so that an action never waits behind plugins.
 *
 * I1: one run number is started at most once in this process's life, however often it is ordered:
 * repeated while it runs the order is dropped, repeated later it is answered from memory. Over a
 * restart the engine keeps that promise: it orders no run it has an intent for.
 */
#include "runner/runnerd.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/partner.h"
#include "base/spawn.h"
#include "base/text.h"
#include "model/config.h"
#include "model/message.h"
#include "runner/action.h"
#include "runner/clients.h"
#include "runner/pool.h"
#include "runner/teller.h"

#include "base/banned.h"

enum {
	QUEUE_MAX = 8 << 20,
	RUNNING_MAX = 16,
	REMEMBERED_MAX = 256,
	OUTPUT_MAX = 64 << 10,
	OUTPUT_TEXT_MAX = 63000, /* of it in the frame */
	GRACE_MS = 10000,
	FILE_MAX = 256 << 20,
	STOP_STEP_MS = 50,
	STOP_MS = 3000,
};

struct run {
	struct runnerd *runnerd;
	uint64_t id;
	bool over, told;
	bool started, timed_out;
	int exit_code;
	uint8_t signal;
	char *action, *output;
};

struct runnerd {
	struct role *role;
	struct config *config;
	struct spawner *spawner;
	struct partner *engine;
	struct pool *pool;
	struct clients *clients;
	struct teller *teller;
	struct frame_writer *writer;
	size_t running;   /* actions */
	GHashTable *runs; /* uint64_t -> struct run *, owned */
	GQueue over;      /* struct run *, oldest first */
	struct loop_timer *stop_timer;
	struct mono stop_at;
	uint64_t progress;
	bool stopping;
};

static void runnerd_free_run(void *p)
{
	struct run *run = p;
	g_free(run->action);
	g_free(run->output);
	g_free(run);
}

static void runnerd_tell(struct run *run)
{
	struct runnerd *d = run->runnerd;
	message_start(d->writer, MESSAGE_RAN);
	frame_put_u64(d->writer, run->id);
	frame_put_u8(d->writer, run->started);
	frame_put_u32(d->writer, (uint32_t)run->exit_code);
	frame_put_u8(d->writer, run->signal);
	frame_put_u8(d->writer, run->timed_out);
	frame_put_text(d->writer, run->output);
	run->told = partner_send(d->engine, d->writer, NULL);
}

static void runnerd_tell_untold(struct runnerd *d)
{
	for (GList *at = d->over.head; at; at = at->next) {
		struct run *run = at->data;
		if (!run->told) {
			runnerd_tell(run);
		}
	}
}

static void runnerd_over(struct run *run)
{
	struct runnerd *d = run->runnerd;
	run->over = true;
	log_info("runner.ran", "run=%llu action=%s started=%d exit=%d signal=%d timed_out=%d",
		(unsigned long long)run->id, log_safe(run->action), run->started, run->exit_code,
		(int)run->signal, run->timed_out);
	runnerd_tell(run);
	g_queue_push_tail(&d->over, run);
	if (d->over.length > REMEMBERED_MAX) {
		struct run *oldest = g_queue_pop_head(&d->over);
		g_hash_table_remove(d->runs, &oldest->id);
	}
}

static void runnerd_ended(void *owner, const struct spawn_result *result)
{
	struct run *run = owner;
	run->runnerd->running--;
	run->started = result->started;
	run->timed_out = result->timed_out;
	run->exit_code = result->exit_code;
	run->signal = (uint8_t)result->signal;
	run->output = result->started
					  ? text_clean_lines(result->output, result->length, OUTPUT_TEXT_MAX)
					  : g_strdup(result->error.text);
	runnerd_over(run);
}

static bool runnerd_spawn(struct run *run, const struct config_action *action,
	const struct action_command *command, struct error *err)
{
	struct runnerd *d = run->runnerd;
	int64_t timeout_ms = (int64_t)action->timeout_s * 1000;
	g_autofree char *tag =
		g_strdup_printf("MAGPIE_RUN=%d.%llu", (int)getpid(), (unsigned long long)run->id);
	g_autofree char *name = g_strconcat("MAGPIE_ACTION=", action->name, NULL);
	g_autofree char *deadline = g_strdup_printf(
		"MAGPIE_DEADLINE=%lld", (long long)wall_s((struct wall){wall_now().ms + timeout_ms}));
	const char *const environment[] = {
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/", tag, name, deadline, NULL};
	struct spawn_request request = {
		.program = command->program,
		.argv = (const char *const *)command->argv->pdata,
		.environment = environment,
		.tag = tag,
		.timeout_ms = timeout_ms,
		.grace_ms = GRACE_MS,
		.output_max = OUTPUT_MAX,
		.file_max = FILE_MAX,
	};
	return spawner_start(d->spawner, &request, runnerd_ended, run, err);
}

static bool runnerd_start(struct run *run, char *const *arguments, size_t count, struct error *err)
{
	struct runnerd *d = run->runnerd;
	const struct config_action *action = config_action(d->config, run->action);
	struct action_command command;
	if (!action) {
		return error_set(err, ERR_NOT_FOUND, "no action of that name is configured");
	}
	if (d->stopping || d->running >= RUNNING_MAX) {
		return error_set(err, ERR_CONFLICT, "too many actions are running");
	}
	if (!action_prepare(action, arguments, count, &command, err)) {
		return false;
	}
	bool started = runnerd_spawn(run, action, &command, err);
	action_finish(&command);
	d->running += started;
	return started;
}

static void runnerd_order(
	struct runnerd *d, uint64_t id, const char *action, char *const *arguments, size_t count)
{
	struct run *run = g_hash_table_lookup(d->runs, &id);
	if (run) { /* see I1 */
		if (run->over) {
			runnerd_tell(run);
		}
		return;
	}
	run = g_new0(struct run, 1);
	run->runnerd = d;
	run->id = id;
	run->action = g_strdup(action);
	g_hash_table_insert(d->runs, &run->id, run);
	struct error err = {.kind = ERR_NONE};
	if (!runnerd_start(run, arguments, count, &err)) {
		run->output = text_clean_lines(err.text, strlen(err.text), OUTPUT_TEXT_MAX);
		runnerd_over(run);
	}
}

static void runnerd_frame(void *owner, const struct frame *frame, int fd)
{
	struct runnerd *d = owner;
	if (fd >= 0) {
		close(fd);
	}
	if (frame->type == MESSAGE_TELL) {
		teller_take(d->teller, frame, d->config);
		return;
	}
	if (frame->type != MESSAGE_RUN) {
		return;
	}
	struct frame_reader r = frame_read(frame);
	uint64_t id = frame_get_u64(&r);
	g_autofree char *action = frame_get_text(&r);
	size_t count = frame_get_u16(&r);
	g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func(g_free);
	for (size_t i = 0; i < count && !r.failed; i++) {
		g_ptr_array_add(arguments, frame_get_text(&r));
	}
	if (!frame_read_done(&r)) {
		log_error("runner.order", "error=\"a RUN frame is not as promised\"");
		return;
	}
	runnerd_order(d, id, action, (char *const *)arguments->pdata, arguments->len);
}

/* The channel is new or has room again. */
static void runnerd_ready(void *owner)
{
	struct runnerd *d = owner;
	runnerd_tell_untold(d);
	teller_tell_untold(d->teller);
}

static void runnerd_peer(void *state, unsigned peer, unsigned instance, int fd)
{
	struct runnerd *d = state;
	if (peer == ROLE_ENGINE) {
		partner_join(d->engine, fd);
	} else if (peer == ROLE_COLLECTOR) {
		clients_join(d->clients, instance, fd);
	} else {
		close(fd);
	}
}

static void *runnerd_create(struct role *role, struct error *err)
{
	static const struct partner_handlers handlers = {
		.frame = runnerd_frame, .ready = runnerd_ready};
	struct config *config = config_read(role->bundle, err);
	if (!config) {
		return NULL;
	}
	struct runnerd *d = g_new0(struct runnerd, 1);
	d->role = role;
	d->config = config;
	d->writer = g_new0(struct frame_writer, 1);
	d->runs = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, runnerd_free_run);
	d->spawner = spawner_create(role->loop);
	d->engine = partner_create(role,
		&(struct partner_options){
			.table = &message_table, .id = ROLE_ENGINE, .queue_max = QUEUE_MAX, .needed = true},
		&handlers, d);
	g_autofree char *state_dir = g_build_filename(role->data_dir, "plugin-state", NULL);
	d->pool = pool_create(
		&(struct pool_options){.loop = role->loop, .spawner = d->spawner, .state_dir = state_dir});
	pool_configure(d->pool, config);
	d->clients = clients_create(role, d->pool);
	d->teller = teller_create(d->spawner, d->engine);
	return d;
}

static void runnerd_apply(void *state)
{
	struct runnerd *d = state;
	struct error err = {.kind = ERR_NONE};
	struct config *config = config_read(d->role->bundle, &err);
	if (!config) {
		log_error("runner.config", "error=\"%s\" the old one stays", log_safe(err.text));
		return;
	}
	pool_configure(d->pool, config);
	config_destroy(d->config);
	d->config = config;
}

static uint64_t runnerd_progress(void *state)
{
	return ++((struct runnerd *)state)->progress;
}

static void runnerd_wait(void *owner)
{
	struct runnerd *d = owner;
	if (spawner_running(d->spawner) == 0 || mono_now().ms >= d->stop_at.ms) {
		role_stopped(d->role);
		return;
	}
	loop_timer_after(d->stop_timer, STOP_STEP_MS);
}

/* What runs gets a moment to end; destroy kills the rest, and the engine calls it unknown. */
static void runnerd_stop(void *state)
{
	struct runnerd *d = state;
	d->stopping = true;
	teller_stop(d->teller);
	pool_close(d->pool);
	d->stop_at.ms = mono_now().ms + STOP_MS;
	d->stop_timer = loop_timer_create(d->role->loop, runnerd_wait, d);
	runnerd_wait(d);
}

static void runnerd_destroy(void *state)
{
	struct runnerd *d = state;
	clients_destroy(d->clients);
	spawner_destroy(d->spawner);
	teller_destroy(d->teller);
	pool_destroy(d->pool);
	loop_timer_destroy(d->stop_timer);
	partner_destroy(d->engine);
	g_queue_clear(&d->over);
	g_hash_table_destroy(d->runs);
	config_destroy(d->config);
	g_free(d->writer);
	g_free(d);
}

int runner_role_main(void)
{
	static const struct role_handlers handlers = {
		.create = runnerd_create,
		.peer = runnerd_peer,
		.apply = runnerd_apply,
		.progress = runnerd_progress,
		.stop = runnerd_stop,
		.destroy = runnerd_destroy,
	};
	return role_run(ROLE_RUNNER, "runner", &message_table, &handlers);
}
