#pragma once
#include "incidents/store_batch.h"
#include "model/source_state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The latest state of each source, with the worst of its last 24 hours, and since when it is known.
 * What the collector said counts as long as that collector is there and speaks when it is due;
 * after that the source is "stale", whatever it was before. Pure but for memory: time is an
 * argument.
 */
struct sources;

enum {
	SOURCES_MOST = 50000,
	SOURCES_GRACE_MS = 60 * 1000,       /* beside two steps: later than that it is not heard of */
	SOURCES_FORGET_MS = 15 * 60 * 1000, /* or three steps: no collector knows it any more */
	SOURCES_SAVE_S = 600,               /* at least so often while nothing changes */
};

/* What is to be told of it to people. */
enum sources_news {
	SOURCES_SAME,
	SOURCES_FAILED,    /* it began to fail */
	SOURCES_RECOVERED, /* it was failing, as far as people know, and is not any more */
	SOURCES_REFUSED,   /* there are SOURCES_MOST already */
};

struct sources *sources_create(void);
void sources_destroy(struct sources *sources);

/* A round is over; takes what `state` holds, which is all zero then. */
enum sources_news sources_take(
	struct sources *sources, unsigned collector, struct source_state *state, struct wall now);

/* It is not configured any more; false: nobody knew it. */
bool sources_gone(struct sources *sources, const char *id);

/* That collector is gone: its sources are stale, in their strips only when none was back for some
 * rounds. */
void sources_lost(struct sources *sources, unsigned collector, struct wall now);

/* What follows from an instant, and what has to be done for it. */
struct sources_look {
	bool heard;                                   /* whether any collector is there */
	void (*changed)(void *owner, const char *id); /* to be shown anew */
	void (*forgotten)(void *owner, const char *id);
	void (*save)(void *owner, const char *id); /* to be stored: sources_pack() */
	void *owner;
};

/* Once a second: sources that are overdue become stale, changes are told, at most once each. */
void sources_look(struct sources *sources, struct wall now, const struct sources_look *look);

/* All of them are to be stored now. */
void sources_save_all(struct sources *sources, const struct sources_look *look);

/* Writes its SOURCE frame as people should see it; false: it is not known. */
bool sources_write(
	const struct sources *sources, const char *id, struct wall now, struct frame_writer *w);

/* Writes the KNOWN_SOURCES frame: what was found by itself, for a collector that begins. */
void sources_write_known(const struct sources *sources, struct frame_writer *w);

/* As bytes for the store, and back; false: not readable. A restored source is stale until a
 * collector speaks of it. */
void sources_pack(struct sources *sources, const char *id, struct frame_writer *w, GByteArray *out);
MUST_USE bool sources_restore(
	struct sources *sources, const void *bytes, size_t length, struct wall now);

size_t sources_count(const struct sources *sources);
size_t sources_of_host(const struct sources *sources, const char *host);

/* Ids in no order, to be freed: char *. */
GPtrArray *sources_ids(const struct sources *sources);

/* The state in the strip's letters: o w u, or - while it waits. */
char sources_letter(unsigned condition);
