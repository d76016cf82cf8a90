/*
 * Lints that need no inventory. Each compares two constant thresholds of one rule.
 */
#include "rules/lint.h"

#include "base/banned.h"

/* A threshold `value OP constant`: which side is the problem. */
struct side {
	bool known, above;
	double limit;
};

static struct side side_of(const struct cond *cond, const struct cond_code *code)
{
	struct side side = {0};
	const struct program *p = &code->a;
	bool constant =
		p->count == 1 && (p->ops[0].code == OP_PUSH || p->ops[0].code == OP_PUSH_SCALED);
	if (cond->kind != COND_COMPARE || !constant || cond->op == OP_EQ || cond->op == OP_NE) {
		return side;
	}
	side.known = true;
	side.above = cond->op == '>' || cond->op == OP_GE;
	side.limit = p->ops[0].number;
	return side;
}

static bool same_scale(const struct cond_code *a, const struct cond_code *b)
{
	return a->a.ops[0].code == b->a.ops[0].code;
}

/* warn > 98 %, crit > 92 %: the milder level comes later than the worse one. */
static void lint_order(const struct rule *r, struct diag_list *diags)
{
	const struct body *b = r->own.body;
	struct side warn = side_of(&b->levels[1], &r->own.levels[1]);
	struct side crit = side_of(&b->levels[2], &r->own.levels[2]);
	if (!warn.known || !crit.known || !same_scale(&r->own.levels[1], &r->own.levels[2])) {
		return;
	}
	bool sooner = warn.above ? crit.limit < warn.limit : crit.limit > warn.limit;
	if (warn.above != crit.above || sooner) {
		bool second = b->places[SLOT_CRIT].line >= b->places[SLOT_WARN].line;
		struct diag *d = diag_add(diags, &r->item->file->source,
			b->places[second ? SLOT_CRIT : SLOT_WARN], DIAG_WARNING, "W508", "%s",
			warn.above != crit.above ? "warn and crit point in opposite directions"
									 : "warn cannot come before crit");
		diag_note(d, "were the two exchanged?");
	}
}

/* clear < 95 % for warn > 92 %: what clears is still a problem. */
static void lint_clear(const struct rule *r, unsigned level, const struct cond *cond,
	const struct cond_code *code, struct diag_place place, struct diag_list *diags)
{
	struct side clear = side_of(cond, code);
	struct side alarm = side_of(&r->own.body->levels[level], &r->own.levels[level]);
	if (!clear.known || !alarm.known || !same_scale(code, &r->own.levels[level])) {
		return;
	}
	bool inside = alarm.above ? clear.limit > alarm.limit : clear.limit < alarm.limit;
	if (alarm.above == clear.above || inside) {
		(void)diag_add(diags, &r->item->file->source, place, DIAG_WARNING, "W509",
			"this clears what still is a problem");
	}
}

void lint_rule(const struct rule *rule, struct diag_list *diags)
{
	const struct body *b = rule->own.body;
	lint_order(rule, diags);
	for (unsigned i = 0; i < LEVELS; i++) {
		const struct cond *own = &b->level_clears[i];
		if (own->kind != COND_NONE) {
			lint_clear(rule, i, own, &rule->own.level_clears[i], own->place, diags);
		} else {
			lint_clear(rule, i, &b->clear, &rule->own.clear, b->places[SLOT_CLEAR], diags);
		}
	}
}
