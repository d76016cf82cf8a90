/*
 * The distance between the two clocks is followed while it changes little: that is how NTP slews.
 * A larger change is a step; it has to stay the same, within the slack, for the whole hold.
 */
#include "engine/steady.h"

#include <stdlib.h>

#include "base/banned.h"

static enum steady_event judge_step(struct steady *steady, int64_t step_ms, struct mono mono)
{
	bool same = steady->stepped && llabs(step_ms - steady->step_ms) <= STEADY_SLACK_MS;
	steady->step_ms = step_ms;
	if (!same) {
		steady->stepped = true;
		steady->since = mono;
		return STEADY_STEPPED;
	}
	if (mono.ms - steady->since.ms < STEADY_HOLD_MS || llabs(step_ms) > STEADY_BELIEVED_MS) {
		return STEADY_SAME;
	}
	steady->offset_ms += step_ms;
	steady->step_ms = 0;
	steady->stepped = false;
	return STEADY_ADOPTED;
}

enum steady_event steady_look(struct steady *steady, struct wall wall, struct mono mono)
{
	enum steady_event event = STEADY_SAME;
	int64_t offset_ms = wall.ms - mono.ms;
	int64_t step_ms = offset_ms - steady->offset_ms;
	if (!steady->known || llabs(step_ms) <= STEADY_SLACK_MS) {
		event = steady->stepped ? STEADY_BACK : STEADY_SAME;
		steady->known = true;
		steady->offset_ms = offset_ms;
		steady->step_ms = 0;
		steady->stepped = false;
	} else {
		event = judge_step(steady, step_ms, mono);
	}
	steady->now.ms = mono.ms + steady->offset_ms;
	return event;
}

struct wall steady_translate(const struct steady *steady, struct wall at)
{
	int64_t ms;
	if (__builtin_sub_overflow(at.ms, steady->step_ms, &ms)) {
		return at; /* nobody's instant: the gate refuses it */
	}
	return (struct wall){ms};
}
