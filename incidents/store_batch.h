#pragma once
#include "base/attr.h"
#include "base/auto.h"
#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/*
 * Changes that wait to be stored. A later change of the same thing takes the place of the earlier
 * one, so a batch that could not be written simply goes on collecting: it is bounded by what
 * exists. Batches hold copies; they may be handed to another thread whole.
 */

enum outbox_state {
	OUTBOX_PENDING, /* never offered */
	OUTBOX_SENDING, /* offered, to be offered again at the deadline */
	OUTBOX_RETRY,   /* failed, to be offered again at next_at */
	OUTBOX_SENT,
	OUTBOX_DEAD, /* will never be delivered; also: dropped because it was over before it left */
};

enum outbox_kind { OUTBOX_PROBLEM = 1, OUTBOX_RECOVERY = 2, OUTBOX_TEST = 3 };

/* One message to one channel. Texts are owned (g_malloc) and never NULL. */
struct outbox_row {
	uint64_t id;
	char *dedup_key; /* unique: the same message is stored once */
	char *instance;  /* key of the rule's instance; "" for tests */
	char *channel;
	enum outbox_kind kind;
	enum outbox_state state;
	uint8_t level;
	bool open; /* a problem whose recovery has not been written yet */
	uint32_t attempt;
	struct wall since, until;      /* of the problem; until.ms 0: not over */
	struct wall created, first_at; /* first_at: of the first attempt, ms 0: none */
	struct wall next_at;           /* deadline or time of the next try */
	uint16_t code;                 /* of the peer, from the last attempt */
	char *rule, *host, *service, *field;
	char *value, *threshold, *summary, *info, *runbook, *link;
	char *detail; /* of the last attempt */
};

struct outbox_row *outbox_row_copy(const struct outbox_row *row);
void outbox_row_free(struct outbox_row *row);

/* Whether it can be forgotten by all but the history. */
bool outbox_row_is_over(const struct outbox_row *row);

struct store_event {
	struct wall at;
	char *kind, *object, *text;
};

enum { STORE_STRIP = 24 };

struct store_host {
	char *name;
	char *error;      /* of the last round */
	struct wall seen; /* ms 0: never */
	bool up;
	uint32_t step_s;
	int64_t strip_hour;          /* hours since 1970 of the last letter */
	char strip[STORE_STRIP + 1]; /* worst level per hour, see MESSAGE_HOST */
};

struct store_batch {
	GHashTable *values;        /* name -> text */
	GHashTable *services;      /* "host:service" -> GBytes; empty: remove */
	GHashTable *states;        /* key -> GBytes; empty: remove */
	GHashTable *outbox;        /* dedup key -> struct outbox_row * */
	GHashTable *hosts;         /* name -> struct store_host * */
	GHashTable *sources;       /* id -> GBytes; empty: remove */
	GHashTable *seen;          /* host name -> GBytes; empty: remove */
	GHashTable *marks;         /* id in decimal -> GBytes; empty: remove */
	GPtrArray *events;         /* struct store_event * */
	struct wall forget_before; /* events and messages that are over; ms 0: nothing is forgotten */
};

enum { STORE_EVENTS_MOST = 10000 }; /* of one batch; beyond it the oldest are dropped */

struct store_batch *store_batch_create(void);
void store_batch_destroy(struct store_batch *batch); /* NULL allowed */
DEFINE_AUTO(store_batch)
bool store_batch_is_empty(const struct store_batch *batch);

/* Everything is copied. */
void store_put_value(struct store_batch *batch, const char *name, const char *text);
void store_put_number(struct store_batch *batch, const char *name, uint64_t number);
void store_put_service(
	struct store_batch *batch, const char *name, const void *declaration, size_t length);
void store_put_state(struct store_batch *batch, const char *key, const void *state, size_t length);
void store_put_outbox(struct store_batch *batch, const struct outbox_row *row);
void store_put_host(struct store_batch *batch, const struct store_host *host);
void store_put_source(struct store_batch *batch, const char *id, const void *state, size_t length);
void store_put_seen(struct store_batch *batch, const char *host, const void *spans, size_t length);
void store_put_mark(struct store_batch *batch, uint64_t id, const void *mark, size_t length);
void store_put_event(struct store_batch *batch, struct wall at, const char *kind,
	const char *object, const char *text);

/* Moves everything of `from` that `into` has not newer. `from` is destroyed. */
void store_batch_merge_older(struct store_batch *into, struct store_batch *from);
