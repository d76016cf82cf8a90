#pragma once
#include <stdint.h>

/*
 * Two clocks that do not mix. `struct wall` is a moment in UTC, milliseconds since 1970: it stamps
 * samples, events and deadlines that survive a restart. `struct mono` never jumps, milliseconds
 * since boot, suspend included (CLOCK_BOOTTIME): it measures how long something took or holds. Pure
 * code takes either as a parameter and never asks a clock.
 */
struct wall {
	int64_t ms;
};

struct mono {
	int64_t ms;
};

struct wall wall_now(void);
struct mono mono_now(void);

/* The first multiple of `step_ms` (> 0) since 1970 that is later than `now`. */
struct wall wall_next(struct wall now, int64_t step_ms);

static inline struct wall wall_from_s(int64_t s)
{
	return (struct wall){s * 1000};
}

/* Whole seconds since 1970, rounded down (also before 1970). */
static inline int64_t wall_s(struct wall t)
{
	return t.ms / 1000 - (t.ms % 1000 < 0);
}

/* Writes RFC 3339 in UTC with seconds, "2026-11-20T02:14:20Z", into `text` (at least 32 bytes);
 * returns it. */
char *wall_format(struct wall t, char *text);
