#pragma once
#include "base/attr.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Who executes for the collector, which may not: it names what the configuration names, and gets
 * the result raw. Behind it stands the runner role (collector/remote_executor.c), or in
 * `magpie doctor` the same process.
 */
struct executor;
struct execution;

enum execution_what {
	EXECUTION_CHECK,         /* `check NAME { nagios … }` */
	EXECUTION_PLUGIN_CONFIG, /* `plugin NAME { … }` with the argument "config" */
	EXECUTION_PLUGIN_FETCH,  /* the same without one */
	EXECUTION_TRANSPORT, /* the ssh:// or cmd:// of a host's munin-node: a socket to talk through */
};

enum { EXECUTION_OUTPUT_MAX = 63000, EXECUTION_ERRORS_MAX = 2000 };
#define EXECUTION_TRANSPORT_MARK "# transport: " /* as runner/transport.h */

struct execution_request {
	enum execution_what what;
	const char *host, *name; /* of the configuration; borrowed for the call */
	uint32_t timeout_ms;     /* then it is ended with all it started */
};

/* Valid during the callback. */
struct execution_result {
	struct error error; /* kind not ERR_NONE: it could not be started (or the runner is gone), all
						   else is 0 */
	int exit_code, signal;
	bool timed_out, truncated;
	bool too_many; /* processes: it was ended for that */
	uint32_t took_ms;
	const char *output; /* raw, of stdout; NUL behind it */
	size_t length;
	const char *errors; /* clean, the begin of what it said on stderr */
	int fd;             /* TRANSPORT: the socket, the callee's now; else -1 */
};

typedef void (*execution_fn)(void *owner, const struct execution_result *result);

/* What an executor is made of. */
struct executor_kind {
	struct execution *(*start)(struct executor *executor, const struct execution_request *request,
		execution_fn done, void *owner, struct error *err);
	void (*cancel)(struct execution *execution);
};
struct executor {
	const struct executor_kind *kind;
};

/*
 * Begins; `done` is called once, never from inside this call. A TRANSPORT is done when the process
 * runs and its socket is there; it ends when the socket is closed or at the deadline. If the
 * process ends first, what it said on stderr comes as the last lines from the socket, each behind
 * EXECUTION_TRANSPORT_MARK, so that the reason of a login that failed is read in its place. NULL:
 * refused.
 */
MUST_USE static inline struct execution *executor_start(struct executor *executor,
	const struct execution_request *request, execution_fn done, void *owner, struct error *err)
{
	return executor->kind->start(executor, request, done, owner, err);
}

/* Ends it without a callback. Not after `done` was called. */
static inline void executor_cancel(struct executor *executor, struct execution *execution)
{
	executor->kind->cancel(execution);
}
