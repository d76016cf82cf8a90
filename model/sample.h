#pragma once
#include "base/clock.h"

/*
 * One measurement: the instant it holds for and the value as the source gave it (for COUNTER and
 * DERIVE the counter's reading, not the rate). Unknown is NaN.
 */
struct sample {
	struct wall at;
	double value;
};
