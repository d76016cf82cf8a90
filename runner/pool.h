#pragma once
#include "base/attr.h"
#include "base/loop.h"
#include "base/spawn.h"
#include "runner/order.h"

/*
 * What is executed for the collector: checks, plugins, ways to nodes. A limited number runs at
 * once, the rest waits for its turn with its deadline running. Nothing that a run started outlives
 * it.
 */
struct pool;
struct job;

enum {
	POOL_RUNNING_MAX = 32,    /* checks and plugins at once */
	POOL_TRANSPORTS_MAX = 64, /* ways to nodes at once */
	POOL_WAITING_MAX = 4096,
	POOL_OUTPUT_MAX = 63000, /* bytes kept of what one says */
	POOL_ERRORS_MAX = 2000,
	POOL_PROCESSES_MAX = 64, /* of one run */
};

/* Valid during the callback. */
struct job_result {
	struct error error; /* kind not ERR_NONE: it was not started, all else is 0 */
	int exit_code, signal;
	enum message_executed ended;
	bool truncated;
	uint32_t took_ms;
	const char *output; /* raw, NUL behind it */
	size_t length;
	char *errors; /* clean */
	int fd;       /* of a way to a node: the callee's now; else -1 */
};

typedef void (*job_fn)(void *owner, const struct job_result *result);

struct pool_options {
	struct loop *loop;
	struct spawner *spawner;
	const char *state_dir; /* see order_prepare */
};

struct pool *pool_create(const struct pool_options *options);

/* After the spawner was destroyed; what is left is dropped without a callback. NULL allowed. */
void pool_destroy(struct pool *pool);

/* From now on this configuration holds (borrowed until the next one). */
void pool_configure(struct pool *pool, const struct config *config);

/*
 * Begins, or queues. `done` is called once, never from inside this call; a way to a node is done
 * when its process runs: it goes on until the socket is closed or its deadline passes. NULL:
 * refused (see order_prepare; CONFLICT: too many are waiting, or the pool is closed).
 */
struct job *pool_start(
	struct pool *pool, const struct order *order, job_fn done, void *owner, struct error *err);

/* Ends it without a callback; not after `done` was called. */
void pool_cancel(struct pool *pool, struct job *job);

/* Nothing is started any more, what waits is told CONFLICT and what runs is ended. */
void pool_close(struct pool *pool);
