/*
 * Who belongs to whom is read from /proc. A process leaves its session by setsid() and its parent
 * by letting it die; then it becomes a child of ours, who take orphans (PR_SET_CHILD_SUBREAPER),
 * and is known by its tag. What also clears its environment is out of reach here: that is what the
 * service manager's control group is for.
 */
#include "base/kin.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/auto.h"

#include "base/banned.h"

enum { ENVIRONMENT_MAX = 16384, CHILDREN_MAX = 65536 };

struct kin_process {
	pid_t pid, parent, session;
};

/* Reads a small file of /proc as text; its length, or 0. */
static size_t kin_read(const char *path, char *out, size_t size)
{
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	while (fd >= 0 && length < size - 1) {
		ssize_t n = read(fd, out + length, size - 1 - length);
		if (n <= 0) {
			break;
		}
		length += (size_t)n;
	}
	out[length] = '\0';
	return length;
}

static bool kin_carries(pid_t pid, const char *tag)
{
	char path[64];
	char environment[ENVIRONMENT_MAX];
	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	size_t length = kin_read(path, environment, sizeof(environment));
	for (const char *at = environment; at < environment + length; at += strlen(at) + 1) {
		if (strcmp(at, tag) == 0) {
			return true;
		}
	}
	return false;
}

void kin_signal(pid_t leader, const char *tag, int signal_number)
{
	if (kill(-leader, signal_number)) {
		kill(leader, signal_number); /* not yet the leader of a group */
	}
	GDir *dir = g_dir_open("/proc", 0, NULL);
	const char *name;
	while (dir && (name = g_dir_read_name(dir))) {
		pid_t pid = (pid_t)strtol(name, NULL, 10);
		if (pid > 1 && getpgid(pid) != leader && kin_carries(pid, tag)) {
			kill(pid, signal_number);
		}
	}
	if (dir) {
		g_dir_close(dir);
	}
}

/* Whether a child of ours that is not the leader carries the tag (what is dead carries nothing). */
static bool kin_left_orphans(pid_t leader, const char *tag)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	g_autofree char *children = g_malloc(CHILDREN_MAX);
	bool found = false;
	if (access(path, R_OK)) {
		return true; /* a kernel without that list: the long way */
	}
	kin_read(path, children, CHILDREN_MAX);
	char *end = children;
	for (char *at = children; !found && *at; at = end) {
		pid_t pid = (pid_t)strtol(at, &end, 10);
		if (end == at) {
			break;
		}
		found = pid > 1 && pid != leader && kin_carries(pid, tag);
	}
	return found;
}

void kin_kill_left(pid_t leader, const char *tag)
{
	enum { PASSES = 3 }; /* what is started between listing and killing is found by the next one */
	kill(-leader, SIGKILL);
	for (int i = 0; i < PASSES && kin_left_orphans(leader, tag); i++) {
		kin_signal(leader, tag, SIGKILL);
	}
}

GArray *kin_census(void)
{
	GArray *census = g_array_new(FALSE, FALSE, sizeof(struct kin_process));
	GDir *dir = g_dir_open("/proc", 0, NULL);
	const char *name;
	while (dir && (name = g_dir_read_name(dir))) {
		struct kin_process p = {.pid = (pid_t)strtol(name, NULL, 10)};
		char path[64], stat[512];
		if (p.pid <= 0) {
			continue;
		}
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)p.pid);
		size_t length = kin_read(path, stat, sizeof(stat));
		/* a program's name may hold anything: what follows its last ")" counts (proc(5)) */
		const char *end = length ? strrchr(stat, ')') : NULL;
		if (end && sscanf(end + 1, " %*c %d %*d %d", &p.parent, &p.session) == 2) {
			g_array_append_val(census, p);
		}
	}
	if (dir) {
		g_dir_close(dir);
	}
	return census;
}

size_t kin_count(const GArray *census, pid_t leader, const char *tag)
{
	g_autoptr(GHashTable) counted = g_hash_table_new(NULL, NULL);
	pid_t self = getpid();
	for (size_t i = 0; i < census->len; i++) {
		const struct kin_process *p = &g_array_index(census, struct kin_process, i);
		bool is = p->session == leader || p->pid == leader;
		if (!is && p->parent == self) {
			is = kin_carries(p->pid, tag);
		} else if (!is) { /* parents mostly come first */
			is = g_hash_table_contains(counted, GINT_TO_POINTER(p->parent));
		}
		if (is) {
			g_hash_table_add(counted, GINT_TO_POINTER(p->pid));
		}
	}
	return g_hash_table_size(counted);
}
