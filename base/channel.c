#include "base/channel.h"
#include "base/auto.h"
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

/*
 * I1: a callback may destroy the channel. So every loop over packets checks `alive` (a flag on the
 * stack that destroy clears) before it touches the channel again. I2: once something is queued,
 * everything goes through the queue: order is kept. I3: a peer that died is gone only when all it
 * had sent is read: its last word may be that a message is delivered. So a failed send ends
 * nothing, the end of the reading side does.
 */

struct channel_packet {
	struct channel_packet *next;
	size_t length;
	int fd;
	unsigned char bytes[];
};

struct channel {
	struct loop *loop;
	struct loop_watch *watch;
	const struct frame_table *table;
	unsigned self, peer;
	struct channel_handlers handlers;
	void *owner;
	int fd;
	struct channel_packet *first, **last;
	size_t queued, queue_max;
	bool refused, paused, dead;
	bool *alive; /* see I1 */
};

static void channel_want(struct channel *channel)
{
	loop_watch_change(channel->watch,
		(channel->paused ? 0U : LOOP_READABLE) | (channel->first ? LOOP_WRITABLE : 0U));
}

static void channel_die(struct channel *channel, const struct error *why)
{
	if (channel->dead) {
		return;
	}
	channel->dead = true;
	loop_watch_remove(channel->watch);
	channel->watch = NULL;
	channel->handlers.closed(channel->owner, why);
}

/* 1 sent, 0 would block, -1 failed */
static int channel_write(int socket_fd, const unsigned char *bytes, size_t length, int fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		message.msg_control = control.room;
		message.msg_controllen = sizeof(control.room);
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	for (;;) {
		ssize_t n = sendmsg(socket_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			return 1;
		}
		if (errno != EINTR) {
			return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? 0 : -1;
		}
	}
}

static void channel_drop_queue(struct channel *channel)
{
	while (channel->first) {
		struct channel_packet *p = channel->first;
		channel->first = p->next;
		if (p->fd >= 0) {
			close(p->fd);
		}
		free(p);
	}
	channel->last = &channel->first;
	channel->queued = 0;
}

static void channel_flush(struct channel *channel)
{
	while (channel->first) {
		struct channel_packet *p = channel->first;
		int sent = channel_write(channel->fd, p->bytes, p->length, p->fd);
		if (sent == 0) {
			break;
		}
		if (sent < 0) {
			/* See I3: what the peer said before it went is read first. */
			channel_drop_queue(channel);
			channel_want(channel);
			return;
		}
		channel->first = p->next;
		channel->queued -= p->length;
		if (p->fd >= 0) {
			close(p->fd);
		}
		free(p);
	}
	if (!channel->first) {
		channel->last = &channel->first;
		channel_want(channel);
		if (channel->refused || channel->paused) {
			channel->refused = false;
			if (channel->handlers.drained) {
				channel->handlers.drained(channel->owner);
			}
		}
	}
}

/* Takes a descriptor out of the message, or -1; further ones are closed. */
static int channel_received_fd(struct msghdr *message)
{
	int kept = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
			continue;
		}
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (kept < 0) {
				kept = fd;
			} else {
				close(fd);
			}
		}
	}
	return kept;
}

/* Reads one packet and hands it on; false when there is nothing more to read now. */
static bool channel_read_one(struct channel *channel, unsigned char *packet)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec part = {.iov_base = packet, .iov_len = FRAME_MAX};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room)};
	ssize_t n = recvmsg(channel->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct error why;
	if (n < 0) {
		if (errno == EINTR || errno == ECONNRESET) {
			return true; /* reset: told once, before what is still there to read (see I3) */
		}
		if (errno != EAGAIN && errno != EWOULDBLOCK) {
			error_errno(&why, ERR_UNREACHABLE, errno, "receive");
			channel_die(channel, &why);
		}
		return false;
	}
	AUTO_FD fd = channel_received_fd(&message);
	if (n == 0) {
		error_set(&why, ERR_UNREACHABLE, "the peer closed");
		channel_die(channel, &why);
		return false;
	}
	struct frame frame;
	const char *reason = "packet too long";
	if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
		!frame_decode(
			channel->table, channel->peer, channel->self, packet, (size_t)n, &frame, &reason)) {
		error_set(&why, ERR_PROTOCOL, "frame outside the table: %s", reason);
		log_error("channel.protocol", "peer=%u bytes=%zd why=\"%s\"", channel->peer, n, reason);
		channel_die(channel, &why);
		return false;
	}
	channel->handlers.frame(channel->owner, &frame, STEAL_FD(fd));
	return true;
}

static void channel_event(void *owner, int fd UNUSED, unsigned events)
{
	enum { AT_ONCE = 64 }; /* then let the others in this loop have their turn */
	struct channel *channel = owner;
	bool alive = true;
	bool *outer = channel->alive;
	channel->alive = &alive;
	if (events & LOOP_READABLE) {
		static unsigned char
			packet[FRAME_MAX]; /* one thread per role; never nested: no callback runs a loop */
		for (int i = 0; i < AT_ONCE && alive && !channel->dead && !channel->paused; i++) {
			if (!channel_read_one(channel, packet)) {
				break;
			}
		}
	}
	if (alive && !channel->dead && (events & LOOP_WRITABLE)) {
		channel_flush(channel);
	}
	if (alive) {
		channel->alive = outer;
	} else if (outer) {
		*outer = false;
	}
}

struct channel *channel_create(struct loop *loop, const struct frame_table *table, unsigned self,
	unsigned peer, size_t queue_max, const struct channel_handlers *handlers, void *owner, int fd)
{
	struct channel *channel = calloc(1, sizeof(*channel));
	if (!channel) {
		abort();
	}
	*channel = (struct channel){.loop = loop,
		.table = table,
		.self = self,
		.peer = peer,
		.handlers = *handlers,
		.owner = owner,
		.fd = fd,
		.queue_max = queue_max};
	channel->last = &channel->first;
	struct error err;
	channel->watch = loop_watch_add(loop, fd, LOOP_READABLE, channel_event, channel, &err);
	assert(channel->watch); /* a fresh socket can always be watched */
	return channel;
}

void channel_destroy(struct channel *channel)
{
	if (!channel) {
		return;
	}
	if (channel->alive) {
		*channel->alive = false;
	}
	loop_watch_remove(channel->watch);
	channel_drop_queue(channel);
	close(channel->fd);
	free(channel);
}

bool channel_send_fd(struct channel *channel, struct frame_writer *w, int fd, struct error *err)
{
	frame_finish(w);
	assert(!w->overflow);
	if (!channel || channel->dead) {
		return error_set(err, ERR_UNREACHABLE, "no channel");
	}
	if (!channel->first) {
		int sent = channel_write(channel->fd, w->packet, w->length, fd);
		if (sent > 0) {
			return true;
		}
		if (sent < 0) {
			/* told to the owner by the loop: the read side sees the same end */
			return error_errno(err, ERR_UNREACHABLE, errno, "send");
		}
	}
	if (channel->queued + w->length > channel->queue_max) {
		channel->refused = true;
		return error_set(err, ERR_CONFLICT, "queue full");
	}
	struct channel_packet *p = malloc(sizeof(*p) + w->length);
	if (!p) {
		abort();
	}
	p->next = NULL;
	p->length = w->length;
	p->fd = fd >= 0 ? dup(fd) : -1;
	memcpy(p->bytes, w->packet, w->length);
	*channel->last = p;
	channel->last = &p->next;
	channel->queued += w->length;
	channel_want(channel);
	return true;
}

bool channel_send(struct channel *channel, struct frame_writer *w, struct error *err)
{
	return channel_send_fd(channel, w, -1, err);
}

size_t channel_queued(const struct channel *channel)
{
	return channel ? channel->queued : 0;
}

void channel_pause(struct channel *channel, bool paused)
{
	if (channel && !channel->dead && channel->paused != paused) {
		channel->paused = paused;
		channel_want(channel);
	}
}
