#pragma once
#include "base/channel.h"
#include "base/clock.h"
#include "collector/source.h"

/*
 * Rounds on their way to the engine. Every round goes in here, and out again in order over the
 * channel, each section after the declaration it was measured under. While there is no channel, or
 * its queue is full, the newest rounds wait (bounded by time and bytes; the oldest are dropped
 * first). What was handed over lately is kept a little longer and said again on a new channel,
 * because an engine that died may not have read it; repeats are dropped by its gate.
 */
struct outbox;

enum {
	OUTBOX_KEEP_MS = 600 * 1000,  /* how long rounds wait for a channel */
	OUTBOX_REPEAT_MS = 15 * 1000, /* how old may be what is said again */
	OUTBOX_BYTES_MAX = 64 << 20,  /* of all rounds waiting */
	OUTBOX_ROUNDS_MAX = 100000,
	OUTBOX_QUEUE_BYTES = 4 << 20, /* a good queue_max for the channel */
};

/* What is said about the host when its round is over (HOST_SEEN). */
struct outbox_seen {
	struct wall at;
	bool up;
	uint32_t took_ms, step_s, cpus;
	const char *group, *host, *error; /* borrowed until outbox_end() returns */
};

struct outbox *outbox_create(void);
void outbox_destroy(struct outbox *outbox);

/*
 * One round: begin, what was measured, end; then it is flushed. `now` says how old the round is; a
 * section carries its own instant `at`. outbox_put() takes the feeds of a source that are fresh and
 * returns how many; a round may also hold no section, or no word about the host (`seen` NULL).
 */
void outbox_begin(struct outbox *outbox, struct wall now);
size_t outbox_put(struct outbox *outbox, const struct source *source, struct wall at);
void outbox_put_feed(struct outbox *outbox, const struct feed *feed, struct wall at);
void outbox_end(struct outbox *outbox, const struct outbox_seen *seen);

/* A new channel (borrowed; NULL: none any more). Nothing is known there yet. */
void outbox_connect(struct outbox *outbox, struct channel *channel);

/*
 * Sends as much as the channel takes. True: nothing is waiting. False: no channel, or its queue is
 * full: call again when it drained.
 */
bool outbox_flush(struct outbox *outbox);

/* Tells the source's declarations that this channel does not know yet. False: as outbox_flush. */
bool outbox_declare(struct outbox *outbox, const struct source *source);

/* Rounds that wait, bytes they take, rounds dropped since the start. */
struct outbox_state {
	size_t rounds, bytes;
	uint64_t dropped;
};
struct outbox_state outbox_state(const struct outbox *outbox);
