#pragma once
#include "base/loop.h"

/*
 * A thread of its own with a queue, for what may block: fdatasync, password hashes. The job sees
 * only its own copy of the data; its result is handed back in the loop's thread. Jobs of one worker
 * run one after the other, in order.
 */
struct worker;

typedef void (*worker_job_fn)(void *job);  /* in the worker's thread: touches nothing but the job */
typedef void (*worker_done_fn)(void *job); /* in the loop's thread */

struct worker *worker_create(struct loop *loop, const char *name);

/* Waits for the job under way and for those queued, drops their `done`, ends the thread. NULL
 * allowed. */
void worker_destroy(struct worker *worker);

/* `job` belongs to the worker until `done` gets it. */
void worker_submit(struct worker *worker, worker_job_fn run, worker_done_fn done, void *job);
