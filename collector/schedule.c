#include "collector/schedule.h"

#include <assert.h>
#include <stdbool.h>

#include "base/banned.h"

/*
 * All times come from the wall clock, so that the machines of a site measure at the same moments
 * and an archive's rows begin where samples do. A clock that is set back or forth is taken as it
 * is: the next slot follows from the new time.
 */

int64_t schedule_splay(const char *name, int64_t step_ms)
{
	uint64_t hash = 14695981039346656037ULL; /* FNV-1a, 64 bits */
	for (const char *p = name; *p; p++) {
		hash = (hash ^ (unsigned char)*p) * 1099511628211ULL;
	}
	return (int64_t)(hash % (uint64_t)step_ms);
}

static unsigned schedule_stride(const struct schedule *plan)
{
	unsigned most = plan->back_off ? plan->back_off : 1;
	unsigned shift = plan->failures < 16 ? plan->failures : 16;
	unsigned stride = 1U << shift;
	return stride < most ? stride : most;
}

struct wall schedule_next(const struct schedule *plan, struct wall now)
{
	assert(plan->step_ms > 0);
	struct wall base = wall_next((struct wall){now.ms - plan->splay_ms}, plan->step_ms);
	return (struct wall){
		base.ms + plan->splay_ms + (int64_t)(schedule_stride(plan) - 1) * plan->step_ms};
}

struct wall schedule_after(const struct schedule *plan, struct wall due, struct wall now)
{
	bool early = due.ms > now.ms && due.ms - now.ms <= SCHEDULE_EARLY_MS;
	return schedule_next(plan, early ? due : now);
}

int64_t schedule_slot(const struct schedule *plan, struct wall at)
{
	int64_t ms = at.ms - plan->splay_ms + plan->step_ms / 2;
	int64_t slot = ms / plan->step_ms;
	return ms % plan->step_ms < 0 ? slot - 1 : slot;
}

struct wall schedule_stamp(const struct schedule *plan, struct wall now)
{
	int64_t nearest = schedule_slot(plan, now) * plan->step_ms + plan->splay_ms;
	int64_t off = now.ms - nearest;
	return off >= -SCHEDULE_SNAP_MS && off <= SCHEDULE_SNAP_MS ? (struct wall){nearest} : now;
}
