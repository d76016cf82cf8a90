/*
 * A run goes from started to (deadline passed ->) reaped to told. The child is executed from a
 * descriptor, so what was checked is what runs.
 *
 * I1: between fork and exec the child calls async-signal-safe functions only. I2: a process group
 * is killed only while its leader is not reaped, so its number cannot have been given to another.
 * I3: SIGCHLD may stand for many children: each time all that are dead are taken, known or adopted.
 * I4: a child takes no signal until it has handlers of its own: ours would write into the pipe of
 * the loop, which it shares, and the parent would stop in its place.
 */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/kin.h"

#include "base/banned.h"

enum {
	PROGRAM_FD = 3,
	STATUS_FD = 4,
	FILES_MAX = 1024,
	CHUNK = 16384,
	CHUNKS_PER_TURN = 16,
	KILL_AGAIN_MS = 1000,
	CENSUS_MS = 500
};

struct spawner {
	struct loop *loop;
	GPtrArray *running; /* struct spawn *, owned */
	struct loop_timer *census;
	bool census_due;
};

/* One pipe that is read to its end. */
struct spawn_pipe {
	int fd;
	struct loop_watch *watch;
	GString *text;
	size_t most;
	bool truncated;
};

struct spawn {
	struct spawner *spawner;
	pid_t pid;
	struct spawn_pipe output, errors; /* the second with fd -1 if stderr goes into the first */
	int status_fd;
	struct loop_timer *timer;
	struct mono began;
	int64_t grace_ms;
	size_t processes_max;
	char *tag;
	bool timed_out, too_many, leave_nothing;
	spawn_done_fn done;
	void *owner;
};

/* -- in the child: see I1 -- */

struct child_plan {
	int program, input, output, errors, status;
	bool is_script, may_gain;
	uint64_t file_max;
	rlim_t cpu_s;
	mode_t umask;
	const char *path;
	const struct spawn_user *user;
	char *const *argv, *const *environment;
};

static void child_fail(int status_fd)
{
	int number = errno;
	ssize_t n = write(status_fd, &number, sizeof(number));
	(void)n;
	_exit(127);
}

static void child_reset_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	for (int s = 1; s < NSIG; s++) {
		signal(s, SIG_DFL);
	}
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool child_limit(__rlimit_resource_t what, rlim_t most)
{
	struct rlimit now;
	if (getrlimit(what, &now)) {
		return false;
	}
	if (now.rlim_max == RLIM_INFINITY || now.rlim_max > most) {
		now.rlim_max = most;
	}
	now.rlim_cur = now.rlim_max;
	return !setrlimit(what, &now);
}

/* Puts the descriptors where they belong; above the wanted ones first, so that none is overwritten.
 */
static bool child_descriptors(struct child_plan *plan)
{
	plan->program = plan->path ? plan->output : plan->program;
	plan->program = fcntl(plan->program, F_DUPFD, STATUS_FD + 1);
	plan->output = fcntl(plan->output, F_DUPFD, STATUS_FD + 1);
	plan->errors = fcntl(plan->errors, F_DUPFD, STATUS_FD + 1);
	plan->input = fcntl(plan->input, F_DUPFD, STATUS_FD + 1);
	int status = fcntl(plan->status, F_DUPFD, STATUS_FD + 1);
	if (plan->program < 0 || plan->output < 0 || plan->errors < 0 || plan->input < 0 ||
		status < 0) {
		return false;
	}
	plan->status = STATUS_FD;
	bool placed = dup2(plan->input, 0) >= 0 && dup2(plan->output, 1) >= 0 &&
				  dup2(plan->errors, 2) >= 0 && dup2(plan->program, PROGRAM_FD) >= 0 &&
				  dup2(status, STATUS_FD) >= 0;
	/* a script is read by its interpreter from /dev/fd/3, so that one has to stay open */
	return placed && close_range(STATUS_FD + 1, UINT_MAX, 0) == 0 &&
		   fcntl(STATUS_FD, F_SETFD, FD_CLOEXEC) == 0 &&
		   (plan->is_script || fcntl(PROGRAM_FD, F_SETFD, FD_CLOEXEC) == 0);
}

/* By system calls of its own: the library's versions talk to other threads, which are not here. */
static bool child_become(const struct spawn_user *user)
{
	return !user || (!syscall(SYS_setgroups, user->group_count, user->groups) &&
						!syscall(SYS_setresgid, user->gid, user->gid, user->gid) &&
						!syscall(SYS_setresuid, user->uid, user->uid, user->uid));
}

static void child_run(struct child_plan *plan, pid_t parent)
{
	child_reset_signals();
	/* another user first: a change of it takes the wish to die with the parent away */
	if (setsid() < 0 || !child_descriptors(plan) || chdir("/") || !child_become(plan->user) ||
		prctl(PR_SET_PDEATHSIG, SIGKILL) ||
		(!plan->may_gain && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) ||
		!child_limit(RLIMIT_CORE, 0) || !child_limit(RLIMIT_NOFILE, FILES_MAX) ||
		!child_limit(RLIMIT_FSIZE, plan->file_max) || !child_limit(RLIMIT_CPU, plan->cpu_s)) {
		child_fail(plan->status);
	}
	if (getppid() != parent) {
		_exit(127); /* the parent died before the call above took effect */
	}
	umask(plan->umask ? plan->umask : 022);
	if (plan->path) {
		execve(plan->path, plan->argv, plan->environment);
	} else {
		fexecve(PROGRAM_FD, plan->argv, plan->environment);
	}
	child_fail(plan->status);
}

/* -- a run -- */

static void spawn_pipe_close(struct spawn_pipe *pipe)
{
	loop_watch_remove(pipe->watch);
	if (pipe->fd >= 0) {
		close(pipe->fd);
	}
	g_string_free(pipe->text, TRUE);
}

static void spawn_free(void *p)
{
	struct spawn *s = p;
	spawn_pipe_close(&s->output);
	spawn_pipe_close(&s->errors);
	loop_timer_destroy(s->timer);
	close(s->status_fd);
	g_free(s->tag);
	g_free(s);
}

/* Takes what is there, not more than a share of one turn. False: nothing more will come. */
static bool spawn_read(struct spawn_pipe *pipe)
{
	char chunk[CHUNK];
	for (int i = 0; i < CHUNKS_PER_TURN; i++) {
		ssize_t n = read(pipe->fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return n < 0 && errno == EAGAIN;
		}
		size_t keep = MIN((size_t)n, pipe->most - pipe->text->len);
		g_string_append_len(pipe->text, chunk, (gssize)keep);
		pipe->truncated |= keep < (size_t)n;
	}
	return true;
}

static void spawn_on_output(void *owner, int fd UNUSED, unsigned events UNUSED)
{
	struct spawn_pipe *pipe = owner;
	if (!spawn_read(pipe)) {
		loop_watch_remove(STEAL(pipe->watch));
	}
}

static void spawn_pipe_open(struct spawn *s, struct spawn_pipe *pipe, int fd, size_t most)
{
	*pipe = (struct spawn_pipe){.fd = fd, .text = g_string_new(NULL), .most = most};
	if (fd >= 0) {
		fcntl(fd, F_SETFL, O_NONBLOCK);
		pipe->watch =
			loop_watch_add(s->spawner->loop, fd, LOOP_READABLE, spawn_on_output, pipe, NULL);
	}
}

static void spawn_on_time(void *owner)
{
	struct spawn *s = owner;
	kin_signal(s->pid, s->tag, s->timed_out ? SIGKILL : SIGTERM);
	/* KILL again and again: something may have been started in between */
	loop_timer_after(s->timer, s->timed_out ? KILL_AGAIN_MS : s->grace_ms);
	s->timed_out = true;
}

void spawn_end(struct spawn *spawn)
{
	if (!spawn->timed_out) {
		spawn_on_time(spawn);
	}
}

static void spawn_tell(struct spawn *s, int status)
{
	int number = 0;
	struct spawn_result result = {
		.timed_out = s->timed_out && !s->too_many, .too_many = s->too_many};
	result.started = read(s->status_fd, &number, sizeof(number)) != sizeof(number);
	if (!result.started) {
		error_errno(&result.error, ERR_STORAGE, number, "cannot be executed");
	}
	spawn_read(&s->output);
	if (s->errors.fd >= 0) {
		spawn_read(&s->errors);
	}
	result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	result.output = s->output.text->str;
	result.length = s->output.text->len;
	result.truncated = s->output.truncated;
	result.errors = s->errors.text->str;
	result.errors_length = s->errors.text->len;
	s->done(s->owner, &result);
	spawn_free(s);
}

/* -- the spawner -- */

static struct spawn *spawner_find(const struct spawner *spawner, pid_t pid)
{
	for (size_t i = 0; i < spawner->running->len; i++) {
		struct spawn *s = g_ptr_array_index(spawner->running, i);
		if (s->pid == pid) {
			return s;
		}
	}
	return NULL;
}

static void spawner_on_child(void *owner, int signal_number UNUSED)
{
	struct spawner *spawner = owner;
	for (;;) {
		siginfo_t info = {.si_pid = 0};
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid == 0) {
			return;
		}
		struct spawn *s = spawner_find(spawner, info.si_pid);
		if (s && s->timed_out) {
			kin_signal(s->pid, s->tag, SIGKILL); /* what it leaves behind; see I2 */
		} else if (s && s->leave_nothing) {
			kin_kill_left(s->pid, s->tag);
		}
		int status = 0;
		waitpid(info.si_pid, &status, 0);
		if (s) {
			g_ptr_array_remove(spawner->running, s);
			spawn_tell(s, status);
		}
	}
}

/* Whether there is one to be looked at; those that only just began mostly end by themselves. */
static bool spawner_counts(const struct spawner *spawner, int64_t least_ms)
{
	for (size_t i = 0; i < spawner->running->len; i++) {
		const struct spawn *s = g_ptr_array_index(spawner->running, i);
		if (s->processes_max && !s->too_many && mono_now().ms - s->began.ms >= least_ms) {
			return true;
		}
	}
	return false;
}

static void spawner_on_census(void *owner)
{
	struct spawner *spawner = owner;
	if (spawner_counts(spawner, CENSUS_MS / 2)) {
		g_autoptr(GArray) census = kin_census();
		for (size_t i = 0; i < spawner->running->len; i++) {
			struct spawn *s = g_ptr_array_index(spawner->running, i);
			if (s->processes_max && !s->too_many &&
				kin_count(census, s->pid, s->tag) > s->processes_max) {
				s->too_many = s->timed_out = true;
				spawn_on_time(s);
			}
		}
	}
	spawner->census_due = spawner_counts(spawner, 0);
	if (spawner->census_due) {
		loop_timer_after(spawner->census, CENSUS_MS);
	}
}

struct spawner *spawner_create(struct loop *loop)
{
	struct spawner *spawner = g_new0(struct spawner, 1);
	spawner->loop = loop;
	spawner->running = g_ptr_array_new();
	spawner->census = loop_timer_create(loop, spawner_on_census, spawner);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	loop_on_signal(loop, SIGCHLD, spawner_on_child, spawner);
	return spawner;
}

void spawner_destroy(struct spawner *spawner)
{
	if (!spawner) {
		return;
	}
	for (size_t i = 0; i < spawner->running->len; i++) {
		struct spawn *s = g_ptr_array_index(spawner->running, i);
		kin_signal(s->pid, s->tag, SIGKILL);
		waitpid(s->pid, NULL, 0);
		spawn_free(s);
	}
	loop_timer_destroy(spawner->census);
	g_ptr_array_free(spawner->running, TRUE);
	g_free(spawner);
}

static bool spawn_is_script(int fd)
{
	char begin[2];
	return pread(fd, begin, 2, 0) == 2 && begin[0] == '#' && begin[1] == '!';
}

/* The ends of a run's pipes: [0] is ours, [1] the child's; errors -1 where they are not apart. */
struct spawn_ends {
	int output[2], errors[2], status[2];
};

static void spawn_close(int *fd)
{
	if (*fd >= 0) {
		close(*fd);
		*fd = -1;
	}
}

static void spawn_ends_close(struct spawn_ends *ends, int which)
{
	spawn_close(&ends->output[which]);
	spawn_close(&ends->errors[which]);
	spawn_close(&ends->status[which]);
}

static bool spawn_ends_open(struct spawn_ends *ends, bool errors_apart)
{
	*ends = (struct spawn_ends){{-1, -1}, {-1, -1}, {-1, -1}};
	return !pipe2(ends->output, O_CLOEXEC) && !pipe2(ends->status, O_CLOEXEC) &&
		   (!errors_apart || !pipe2(ends->errors, O_CLOEXEC));
}

static pid_t spawn_fork(
	const struct spawn_request *request, const struct spawn_ends *ends, int null)
{
	struct child_plan plan = {
		.program = request->program,
		.path = request->path,
		.input = request->socket > 0  ? request->socket
				 : request->input > 0 ? request->input
									  : null,
		.output = request->socket > 0 ? request->socket : ends->output[1],
		.errors = request->errors_apart ? ends->errors[1] : ends->output[1],
		.status = ends->status[1],
		.is_script = !request->path && spawn_is_script(request->program),
		.may_gain = request->may_gain,
		.file_max = request->file_max,
		.cpu_s = (rlim_t)((request->timeout_ms + request->grace_ms) / 1000 + 1),
		.umask = request->umask,
		.user = request->user,
		.argv = (char *const *)request->argv,
		.environment = (char *const *)request->environment,
	};
	pid_t parent = getpid();
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* see I4 */
	pid_t pid = fork();
	if (pid == 0) {
		child_run(&plan, parent);
	}
	int number = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = number;
	return pid;
}

static struct spawn *spawn_create(
	struct spawner *spawner, const struct spawn_request *request, const struct spawn_ends *ends)
{
	struct spawn *s = g_new0(struct spawn, 1);
	s->spawner = spawner;
	s->status_fd = ends->status[0];
	fcntl(s->status_fd, F_SETFL, O_NONBLOCK);
	spawn_pipe_open(s, &s->output, ends->output[0], request->output_max);
	spawn_pipe_open(s, &s->errors, ends->errors[0], SPAWN_ERRORS_MAX);
	s->began = mono_now();
	s->grace_ms = request->grace_ms;
	s->processes_max = request->processes_max;
	s->leave_nothing = request->leave_nothing;
	s->tag = g_strdup(request->tag);
	s->timer = loop_timer_create(spawner->loop, spawn_on_time, s);
	loop_timer_after(s->timer, request->timeout_ms);
	if (s->processes_max && !spawner->census_due) {
		spawner->census_due = true;
		loop_timer_after(spawner->census, CENSUS_MS);
	}
	return s;
}

struct spawn *spawner_start(struct spawner *spawner, const struct spawn_request *request,
	spawn_done_fn done, void *owner, struct error *err)
{
	struct spawn_ends ends;
	bool ready = spawn_ends_open(&ends, request->errors_apart);
	AUTO_FD null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid = ready && null >= 0 ? spawn_fork(request, &ends, null) : -1;
	if (pid < 0) {
		error_errno(err, ERR_STORAGE, errno, "cannot start a process");
		spawn_ends_close(&ends, 0);
		spawn_ends_close(&ends, 1);
		return NULL;
	}
	spawn_ends_close(&ends, 1);
	struct spawn *s = spawn_create(spawner, request, &ends);
	s->pid = pid;
	s->done = done;
	s->owner = owner;
	g_ptr_array_add(spawner->running, s);
	return s;
}

size_t spawner_running(const struct spawner *spawner)
{
	return spawner->running->len;
}

pid_t spawn_pid(const struct spawn *spawn)
{
	return spawn->pid;
}
