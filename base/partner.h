#pragma once
#include "base/channel.h"
#include "base/role.h"

/*
 * Another role as a role sees it: the channel of the moment. It comes with role_handlers.peer(),
 * ends when either side does, and comes anew; what both ends have to do about that is here.
 */
struct partner;

struct partner_handlers {
	/* As channel_handlers.frame. NULL: the peer has nothing to say. */
	void (*frame)(void *owner, const struct frame *frame, int fd);
	/* The channel is gone, the peer knows nothing any more. May be NULL. */
	void (*gone)(void *owner);
	/* There is a new channel, or the present one took all that was queued after it refused. May be
	 * NULL. */
	void (*ready)(void *owner);
};

struct partner_options {
	const struct frame_table *table;
	unsigned id; /* of the other role */
	size_t queue_max;
	bool needed; /* this role is of no use without it: role_lost_peer() when it goes */
};

/* Not joined yet. `role` and `owner` outlive it. */
MUST_USE struct partner *partner_create(struct role *role, const struct partner_options *options,
	const struct partner_handlers *handlers, void *owner);
void partner_destroy(struct partner *partner); /* NULL allowed */

/* Takes the new socket; an earlier channel is gone. */
void partner_join(struct partner *partner, int fd);
bool partner_joined(const struct partner *partner);

/* As channel_send(). */
bool partner_send(struct partner *partner, struct frame_writer *w, struct error *err);
bool partner_send_fd(struct partner *partner, struct frame_writer *w, int fd, struct error *err);
