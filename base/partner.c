/* A role's peer dies and is started again while the role lives on: so the owner holds a partner,
 * and the partner holds the channel of the moment. */
#include "base/partner.h"

#include <unistd.h>

#include <glib.h>

#include "base/auto.h"
#include "base/log.h"

#include "base/banned.h"

struct partner {
	struct role *role;
	struct partner_options options;
	struct partner_handlers handlers;
	void *owner;
	struct channel *channel;
};

static void partner_frame(void *owner, const struct frame *frame, int fd)
{
	struct partner *partner = owner;
	if (partner->handlers.frame) {
		partner->handlers.frame(partner->owner, frame, fd);
	} else if (fd >= 0) {
		close(fd);
	}
}

static void partner_leave(struct partner *partner)
{
	if (partner->channel) {
		channel_destroy(STEAL(partner->channel));
		if (partner->handlers.gone) {
			partner->handlers.gone(partner->owner);
		}
	}
}

static void partner_closed(void *owner, const struct error *why)
{
	struct partner *partner = owner;
	log_info("peer.gone", "peer=%u why=\"%s\" next=\"wait for it\"", partner->options.id,
		log_safe(why->text));
	if (partner->options.needed) {
		role_lost_peer(partner->role, partner->options.id, 0);
	}
	partner_leave(partner);
}

static void partner_drained(void *owner)
{
	struct partner *partner = owner;
	if (partner->handlers.ready) {
		partner->handlers.ready(partner->owner);
	}
}

struct partner *partner_create(struct role *role, const struct partner_options *options,
	const struct partner_handlers *handlers, void *owner)
{
	struct partner *partner = g_new0(struct partner, 1);
	partner->role = role;
	partner->options = *options;
	partner->handlers = *handlers;
	partner->owner = owner;
	return partner;
}

void partner_destroy(struct partner *partner)
{
	if (partner) {
		channel_destroy(partner->channel);
		g_free(partner);
	}
}

void partner_join(struct partner *partner, int fd)
{
	static const struct channel_handlers handlers = {
		.frame = partner_frame, .closed = partner_closed, .drained = partner_drained};
	partner_leave(partner);
	partner->channel = channel_create(partner->role->loop, partner->options.table,
		partner->role->id, partner->options.id, partner->options.queue_max, &handlers, partner, fd);
	partner_drained(partner);
}

bool partner_joined(const struct partner *partner)
{
	return partner->channel;
}

bool partner_send(struct partner *partner, struct frame_writer *w, struct error *err)
{
	return channel_send(partner->channel, w, err);
}

bool partner_send_fd(struct partner *partner, struct frame_writer *w, int fd, struct error *err)
{
	return channel_send_fd(partner->channel, w, fd, err);
}
