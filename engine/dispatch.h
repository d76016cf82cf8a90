#pragma once
#include "base/frame.h"
#include "base/loop.h"
#include "incidents/store_batch.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The outbox: messages about problems, from the transaction that decided on them until the notify
 * role says that they are out. At least once, across restarts of either side; each has a dedup key
 * by which a second copy is recognisable.
 *
 * A problem of a rule's instance is told to each channel when it begins and again when it becomes
 * worse than it was told; its end to exactly those who were told of it.
 */
struct dispatch;

enum {
	DISPATCH_DEADLINE_MS = 60 * 1000, /* no word from notify: offered again */
	DISPATCH_FIRST_RETRY_MS = 5 * 1000,
	DISPATCH_LAST_RETRY_MS = 300 * 1000,
	DISPATCH_USEFUL_MS = 24 * 3600 * 1000, /* recoveries and tests are not tried longer than that */
	DISPATCH_ROWS_MAX = 100000,
};

struct dispatch_handlers {
	struct store_batch *(*batch)(void *owner);
	uint64_t (*generation)(void *owner); /* of that batch */
	void (*hurry)(void *owner);          /* store it now */
	void (*event)(void *owner, const char *kind, const char *object, const char *text);
	/* Whether messages to that channel are for the runner; NULL: none is. */
	bool (*runs)(void *owner, const char *channel);
	/* Puts group, title and category of what a message is about. */
	void (*describe)(void *owner, const struct outbox_row *row, struct frame_writer *w);
	struct channel *(*runner)(void *owner); /* NULL: gone */
};

struct dispatch *dispatch_create(
	struct loop *loop, const struct dispatch_handlers *handlers, void *owner);
void dispatch_destroy(struct dispatch *dispatch);

/* At the start: what the store had; ids from this one on are free. */
void dispatch_restore(struct dispatch *dispatch, const struct outbox_row *row);
void dispatch_restore_next(struct dispatch *dispatch, uint64_t next_id);

/* What is told; texts are copied and cut. */
struct dispatch_news {
	const char *instance; /* key */
	uint8_t level;
	struct wall at; /* of the sample that decided */
	const char *rule, *host, *service, *field;
	const char *value, *threshold, *summary, *info, *runbook, *link;
};

/* The problem is there; `channels` (NULL-terminated) are those who are to know of that level. May
 * be called again at any time: who knows of it is not told again. */
void dispatch_problem(struct dispatch *dispatch, const struct dispatch_news *news,
	const char *const *channels, struct wall now);

/* It is over. */
void dispatch_recovery(
	struct dispatch *dispatch, const struct dispatch_news *news, struct wall now);

/* A message that says that messages arrive. */
void dispatch_test(struct dispatch *dispatch, const char *channel, struct wall now);

/* Calls `fn` for the key of each instance whose end is still to be told. */
void dispatch_each_open(
	struct dispatch *dispatch, void (*fn)(void *owner, const struct outbox_row *row), void *owner);

/* A new socket to the notify role (taken). */
void dispatch_peer(struct dispatch *dispatch, int fd);

/* The runner has joined anew, or has room again. */
void dispatch_runner_joined(struct dispatch *dispatch);
void dispatch_runner_drained(struct dispatch *dispatch);

/* What the runner says of a message it was given (TOLD). */
void dispatch_told(struct dispatch *dispatch, const struct frame *frame);

/* Messages of generations up to this one may leave. */
void dispatch_released(struct dispatch *dispatch, uint64_t generation, struct wall now);

/* Offers what is due. Once a second. */
void dispatch_pump(struct dispatch *dispatch, struct wall now);

struct dispatch_counts {
	uint64_t waiting, sent, dead, attempts;
};
struct dispatch_counts dispatch_counts(const struct dispatch *dispatch);
