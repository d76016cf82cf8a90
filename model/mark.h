#pragma once
#include "base/auto.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/frame.h"

#include <stdint.h>

#include <glib.h>

/*
 * What is marked in graphs beside the values: episodes, in which a rule said that something was
 * wrong, and annotations, which people or their tools wrote ("deployed 1.2"). Kept by the engine,
 * shown by web, drawn by both the pictures and the browser.
 */
enum mark_kind { MARK_EPISODE, MARK_NOTE, MARK_KINDS };

enum {
	MARK_TEXT_MAX = 500,
	MARK_NAME_MAX = 600,
	MARKS_MAX = 50000, /* beyond that the oldest go */
	MARKS_DAYS = 450,  /* as long as Munin's archives */
};

struct mark {
	uint64_t id;
	uint8_t kind;
	uint8_t level;        /* of an episode: 1 notice, 2 warning, 3 critical, 4 unknown */
	struct wall from, to; /* to.ms 0: it goes on; of a note: it is of an instant */
	char *host, *service; /* "": of all of them (notes only) */
	char *field;          /* "": of the whole graph */
	char *about;          /* an episode's rule, a note's author */
	char *text;           /* the summary, what was noted */
	char *instance;       /* key of the rule's instance; "" for notes */
};

void mark_destroy(struct mark *mark);
DEFINE_AUTO(mark)
const char *mark_kind_name(unsigned kind); /* "episode", "annotation" */

/* A MARK frame: texts are cleaned and cut. And back; PROTOCOL: not what mark_put() writes. */
void mark_put(struct frame_writer *w, const struct mark *mark);
MUST_USE struct mark *mark_read(const struct frame *frame, struct error *err);
void mark_gone_put(struct frame_writer *w, uint64_t id);
MUST_USE bool mark_gone_read(const struct frame *frame, uint64_t *id);

/* The payload of a MARK frame as it was stored; NULL: not readable. */
struct mark *mark_restore(const void *payload, size_t length);

/* Whether it belongs to (from, to]; an episode that goes on reaches into all that comes. */
bool mark_is_within(const struct mark *mark, struct wall from, struct wall to);

/* -- all of them -- */
struct mark_table;

struct mark_table *mark_table_create(void);
void mark_table_destroy(struct mark_table *table);

/* Takes the mark; one with the same id is replaced. */
void mark_table_put(struct mark_table *table, struct mark *mark);
void mark_table_remove(struct mark_table *table, uint64_t id);
const struct mark *mark_table_find(const struct mark_table *table, uint64_t id);
size_t mark_table_count(const struct mark_table *table);

/* const struct mark * of that host ("": those of all hosts), by `from`; NULL: none. Valid until the
 * next change. */
const GPtrArray *mark_table_of(struct mark_table *table, const char *host);

/* Ids in rising order; the caller's. */
GArray *mark_table_ids(const struct mark_table *table);
