#pragma once
#include "base/error.h"
#include "base/frame.h"
#include "base/loop.h"

/*
 * One end of a SOCK_SEQPACKET socketpair between two roles: frames in, frames out, neither ever
 * waits. Outgoing frames that the kernel does not take queue up to a bound; when it is reached
 * channel_send() refuses and the caller says what that means (drop, or stop reading its own input).
 * A frame outside the table closes the channel.
 */
struct channel;

struct channel_handlers {
	/* A frame that passed the table. `fd` is a descriptor that came with it (the callee's now), or
	 * -1. */
	void (*frame)(void *owner, const struct frame *frame, int fd);
	/* The peer is gone or broke the rules; the channel is already dead and must be destroyed by the
	 * owner. */
	void (*closed)(void *owner, const struct error *why);
	/* The queue is empty again after channel_send() had refused, or while the channel is paused.
	 * May be NULL. */
	void (*drained)(void *owner);
};

/* Takes `fd`. `self` and `peer` are role numbers of the table. `queue_max` in bytes of queued
 * frames. */
struct channel *channel_create(struct loop *loop, const struct frame_table *table, unsigned self,
	unsigned peer, size_t queue_max, const struct channel_handlers *handlers, void *owner, int fd);

/* Closes the descriptor, drops the queue. NULL allowed; allowed inside the channel's own callbacks.
 */
void channel_destroy(struct channel *channel);

/* Sends what `w` holds (finishes it first). CONFLICT: the queue is full. UNREACHABLE: the channel
 * is dead or NULL. */
bool channel_send(struct channel *channel, struct frame_writer *w, struct error *err);

/* As channel_send, with a copy of a descriptor; `fd` stays the caller's. */
bool channel_send_fd(struct channel *channel, struct frame_writer *w, int fd, struct error *err);

/* Bytes waiting in the queue. */
size_t channel_queued(const struct channel *channel);

/* While paused, nothing is read from the peer: its queue fills, not ours. */
void channel_pause(struct channel *channel, bool paused);
