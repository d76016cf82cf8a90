#pragma once
#include "base/frame.h"
#include "base/loop.h"
#include "model/catalog.h"
#include "model/journal.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The rrd roles' queue is the journal: each gets its records in order, durable ones only, from the
 * sequence on that it asked for, as fast as it takes them. Declarations with their numbers go
 * before.
 */
struct feed;

struct feed_handlers {
	void (*event)(void *owner, const char *kind, const char *object, const char *text);
	/* That rrd role has been told of all services since it began. May be NULL. */
	void (*ready)(void *owner, unsigned instance);
	/* RRD_TASK_STATE of that rrd role. May be NULL. */
	void (*task)(void *owner, unsigned instance, const struct frame *frame);
};

struct feed_parts {
	struct loop *loop;
	struct catalog *catalog;
	struct journal *journal;
};

struct feed_counts {
	unsigned peers;
	uint64_t applied;                   /* least sequence that one of them has taken in */
	uint64_t values, touched, failures; /* sums of what they say, since each began */
};

struct feed *feed_create(
	const struct feed_parts *parts, const struct feed_handlers *handlers, void *owner);
void feed_destroy(struct feed *feed);

/* So many rrd roles there are: until each was heard of, feed_checkpoint() knows nothing. */
void feed_expect(struct feed *feed, unsigned instances);

/* A new socket to that rrd role (taken). */
void feed_peer(struct feed *feed, unsigned instance, int fd);

/* The journal is durable further, or a channel has room. */
void feed_pump(struct feed *feed);

/* Whether every rrd role that is there has been given all that is durable, and no channel holds any
 * of it back. */
bool feed_is_done(const struct feed *feed);

/* The service is new or differs: all of them are told before the records that use it. */
void feed_declare(struct feed *feed, const struct service *service);

/* Sends a frame beside the records; false: the role is not there, or its queue is full. */
MUST_USE bool feed_send(struct feed *feed, unsigned instance, struct frame_writer *w);

/* rrd roles that were there since this process began. */
unsigned feed_roles(const struct feed *feed);

/* All up to here is on disk in every RRD tree; 0: not known. */
uint64_t feed_checkpoint(const struct feed *feed);

struct feed_counts feed_counts(const struct feed *feed);

/* One of them, for /metrics; false: no such instance was heard of. */
bool feed_instance_counts(const struct feed *feed, unsigned instance, struct feed_counts *counts);
