#pragma once
#include "base/attr.h"
#include "base/error.h"
#include "base/loop.h"

#include <sys/socket.h>

/*
 * A listening socket on the loop: takes what connects, some at a time. While the process has no
 * descriptor left it looks away for ACCEPTOR_PAUSE_MS, since the loop would else report the same
 * waiting connection again and again and do nothing besides.
 */
struct acceptor;

enum { ACCEPTOR_PAUSE_MS = 100 };

struct acceptor_handlers {
	/* Takes a connected descriptor (close-on-exec, non-blocking). */
	void (*accepted)(void *owner, int fd, const struct sockaddr_storage *peer);
	/* No descriptor is left: whether the owner could give one up. NULL: it never can. */
	bool (*full)(void *owner);
};

/* Takes a listening, non-blocking socket, which is closed if that fails (NULL). */
MUST_USE struct acceptor *acceptor_create(struct loop *loop, int fd,
	const struct acceptor_handlers *handlers, void *owner, struct error *err);

/* Closes the socket. Not inside its handlers. NULL allowed. */
void acceptor_destroy(struct acceptor *acceptor);
