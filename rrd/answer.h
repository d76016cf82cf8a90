#pragma once
#include "base/channel.h"
#include "rrd/writer.h"

/*
 * What the rrd role answers to FETCH and GRAPH. `w` is the caller's frame buffer. While a lot waits
 * to be sent, no further question is read (channel_pause; the owner ends it when all is sent); a
 * picture that does not fit is answered by "try again". So nothing is left unanswered.
 */
enum {
	ANSWER_QUEUE = 64 << 20,  /* bytes that may wait for one asker */
	ANSWER_ENOUGH = 24 << 20, /* then further questions wait: the largest answer fits behind */
	ANSWER_KEPT = 1 << 20,    /* of the queue, for refusals */
};

struct answer_fetch {
	uint32_t request;
	int64_t from_s, to_s, step_s;
	uint8_t cf;
	uint16_t count;
	uint32_t *series_ids; /* g_malloc */
};

/* Reads a FETCH frame. CONFIG: it cannot be answered as asked (`request` is filled if it was
 * there). */
MUST_USE bool answer_read_fetch(
	const struct frame *frame, struct answer_fetch *fetch, struct error *err);

/* Writes what is held back of these series, reads, sends the values. */
void answer_fetch(struct writer *writer, const struct answer_fetch *fetch, struct channel *channel,
	struct frame_writer *w);

/* FETCHED with a status. */
void answer_fetch_error(
	uint32_t request, const struct error *why, struct channel *channel, struct frame_writer *w);

/* GRAPHED in pieces: a picture, or the text of an error. */
void answer_graph(uint32_t request, const void *picture, size_t length, struct channel *channel,
	struct frame_writer *w);
void answer_graph_error(
	uint32_t request, const struct error *why, struct channel *channel, struct frame_writer *w);

/* What a FILE frame asks for, in one GRAPHED answer; NOT_FOUND: the series has no file. */
void answer_file(struct writer *writer, const struct frame *frame, struct channel *channel,
	struct frame_writer *w);
