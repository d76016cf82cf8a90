#include "base/loop.h"
#include "base/auto.h"

#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "base/banned.h"

/*
 * libuv closes handles asynchronously: a handle's memory must live until its close callback ran. So
 * each watch and timer is one allocation that begins with the handle, marked dead at removal and
 * freed by the close callback; a dead one never calls its owner. loop_destroy() runs the loop until
 * all close callbacks came.
 */

struct loop_signal {
	uv_signal_t handle;
	struct loop_signal *next;
	loop_signal_fn fn;
	void *owner;
};

struct loop_deferred {
	struct loop_deferred *next;
	loop_fn fn;
	void *owner;
};

struct loop {
	uv_loop_t uv;
	uv_idle_t idle; /* runs while something is deferred */
	struct loop_deferred *first, **last;
	struct loop_signal *signals;
};

struct loop_watch {
	uv_poll_t handle;
	int fd;
	unsigned events;
	loop_watch_fn fn;
	void *owner;
	bool dead;
};

struct loop_timer {
	uv_timer_t handle;
	loop_fn fn;
	void *owner;
	bool dead;
};

static void loop_free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void *loop_allocate(size_t size)
{
	void *p = calloc(1, size);
	if (!p) {
		abort(); /* out of memory ends the role */
	}
	return p;
}

struct loop *loop_create(void)
{
	struct loop *loop = loop_allocate(sizeof(*loop));
	if (uv_loop_init(&loop->uv)) {
		abort();
	}
	uv_idle_init(&loop->uv, &loop->idle);
	loop->last = &loop->first;
	return loop;
}

void loop_destroy(struct loop *loop)
{
	if (!loop) {
		return;
	}
	while (loop->signals) {
		struct loop_signal *s = loop->signals;
		loop->signals = s->next;
		uv_close((uv_handle_t *)&s->handle, loop_free_handle);
	}
	while (loop->first) {
		struct loop_deferred *d = loop->first;
		loop->first = d->next;
		free(d);
	}
	uv_close((uv_handle_t *)&loop->idle, NULL);
	uv_run(&loop->uv, UV_RUN_NOWAIT);
	uv_run(&loop->uv, UV_RUN_NOWAIT);
	uv_loop_close(&loop->uv);
	free(loop);
}

void loop_run(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
	uv_stop(&loop->uv);
}

void *loop_backend(struct loop *loop)
{
	return &loop->uv;
}

static void loop_watch_event(uv_poll_t *handle, int status, int events)
{
	struct loop_watch *watch = (struct loop_watch *)handle;
	unsigned seen =
		(events & UV_READABLE ? LOOP_READABLE : 0U) | (events & UV_WRITABLE ? LOOP_WRITABLE : 0U) |
		(events & UV_DISCONNECT ? LOOP_READABLE : 0U) | (status < 0 ? LOOP_READABLE : 0U);
	if (!watch->dead && seen) {
		watch->fn(watch->owner, watch->fd, seen);
	}
	if (!watch->dead && status < 0) {
		/* libuv gives a descriptor up at its first error; there may be more to read behind it */
		loop_watch_change(watch, watch->events);
	}
}

static int loop_uv_events(unsigned events)
{
	return (events & LOOP_READABLE ? UV_READABLE : 0) | (events & LOOP_WRITABLE ? UV_WRITABLE : 0);
}

struct loop_watch *loop_watch_add(
	struct loop *loop, int fd, unsigned events, loop_watch_fn fn, void *owner, struct error *err)
{
	struct loop_watch *watch = loop_allocate(sizeof(*watch));
	watch->fd = fd;
	watch->fn = fn;
	watch->owner = owner;
	int code = uv_poll_init(&loop->uv, &watch->handle, fd);
	if (code) {
		free(watch);
		error_set(err, ERR_STORAGE, "watch of descriptor %d: %s", fd, uv_strerror(code));
		return NULL;
	}
	loop_watch_change(watch, events);
	return watch;
}

void loop_watch_change(struct loop_watch *watch, unsigned events)
{
	watch->events = events;
	if (events) {
		uv_poll_start(&watch->handle, loop_uv_events(events), loop_watch_event);
	} else {
		uv_poll_stop(&watch->handle);
	}
}

void loop_watch_remove(struct loop_watch *watch)
{
	if (watch) {
		watch->dead = true;
		uv_poll_stop(&watch->handle);
		uv_close((uv_handle_t *)&watch->handle, loop_free_handle);
	}
}

static void loop_timer_event(uv_timer_t *handle)
{
	struct loop_timer *timer = (struct loop_timer *)handle;
	if (!timer->dead) {
		timer->fn(timer->owner);
	}
}

struct loop_timer *loop_timer_create(struct loop *loop, loop_fn fn, void *owner)
{
	struct loop_timer *timer = loop_allocate(sizeof(*timer));
	uv_timer_init(&loop->uv, &timer->handle);
	timer->fn = fn;
	timer->owner = owner;
	return timer;
}

void loop_timer_after(struct loop_timer *timer, int64_t ms)
{
	uv_update_time(timer->handle.loop);
	uv_timer_start(&timer->handle, loop_timer_event, ms > 0 ? (uint64_t)ms : 0, 0);
}

void loop_timer_stop(struct loop_timer *timer)
{
	uv_timer_stop(&timer->handle);
}

void loop_timer_destroy(struct loop_timer *timer)
{
	if (timer) {
		timer->dead = true;
		uv_timer_stop(&timer->handle);
		uv_close((uv_handle_t *)&timer->handle, loop_free_handle);
	}
}

static void loop_run_deferred(uv_idle_t *idle)
{
	struct loop *loop = idle->data;
	struct loop_deferred *todo =
		loop->first; /* what these defer in turn belongs to the next turn */
	loop->first = NULL;
	loop->last = &loop->first;
	while (todo) {
		struct loop_deferred *d = todo;
		todo = d->next;
		d->fn(d->owner);
		free(d);
	}
	if (!loop->first) {
		uv_idle_stop(idle);
	}
}

void loop_defer(struct loop *loop, loop_fn fn, void *owner)
{
	struct loop_deferred *d = loop_allocate(sizeof(*d));
	d->fn = fn;
	d->owner = owner;
	*loop->last = d;
	loop->last = &d->next;
	loop->idle.data = loop;
	uv_idle_start(&loop->idle, loop_run_deferred);
}

static void loop_signal_event(uv_signal_t *handle, int number)
{
	struct loop_signal *s = (struct loop_signal *)handle;
	s->fn(s->owner, number);
}

void loop_on_signal(struct loop *loop, int signal_number, loop_signal_fn fn, void *owner)
{
	struct loop_signal *s = loop_allocate(sizeof(*s));
	uv_signal_init(&loop->uv, &s->handle);
	s->fn = fn;
	s->owner = owner;
	s->next = loop->signals;
	loop->signals = s;
	uv_signal_start(&s->handle, loop_signal_event, signal_number);
	uv_unref((uv_handle_t *)&s->handle);
}
