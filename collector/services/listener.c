#include "collector/services/listener.h"
#include "base/auto.h"
#include "base/number.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * Listening TCP sockets (where the kernel is not asked directly) stand before all others in
 * /proc/net/tcp (the kernel walks their table first), so reading ends at the first line in another
 * state: a host with 100,000 connections costs no more than one without.
 */
enum {
	LISTENER_PROCESS_MAX = 4096,
	LISTENER_INODES_MAX = 4096, /* of one process */
	LISTENER_STATE = 0x0a,      /* TCP_LISTEN */
	LISTENER_ACCEPTS = 1 << 16, /* __SO_ACCEPTCON */
};

static FILE *listener_open(int root_fd, const char *path)
{
	AUTO_FD fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		return NULL;
	}
	FILE *file = fdopen(fd, "r");
	if (file) {
		(void)STEAL_FD(fd);
	}
	return file;
}

/* "0100007F", or four such words: each in the order of the machine. */
static bool listener_literal(const char *hex, struct listener *l)
{
	uint32_t words[4];
	size_t count = strlen(hex) / 8;
	if ((count != 1 && count != 4) || strlen(hex) % 8) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		if (sscanf(hex + 8 * i, "%8" SCNx32, &words[i]) != 1) {
			return false;
		}
	}
	static const uint32_t zero[4];
	l->v6 = count == 4;
	l->anywhere = !memcmp(words, zero, count * sizeof words[0]);
	return inet_ntop(l->v6 ? AF_INET6 : AF_INET, words, l->address, sizeof l->address);
}

static void listener_read_tcp(int root_fd, const char *path, GArray *list)
{
	FILE *file = listener_open(root_fd, path);
	char line[512];
	bool head = true;
	while (file && fgets(line, sizeof line, file) && list->len < LISTENER_MAX) {
		struct listener l = {0};
		char hex[33];
		unsigned port, state;
		if (head) {
			head = false;
			continue;
		}
		if (sscanf(line, " %*d: %32[0-9A-Fa-f]:%4x %*s %2x %*s %*s %*s %*u %*u %" SCNu64, hex,
				&port, &state, &l.inode) != 4 ||
			state != LISTENER_STATE) {
			break;
		}
		l.port = (uint16_t)port;
		if (port && listener_literal(hex, &l)) {
			g_array_append_val(list, l);
		}
	}
	if (file) {
		(void)fclose(file);
	}
}

/* HAProxy binds "PATH.PID.tmp" and renames it; the kernel goes on calling it so. */
static void listener_mend_path(int root_fd, char *path)
{
	char *tmp = g_str_has_suffix(path, ".tmp") ? path + strlen(path) - strlen(".tmp") : NULL;
	char *digits = tmp;
	while (digits && digits > path && g_ascii_isdigit(digits[-1])) {
		digits--;
	}
	if (path[0] != '/' || !tmp || digits == tmp || digits[-1] != '.' ||
		!faccessat(root_fd, path + 1, F_OK, AT_EACCESS)) {
		return;
	}
	digits[-1] = '\0';
	if (faccessat(root_fd, path + 1, F_OK, AT_EACCESS)) {
		digits[-1] = '.';
	}
}

static void listener_read_unix(int root_fd, GArray *list)
{
	FILE *file = listener_open(root_fd, "proc/net/unix");
	char line[512];
	while (file && fgets(line, sizeof line, file) && list->len < 3 * LISTENER_MAX) {
		struct listener l = {0};
		unsigned flags, type;
		int at = 0;
		if (sscanf(line, "%*[^:]: %*x %*x %8x %4x %*x %" SCNu64 " %n", &flags, &type, &l.inode,
				&at) != 3 ||
			!at || !(flags & LISTENER_ACCEPTS) || type != 1) {
			continue;
		}
		const char *path = line + at;
		size_t length = strcspn(path, "\n");
		if (length && length < sizeof l.path && (path[0] == '/' || path[0] == '@')) {
			memcpy(l.path, path, length);
			listener_mend_path(root_fd, l.path);
			g_array_append_val(list, l);
		}
	}
	if (file) {
		(void)fclose(file);
	}
}

static int listener_compare(const void *a, const void *b)
{
	const struct listener *left = a, *right = b;
	if (!left->port != !right->port) {
		return left->port ? -1 : 1;
	}
	if (left->port != right->port) {
		return left->port - right->port;
	}
	if (left->v6 != right->v6) {
		return left->v6 - right->v6;
	}
	int order =
		strcmp(left->port ? left->address : left->path, right->port ? right->address : right->path);
	return order ? order : (left->inode > right->inode) - (left->inode < right->inode);
}

GArray *listener_read(int root_fd, bool whole_host)
{
	GArray *list = g_array_new(FALSE, FALSE, sizeof(struct listener));
	if (!whole_host || !listener_read_diag(list)) {
		listener_read_tcp(root_fd, "proc/net/tcp", list);
		listener_read_tcp(root_fd, "proc/net/tcp6", list);
	}
	listener_read_unix(root_fd, list);
	g_array_sort(list, listener_compare);
	return list;
}

bool listener_same(const GArray *a, const GArray *b)
{
	if (a->len != b->len) {
		return false;
	}
	for (guint i = 0; i < a->len; i++) {
		if (g_array_index(a, struct listener, i).inode !=
			g_array_index(b, struct listener, i).inode) {
			return false;
		}
	}
	return true;
}

/* -- processes -- */

static void listener_process_destroy(gpointer data)
{
	struct listener_process *process = data;
	if (process->inodes) {
		g_array_unref(process->inodes);
	}
	g_free(process);
}

static bool listener_read_text(int root_fd, int pid, const char *what, char *out, size_t size)
{
	char path[64];
	g_snprintf(path, sizeof path, "proc/%d/%s", pid, what);
	AUTO_FD fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t got = fd < 0 ? -1 : read(fd, out, size - 1);
	out[MAX(got, 0)] = '\0';
	return got > 0;
}

static int listener_parent(int root_fd, int pid)
{
	char text[512];
	int parent = 0;
	if (!listener_read_text(root_fd, pid, "stat", text, sizeof text)) {
		return 0;
	}
	const char *behind = strrchr(text, ')'); /* the name may hold anything */
	if (!behind || sscanf(behind, ") %*c %d", &parent) != 1) {
		return 0;
	}
	return parent;
}

static void listener_read_sockets(int root_fd, struct listener_process *process)
{
	char path[64];
	g_snprintf(path, sizeof path, "proc/%d/fd", process->pid);
	int fd = openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0) {
			close(fd);
		}
		process->hidden = true;
		return;
	}
	process->inodes = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	const struct dirent *entry;
	while ((entry = readdir(dir)) && process->inodes->len < LISTENER_INODES_MAX) {
		char link[64];
		ssize_t length = readlinkat(fd, entry->d_name, link, sizeof link - 1);
		uint64_t inode;
		link[MAX(length, 0)] = '\0';
		if (length > 0 && sscanf(link, "socket:[%" SCNu64 "]", &inode) == 1) {
			g_array_append_val(process->inodes, inode);
		}
	}
	closedir(dir);
}

static gint listener_process_compare(gconstpointer a, gconstpointer b)
{
	const struct listener_process *left = *(const struct listener_process *const *)a;
	const struct listener_process *right = *(const struct listener_process *const *)b;
	return left->pid - right->pid;
}

GPtrArray *listener_processes(int root_fd, bool (*wanted)(const char *comm))
{
	GPtrArray *list = g_ptr_array_new_with_free_func(listener_process_destroy);
	int fd = openat(root_fd, "proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	while (dir && (entry = readdir(dir)) && list->len < LISTENER_PROCESS_MAX) {
		long long pid;
		char comm[32];
		if (!number_parse_int(entry->d_name, strlen(entry->d_name), 1, INT32_MAX, &pid) ||
			!listener_read_text(root_fd, (int)pid, "comm", comm, sizeof comm)) {
			continue;
		}
		comm[strcspn(comm, "\n")] = '\0';
		if (!wanted(comm)) {
			continue;
		}
		struct listener_process *process = g_new0(struct listener_process, 1);
		process->pid = (int)pid;
		process->parent = listener_parent(root_fd, (int)pid);
		g_strlcpy(process->comm, comm, sizeof process->comm);
		listener_read_sockets(root_fd, process);
		g_ptr_array_add(list, process);
	}
	if (dir) {
		closedir(dir);
	} else if (fd >= 0) {
		close(fd);
	}
	g_ptr_array_sort(list, listener_process_compare);
	return list;
}

bool listener_owns(const struct listener_process *process, uint64_t inode)
{
	for (guint i = 0; process->inodes && i < process->inodes->len; i++) {
		if (g_array_index(process->inodes, uint64_t, i) == inode) {
			return true;
		}
	}
	return false;
}
