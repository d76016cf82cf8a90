#include "rrd/rrdd.h"
#include "base/log.h"
#include "base/role.h"
#include "base/worker.h"
#include "model/catalog.h"
#include "model/config.h"
#include "model/declare.h"
#include "model/message.h"
#include "rrd/answer.h"
#include "rrd/graph.h"
#include "rrd/task_queue.h"
#include "rrd/writer.h"

#include <stdlib.h>
#include <time.h>

#include <glib.h>

#include "base/banned.h"

/*
 * The rrd role. From the engine: declarations and the journal's durable records; to it: how far
 * they are safely in the files. From web: questions for values and pictures.
 *
 * A checkpoint pauses the feed, writes out what is held back in slices of the loop, syncs the file
 * system on a worker while nothing is written, and begins a new header log. Pauses cost nothing:
 * the engine's journal is the queue.
 */
enum {
	TICK_MS = 1000,
	CHECKPOINT_MS = 30 * 60 * 1000, /* and as long again with CHECKPOINT_MANY series */
	CHECKPOINT_MANY = 250000,
	CHECKPOINT_RETRY_MS = 60 * 1000,
	STOP_RETRY_MS = 250,
	STOP_TRIES = 20,      /* then without a checkpoint: the journal has it all */
	STOP_WAIT_MS = 3000,  /* for the engine's last records */
	STOP_MOST_MS = 75000, /* then too: the supervisor waits a little longer (STOP_ARCHIVE_TICKS) */
	DRAIN_SLICE_MS = 50,
	ENGINE_QUEUE = 1 << 20,
	UNTOLD_MAX = 3 * 100,
	LOG_BYTES_MAX = 512 << 20, /* then a checkpoint comes early */
};

enum checkpoint_state { CHECKPOINT_NONE, CHECKPOINT_DRAIN, CHECKPOINT_SYNC };

struct rrdd;

struct peer {
	struct rrdd *rrdd;
	unsigned role, instance;
	uint64_t serial; /* of the connection */
	struct channel *channel;
	struct declare_reader declarations; /* engine */
};

struct rrdd {
	struct role *role;
	struct writer *writer;
	struct catalog *catalog;
	struct config *config; /* for its retention */
	struct worker *worker;
	struct render *render;
	struct graph_shop *graphs;
	struct task_queue *tasks;
	struct loop_timer *tick, *checkpoint_timer;
	GPtrArray *peers; /* struct peer, owned */
	GPtrArray
		*untold; /* char *: kind, object, text of events for an engine that is not there yet */
	struct frame_writer *frame;
	enum checkpoint_state checkpoint;
	uint64_t progress, connections;
	unsigned stop_tries;
	struct mono stop_until;
	bool stopping, last_checkpoint; /* the one that ends the role has begun */
	bool rewinding;                 /* asked for, the feed has not gone back yet */
};

struct sync_job {
	struct rrdd *rrdd;
	bool done;
	struct error err;
};

static struct channel *engine_channel(struct rrdd *d)
{
	for (guint i = 0; i < d->peers->len; i++) {
		struct peer *peer = d->peers->pdata[i];
		if (peer->role == ROLE_ENGINE) {
			return peer->channel;
		}
	}
	return NULL;
}

/* To the engine; if it is not there, or does not read, the next connection tells it all again. */
static void tell_engine(struct rrdd *d)
{
	struct error err = {.kind = ERR_NONE};
	if (!channel_send(engine_channel(d), d->frame, &err) && err.kind == ERR_CONFLICT) {
		log_warn("rrd.engine", "error=\"%s\"", err.text);
	}
}

static void tell_sequence(struct rrdd *d, enum message_type type, uint64_t sequence)
{
	message_start(d->frame, type);
	frame_put_u64(d->frame, sequence);
	tell_engine(d);
}

/* -- what the writer tells -- */

static void on_event(void *owner, const char *kind, const char *object, const char *text)
{
	struct rrdd *d = owner;
	if (!engine_channel(d)) {
		if (d->untold->len < UNTOLD_MAX) {
			g_ptr_array_add(d->untold, g_strdup(kind));
			g_ptr_array_add(d->untold, g_strdup(object));
			g_ptr_array_add(d->untold, g_strdup(text));
		}
		return;
	}
	message_start(d->frame, MESSAGE_RRD_EVENT);
	frame_put_text(d->frame, kind);
	frame_put_text(d->frame, object);
	frame_put_text(d->frame, text);
	tell_engine(d);
}

static void on_rewind(void *owner)
{
	struct rrdd *d = owner;
	if (!d->rewinding) {
		d->rewinding = true;
		message_start(d->frame, MESSAGE_RRD_REWIND);
		tell_engine(d);
	}
}

/* -- checkpoint -- */

/*
 * The engine ends before this role does (magpie/roles.def): what it had sent by then is read to its
 * end, which is the end of its channel, before the last checkpoint.
 */
static void stop_when_read(struct rrdd *d)
{
	channel_pause(engine_channel(d), false);
	loop_timer_after(d->checkpoint_timer, engine_channel(d) ? STOP_WAIT_MS : 0);
}

/* More files, more headers to be logged anew: less often. */
static int64_t checkpoint_interval_ms(const struct rrdd *d)
{
	int64_t series = MIN(writer_series_count(d->writer), (uint32_t)CHECKPOINT_MANY);
	return CHECKPOINT_MS + CHECKPOINT_MS * series / CHECKPOINT_MANY;
}

static void checkpoint_end(struct rrdd *d, bool made)
{
	d->checkpoint = CHECKPOINT_NONE;
	writer_freeze(d->writer, false);
	if (!d->stopping) {
		channel_pause(engine_channel(d), false);
		loop_timer_after(
			d->checkpoint_timer, made ? checkpoint_interval_ms(d) : CHECKPOINT_RETRY_MS);
	} else if (!d->last_checkpoint) {
		stop_when_read(d);
	} else if (made || ++d->stop_tries >= STOP_TRIES) {
		role_stopped(d->role);
	} else {
		loop_timer_after(d->checkpoint_timer, STOP_RETRY_MS);
	}
}

static void sync_run(void *data)
{
	struct sync_job *job = data;
	job->done = writer_sync(job->rrdd->writer, &job->err);
}

static void sync_done(void *data)
{
	struct sync_job *job = data;
	struct rrdd *d = job->rrdd;
	d->progress++;
	bool made = job->done && writer_checkpoint(d->writer, &job->err);
	if (made) {
		tell_sequence(d, MESSAGE_RRD_CHECKPOINT, writer_sequence(d->writer));
	} else {
		log_error("rrd.checkpoint", "error=\"%s\" retry_s=%d", log_safe(job->err.text),
			CHECKPOINT_RETRY_MS / 1000);
	}
	g_free(job);
	checkpoint_end(d, made);
}

static void checkpoint_step(void *owner)
{
	struct rrdd *d = owner;
	d->progress++;
	if (d->checkpoint != CHECKPOINT_DRAIN) {
		return;
	}
	if (d->stopping && mono_now().ms > d->stop_until.ms) {
		log_warn("rrd.stop", "too slow to write everything out: the journal has it");
		role_stopped(d->role);
		return;
	}
	if (!writer_drain(d->writer, DRAIN_SLICE_MS)) {
		loop_defer(d->role->loop, checkpoint_step, d);
		return;
	}
	if (!writer_settled(d->writer)) {
		checkpoint_end(d, false); /* a graph is being drawn, a disk is full, a file rebuilt */
		return;
	}
	d->checkpoint = CHECKPOINT_SYNC;
	writer_freeze(d->writer, true);
	struct sync_job *job = g_new0(struct sync_job, 1);
	job->rrdd = d;
	worker_submit(d->worker, sync_run, sync_done, job);
}

static void checkpoint_begin(void *owner)
{
	struct rrdd *d = owner;
	if (d->checkpoint == CHECKPOINT_NONE) {
		d->checkpoint = CHECKPOINT_DRAIN;
		d->last_checkpoint = d->stopping;
		channel_pause(engine_channel(d), true);
		checkpoint_step(d);
	}
}

/* -- once a second -- */

static void on_tick(void *owner)
{
	struct rrdd *d = owner;
	d->progress++;
	loop_timer_after(d->tick, TICK_MS);
	writer_tick(d->writer);
	if (writer_log_bytes(d->writer) > LOG_BYTES_MAX && d->checkpoint == CHECKPOINT_NONE) {
		loop_timer_after(d->checkpoint_timer, 0);
	}
	struct files_counts counts = writer_counts(d->writer);
	message_start(d->frame, MESSAGE_RRD_APPLIED);
	frame_put_u64(d->frame, writer_sequence(d->writer));
	frame_put_u64(d->frame, counts.values);
	frame_put_u64(d->frame, counts.touched);
	frame_put_u64(d->frame, counts.failures);
	tell_engine(d);
}

/* -- frames -- */

static void on_declaration(struct peer *peer, const struct frame *frame)
{
	struct service *service = NULL;
	struct error err = {.kind = ERR_NONE};
	if (!declare_read(&peer->declarations, frame, &service, &err)) {
		log_error("rrd.declaration", "error=\"%s\"", log_safe(err.text));
		return;
	}
	if (service) {
		writer_declare(peer->rrdd->writer, service);
		catalog_declare(peer->rrdd->catalog, service, NULL);
	}
}

static void on_feed(struct rrdd *d, const struct frame *frame)
{
	struct frame_reader r = frame_read(frame);
	uint64_t sequence = frame_get_u64(&r);
	uint16_t type = frame_get_u16(&r);
	size_t length = frame_left(&r);
	const unsigned char *payload = frame_get_bytes(&r, length);
	if (frame_read_done(&r) && payload) {
		uint64_t before = writer_sequence(d->writer);
		d->rewinding = d->rewinding && before && sequence > before;
		writer_take(d->writer, sequence, type, payload, length);
	}
}

static void on_fetch(struct peer *peer, const struct frame *frame)
{
	struct answer_fetch fetch;
	struct error err = {.kind = ERR_NONE};
	struct rrdd *d = peer->rrdd;
	if (!answer_read_fetch(frame, &fetch, &err)) {
		answer_fetch_error(fetch.request, &err, peer->channel, d->frame);
		return;
	}
	answer_fetch(d->writer, &fetch, peer->channel, d->frame);
	g_free(fetch.series_ids);
}

static void on_file(struct peer *peer, const struct frame *frame)
{
	answer_file(peer->rrdd->writer, frame, peer->channel, peer->rrdd->frame);
}

static void on_drained(void *owner)
{
	struct peer *peer = owner;
	if (peer->role != ROLE_ENGINE) { /* the engine's is paused for checkpoints */
		channel_pause(peer->channel, false);
	}
}

/* -- what the graphs need of us -- */

static const struct catalog *the_catalog(void *owner)
{
	const struct rrdd *d = owner;
	return d->catalog;
}

static struct channel *asker_channel(void *owner, uint64_t serial)
{
	const struct rrdd *d = owner;
	for (guint i = 0; i < d->peers->len; i++) {
		const struct peer *peer = d->peers->pdata[i];
		if (peer->serial == serial) {
			return peer->channel;
		}
	}
	return NULL;
}

static void on_frame(void *owner, const struct frame *frame, int fd)
{
	struct peer *peer = owner;
	AUTO_FD unwanted UNUSED = fd;
	peer->rrdd->progress++;
	switch (frame->type) {
	case MESSAGE_SERVICE:
	case MESSAGE_FIELDS: on_declaration(peer, frame); break;
	case MESSAGE_RRD_FEED: on_feed(peer->rrdd, frame); break;
	case MESSAGE_FETCH: on_fetch(peer, frame); break;
	case MESSAGE_FILE: on_file(peer, frame); break;
	case MESSAGE_GRAPH: graph_take(peer->rrdd->graphs, peer->serial, frame); break;
	case MESSAGE_RRD_TASK: task_queue_take(peer->rrdd->tasks, frame); break;
	}
}

/* -- long work on request -- */

static void task_checkpoint(void *role)
{
	struct rrdd *d = role;
	if (d->checkpoint == CHECKPOINT_NONE) {
		loop_timer_after(d->checkpoint_timer, 0);
	}
}

static bool task_scope(void *owner, struct task_scope *scope)
{
	struct rrdd *d = owner;
	*scope = (struct task_scope){.writer = d->writer,
		.catalog = d->catalog,
		.data_dir = d->role->data_dir,
		.instance = d->role->instance,
		.instances = d->role->instances,
		.checkpoint = task_checkpoint,
		.role = d};
	return d->checkpoint == CHECKPOINT_NONE && !d->stopping;
}

static void task_tell(void *owner, struct frame_writer *w)
{
	struct error err = {.kind = ERR_NONE};
	if (!channel_send(engine_channel(owner), w, &err) && err.kind == ERR_CONFLICT) {
		log_warn("rrd.task", "error=\"%s\" next=\"told again when asked\"", err.text);
	}
}

static void task_worked(void *owner)
{
	((struct rrdd *)owner)->progress++;
}

/* -- peers -- */

static void peer_destroy(gpointer data)
{
	struct peer *peer = data;
	channel_destroy(peer->channel);
	declare_reader_finish(&peer->declarations);
	g_free(peer);
}

static void on_closed(void *owner, const struct error *why)
{
	struct peer *peer = owner;
	struct rrdd *d = peer->rrdd;
	log_info("rrd.peer", "peer=%s gone=\"%s\"", role_name(peer->role), log_safe(why->text));
	bool engine = peer->role == ROLE_ENGINE;
	g_ptr_array_remove_fast(d->peers, peer);
	if (engine) {
		role_lost_peer(d->role, ROLE_ENGINE, 0);
	}
	if (engine && d->stopping && d->checkpoint == CHECKPOINT_NONE) {
		loop_timer_after(d->checkpoint_timer, 0);
	}
}

static void greet_engine(struct rrdd *d)
{
	/* numbers of services are those of one engine process; it says everything again */
	task_queue_clear(d->tasks);
	catalog_destroy(d->catalog);
	d->catalog = catalog_create();
	tell_sequence(d, MESSAGE_RRD_READY, d->rewinding ? 0 : writer_sequence(d->writer));
	for (guint i = 0; i + 2 < d->untold->len; i += 3) {
		on_event(d, d->untold->pdata[i], d->untold->pdata[i + 1], d->untold->pdata[i + 2]);
	}
	g_ptr_array_set_size(d->untold, 0);
	channel_pause(engine_channel(d), d->checkpoint != CHECKPOINT_NONE);
}

static void on_peer(void *state, unsigned role, unsigned instance, int fd)
{
	static const struct channel_handlers handlers = {
		.frame = on_frame, .closed = on_closed, .drained = on_drained};
	struct rrdd *d = state;
	for (guint i = 0; i < d->peers->len; i++) {
		struct peer *old = d->peers->pdata[i];
		if (old->role == role && old->instance == instance) {
			g_ptr_array_remove_index_fast(d->peers, i);
			break;
		}
	}
	struct peer *peer = g_new0(struct peer, 1);
	*peer =
		(struct peer){.rrdd = d, .role = role, .instance = instance, .serial = ++d->connections};
	size_t queue = role == ROLE_ENGINE ? ENGINE_QUEUE : ANSWER_QUEUE;
	peer->channel =
		channel_create(d->role->loop, &message_table, ROLE_RRD, role, queue, &handlers, peer, fd);
	g_ptr_array_add(d->peers, peer);
	if (role == ROLE_ENGINE) {
		greet_engine(d);
	}
}

/* -- life -- */

static void rrdd_destroy(void *state)
{
	struct rrdd *d = state;
	if (!d) {
		return;
	}
	render_destroy(d->render);
	graph_shop_destroy(d->graphs);
	task_queue_destroy(d->tasks);
	worker_destroy(d->worker);
	g_ptr_array_unref(d->peers);
	g_ptr_array_unref(d->untold);
	loop_timer_destroy(d->tick);
	loop_timer_destroy(d->checkpoint_timer);
	writer_destroy(d->writer);
	catalog_destroy(d->catalog);
	config_destroy(d->config);
	g_free(d->frame);
	g_free(d);
}

/* Nothing of the environment steers librrd: no daemon, no fonts of others (reliability, L12). */
static void clean_environment(void)
{
	static const char *const names[] = {
		"RRDCACHED_ADDRESS", "RRDCACHED_STRIPPATH", "RRD_DEFAULT_FONT", "RRD_LOCKING"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		unsetenv(names[i]);
	}
	tzset();
}

static void *rrdd_create(struct role *role, struct error *err)
{
	static const struct files_handlers handlers = {.event = on_event, .rewind = on_rewind};
	clean_environment();
	struct rrdd *d = g_new0(struct rrdd, 1);
	d->role = role;
	d->peers = g_ptr_array_new_with_free_func(peer_destroy);
	d->untold = g_ptr_array_new_with_free_func(g_free);
	d->frame = g_new0(struct frame_writer, 1);
	d->catalog = catalog_create();
	struct config *config = d->config = config_read(role->bundle, err);
	g_autofree char *path = config && config->archive.directory
								? g_strdup(config->archive.directory)
								: g_strdup_printf("%s/rrd", role->data_dir);
	/* first: the nursery is forked off while this process is small and has one thread */
	d->render = config ? render_create(role->loop, err) : NULL;
	const struct files_plan plan = {
		.share = {role->instance, role->instances}, .handlers = handlers, .owner = d};
	d->writer = d->render ? writer_create_share(path, &plan, err) : NULL;
	if (!d->writer) {
		rrdd_destroy(d);
		return NULL;
	}
	writer_retain(d->writer, config->retention, d->catalog);
	struct graph_shop_parts parts = {.writer = d->writer,
		.render = d->render,
		.frame = d->frame,
		.catalog = the_catalog,
		.asker = asker_channel,
		.owner = d};
	d->graphs = graph_shop_create(&parts);
	static const struct task_queue_handlers work = {task_scope, task_tell, task_worked};
	d->tasks = task_queue_create(role->loop, &work, d);
	d->worker = worker_create(role->loop, "rrd-sync");
	d->tick = loop_timer_create(role->loop, on_tick, d);
	d->checkpoint_timer = loop_timer_create(role->loop, checkpoint_begin, d);
	/* the writers of a tree do not sync it at the same instant */
	loop_timer_after(d->tick, TICK_MS * (role->instance + 1) / role->instances);
	loop_timer_after(
		d->checkpoint_timer, (int64_t)CHECKPOINT_MS * (role->instance + 1) / role->instances);
	return d;
}

/* Files that are there stay as they are until they are converted. */
static void rrdd_apply(void *state)
{
	struct rrdd *d = state;
	struct error err = {.kind = ERR_NONE};
	struct config *config = config_read(d->role->bundle, &err);
	if (!config) {
		log_error("rrd.config", "error=\"%s\" next=\"goes on with the one before\"", err.text);
		return;
	}
	writer_retain(d->writer, config->retention, d->catalog);
	config_destroy(d->config);
	d->config = config;
}

static void rrdd_stop(void *state)
{
	struct rrdd *d = state;
	d->stopping = true;
	d->stop_until.ms = mono_now().ms + STOP_MOST_MS;
	if (d->checkpoint == CHECKPOINT_NONE) {
		stop_when_read(d);
	}
}

static uint64_t rrdd_progress(void *state)
{
	const struct rrdd *d = state;
	return d->progress;
}

int rrd_role_main(void)
{
	static const struct role_handlers handlers = {.create = rrdd_create,
		.peer = on_peer,
		.apply = rrdd_apply,
		.progress = rrdd_progress,
		.stop = rrdd_stop,
		.destroy = rrdd_destroy};
	return role_run(ROLE_RRD, "rrd", &message_table, &handlers);
}
