#pragma once
#include "base/channel.h"
#include "base/error.h"

#include <stdint.h>

/*
 * Questions to the engine: whatever changes something, and what only the engine knows. Each has a
 * deadline, and ends with UNREACHABLE when the engine goes away. One callback per question, always.
 */
struct question_table;

enum { QUESTIONS_MOST = 128, QUESTION_DEADLINE_MS = 10000 };

struct question_table *question_table_create(struct loop *loop, int64_t deadline_ms);

/* Ends what is open; NULL allowed. */
void question_table_destroy(struct question_table *table);

/* `json` is the answer, NULL: `err` says why there is none. Both live during the call. */
typedef void (*question_done_fn)(void *owner, const char *json, const struct error *err);

struct question {
	const char *token, *verb, *json; /* copied */
	question_done_fn done;
	void *owner;
};

/* Asks over `engine` (NULL: it is away). False: UNREACHABLE or CONFLICT, and nothing is called. */
MUST_USE bool question_ask(struct question_table *table, struct channel *engine,
	const struct question *question, struct error *err);

/* An ANSWER frame of the engine. */
void question_take(struct question_table *table, const struct frame *frame);

/* The engine is gone: ends what is open. */
void question_table_lost(struct question_table *table);
