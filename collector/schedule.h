#pragma once
#include "base/clock.h"

#include <stdint.h>

/*
 * Who is due, and when; pure. A plan's slots lie at k * step + splay since 1970, whatever happened
 * before: a late round does not shift the next one, and a missed one is left out. After failures
 * every 2nd, 4th, … slot only is used, up to a limit.
 */
struct schedule {
	int64_t step_ms;
	int64_t splay_ms;  /* in [0, step) */
	unsigned failures; /* rounds in a row that got no answer */
	unsigned back_off; /* greatest number of steps between two tries, at least 1 */
};

enum { SCHEDULE_SNAP_MS = 50, SCHEDULE_EARLY_MS = 2000 };

/* Spreads sources over the step: the same name always gets the same splay in [0, step_ms). */
int64_t schedule_splay(const char *name, int64_t step_ms);

/* The first slot later than `now`; with failures, the slot at which to try again. */
struct wall schedule_next(const struct schedule *plan, struct wall now);

/*
 * The next slot after a round of the slot `due` that ended at `now`. A round a little early was
 * that slot's, which does not come twice; a slot that is farther off is of a clock that was set
 * back meanwhile, and nobody waits for it.
 */
struct wall schedule_after(const struct schedule *plan, struct wall due, struct wall now);

/*
 * Time stamp of a round that was begun at `now`: the nearest slot if that is at most
 * SCHEDULE_SNAP_MS away, so that a timer's few milliseconds do not smear a sample over two rows of
 * an archive; else `now` itself.
 */
struct wall schedule_stamp(const struct schedule *plan, struct wall now);

/* Number of the slot nearest to `at`; what is due every n-th round is due where n divides it. */
int64_t schedule_slot(const struct schedule *plan, struct wall at);
