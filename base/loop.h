#pragma once
#include "base/attr.h"
#include "base/clock.h"
#include "base/error.h"

#include <stdbool.h>

/*
 * The event loop of a role: one thread that owns all of the role's state. A thin cover over libuv,
 * so that no other folder knows it. Callbacks get the `owner` they were registered with. Everything
 * here is called from the loop's thread only (but see base/worker.h).
 */
struct loop;
struct loop_watch;
struct loop_timer;

enum { LOOP_READABLE = 1, LOOP_WRITABLE = 2 };

typedef void (*loop_fn)(void *owner);
typedef void (*loop_watch_fn)(void *owner, int fd, unsigned events);
typedef void (*loop_signal_fn)(void *owner, int signal_number);

struct loop *loop_create(void);
void loop_destroy(struct loop *loop);

/* Runs until loop_stop(); may be run again. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/*
 * Watches `fd` (stays the caller's, must outlive the watch) for `events`. An error or a hang-up is
 * reported as readable. NULL with STORAGE if the kernel refuses (a regular file, EEXIST).
 */
MUST_USE struct loop_watch *loop_watch_add(
	struct loop *loop, int fd, unsigned events, loop_watch_fn fn, void *owner, struct error *err);
void loop_watch_change(struct loop_watch *watch, unsigned events);
void loop_watch_remove(
	struct loop_watch *watch); /* NULL allowed; may be called from inside its callback */

/* A timer fires once at the moment set last; setting it again moves it. */
struct loop_timer *loop_timer_create(struct loop *loop, loop_fn fn, void *owner);
void loop_timer_after(struct loop_timer *timer, int64_t ms);
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_destroy(
	struct loop_timer *timer); /* NULL allowed; may be called from inside its callback */

/* Calls `fn` once, in the next turn of the loop. */
void loop_defer(struct loop *loop, loop_fn fn, void *owner);

/* From now on this signal calls `fn` in the loop. One handler per signal and loop; ends with the
 * loop. */
void loop_on_signal(struct loop *loop, int signal_number, loop_signal_fn fn, void *owner);

/* A whole `uv_loop_t *`, for base/worker.c and base/httpclient.c alone. */
void *loop_backend(struct loop *loop);
