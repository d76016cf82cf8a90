#pragma once
#include "base/clock.h"
#include "base/record.h"
#include "model/catalog.h"
#include "model/window.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A journal record takes effect: readings become rates, values go into the window, rules are asked.
 * The same code for a record just written and for one replayed at a start, so that both end in the
 * same state. Holds what the engine knows per series beside the window: 33 bytes.
 */
struct apply;

/* All may be NULL. */
struct apply_handlers {
	/* A value as graphed is in the window. */
	void (*value)(void *owner, uint32_t series_id, struct wall at, double value);
	/* The host answered then (sample 1 of its series node:up). */
	void (*seen)(void *owner, const char *host, struct wall at);
	/* All values of a record are in the window. Only when judging. */
	void (*judge)(void *owner, const uint32_t *series_ids, size_t count, struct wall now);
	void (*tick)(void *owner, struct wall now); /* only when judging */
};

#define APPLY_NODE_SERVICE "node" /* of every host: what the engine itself knows of it */

struct apply *apply_create(struct catalog *catalog, struct window *window,
	const struct apply_handlers *handlers, void *owner);
void apply_destroy(struct apply *apply);

/*
 * The gate for instants: true if `at` is later than every one before of that series and not more
 * than a minute ahead of `now` (nor, for a first one, older than 100 days); then it is remembered.
 */
MUST_USE bool apply_gate(struct apply *apply, uint32_t series_id, struct wall at, struct wall now);

/* Other types than SAMPLES and TICK, and payloads that are not well formed, do nothing. */
void apply_record(struct apply *apply, const struct record *record, bool judge);
