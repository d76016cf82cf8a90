#pragma once
#include "rules/program.h"
#include "rules/syntax.h"

/*
 * The state machine of one instance (section 8 of the language): runs, levels that were entered,
 * the level that results. Pure; all times are of samples.
 */
struct alert_timing {
	bool set[LEVELS];             /* which levels there are */
	int64_t for_ms[LEVELS];       /* how long a condition holds before the level is entered */
	uint8_t m[LEVELS], n[LEVELS]; /* or: true in m of the last n samples; n 0: by time */
	int64_t
		clear_ms[LEVELS]; /* how long the clear condition holds before it is left; 0: one step */
};

struct alert_run {
	int64_t run_ms;   /* the condition is true since; 0: it is not */
	int64_t clear_ms; /* the clear condition is true since; 0: it is not */
	uint64_t bits;    /* the last 64 samples, newest in bit 0; for m of n */
};

struct alert {
	int64_t since_ms;  /* of the level */
	uint8_t level;     /* enum level, in force */
	uint8_t entered;   /* bits of levels that were entered */
	uint8_t candidate; /* see struct instance_view */
	bool absent;       /* without data for the `missing` time */
	struct alert_run runs[LEVELS];
};

/* What a sample says about each level. */
struct alert_input {
	struct outcome cond[LEVELS], clear[LEVELS];
	bool repeated; /* the same instant is judged once more */
};

/* One sample at `at_ms`. */
void alert_step(struct alert *alert, const struct alert_timing *timing,
	const struct alert_input *input, int64_t at_ms, int64_t step_ms);

/* `only when` is false: ok at once, all runs forgotten. */
void alert_reset(struct alert *alert, int64_t at_ms);

/* No data for the `missing` time: to `to` (MISSING_KEEP: the level stays). */
void alert_missing(struct alert *alert, enum missing_to to, int64_t at_ms);

/* The instant since which the level that is pending holds its condition; 0: none is pending. */
int64_t alert_pending_since(const struct alert *alert);
