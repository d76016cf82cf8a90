#include "magpie/process.h"
#include "base/auto.h"
#include "base/log.h"
#include "base/role.h"
#include "model/message.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * The child is /proc/self/exe, so it is the very program that runs, even if the file was replaced
 * meanwhile. It inherits three descriptors and the control socket, nothing else, and an environment
 * of listed names only (librrd, fontconfig and the C library read the environment: reference
 * reliability, L12). Its end is seen through a pidfd: no SIGCHLD handler, no race about a pid that
 * was given out again.
 */

enum {
	CONTROL_QUEUE = 80 << 20
}; /* a bundle travels as a descriptor; this is for a role that is stopped for a while */

static const char *const environment_kept[] = {"PATH", "HOME", "LANG", "NOTIFY_SOCKET",
	"XDG_CACHE_HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"};

struct process {
	struct loop *loop;
	unsigned role;
	struct process_handlers handlers;
	void *owner;
	struct channel *control;
	struct loop_watch *watch;
	int pidfd;
	pid_t pid; /* 0: not running */
};

struct process *process_create(
	struct loop *loop, unsigned role, const struct process_handlers *handlers, void *owner)
{
	struct process *process = g_new0(struct process, 1);
	process->loop = loop;
	process->role = role;
	process->handlers = *handlers;
	process->owner = owner;
	process->pidfd = -1;
	return process;
}

static void process_forget(struct process *process)
{
	loop_watch_remove(process->watch);
	process->watch = NULL;
	channel_destroy(process->control);
	process->control = NULL;
	if (process->pidfd >= 0) {
		close(process->pidfd);
		process->pidfd = -1;
	}
	process->pid = 0;
}

void process_destroy(struct process *process)
{
	if (!process) {
		return;
	}
	if (process->pid) {
		kill(process->pid, SIGKILL);
		waitpid(process->pid, NULL, 0);
	}
	process_forget(process);
	g_free(process);
}

static void process_frame(void *owner, const struct frame *frame, int fd)
{
	struct process *process = owner;
	if (fd >= 0) {
		close(fd); /* no role has a descriptor to give to the supervisor */
	}
	process->handlers.frame(process->owner, frame);
}

/* The control channel broke: the process is about to end by itself (if not, it counts as hung
 * before long), or broke the protocol and has to. */
static void process_unheard(void *owner, const struct error *why)
{
	struct process *process = owner;
	if (why->kind == ERR_PROTOCOL) {
		log_error("role.protocol", "role=%s why=\"%s\"", role_name(process->role), why->text);
		kill(process->pid, SIGKILL); /* not reaped yet, so the pid is still its own */
	}
	channel_destroy(process->control);
	process->control = NULL;
}

static void process_exited(void *owner, int fd UNUSED, unsigned events UNUSED)
{
	struct process *process = owner;
	int status = 0;
	if (waitpid(process->pid, &status, WNOHANG) != process->pid) {
		return;
	}
	char how[64];
	if (WIFSIGNALED(status)) {
		snprintf(
			how, sizeof(how), "signal %d (%s)", WTERMSIG(status), sigabbrev_np(WTERMSIG(status)));
	} else {
		snprintf(how, sizeof(how), "exit %d", WEXITSTATUS(status));
	}
	process_forget(process);
	process->handlers.ended(process->owner, how);
}

static char **process_environment(void)
{
	GPtrArray *list = g_ptr_array_new();
	for (size_t i = 0; i < ARRAY_LENGTH(environment_kept); i++) {
		const char *value = getenv(environment_kept[i]);
		if (value) {
			g_ptr_array_add(list, g_strdup_printf("%s=%s", environment_kept[i], value));
		}
	}
	g_ptr_array_add(list, g_strdup("TZ=UTC"));
	g_ptr_array_add(list, NULL);
	return (char **)g_ptr_array_free(list, FALSE);
}

static bool process_spawn(struct process *process, int control, struct error *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, control, ROLE_CONTROL_FD);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	const char *const words[] = {"magpie", "role", role_name(process->role), NULL};
	char **environment = process_environment();
	int code = posix_spawn(
		&process->pid, "/proc/self/exe", &actions, &attributes, (char **)words, environment);
	g_strfreev(environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (code) {
		process->pid = 0;
		return error_errno(err, ERR_STORAGE, code, "start of %s", role_name(process->role));
	}
	return true;
}

bool process_start(struct process *process, struct error *err)
{
	static const struct channel_handlers handlers = {
		.frame = process_frame, .closed = process_unheard};
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		return error_errno(err, ERR_STORAGE, errno, "socketpair");
	}
	AUTO_FD theirs = pair[1];
	AUTO_FD ours = pair[0];
	if (theirs == ROLE_CONTROL_FD) { /* dup2 onto itself would keep close-on-exec */
		int moved = fcntl(theirs, F_DUPFD_CLOEXEC, ROLE_CONTROL_FD + 1);
		close(theirs);
		theirs = moved;
	}
	if (!process_spawn(process, theirs, err)) {
		return false;
	}
	process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	process->watch = process->pidfd < 0 ? NULL
										: loop_watch_add(process->loop, process->pidfd,
											  LOOP_READABLE, process_exited, process, err);
	if (!process->watch) {
		error_errno(err, ERR_STORAGE, errno, "pidfd of %s", role_name(process->role));
		kill(process->pid, SIGKILL);
		waitpid(process->pid, NULL, 0);
		process_forget(process);
		return false;
	}
	process->control = channel_create(process->loop, &message_table, ROLE_SUPERVISOR, process->role,
		CONTROL_QUEUE, &handlers, process, STEAL_FD(ours));
	return true;
}

bool process_running(const struct process *process)
{
	return process->pid != 0;
}

pid_t process_pid(const struct process *process)
{
	return process->pid;
}

struct channel *process_control(struct process *process)
{
	return process->control;
}

void process_signal(struct process *process, int signal_number)
{
	if (process->pid) {
		kill(process->pid, signal_number);
	}
}
