#pragma once
#include "base/loop.h"
#include "incidents/store.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Stores changes in the right order without making anybody wait. Changes collect in a batch; when
 * it is due the batch is sealed: the owner adds its states and the journal position they belong to.
 * It is committed, on a worker, when the journal is durable up to there. Then its effects may leave
 * the process. Each batch has a generation, rising by one.
 *
 * If that takes longer than KEEPER_PATIENCE_MS, or fails, effects are released all the same: a
 * message twice after a crash is better than none while a disk is stuck.
 */
struct keeper;

enum { KEEPER_LAZY_MS = 10000, KEEPER_PATIENCE_MS = 3000, KEEPER_RETRY_MS = 5000 };

struct keeper_handlers {
	/* Add what belongs to this instant; the journal sequence that must be durable first. */
	uint64_t (*seal)(void *owner, struct store_batch *batch);
	/* Make the journal durable soon. */
	void (*hurry)(void *owner);
	/* Effects of all generations up to this one may leave. */
	void (*released)(void *owner, uint64_t generation);
	/* All generations up to this one are on disk, and with them what belongs to that journal
	 * sequence. */
	void (*stored)(void *owner, uint64_t generation, uint64_t sequence);
	void (*event)(void *owner, const char *kind, const char *object, const char *text);
};

/* Takes `store`. */
struct keeper *keeper_create(
	struct loop *loop, const struct keeper_handlers *handlers, void *owner, struct store *store);

/* Waits for a commit under way, then stores the rest if `flush`. NULL allowed. */
void keeper_destroy(struct keeper *keeper, bool flush);

/* Where changes go now. They are stored within KEEPER_LAZY_MS. */
struct store_batch *keeper_batch(struct keeper *keeper);

/* The generation of that batch. */
uint64_t keeper_generation(const struct keeper *keeper);

/* Seal in the next turn of the loop, commit as soon as can be. */
void keeper_hurry(struct keeper *keeper);

/* The journal is durable up to here. */
void keeper_durable(struct keeper *keeper, uint64_t sequence);

/*
 * Copies the store to a new file at `path`, some of it between two commits, and calls `done` once,
 * in the loop's thread, with NULL or what went wrong. One at a time: CONFLICT. It is not called any
 * more when the keeper is destroyed.
 */
typedef void (*keeper_copied_fn)(void *owner, const struct error *why);
MUST_USE bool keeper_copy(
	struct keeper *keeper, const char *path, keeper_copied_fn done, void *owner, struct error *err);

uint64_t keeper_stored(const struct keeper *keeper); /* generation */
bool keeper_broken(const struct keeper *keeper);     /* the last commit failed */
