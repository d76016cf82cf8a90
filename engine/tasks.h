#pragma once
#include "base/clock.h"
#include "base/error.h"
#include "base/frame.h"

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

/*
 * Long work on the archive (convert, rename, verify …): each task has a number, goes to every rrd
 * role, and is over when all of them have said so. What is not over survives a restart: of a role,
 * which is told again and begins anew, and of this process, by the store.
 */
struct tasks;

enum {
	TASKS_OPEN_MOST = 32,   /* not over; further ones are refused */
	TASKS_KEPT = 50,        /* that are over */
	TASKS_ARGUMENT = 32000, /* bytes of JSON */
};

enum tasks_state { TASKS_RUNNING, TASKS_DONE, TASKS_FAILED };

struct tasks_handlers {
	/* Sends the frame to that rrd role; false: not now. */
	bool (*send)(void *owner, unsigned instance, struct frame_writer *w);
	/* How many rrd roles there are to be; their instances count from 0. */
	unsigned (*roles)(void *owner);
	/* To be stored, and given to tasks_restore() at the next start. */
	void (*store)(void *owner, const char *text);
	/*
	 * All roles are done (or one has failed): what the engine has to do itself, in the same
	 * transaction as the task's end. May be called again after a restart. May be NULL.
	 */
	void (*ended)(void *owner, uint64_t id, const char *verb, const json_t *argument, bool good);
	/*
	 * All roles are done, none has failed: true if the engine has something to do itself that takes
	 * time; then the task is open until tasks_close(). Called again after a restart. May be NULL.
	 */
	bool (*hold)(void *owner, uint64_t id, const char *verb, const json_t *argument);
};

struct tasks *tasks_create(const struct tasks_handlers *handlers, void *owner);
void tasks_destroy(struct tasks *tasks);

/* What the store had; unreadable text is as none. */
void tasks_restore(struct tasks *tasks, const char *text);

/*
 * Begins a task; its number, from 1, or 0. CONFIG: no verb, or the argument is too long; CONFLICT:
 * too many are open.
 */
uint64_t tasks_begin(struct tasks *tasks, const char *verb, const json_t *argument, struct wall now,
	struct error *err);

/* Ends it where it is. NOT_FOUND: there is no such task, or it is over. */
MUST_USE bool tasks_cancel(struct tasks *tasks, uint64_t id, struct error *err);

/* That rrd role has begun and knows all series: open tasks are sent to it. */
void tasks_ready(struct tasks *tasks, unsigned instance);

/* An RRD_TASK_STATE frame of that role. */
void tasks_take(struct tasks *tasks, unsigned instance, const struct frame *frame, struct wall now);

/* The engine's own share of a task that `hold` kept open is done; `why`: it has failed. */
void tasks_close(struct tasks *tasks, uint64_t id, const struct error *why, struct wall now);

/* Each second: sends what could not be sent. */
void tasks_tick(struct tasks *tasks);

/* The state of one task as JSON; NULL: there is none. Of all, newest first, without results. */
json_t *tasks_describe(const struct tasks *tasks, uint64_t id);
json_t *tasks_list(const struct tasks *tasks);

/* Whether no further task would be taken now. */
bool tasks_is_full(const struct tasks *tasks);

/* Whether a task of the last `span_ms` names that host as one that is not there any more: argument
 * "host" of a move, "hosts" of a retirement. */
bool tasks_took_away(const struct tasks *tasks, const char *host, struct wall now, int64_t span_ms);

/* Whether a task of that verb is open. */
bool tasks_has_open(const struct tasks *tasks, const char *verb);
