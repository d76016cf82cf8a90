/*
 * Judging: samples and time in, transitions out.
 *
 * An instance is judged at the newest instant for which all its series have spoken: the least of
 * their newest samples, those left aside that have been silent for three steps. So the batches of
 * two plugins that arrive one after the other give one verdict, and a lost plugin holds it up for
 * three steps only. Rules that read ages are judged by the clock instead, once a second.
 *
 * `missing` is watched by a wheel of seconds: an instance lies in the slot of its deadline and is
 * moved on when it comes up and has data; so a sample costs nothing here.
 *
 * All transitions of a batch are collected and told parents first, with the suppression as it is
 * after the whole batch.
 */
#include "rules/instance.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

enum { STALE_STEPS = 3, TICK_MS = 1000, PAUSE_LEAST_MS = 5000 };

/* -- lists -- */

void judge_mark(struct ruleset *set, struct instance *in)
{
	if (!in->dirty) {
		in->dirty = true;
		g_ptr_array_add(set->dirty, in);
	}
}

void judge_activate(struct ruleset *set, struct instance *in)
{
	bool active = in->alert.level != LEVEL_OK || in->alert.candidate != LEVEL_OK;
	if (active && !in->active_index) {
		g_ptr_array_add(set->active, in);
		in->active_index = set->active->len;
	} else if (!active && in->active_index) {
		guint at = in->active_index - 1;
		g_ptr_array_remove_index_fast(set->active, at);
		if (at < set->active->len) {
			((struct instance *)g_ptr_array_index(set->active, at))->active_index = at + 1;
		}
		in->active_index = 0;
		in->suppressor = NULL;
		in->release_ms = 0;
	}
}

void judge_wheel_add(struct ruleset *set, struct instance *in, int64_t due_ms)
{
	if (in->on_wheel) {
		return;
	}
	int64_t due_s = (due_ms + 999) / 1000;
	int64_t least = set->wheel_s + 1;
	due_s = MIN(MAX(due_s, least), set->wheel_s + WHEEL_SLOTS - 1);
	struct instance **slot = &set->wheel[due_s % WHEEL_SLOTS];
	in->wheel_next = *slot;
	in->on_wheel = true;
	*slot = in;
}

bool judge_by_samples(const struct instance *in)
{
	const struct rule *r = in->bound->rule;
	return !r->timed || (r->value.ops && !r->value.timed);
}

static int64_t deadline(const struct ruleset *set, const struct instance *in)
{
	int64_t step_ms = (int64_t)in->step_s * 1000;
	int64_t after = in->plan->missing_ms;
	if (!after) {
		/* the last of them may be half a step late */
		after = step_ms * in->plan->missing_samples + step_ms / 2;
	}
	return MAX(in->known_ms, set->started_ms) + after;
}

/* -- one instance -- */

void judge_collect(
	struct ruleset *set, struct instance *in, const struct alert *before, int64_t at_ms)
{
	const struct alert *a = &in->alert;
	in->pristine = a->level == LEVEL_OK && a->candidate == LEVEL_OK && !a->entered && !a->absent;
	for (unsigned i = 0; i < LEVELS && in->pristine; i++) {
		in->pristine = !a->runs[i].run_ms && !a->runs[i].bits;
	}
	if (memcmp(before, a, sizeof(*a))) {
		judge_mark(set, in);
	}
	if (before->level != a->level || before->candidate != a->candidate) {
		struct transition t = {in, before->level, a->level, {at_ms}, before->level != a->level};
		g_array_append_val(set->events, t);
		in->told_stamp = set->stamp;
	}
	judge_activate(set, in);
}

int64_t judge_instant(const struct instance *in, const struct window *window)
{
	unsigned count = in->bound->rule->operands->len;
	int64_t newest = 0;
	int64_t at[OPERANDS_MOST];
	for (unsigned i = 0; i < count; i++) {
		struct sample s;
		bool any = in->operands[i].series_id && window_last(window, in->operands[i].series_id, &s);
		at[i] = any ? s.at.ms : 0;
		newest = MAX(newest, at[i]);
	}
	int64_t least = newest;
	for (unsigned i = 0; i < count; i++) {
		int64_t oldest = newest - STALE_STEPS * (int64_t)in->operands[i].step_s * 1000;
		if (at[i] && at[i] >= oldest) {
			least = MIN(least, at[i]);
		}
	}
	return least;
}

static struct outcome run_cond(
	const struct cond *cond, const struct cond_code *code, const struct evaluation *e)
{
	struct outcome a = program_run(&code->a, e);
	if (cond->kind == COND_WHEN) {
		return a;
	}
	if (cond->kind == COND_COMPARE) {
		return outcome_compare(cond->op, e->value, a);
	}
	struct outcome b = program_run(&code->b, e);
	struct outcome below = outcome_compare('<', e->value, a);
	struct outcome above = outcome_compare('>', e->value, b);
	if (below.known != KNOWN || above.known != KNOWN) {
		return (struct outcome){0, MISSING};
	}
	bool outside = below.v != 0 || above.v != 0;
	bool undefined = e->value.known == UNDEFINED;
	return (struct outcome){!undefined && outside == (cond->kind == COND_OUTSIDE), KNOWN};
}

static struct outcome fast_cond(
	const struct plan_level *l, const struct instance *in, struct outcome value)
{
	double limit = l->limit;
	if (l->scaled) {
		const struct unit_scale *s = &in->operands[l->operand].scale;
		limit = limit * s->factor + s->offset;
	}
	return outcome_compare(l->cond->op, value, (struct outcome){limit, KNOWN});
}

static struct outcome opposite(struct outcome o)
{
	return o.known == KNOWN ? (struct outcome){o.v == 0, KNOWN} : o;
}

/* Whether any condition says something. */
static bool judge_levels(
	const struct instance *in, const struct evaluation *e, struct alert_input *input, bool *quiet)
{
	bool known = false;
	*quiet = true;
	for (unsigned i = 0; i < LEVELS; i++) {
		const struct plan_level *l = &in->plan->levels[i];
		if (!l->cond) {
			continue;
		}
		input->cond[i] = l->fast ? fast_cond(l, in, e->value) : run_cond(l->cond, l->code, e);
		known = known || input->cond[i].known == KNOWN;
		*quiet = *quiet && input->cond[i].known == KNOWN && input->cond[i].v == 0;
	}
	return known;
}

static void judge_clears(
	const struct instance *in, const struct evaluation *e, struct alert_input *input)
{
	for (unsigned i = 0; i < LEVELS; i++) {
		const struct plan_level *l = &in->plan->levels[i];
		if (l->cond) {
			input->clear[i] =
				l->clear ? run_cond(l->clear, l->clear_code, e) : opposite(input->cond[i]);
		}
	}
}

/* False: nothing new was known. */
static bool take_value(
	struct ruleset *set, struct instance *in, const struct evaluation *e, bool known)
{
	in->value = e->value.known == KNOWN ? e->value.v : NAN;
	if (!known) {
		return false;
	}
	if (!in->known_ms) {
		judge_mark(set, in);
	}
	if (!judge_by_samples(in)) {
		in->known_ms = e->at.ms;
		return true;
	}
	/* a rule on ages is judged by the clock, but its value is not newer than its samples */
	int64_t at_ms = in->bound->rule->timed ? judge_instant(in, e->window) : e->at.ms;
	bool fresh = at_ms > in->known_ms || !in->bound->rule->timed;
	in->known_ms = at_ms;
	if (!in->on_wheel && !(in->alert.absent && !fresh)) {
		judge_wheel_add(set, in, deadline(set, in));
	}
	return fresh;
}

/* Judged every second, a rule on ages has a sample in each step all the same. */
static bool is_repeated(const struct instance *in, int64_t at_ms)
{
	int64_t step_ms = (int64_t)in->step_s * 1000;
	return in->bound->rule->timed ? in->sample_ms / step_ms == at_ms / step_ms
								  : in->sample_ms == at_ms;
}

static void judge_at(struct ruleset *set, struct instance *in, struct evaluation *e)
{
	const struct rule *r = in->bound->rule;
	struct alert_input input = {.repeated = is_repeated(in, e->at.ms)};
	bool quiet = false;
	in->sample_ms = e->at.ms;
	e->value = (struct outcome){0, MISSING};
	if (r->value.plain) {
		e->value = operand_value(e, &in->operands[r->value.ops[0].operand]);
	} else if (r->value.ops) {
		e->value = program_run(&r->value, e);
	}
	struct outcome only =
		in->plan->only_when ? program_run(in->plan->only_when, e) : (struct outcome){1, KNOWN};
	in->idle = only.known == MISSING ? in->idle : only.known == KNOWN && only.v == 0;
	bool conditions = judge_levels(in, e, &input, &quiet);
	bool known = r->value.ops ? e->value.known != MISSING : conditions;
	bool fresh = take_value(set, in, e, known);
	if (in->pristine && quiet) {
		return;
	}
	struct alert before = in->alert;
	if (in->idle && only.known == KNOWN) {
		alert_reset(&in->alert, e->at.ms);
	} else if (only.known == MISSING || (!fresh && in->alert.absent)) {
		return;
	} else {
		judge_clears(in, e, &input);
		alert_step(&in->alert, &in->plan->timing, &input, e->at.ms, (int64_t)in->step_s * 1000);
	}
	judge_collect(set, in, &before, e->at.ms);
}

/* What nobody watches says nothing until it speaks again; see retire.c. */
static bool is_silent(struct instance *in, int64_t at_ms)
{
	if (in->retired) {
		in->retired = at_ms ? at_ms <= in->sample_ms : in->host->retired;
	}
	return in->retired;
}

/* hostile 32: what was measured long ago is stored and drawn; it tells nothing of now. A rule on
 * ages goes on by the clock once it had a value of now. */
static bool is_late(const struct instance *in, int64_t at_ms, struct wall now)
{
	int64_t late_ms = MAX(RULESET_LATE_MS, (int64_t)in->step_s * 1000 * RULESET_LATE_STEPS);
	return at_ms && at_ms < now.ms - late_ms && (!in->bound->rule->timed || !in->known_ms);
}

static void judge(struct ruleset *set, struct instance *in, struct wall now)
{
	int64_t at_ms = judge_by_samples(in) ? judge_instant(in, set->window) : 0;
	if (is_silent(in, at_ms) || is_late(in, at_ms, now)) {
		return;
	}
	struct evaluation e = {.window = set->window,
		.operands = in->operands,
		.now = now,
		.pauses = set->pauses,
		.pause_count = set->pause_count};
	if (in->bound->rule->timed) {
		e.at = now;
		int64_t seen = MAX(in->host->seen_ms, in->host->first_ms);
		e.host_age_s = (double)MAX(now.ms - seen, 0) / 1000;
	} else {
		e.at.ms = at_ms;
	}
	/* once more at the same instant only if a series has spoken that was not heard before */
	if (e.at.ms > in->sample_ms || (e.at.ms == in->sample_ms && isnan(in->value))) {
		judge_at(set, in, &e);
	}
}

/* -- suppression -- */

static bool same_dimensions(const struct instance *a, const struct instance *b)
{
	const struct rule *ra = a->bound->rule;
	const struct rule *rb = b->bound->rule;
	for (unsigned i = 0; i < ra->dim_count; i++) {
		for (unsigned k = 0; k < rb->dim_count; k++) {
			bool both = a->dims[i] && b->dims[k] && !strcmp(ra->dims[i], rb->dims[k]);
			if (both && strcmp(a->dims[i], b->dims[k])) {
				return false;
			}
		}
	}
	return true;
}

static bool parent_bad(const struct instance *in, const struct rule *parent)
{
	for (guint i = 0; i < in->host->instances->len; i++) {
		const struct instance *p = g_ptr_array_index(in->host->instances, i);
		if (p->bound->rule == parent && p != in &&
			(p->alert.level == LEVEL_WARN || p->alert.level == LEVEL_CRIT) &&
			same_dimensions(in, p)) {
			return true;
		}
	}
	return false;
}

/* True: it began or ended. */
static bool update_suppression(struct instance *in, int64_t now_ms)
{
	int64_t settle = 2000 * (int64_t)in->step_s;
	for (guint i = 0; i < in->plan->parents->len; i++) {
		const struct plan_parent *p = &g_array_index(in->plan->parents, struct plan_parent, i);
		if (p->settle_ms && in->suppressor == p->rule->name) {
			settle = p->settle_ms; /* of the one that is over, not of the others */
		}
		if (parent_bad(in, p->rule)) {
			bool began = !in->suppressor;
			in->suppressor = p->rule->name;
			in->release_ms = 0;
			return began;
		}
	}
	if (!in->suppressor) {
		return false;
	}
	if (!in->release_ms) {
		in->release_ms = now_ms + settle;
	} else if (now_ms >= in->release_ms) {
		in->suppressor = NULL;
		in->release_ms = 0;
		return true;
	}
	return false;
}

/* -- telling -- */

static int by_rank(const void *a, const void *b)
{
	const struct instance *x = ((const struct transition *)a)->instance;
	const struct instance *y = ((const struct transition *)b)->instance;
	if (x->bound->rule->rank != y->bound->rule->rank) {
		return x->bound->rule->rank < y->bound->rule->rank ? -1 : 1;
	}
	return x->number < y->number ? -1 : x->number > y->number;
}

void judge_tell(struct ruleset *set, struct wall now, ruleset_transition_fn fn, void *owner)
{
	for (guint i = 0; i < set->events->len; i++) {
		struct instance *in = g_array_index(set->events, struct transition, i).instance;
		if (in->plan->parents->len && in->active_index) {
			(void)update_suppression(in, now.ms);
		}
	}
	g_array_sort(set->events, by_rank);
	for (guint i = 0; i < set->events->len; i++) {
		fn(owner, &g_array_index(set->events, struct transition, i));
	}
	g_array_set_size(set->events, 0);
}

static void begin(struct ruleset *set, const struct window *window, struct wall now)
{
	set->window = window;
	if (!set->started_ms) {
		set->started_ms = now.ms;
		set->wheel_s = wall_s(now);
	}
}

void ruleset_step(struct ruleset *set, const struct window *window, const uint32_t *series_ids,
	size_t count, struct wall now, ruleset_transition_fn fn, void *owner)
{
	begin(set, window, now);
	set->stamp++;
	for (size_t i = 0; i < count; i++) {
		const struct listeners *list = series_ids[i] < set->by_series->len
										   ? g_ptr_array_index(set->by_series, series_ids[i])
										   : NULL;
		for (uint32_t k = 0; list && k < list->count; k++) {
			struct instance *in = list->instances[k];
			if (in->stamp != set->stamp && !in->bound->rule->timed) {
				in->stamp = set->stamp;
				judge(set, in, now);
			}
		}
	}
	if (set->events->len) {
		judge_tell(set, now, fn, owner);
	}
}

void ruleset_host_seen(struct ruleset *set, const char *host, struct wall at)
{
	struct rule_host *h = bind_host(set, host);
	h->seen_ms = MAX(h->seen_ms, at.ms);
	h->retired = false;
}

/* -- time -- */

static void came_up(struct ruleset *set, struct instance *in, struct wall now)
{
	int64_t due = deadline(set, in);
	if (in->retired) {
		return;
	}
	if (now.ms < due) {
		judge_wheel_add(set, in, due);
		return;
	}
	if (in->alert.absent || !in->known_ms) {
		return; /* back on the wheel with its next known value */
	}
	if (in->idle) {
		judge_wheel_add(set, in, now.ms + (int64_t)in->step_s * 1000);
		return;
	}
	struct alert before = in->alert;
	in->value = NAN;
	alert_missing(&in->alert, in->plan->missing, now.ms);
	judge_collect(set, in, &before, now.ms);
}

static void turn_wheel(struct ruleset *set, struct wall now)
{
	int64_t until = wall_s(now);
	if (until - set->wheel_s > WHEEL_SLOTS) {
		set->wheel_s = until - WHEEL_SLOTS; /* a long pause: every slot once */
	}
	while (set->wheel_s < until) {
		set->wheel_s++;
		struct instance **slot = &set->wheel[set->wheel_s % WHEEL_SLOTS];
		struct instance *in = *slot;
		*slot = NULL;
		while (in) {
			struct instance *next = in->wheel_next;
			in->on_wheel = false;
			came_up(set, in, now);
			in = next;
		}
	}
}

/*
 * Nobody ticked for `pause_ms`: the daemon was down, or had nobody to hear from. Silence counts
 * without it (rules.md, section 8), or every restart would report hosts as silent that nobody had
 * asked.
 */
static void forgive_pause(struct ruleset *set, int64_t pause_ms, struct wall now)
{
	GHashTableIter iter;
	gpointer value;
	g_hash_table_iter_init(&iter, set->hosts);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct rule_host *host = value;
		host->seen_ms += host->seen_ms ? pause_ms : 0;
		host->first_ms += host->first_ms ? pause_ms : 0;
	}
	set->started_ms = now.ms;
	if (set->pause_count == PAUSES_KEPT) { /* the oldest two become one */
		set->pauses[1].length_ms += set->pauses[0].length_ms;
		memmove(set->pauses, set->pauses + 1, sizeof(set->pauses) - sizeof(set->pauses[0]));
		set->pause_count--;
	}
	set->pauses[set->pause_count++] = (struct pause){now.ms, pause_ms};
}

void ruleset_tick(struct ruleset *set, const struct window *window, struct wall now,
	ruleset_transition_fn fn, void *owner)
{
	begin(set, window, now);
	if (set->ticked_ms && now.ms - set->ticked_ms > PAUSE_LEAST_MS) {
		forgive_pause(set, now.ms - set->ticked_ms - TICK_MS, now);
	}
	set->ticked_ms = now.ms;
	set->stamp++;
	for (guint i = 0; i < set->timed->len; i++) {
		struct instance *in = g_ptr_array_index(set->timed, i);
		if (!in->host->first_ms) {
			in->host->first_ms = now.ms - in->host->carried_ms;
		}
		judge(set, in, now);
	}
	turn_wheel(set, now);
	for (guint i = 0; i < set->active->len; i++) {
		struct instance *in = g_ptr_array_index(set->active, i);
		if (in->plan->parents->len && in->told_stamp != set->stamp &&
			update_suppression(in, now.ms)) {
			struct transition t = {in, in->alert.level, in->alert.level, now, false};
			g_array_append_val(set->events, t);
		}
	}
	if (set->events->len) {
		judge_tell(set, now, fn, owner);
	}
}
