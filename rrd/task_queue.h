#pragma once
#include "base/auto.h"
#include "base/frame.h"
#include "base/loop.h"
#include "rrd/task.h"

/*
 * The tasks that the engine gave this role: one is worked at in slices of the loop, the others wait
 * in their order.
 */
struct task_queue;

enum { TASK_QUEUE_MOST = 64, TASK_RESULT_BYTES = 48000 };

struct task_queue_handlers {
	/* Fills the scope; false: not now (a checkpoint is made). */
	bool (*scope)(void *owner, struct task_scope *scope);
	/* Takes the RRD_TASK_STATE frame that `w` holds. */
	void (*tell)(void *owner, struct frame_writer *w);
	/* A slice of work was done. */
	void (*worked)(void *owner);
};

struct task_queue *task_queue_create(
	struct loop *loop, const struct task_queue_handlers *handlers, void *owner);
void task_queue_destroy(struct task_queue *queue);
DEFINE_AUTO(task_queue)

/* Takes an RRD_TASK frame: a task to be done, or the end of one. One that is there already goes on.
 */
void task_queue_take(struct task_queue *queue, const struct frame *frame);

/* Ends all of them without a word: the engine is gone, and will say again what it wants. */
void task_queue_clear(struct task_queue *queue);
