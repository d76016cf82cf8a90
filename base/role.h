#pragma once
#include "base/bundle.h"
#include "base/frame.h"
#include "base/loop.h"

#include <stdint.h>

/*
 * What every role process has in common: the control channel to the supervisor (descriptor
 * ROLE_CONTROL_FD), start, peers that come and go, heartbeats that carry progress, reload, a clean
 * end. A role fills in `struct role_handlers` and calls role_run() from its main.
 *
 * Life: START (configuration, data directory) -> create() -> any number of peer(), listen(),
 * apply(), roles() -> STOP -> stop(), which ends with role_stopped() now or later -> destroy().
 * When the supervisor dies the kernel ends the role (PR_SET_PDEATHSIG).
 */
enum { ROLE_CONTROL_FD = 3, ROLE_SUPERVISOR_ID = 0, ROLE_ALONE_S = 5, ROLE_INSTANCES_MAX = 16 };

/* Control frames, in the table of model/message.def; types 1 to 15. */
enum role_frame {
	ROLE_FRAME_START = 1, /* text data_dir, u8 instance, u64 generation, u8 instances (may be
							 missing: 1); fd: bundle */
	ROLE_FRAME_PEER,      /* u8 role, u8 instance; fd: socket */
	ROLE_FRAME_LISTEN,    /* fd: listening socket */
	ROLE_FRAME_PROPOSE,   /* u64 generation; fd: bundle; answered by VERDICT */
	ROLE_FRAME_APPLY,     /* u64 generation; fd: bundle */
	ROLE_FRAME_VERDICT,   /* u64 generation, u8 accepted, text report */
	ROLE_FRAME_PROGRESS,  /* u64 counter */
	ROLE_FRAME_ROLES,     /* u8 n, n x {u8 role, u8 instance, u8 running, u32 pid, u32 restarts, i64
							 since_ms} */
	ROLE_FRAME_STOP,      /* end cleanly */
};

/* One running role as the supervisor sees it; sent to all roles when something changes. */
struct role_status {
	uint8_t role, instance;
	bool running;
	uint32_t pid, restarts;
	struct wall since; /* start of this process */
};

struct role {
	struct loop *loop;
	unsigned id, instance;
	unsigned instances; /* of this role, this one included */
	const char *name;   /* "rrd"; of a further instance "rrd-1" */
	const char *data_dir;
	const struct bundle *bundle;  /* the configuration in force */
	uint64_t generation;          /* of that configuration, rising */
	struct role_process *process; /* base/role.c's own; NULL where a test is the process */
};

struct role_handlers {
	/* Makes the role's state; NULL ends the process (the supervisor tries again). `role` outlives
	 * the state. */
	void *(*create)(struct role *role, struct error *err);
	/* A new socket to that role (taken); an earlier one to the same role and instance is dead. */
	void (*peer)(void *state, unsigned peer, unsigned instance, int fd);
	/* Takes the listening socket. May be NULL. */
	void (*listen)(void *state, int fd);
	/*
	 * Engine only, else NULL: judges a new configuration. True: from now on in force here. False:
	 * the old one goes on. Either way a report (g_malloc) may be given back in `*report`: the
	 * diagnostics as text.
	 */
	bool (*propose)(void *state, const struct bundle *bundle, uint64_t generation, char **report);
	/* The configuration `role->bundle` is in force now. May be NULL. */
	void (*apply)(void *state);
	/* State of all roles. May be NULL. */
	void (*roles)(void *state, const struct role_status *roles, size_t count);
	/* A number that grows while the role does its work; asked each second. 10 s without growth
	 * count as hung. */
	uint64_t (*progress)(void *state);
	/* Begin a clean end: flush, then role_stopped(). */
	void (*stop)(void *state);
	void (*destroy)(void *state);
};

/* Runs the role until STOP or the end of the control channel; returns the exit code. */
int role_run(unsigned id, const char *name, const struct frame_table *table,
	const struct role_handlers *handlers);

/* Called by the role when stop() is done. */
void role_stopped(struct role *role);

/*
 * The channel to a role without which this one is of no use is closed. If that one died, a new
 * socket comes by itself. If it runs on, one of the two broke the rules and none would ever come:
 * after ROLE_ALONE_S this process ends, so that the supervisor starts it and joins it to all its
 * peers anew. The engine never calls this: nobody may end it by closing a socket.
 */
void role_lost_peer(struct role *role, unsigned peer, unsigned instance);

/* A create() that takes long says so now and then, at least every few seconds: counts as progress.
 */
void role_busy(struct role *role);
