#pragma once
#include <stdint.h>

/*
 * When a series has its turn to be written. Touching a file costs as much as ten values in it: with
 * few series the files are kept fresh, with many, or when the disk does not keep up, more values
 * are gathered for each touch.
 */
enum {
	PACE_CYCLE_LEAST = 60, /* ticks (seconds) within which every series has a turn */
	PACE_CYCLE_MOST = 300,
	PACE_PER_TICK = 40, /* series that may have their turn in one tick before cycles get longer */
	PACE_WORTH = 20,    /* samples of a slow series that are waited for */
	PACE_TURNS = 4,     /* at most so many turns from one write of a slow series to the next */
	PACE_STRETCH = 8,   /* at most so many times as long under load */
	PACE_BUSY_MS = 400, /* of a tick's writing: too much */
	PACE_IDLE_MS = 100, /* little enough to write more often again */
};

struct pace {
	uint32_t cycle;   /* ticks */
	uint32_t stretch; /* 1: the disk keeps up */
	int64_t worst_ms; /* of the ticks of this cycle */
};

struct pace pace_begin(void);

/* At each tick, after its writing took that long; between two cycles the pace changes. */
void pace_note(struct pace *pace, uint32_t tick, uint32_t series, int64_t took_ms);

/* Ticks from one write of a series with that step to the next, in cycles. */
uint32_t pace_turns(const struct pace *pace, uint32_t step_s);
