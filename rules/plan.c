/*
 * Which statement counts (section 10 of the language). A selector with a host part beats all; among
 * host scopes exact beats glob, more literal characters beat fewer, a glob beats a group, a deeper
 * group its parent; among series scopes exact beats glob and more literal characters beat fewer. A
 * host scope and a series scope cannot be compared: then nobody wins and it is told.
 */
#include "rules/plan.h"

#include <string.h>

#include "base/banned.h"

/* -- specificity -- */

enum class { CLASS_NONE, CLASS_HOST, CLASS_SERIES, CLASS_BOTH };

struct rank {
	enum class class;
	unsigned host, series;
};

enum { EXACT = 1 << 20, GLOB = 1 << 10 };

static unsigned pattern_rank(const struct pattern *p)
{
	return p->literal ? EXACT : GLOB + p->literals;
}

static unsigned group_depth(const char *group)
{
	unsigned depth = 1;
	for (; *group; group++) {
		depth += *group == '/';
	}
	return depth;
}

static bool in_group(const char *group, const char *scope)
{
	size_t n = strlen(scope);
	return !strncmp(group, scope, n) && (!group[n] || group[n] == '/');
}

static bool scope_matches(const struct scope *scope, const struct plan_target *t, struct rank *rank)
{
	struct selector_match match;
	*rank = (struct rank){CLASS_HOST, 0, 0};
	switch (scope->kind) {
	case SCOPE_HOST:
		rank->host = pattern_rank(&scope->pattern);
		return pattern_match(&scope->pattern, t->host, NULL, NULL);
	case SCOPE_GROUP:
		rank->host = group_depth(scope->pattern.source);
		return in_group(t->group, scope->pattern.source);
	case SCOPE_SERIES: break;
	}
	const struct selector *s = scope->selector;
	rank->class = s->has_host ? CLASS_BOTH : CLASS_SERIES;
	rank->host = s->has_host ? pattern_rank(&s->host) : 0;
	bool exact = s->plugin.literal && s->field.literal;
	rank->series = exact ? EXACT : GLOB + s->plugin.literals + s->field.literals;
	return selector_match(s, t->host, t->service, t->field, &match);
}

/* 1: a beats b, -1: b beats a, 0: they tie. */
static int compare_ranks(const struct rank *a, const struct rank *b)
{
	if (a->class != b->class) {
		if (a->class == CLASS_BOTH || b->class == CLASS_NONE) {
			return 1;
		}
		return b->class == CLASS_BOTH || a->class == CLASS_NONE ? -1 : 0;
	}
	int host = (a->host > b->host) - (a->host < b->host);
	int series = (a->series > b->series) - (a->series < b->series);
	if (host && series && host != series) {
		return 0;
	}
	return host ? host : series;
}

/* -- the choice -- */

static void complain_tie(const struct rule *rule, const struct plan_target *t, const struct item *a,
	const struct item *b, struct diag_list *diags)
{
	struct diag *d = diag_add(diags, &a->file->source, a->place, DIAG_ERROR, "E310",
		"two overrides of \"%s\" are equally specific for %s:%s:%s", rule->name, t->host,
		t->service, t->field);
	diag_note(d, "the other one is at %s:%u:%u", b->file->name, b->place.line, b->place.column);
	diag_note(d, "help: write one override for %s:%s:%s; until then neither counts", t->host,
		t->service, t->field);
}

static bool same_statement(const struct layer *a, const struct layer *b, enum slot slot)
{
	return a->body->sources[slot] && b->body->sources[slot] &&
		   !strcmp(a->body->sources[slot], b->body->sources[slot]);
}

/* A scope of an override that matches: scopes are alternatives, each stands for itself. */
struct candidate {
	const struct layer *layer;
	struct rank rank;
};

static void find_candidates(
	const struct rule *rule, enum slot slot, const struct plan_target *t, GArray *out)
{
	for (guint i = 0; i < rule->overrides->len; i++) {
		const struct layer *layer = g_ptr_array_index(rule->overrides, i);
		const GArray *scopes = layer->item->scopes;
		for (guint k = 0; layer->body->set[slot] && k < scopes->len; k++) {
			struct candidate c = {.layer = layer};
			if (scope_matches(&g_array_index(scopes, struct scope, k), t, &c.rank)) {
				g_array_append_val(out, c);
			}
		}
	}
}

static bool beaten(const GArray *all, const struct candidate *c)
{
	for (guint i = 0; i < all->len; i++) {
		if (compare_ranks(&g_array_index(all, struct candidate, i).rank, &c->rank) > 0) {
			return true;
		}
	}
	return false;
}

/*
 * The override that counts; NULL: none, or a tie. Two scopes that cannot be compared may each beat
 * a third one, so it is not enough to go along and keep the best: all that nobody beats have to say
 * the same.
 */
static const struct layer *choose_override(
	const struct rule *rule, enum slot slot, const struct plan_target *t, struct diag_list *diags)
{
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(struct candidate));
	find_candidates(rule, slot, t, all);
	const struct layer *best = NULL;
	for (guint i = 0; i < all->len; i++) {
		const struct candidate *c = &g_array_index(all, struct candidate, i);
		if (beaten(all, c)) {
			continue;
		}
		if (best && best != c->layer && !same_statement(best, c->layer, slot)) {
			complain_tie(rule, t, best->item, c->layer->item, diags);
			return NULL;
		}
		best = best ? best : c->layer;
	}
	return best;
}

static const struct layer *choose(
	const struct rule *rule, enum slot slot, const struct plan_target *t, struct diag_list *diags)
{
	const struct layer *best = rule->overrides->len ? choose_override(rule, slot, t, diags) : NULL;
	if (best) {
		return best;
	}
	if (rule->own.body->set[slot]) {
		return &rule->own;
	}
	return rule->defaults.body && rule->defaults.body->set[slot] ? &rule->defaults : NULL;
}

char *plan_key(const struct rule *rule, const struct plan_target *target, struct diag_list *diags,
	const struct layer *from[SLOT_COUNT])
{
	GString *key = g_string_new(NULL);
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
		from[slot] = choose(rule, (enum slot)slot, target, diags);
		g_string_append_printf(key, "%p ", (const void *)from[slot]);
	}
	return g_string_free(key, FALSE);
}

/* -- the plan -- */

static void set_fast(struct plan_level *level)
{
	const struct program *p = &level->code->a;
	level->fast = level->cond->kind == COND_COMPARE && p->count == 1 &&
				  (p->ops[0].code == OP_PUSH || p->ops[0].code == OP_PUSH_SCALED);
	if (level->fast) {
		level->limit = p->ops[0].number;
		level->scaled = p->ops[0].code == OP_PUSH_SCALED;
		level->operand = p->ops[0].operand;
	}
}

static void plan_level(struct plan *p, unsigned i)
{
	const struct layer *layer = p->from[SLOT_NOTICE + i];
	const struct layer *clear = p->from[SLOT_CLEAR];
	if (!layer || layer->body->off[i] || layer->body->levels[i].kind == COND_NONE) {
		return;
	}
	struct plan_level *level = &p->levels[i];
	level->cond = &layer->body->levels[i];
	level->code = &layer->levels[i];
	set_fast(level);
	p->timing.set[i] = true;
	p->timing.for_ms[i] = level->cond->for_ms;
	p->timing.m[i] = (uint8_t)level->cond->m;
	p->timing.n[i] = (uint8_t)level->cond->n;
	const struct cond *own = &layer->body->level_clears[i];
	if (own->kind != COND_NONE) {
		level->clear = own;
		level->clear_code = &layer->level_clears[i];
	} else if (clear && clear->body->clear.kind != COND_NONE) {
		level->clear = &clear->body->clear;
		level->clear_code = &clear->clear;
	}
	if (own->has_for) {
		p->timing.clear_ms[i] = own->for_ms;
	} else if (clear) {
		p->timing.clear_ms[i] = clear->body->clear.for_ms;
	}
}

static void plan_notify(struct plan *p)
{
	const struct layer *layer = p->from[SLOT_NOTIFY];
	unsigned count = layer ? layer->body->notify->len : 0;
	p->notify = g_new0(const char *, count + 1);
	for (unsigned i = 0; i < count; i++) {
		p->notify[i] = g_array_index(layer->body->notify, struct name, i).text;
	}
	if (!layer) {
		p->notify_at = LEVEL_WARN; /* the default contacts */
	} else {
		p->notify_at = layer->body->notify_at ? layer->body->notify_at : LEVEL_CRIT;
	}
}

struct plan *plan_create(const struct rule *rule, const struct plan_target *target,
	const struct rule *(*find)(void *owner, const char *name), void *owner, struct diag_list *diags)
{
	struct plan *p = g_new0(struct plan, 1);
	p->key = plan_key(rule, target, diags, p->from);
	for (unsigned i = 0; i < LEVELS; i++) {
		plan_level(p, i);
	}
	const struct layer *layer = p->from[SLOT_ONLY_WHEN];
	p->only_when = layer ? &layer->only_when : NULL;
	layer = p->from[SLOT_MISSING];
	p->missing = layer ? layer->body->missing : MISSING_TO_UNKNOWN;
	p->missing_ms = layer ? layer->body->missing_ms : 0;
	p->missing_samples = layer && layer->body->missing_samples ? layer->body->missing_samples : 3;
	p->parents = g_array_new(FALSE, TRUE, sizeof(struct plan_parent));
	layer = p->from[SLOT_UNLESS];
	for (guint i = 0; layer && i < layer->body->parents->len; i++) {
		const struct parent *parent = &g_array_index(layer->body->parents, struct parent, i);
		struct plan_parent entry = {find(owner, parent->name), parent->settle_ms};
		if (entry.rule) {
			g_array_append_val(p->parents, entry);
		}
	}
	plan_notify(p);
	p->disabled = p->from[SLOT_DISABLED] != NULL;
	return p;
}

void plan_destroy(struct plan *plan)
{
	if (!plan) {
		return;
	}
	g_array_unref(plan->parents);
	g_free(plan->notify);
	g_free(plan->key);
	g_free(plan);
}
