#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include <glib.h>

/*
 * Sockets of this host on which somebody waits for connections, and the processes they belong to:
 * /proc/net/tcp, tcp6 and unix (proc(5)), /proc/PID/comm and fd. Everything is read below a root
 * directory, so that a made-up one serves as well.
 */
struct listener {
	uint64_t inode;
	uint16_t port; /* 0: a Unix socket */
	bool anywhere; /* bound to all addresses */
	bool v6;
	char address[64]; /* literal bound to, without brackets */
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)]; /* "@NAME" in the abstract space */
};

enum { LISTENER_MAX = 4096 }; /* sockets kept of each sort: more no person set up */

/* All there are, in a fixed order (TCP by port, IPv4 first, then paths); `whole_host`: the root is
 * "/", so the kernel may be asked for TCP. Free with g_array_unref(). Of struct listener. */
GArray *listener_read(int root_fd, bool whole_host);

/* Adds the listening TCP sockets as the kernel tells them. False: it does not; nothing is added. */
MUST_USE bool listener_read_diag(GArray *list);

/* Whether both lists have the same sockets (by inode). */
bool listener_same(const GArray *a, const GArray *b);

/* A process of interest. */
struct listener_process {
	int pid, parent;
	char comm[16];
	bool hidden;    /* its descriptors cannot be read by us */
	GArray *inodes; /* uint64_t, of its sockets; NULL if hidden */
};

/* Processes for whose name `wanted` says yes, by number. Of struct listener_process, owned. */
GPtrArray *listener_processes(int root_fd, bool (*wanted)(const char *comm));

bool listener_owns(const struct listener_process *process, uint64_t inode);
