/*
 * At most one batch is sealed at a time; it waits for the journal, then for the worker:
 *
 *     collecting --due--> sealed --journal durable--> committing --done--> stored
 *                            ^                            | failed
 *                            +--- merged below collecting, again after a while
 *
 * The store is used by the worker only while a commit is under way, by this thread only when not.
 */
#include "engine/keeper.h"
#include "base/worker.h"

#include <glib.h>

#include "base/banned.h"

struct commit_job {
	struct keeper *keeper;
	struct store *store;
	struct store_batch *batch;
	struct error err;
	bool good;
};

/* A copy of the store under way: a job of the worker like commits, one step each. */
struct copy_job {
	struct keeper *keeper;
	struct store *store;
	struct store_copy *copy; /* NULL: not begun */
	char *path;
	keeper_copied_fn done;
	void *owner;
	struct error err;
	bool good, more;
};

struct keeper {
	struct keeper_handlers handlers;
	void *owner;
	struct store *store;
	struct worker *worker;
	struct loop_timer *due, *patience;
	struct loop_timer *soon;    /* the next turn of the loop */
	struct store_batch *batch;  /* collecting */
	struct store_batch *sealed; /* NULL: none */
	struct commit_job *running;
	struct copy_job *copying;
	uint64_t generation; /* of the collecting batch */
	uint64_t needs;      /* journal sequence the sealed one waits for */
	uint64_t durable, released, stored;
	bool hurried, armed, broken;
	bool slow; /* the one sealed or being committed has used up its patience */
};

static void release(struct keeper *keeper, uint64_t generation)
{
	if (generation > keeper->released) {
		keeper->released = generation;
		keeper->handlers.released(keeper->owner, generation);
	}
}

static void commit_run(void *data)
{
	struct commit_job *job = data;
	job->good = store_commit(job->store, job->batch, &job->err);
}

static void keeper_next(struct keeper *keeper);

static void arm(struct keeper *keeper, int64_t ms)
{
	keeper->armed = true;
	loop_timer_after(keeper->due, ms);
}

static void commit_failed(struct keeper *keeper, struct commit_job *job)
{
	store_batch_merge_older(keeper->batch, job->batch);
	if (!keeper->broken) {
		keeper->broken = true;
		keeper->handlers.event(keeper->owner, "store.broken", "state.db", job->err.text);
	}
	release(keeper, keeper->generation - 1);
	keeper->hurried = false;
	arm(keeper, KEEPER_RETRY_MS);
}

static void commit_good(struct keeper *keeper, struct commit_job *job)
{
	store_batch_destroy(job->batch);
	keeper->stored = keeper->generation - 1;
	if (keeper->broken) {
		keeper->broken = false;
		keeper->handlers.event(
			keeper->owner, "store.recovered", "state.db", "changes are stored again");
	}
	keeper->handlers.stored(keeper->owner, keeper->stored, keeper->needs);
	release(keeper, keeper->stored);
}

static void commit_done(void *data)
{
	struct commit_job *job = data;
	struct keeper *keeper = job->keeper;
	keeper->running = NULL;
	keeper->slow = false;
	loop_timer_stop(keeper->patience);
	if (job->good) {
		commit_good(keeper, job);
	} else {
		commit_failed(keeper, job);
	}
	g_free(job);
	if (keeper->hurried) {
		keeper_next(keeper);
	}
}

/* Starts the commit of the sealed batch if the journal is far enough. */
static void keeper_go(struct keeper *keeper)
{
	if (!keeper->sealed || keeper->running || keeper->durable < keeper->needs) {
		return;
	}
	struct commit_job *job = g_new0(struct commit_job, 1);
	job->keeper = keeper;
	job->store = keeper->store;
	job->batch = g_steal_pointer(&keeper->sealed);
	keeper->running = job;
	worker_submit(keeper->worker, commit_run, commit_done, job);
}

/* Seals what has collected unless one is under way: then that one's end comes here again. */
static void keeper_next(struct keeper *keeper)
{
	if (keeper->sealed || keeper->running) {
		keeper->hurried = true;
		return;
	}
	keeper->hurried = false;
	keeper->armed = false;
	loop_timer_stop(keeper->due);
	keeper->needs = keeper->handlers.seal(keeper->owner, keeper->batch);
	keeper->sealed = keeper->batch;
	keeper->batch = store_batch_create();
	keeper->generation++;
	loop_timer_after(keeper->patience, KEEPER_PATIENCE_MS);
	if (keeper->durable < keeper->needs) {
		keeper->handlers.hurry(keeper->owner);
	}
	keeper_go(keeper);
}

static void keeper_due(void *owner)
{
	struct keeper *keeper = owner;
	keeper->armed = false;
	keeper_next(keeper);
}

static void keeper_impatient(void *owner)
{
	struct keeper *keeper = owner;
	keeper->handlers.event(keeper->owner, "store.slow", "state.db",
		"storing takes long; messages leave before their state is on disk");
	keeper->slow = true;
	release(keeper, keeper->generation - (keeper->hurried ? 0 : 1));
}

/* -- copies -- */

static void copy_run(void *data)
{
	struct copy_job *job = data;
	if (!job->copy) {
		job->copy = store_copy_begin(job->store, job->path, &job->err);
	}
	job->good = job->copy && store_copy_step(job->copy, &job->more, &job->err);
	if (!job->good || !job->more) { /* here: it is the worker that may use the store */
		store_copy_end(job->copy);
		job->copy = NULL;
	}
}

static void copy_free(struct copy_job *job)
{
	if (job) {
		store_copy_end(job->copy);
		g_free(job->path);
		g_free(job);
	}
}

static void copy_done(void *data)
{
	struct copy_job *job = data;
	if (job->good && job->more) {
		worker_submit(job->keeper->worker, copy_run, copy_done, job);
		return;
	}
	job->keeper->copying = NULL;
	job->done(job->owner, job->good ? NULL : &job->err);
	copy_free(job);
}

bool keeper_copy(
	struct keeper *keeper, const char *path, keeper_copied_fn done, void *owner, struct error *err)
{
	if (keeper->copying) {
		return error_set(err, ERR_CONFLICT, "a copy is being made already");
	}
	struct copy_job *job = g_new0(struct copy_job, 1);
	*job = (struct copy_job){.keeper = keeper,
		.store = keeper->store,
		.path = g_strdup(path),
		.done = done,
		.owner = owner};
	keeper->copying = job;
	worker_submit(keeper->worker, copy_run, copy_done, job);
	return true;
}

/* In a turn of its own: whoever hurries may be in the middle of a change. */
static void keeper_soon(void *owner)
{
	struct keeper *keeper = owner;
	if (keeper->broken || keeper->slow) {
		/* Whoever hurries now would wait for no one knows how long: for a journal that is broken,
		 * a disk that hangs. The next try comes by itself. */
		keeper->hurried |= keeper->slow;
		keeper->released = keeper->generation;
		keeper->handlers.released(keeper->owner, keeper->generation);
		return;
	}
	keeper_next(keeper);
}

struct keeper *keeper_create(
	struct loop *loop, const struct keeper_handlers *handlers, void *owner, struct store *store)
{
	struct keeper *keeper = g_new0(struct keeper, 1);
	keeper->handlers = *handlers;
	keeper->owner = owner;
	keeper->store = store;
	keeper->worker = worker_create(loop, "store");
	keeper->due = loop_timer_create(loop, keeper_due, keeper);
	keeper->patience = loop_timer_create(loop, keeper_impatient, keeper);
	keeper->soon = loop_timer_create(loop, keeper_soon, keeper);
	keeper->batch = store_batch_create();
	keeper->generation = 1;
	return keeper;
}

static void flush(struct keeper *keeper)
{
	(void)keeper->handlers.seal(keeper->owner, keeper->batch);
	struct error err;
	if (!store_commit(keeper->store, keeper->batch, &err)) {
		keeper->handlers.event(keeper->owner, "store.broken", "state.db", err.text);
	}
}

void keeper_destroy(struct keeper *keeper, bool flush_rest)
{
	if (!keeper) {
		return;
	}
	worker_destroy(keeper->worker);
	copy_free(keeper->copying);
	if (keeper->running) {
		if (!keeper->running->good) {
			store_batch_merge_older(keeper->batch, keeper->running->batch);
		} else {
			store_batch_destroy(keeper->running->batch);
		}
		g_free(keeper->running);
	}
	if (keeper->sealed) {
		store_batch_merge_older(keeper->batch, keeper->sealed);
	}
	if (flush_rest) {
		flush(keeper);
	}
	store_batch_destroy(keeper->batch);
	store_close(keeper->store);
	loop_timer_destroy(keeper->due);
	loop_timer_destroy(keeper->patience);
	loop_timer_destroy(keeper->soon);
	g_free(keeper);
}

struct store_batch *keeper_batch(struct keeper *keeper)
{
	if (!keeper->armed) {
		arm(keeper, keeper->broken ? KEEPER_RETRY_MS : KEEPER_LAZY_MS);
	}
	return keeper->batch;
}

uint64_t keeper_generation(const struct keeper *keeper)
{
	return keeper->generation;
}

void keeper_hurry(struct keeper *keeper)
{
	loop_timer_after(keeper->soon, 0);
}

void keeper_durable(struct keeper *keeper, uint64_t sequence)
{
	keeper->durable = sequence;
	keeper_go(keeper);
}

uint64_t keeper_stored(const struct keeper *keeper)
{
	return keeper->stored;
}

bool keeper_broken(const struct keeper *keeper)
{
	return keeper->broken;
}
