/*
 * The state machine. A level is entered when its run is long enough and left when its clear run is;
 * the level in force is the highest one entered. Unknown moves nothing: a run goes on over a gap
 * that is shorter than `missing`.
 */
#include "rules/alert.h"

#include "base/banned.h"

static bool is_true(struct outcome o)
{
	return o.known == KNOWN && o.v != 0;
}

static bool is_false(struct outcome o)
{
	return !is_true(o) && o.known != MISSING;
}

static void run_update(int64_t *run_ms, struct outcome o, int64_t at_ms)
{
	if (is_true(o)) {
		*run_ms = *run_ms ? *run_ms : at_ms;
	} else if (is_false(o)) {
		*run_ms = 0;
	}
}

static bool long_enough(
	const struct alert_run *run, const struct alert_timing *t, unsigned i, int64_t at_ms)
{
	if (t->n[i]) {
		uint64_t mask = t->n[i] >= 64 ? UINT64_MAX : (UINT64_C(1) << t->n[i]) - 1;
		return (unsigned)__builtin_popcountll(run->bits & mask) >= t->m[i];
	}
	return run->run_ms && at_ms - run->run_ms >= t->for_ms[i];
}

static void count_sample(struct alert_run *run, struct outcome cond, bool repeated)
{
	if (cond.known == MISSING) {
		return;
	}
	if (!repeated) {
		run->bits <<= 1;
	}
	run->bits = (run->bits & ~UINT64_C(1)) | is_true(cond);
}

/* Steps 2 to 4 for one level. */
static void step_level(struct alert *a, const struct alert_timing *t, unsigned i,
	const struct alert_input *in, int64_t at_ms, int64_t step_ms)
{
	struct alert_run *run = &a->runs[i];
	uint8_t bit = (uint8_t)(1U << i);
	run_update(&run->run_ms, in->cond[i], at_ms);
	if (t->n[i]) {
		count_sample(run, in->cond[i], in->repeated);
	}
	if (!(a->entered & bit)) {
		run->clear_ms = 0;
		if (!is_true(in->cond[i]) || !long_enough(run, t, i, at_ms)) {
			return;
		}
		a->entered |= bit;
	}
	run_update(&run->clear_ms, in->clear[i], at_ms);
	int64_t needed = t->clear_ms[i] ? t->clear_ms[i] : step_ms;
	if (run->clear_ms && at_ms - run->clear_ms >= needed) {
		a->entered &= (uint8_t)~bit;
		*run = (struct alert_run){0};
	}
}

static enum level highest(const struct alert *a)
{
	for (unsigned i = LEVELS; i-- > 0;) {
		if (a->entered & (1U << i)) {
			return (enum level)(LEVEL_NOTICE + i);
		}
	}
	return LEVEL_OK;
}

static void set_level(struct alert *a, enum level level, int64_t at_ms)
{
	if (a->level != level) {
		a->level = (uint8_t)level;
		a->since_ms = at_ms;
	}
}

static enum level find_candidate(const struct alert *a)
{
	if (a->absent) {
		return a->level;
	}
	for (unsigned i = LEVELS; i-- > 0;) {
		enum level level = (enum level)(LEVEL_NOTICE + i);
		if (level > a->level && a->runs[i].run_ms && !(a->entered & (1U << i))) {
			return level;
		}
	}
	bool clearing = a->level && a->runs[a->level - LEVEL_NOTICE].clear_ms;
	return clearing ? LEVEL_OK : a->level;
}

void alert_step(struct alert *alert, const struct alert_timing *timing,
	const struct alert_input *input, int64_t at_ms, int64_t step_ms)
{
	alert->absent = false;
	for (unsigned i = 0; i < LEVELS; i++) {
		if (timing->set[i]) {
			step_level(alert, timing, i, input, at_ms, step_ms);
		} else {
			alert->entered &= (uint8_t) ~(1U << i);
			alert->runs[i] = (struct alert_run){0};
		}
	}
	set_level(alert, highest(alert), at_ms);
	alert->candidate = (uint8_t)find_candidate(alert);
}

void alert_reset(struct alert *alert, int64_t at_ms)
{
	alert->entered = 0;
	alert->absent = false;
	for (unsigned i = 0; i < LEVELS; i++) {
		alert->runs[i] = (struct alert_run){0};
	}
	set_level(alert, LEVEL_OK, at_ms);
	alert->candidate = LEVEL_OK;
}

void alert_missing(struct alert *alert, enum missing_to to, int64_t at_ms)
{
	static const enum level levels[] = {[MISSING_TO_OK] = LEVEL_OK,
		[MISSING_TO_UNKNOWN] = LEVEL_UNKNOWN,
		[MISSING_TO_WARN] = LEVEL_WARN,
		[MISSING_TO_CRIT] = LEVEL_CRIT};
	if (to == MISSING_TO_OK) {
		alert_reset(alert, at_ms);
	} else {
		/* What was pending or clearing begins anew; what was entered comes back with the data. */
		for (unsigned i = 0; i < LEVELS; i++) {
			alert->runs[i] = (struct alert_run){0};
		}
		if (to != MISSING_KEEP) {
			set_level(alert, levels[to], at_ms);
		}
	}
	alert->absent = true;
	alert->candidate = alert->level;
}

int64_t alert_pending_since(const struct alert *alert)
{
	if (alert->candidate <= alert->level || alert->candidate > LEVEL_CRIT) {
		return 0;
	}
	return alert->runs[alert->candidate - LEVEL_NOTICE].run_ms;
}
