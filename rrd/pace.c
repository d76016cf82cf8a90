/*
 * The length of a cycle follows from the number of series alone. What cannot be known before, how
 * much this disk takes, is measured: a cycle in which some tick wrote for longer than PACE_BUSY_MS
 * doubles the distance of writes, one of nothing but short ones halves it.
 */
#include "rrd/pace.h"

#include "base/banned.h"

struct pace pace_begin(void)
{
	return (struct pace){.cycle = PACE_CYCLE_LEAST, .stretch = 1};
}

static uint32_t cycle_for(uint32_t series)
{
	uint32_t cycle = series / PACE_PER_TICK;
	return cycle < PACE_CYCLE_LEAST  ? PACE_CYCLE_LEAST
		   : cycle > PACE_CYCLE_MOST ? PACE_CYCLE_MOST
									 : cycle;
}

void pace_note(struct pace *pace, uint32_t tick, uint32_t series, int64_t took_ms)
{
	pace->worst_ms = took_ms > pace->worst_ms ? took_ms : pace->worst_ms;
	if ((tick + 1) % pace->cycle) {
		return;
	}
	if (pace->worst_ms > PACE_BUSY_MS && pace->stretch < PACE_STRETCH) {
		pace->stretch *= 2;
	} else if (pace->worst_ms < PACE_IDLE_MS && pace->stretch > 1) {
		pace->stretch /= 2;
	}
	pace->cycle = cycle_for(series);
	pace->worst_ms = 0;
}

uint32_t pace_turns(const struct pace *pace, uint32_t step_s)
{
	uint64_t turns = (uint64_t)step_s * PACE_WORTH / pace->cycle;
	uint32_t most = turns < 1 ? 1 : turns > PACE_TURNS ? PACE_TURNS : (uint32_t)turns;
	return most * pace->stretch;
}
