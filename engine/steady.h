#pragma once
#include "base/clock.h"

#include <stdbool.h>

/*
 * UTC that does not jump: the system's clock as long as it runs evenly beside the monotonic one.
 * When somebody sets it by more than STEADY_SLACK_MS, time goes on as before and instants that
 * arrive are translated back, until the clock is right again or the step has lasted STEADY_HOLD_MS.
 * Steps of more than a day are never believed while the process lives: one instant of the far
 * future would spoil every RRD file. Pure; all zero is ready.
 */
struct steady {
	int64_t offset_ms; /* UTC minus monotonic */
	int64_t step_ms;   /* by which the system's clock is ahead of us */
	struct mono since; /* of that step */
	struct wall now;
	bool known, stepped;
};

enum {
	STEADY_SLACK_MS = 5000,
	STEADY_HOLD_MS = 10 * 60 * 1000,
	STEADY_BELIEVED_MS = 24 * 3600 * 1000,
};

enum steady_event { STEADY_SAME, STEADY_STEPPED, STEADY_ADOPTED, STEADY_BACK };

/* Looks at both clocks; `steady->now` is the time then. */
enum steady_event steady_look(struct steady *steady, struct wall wall, struct mono mono);

/* An instant of the system's clock in our time. */
struct wall steady_translate(const struct steady *steady, struct wall at);
