#pragma once
#include "base/channel.h"
#include "model/service.h"

/*
 * Declarations as frames: MESSAGE_SERVICE followed by as many MESSAGE_FIELDS as it takes. Every
 * reader checks names, types, limits and lengths again: what a broken peer sends ends at this door.
 */

/* Ids are places in arrays (model/catalog.h): greater ones are refused. */
enum { DECLARE_ID_MAX = 1 << 24, DECLARE_SERIES_MAX = 1 << 26 };

/* Sends a service with `id` in place of service->id. CONFLICT if the queue fills up on the way:
 * send it whole again later. */
bool declare_send(struct channel *channel, struct frame_writer *w, const struct service *service,
	uint32_t id, struct error *err);

/* Puts the frames of one declaration together again; one per channel. All zero is ready. */
struct declare_reader {
	struct service *service; /* under construction */
	size_t expected;
};

void declare_reader_finish(struct declare_reader *reader);

/*
 * Takes a SERVICE or FIELDS frame. True and `*complete` set: a whole service (the caller's). True
 * and NULL: more to come. PROTOCOL: the frame is not as promised; what was begun is dropped.
 */
MUST_USE bool declare_read(struct declare_reader *reader, const struct frame *frame,
	struct service **complete, struct error *err);
