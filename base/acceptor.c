/* One turn takes at most ACCEPTS_PER_TURN, so that others on the loop have theirs. */
#include "base/acceptor.h"

#include <errno.h>
#include <unistd.h>

#include <glib.h>

#include "base/log.h"

#include "base/banned.h"

enum { ACCEPTS_PER_TURN = 64 };

struct acceptor {
	struct acceptor_handlers handlers;
	void *owner;
	int fd;
	struct loop_watch *watch;
	struct loop_timer *pause;
};

static void acceptor_look_away(struct acceptor *acceptor)
{
	log_warn("accept.failed", "error=\"%s\" retry_ms=%d", g_strerror(errno), ACCEPTOR_PAUSE_MS);
	loop_watch_change(acceptor->watch, 0);
	loop_timer_after(acceptor->pause, ACCEPTOR_PAUSE_MS);
}

static void acceptor_look(void *owner)
{
	struct acceptor *acceptor = owner;
	loop_watch_change(acceptor->watch, LOOP_READABLE);
}

static bool acceptor_make_room(struct acceptor *acceptor)
{
	int number = errno;
	bool made = acceptor->handlers.full && acceptor->handlers.full(acceptor->owner);
	errno = number;
	return made;
}

static void acceptor_on_event(void *owner, int fd, unsigned events UNUSED)
{
	struct acceptor *acceptor = owner;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
		socklen_t length = sizeof(peer);
		int got = accept4(fd, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (got >= 0) {
			acceptor->handlers.accepted(acceptor->owner, got, &peer);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			if (!acceptor_make_room(acceptor)) {
				acceptor_look_away(acceptor);
				return;
			}
		} else if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO) {
			return;
		}
	}
}

struct acceptor *acceptor_create(struct loop *loop, int fd,
	const struct acceptor_handlers *handlers, void *owner, struct error *err)
{
	struct acceptor *acceptor = g_new0(struct acceptor, 1);
	*acceptor = (struct acceptor){.handlers = *handlers, .owner = owner, .fd = fd};
	acceptor->pause = loop_timer_create(loop, acceptor_look, acceptor);
	acceptor->watch = loop_watch_add(loop, fd, LOOP_READABLE, acceptor_on_event, acceptor, err);
	if (!acceptor->watch) {
		acceptor_destroy(acceptor);
		return NULL;
	}
	return acceptor;
}

void acceptor_destroy(struct acceptor *acceptor)
{
	if (acceptor) {
		loop_watch_remove(acceptor->watch);
		loop_timer_destroy(acceptor->pause);
		close(acceptor->fd);
		g_free(acceptor);
	}
}
