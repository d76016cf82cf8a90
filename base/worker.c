#include "base/worker.h"

#include <stdlib.h>

#include <uv.h>

#include "base/banned.h"

/*
 * The only file with a lock. Two lists, todo and done, guarded by one mutex; the thread takes from
 * todo, the loop from done, woken by a uv_async_t. The async handle keeps the loop alive no longer
 * than the worker lives.
 */

struct worker_item {
	struct worker_item *next;
	worker_job_fn run;
	worker_done_fn done;
	void *job;
};

struct worker_list {
	struct worker_item *first, **last;
};

struct worker {
	uv_async_t wake; /* first: freed by its close callback */
	uv_thread_t thread;
	uv_mutex_t lock;
	uv_cond_t more;
	struct worker_list todo, done;
	bool ending;
};

static void worker_list_init(struct worker_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

static void worker_list_add(struct worker_list *list, struct worker_item *item)
{
	item->next = NULL;
	*list->last = item;
	list->last = &item->next;
}

static struct worker_item *worker_list_take(struct worker_list *list)
{
	struct worker_item *item = list->first;
	if (item) {
		list->first = item->next;
		if (!list->first) {
			list->last = &list->first;
		}
	}
	return item;
}

static void worker_thread(void *argument)
{
	struct worker *worker = argument;
	uv_mutex_lock(&worker->lock);
	for (;;) {
		struct worker_item *item = worker_list_take(&worker->todo);
		if (!item && worker->ending) {
			break;
		}
		if (!item) {
			uv_cond_wait(&worker->more, &worker->lock);
			continue;
		}
		uv_mutex_unlock(&worker->lock);
		item->run(item->job);
		uv_mutex_lock(&worker->lock);
		worker_list_add(&worker->done, item);
		uv_async_send(&worker->wake);
	}
	uv_mutex_unlock(&worker->lock);
}

static void worker_collect(uv_async_t *wake)
{
	struct worker *worker = (struct worker *)wake;
	uv_mutex_lock(&worker->lock);
	struct worker_item *item = worker->done.first;
	worker_list_init(&worker->done);
	uv_mutex_unlock(&worker->lock);
	while (item) {
		struct worker_item *next = item->next;
		item->done(item->job);
		free(item);
		item = next;
	}
}

struct worker *worker_create(struct loop *loop, const char *name)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	if (!worker || uv_mutex_init(&worker->lock) || uv_cond_init(&worker->more) ||
		uv_async_init(loop_backend(loop), &worker->wake, worker_collect)) {
		abort();
	}
	worker_list_init(&worker->todo);
	worker_list_init(&worker->done);
	if (uv_thread_create(&worker->thread, worker_thread, worker)) {
		abort();
	}
	(void)name;
	return worker;
}

void worker_submit(struct worker *worker, worker_job_fn run, worker_done_fn done, void *job)
{
	struct worker_item *item = calloc(1, sizeof(*item));
	if (!item) {
		abort();
	}
	item->run = run;
	item->done = done;
	item->job = job;
	uv_mutex_lock(&worker->lock);
	worker_list_add(&worker->todo, item);
	uv_cond_signal(&worker->more);
	uv_mutex_unlock(&worker->lock);
}

static void worker_closed(uv_handle_t *handle)
{
	struct worker *worker = (struct worker *)handle;
	struct worker_item *item;
	while ((item = worker_list_take(&worker->done))) {
		free(item);
	}
	uv_cond_destroy(&worker->more);
	uv_mutex_destroy(&worker->lock);
	free(worker);
}

void worker_destroy(struct worker *worker)
{
	if (!worker) {
		return;
	}
	uv_mutex_lock(&worker->lock);
	worker->ending = true;
	uv_cond_signal(&worker->more);
	uv_mutex_unlock(&worker->lock);
	uv_thread_join(&worker->thread);
	uv_close((uv_handle_t *)&worker->wake, worker_closed);
}
