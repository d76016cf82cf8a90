#pragma once
#include "base/attr.h"
#include "base/error.h"
#include "base/loop.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Child processes that execute a program: no shell, an argument vector, a given environment and
 * nothing inherited but stdin from /dev/null and one pipe for stdout and stderr (or one each); a
 * session of its own, resource limits, no new privileges unless asked for, working directory "/".
 * At the deadline all it started gets SIGTERM, and `grace_ms` later SIGKILL, what left its process
 * group included (as far as it still carries `tag` in its environment). After a normal end daemons
 * that it left behind go on, unless `leave_nothing` is set.
 *
 * One spawner per process: it takes all dead children of the process, adopts orphans, and handles
 * SIGCHLD.
 */
struct spawner;
struct spawn;

/* Who a child is; only root can become somebody else. */
struct spawn_user {
	uid_t uid;
	gid_t gid;
	const gid_t *groups; /* supplementary ones */
	size_t group_count;
};

enum { SPAWN_ERRORS_MAX = 4096 };

struct spawn_request {
	int program;             /* descriptor of what is executed; stays the caller's */
	const char *path;        /* executed in place of it, for programs that look at the name they are
								started by (a script's $0 is else /dev/fd/3); NULL: `program` */
	const char *const *argv; /* NULL-terminated; argv[0] is what the program sees as its name */
	const char *const *environment; /* "NAME=value", NULL-terminated */
	const char *tag;                /* one of them, unique to this run: finds processes again */
	int64_t timeout_ms, grace_ms;
	size_t output_max;             /* bytes kept of the output; the rest is read and dropped */
	uint64_t file_max;             /* greatest file it may write, bytes */
	const struct spawn_user *user; /* NULL: as we are */
	bool errors_apart;             /* stderr goes to `errors` of the result, not into the output */
	bool may_gain;                 /* set-user-ID programs (sudo) work for it */
	mode_t umask;                  /* 0: 022 */
	int socket;           /* > 0: stdin and stdout of the child, so that `output` is what it says on
							 stderr; stays the caller's */
	int input;            /* > 0: stdin of the child, instead of /dev/null; stays the caller's */
	size_t processes_max; /* > 0: with more processes than that it is killed; looked at twice a
							 second */
	bool leave_nothing;   /* what it left behind is killed after a normal end too */
};

/* Valid during the callback. */
struct spawn_result {
	bool started; /* false: the program could not be executed, `error` says why */
	struct error error;
	int exit_code;  /* if `signal` is 0 */
	int signal;     /* that ended it, or 0 */
	bool timed_out; /* or ended by spawn_end() */
	bool too_many;  /* processes: it was killed for that */
	const char *output;
	size_t length;
	bool truncated;
	const char *errors; /* with errors_apart: the first SPAWN_ERRORS_MAX bytes of stderr, NUL behind
						   them */
	size_t errors_length;
};

typedef void (*spawn_done_fn)(void *owner, const struct spawn_result *result);

struct spawner *spawner_create(struct loop *loop);

/* Kills everything under way without a callback. NULL allowed; not inside a callback. */
void spawner_destroy(struct spawner *spawner);

/* Begins; `done` is called once, never from inside this call. NULL with STORAGE: no process or
 * pipe. */
struct spawn *spawner_start(struct spawner *spawner, const struct spawn_request *request,
	spawn_done_fn done, void *owner, struct error *err);

/* As if its deadline were now; `done` is called when it is gone. */
void spawn_end(struct spawn *spawn);

size_t spawner_running(const struct spawner *spawner);
pid_t spawn_pid(const struct spawn *spawn);
