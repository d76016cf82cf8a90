#pragma once
#include "base/clock.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

/*
 * Changes of what is known that reach everything: a host that gets another name or becomes part of
 * another, series that are forgotten. They are made in the store, in one batch with the task that
 * does the files; then this process ends and begins anew with what the store says: so nothing has
 * to be taken out of the middle of what runs.
 */
struct engine;

/* Everything of `host` becomes `into`'s. NOT_FOUND, CONFIG, CONFLICT: it cannot be. */
MUST_USE bool change_check(
	const struct engine *engine, const char *host, const char *into, struct error *err);
void change_host(struct engine *engine, const char *host, const char *into);

/* These series are not known any more. */
void change_forget(struct engine *engine, const json_t *series);

/*
 * Series that nobody declares any more and that had their last value before `before_s`; `silent`:
 * also those that are declared. A new array of numbers, at most CHANGE_SERIES_MOST.
 */
enum { CHANGE_SERIES_MOST = 3000 };
json_t *change_find_gone(
	const struct engine *engine, const char *selector, uint32_t before_s, bool silent);

/* Those of them that are gone now as well; a new array. */
json_t *change_still_gone(
	const struct engine *engine, const json_t *series, uint32_t before_s, bool silent);

/* Names of hosts of which nothing is left without these series. A new array. */
json_t *change_hosts_left(const struct engine *engine, const json_t *series);

/*
 * Whether a host was taken away a moment ago and magpie.conf does not name it: a collector may
 * still have rounds of it from before.
 */
bool change_is_away(void *owner, const char *host, struct wall now);

/* The process ends and begins anew; until then nothing of the inventory is stored. */
void change_begin_anew(struct engine *engine);
