/*
 * Conditions of levels and their modifiers: `> 92% for 10m`, `outside 1 .. 2`, `when …`.
 */
#include "rules/parser.h"

#include "base/banned.h"

bool parse_duration(struct parser *p, int64_t *ms)
{
	const struct token *t = &p->lexer.token;
	if (lexer_at_op(&p->lexer, '-') && p->lexer.ahead.kind == TOKEN_NUMBER) {
		struct diag_place place = t->place;
		place.end_column = p->lexer.ahead.place.end_column;
		struct diag *d = parse_complain(p, "E407", "a duration is positive");
		char *text = token_text(&p->lexer.ahead);
		diag_suggest(d, place, text);
		g_free(text);
		return false;
	}
	if (t->kind != TOKEN_NUMBER) {
		parse_expected(p, "a duration");
		return false;
	}
	if (!quantity_read_duration(t, &p->file->source, p->diags, ms)) {
		p->silent = true;
		return false;
	}
	lexer_advance(&p->lexer);
	return true;
}

bool parse_count(struct parser *p, unsigned most, unsigned *out)
{
	struct quantity q;
	const struct token *t = &p->lexer.token;
	if (t->kind != TOKEN_NUMBER) {
		parse_expected(p, "a number");
		return false;
	}
	if (!quantity_read(t, &p->file->source, p->diags, &q)) {
		p->silent = true;
		return false;
	}
	if (!q.bare || q.value < 1 || q.value > most || q.value != (unsigned)q.value) {
		parse_complain(p, "E407", "a whole number from 1 to %u is expected here", most);
		return false;
	}
	*out = (unsigned)q.value;
	lexer_advance(&p->lexer);
	return true;
}

enum { SAMPLES_MOST = 60 };

static bool parse_for(struct parser *p, struct cond *cond)
{
	if (cond->has_for) {
		parse_complain_at(p, p->lexer.token.place, "E105", "\"for\" is given twice");
		return false;
	}
	cond->has_for = true;
	if (!token_is_word(&p->lexer.ahead, "of")) {
		return parse_duration(p, &cond->for_ms);
	}
	struct diag_place place = p->lexer.token.place;
	if (!parse_count(p, SAMPLES_MOST, &cond->m)) {
		return false;
	}
	lexer_advance(&p->lexer);
	if (!parse_count(p, SAMPLES_MOST, &cond->n)) {
		return false;
	}
	if (cond->m > cond->n) {
		parse_complain_at(p, place, "E407", "%u of %u samples is never reached", cond->m, cond->n);
		return false;
	}
	if (!parse_word(p, "samples")) {
		parse_expected(p, "\"samples\"");
		return false;
	}
	return true;
}

bool parse_modifiers(struct parser *p, struct cond *cond)
{
	for (;;) {
		if (parse_word(p, "for")) {
			if (!parse_for(p, cond)) {
				return false;
			}
		} else if (lexer_at_word(&p->lexer, "during")) {
			parse_unsupported(p, p->lexer.token.place, "\"during\"");
			return false;
		} else {
			return true;
		}
	}
}

static bool parse_band(struct parser *p, struct cond *cond)
{
	if (lexer_at_word(&p->lexer, "nagios") || lexer_at_word(&p->lexer, "munin")) {
		parse_unsupported(p, p->lexer.token.place, "a range in another notation");
		return false;
	}
	cond->a = parse_sum(p);
	if (cond->a && !parse_op(p, OP_RANGE)) {
		parse_expected(p, "\"..\"");
		return false;
	}
	cond->b = cond->a ? parse_sum(p) : NULL;
	return cond->b != NULL;
}

bool parse_condition(struct parser *p, struct cond *cond)
{
	static const int ops[] = {'<', '>', OP_LE, OP_GE, OP_EQ, OP_NE};
	*cond = (struct cond){.place = p->lexer.token.place};
	for (size_t i = 0; i < ARRAY_LENGTH(ops); i++) {
		if (parse_op(p, ops[i])) {
			cond->kind = COND_COMPARE;
			cond->op = ops[i];
			cond->a = parse_sum(p);
			return cond->a && parse_modifiers(p, cond);
		}
	}
	if (parse_word(p, "outside") || lexer_at_word(&p->lexer, "inside")) {
		cond->kind = parse_word(p, "inside") ? COND_INSIDE : COND_OUTSIDE;
		return parse_band(p, cond) && parse_modifiers(p, cond);
	}
	if (parse_word(p, "when")) {
		cond->kind = COND_WHEN;
		cond->a = parse_expression(p);
		return cond->a && parse_modifiers(p, cond);
	}
	if (lexer_at_op(&p->lexer, '=')) {
		diag_suggest(parse_complain(p, "E102", "a comparison is written \"==\""),
			p->lexer.token.place, "==");
		return false;
	}
	parse_expected(p, "a comparison, \"outside\", \"inside\" or \"when\"");
	return false;
}
