/*
 * Expressions: a descent through or, and, not, comparison, sum, product, sign. Every function gives
 * NULL after it (or one it called) has complained; then the rest of the statement is passed over.
 */
#include "rules/parser.h"

#include <string.h>

#include "base/banned.h"

static struct node *make(struct parser *p, enum node_kind kind, struct diag_place place)
{
	struct node *n = g_new0(struct node, 1);
	n->kind = kind;
	n->place = n->op_place = place;
	return syntax_keep(p->syntax, n, g_free);
}

static struct node *join(struct parser *p, enum node_kind kind, const struct token *op,
	struct node *left, struct node *right)
{
	if (!left || !right) {
		return NULL;
	}
	struct node *n = make(p, kind, left->place);
	n->op = op->op;
	n->op_place = op->place;
	n->args[0] = left;
	n->args[1] = right;
	n->argc = 2;
	return n;
}

static bool enter(struct parser *p)
{
	if (p->depth >= LEXER_DEPTH_MAX) {
		parse_complain(p, "E010", "this expression is nested deeper than %d", LEXER_DEPTH_MAX);
		return false;
	}
	p->depth++;
	return true;
}

/* `on (…)` behind an operator. */
static bool no_join_list(struct parser *p)
{
	if (lexer_at_word(&p->lexer, "on") && p->lexer.ahead.kind == TOKEN_OP &&
		p->lexer.ahead.op == '(') {
		parse_unsupported(p, p->lexer.token.place, "\"on (…)\"");
		return false;
	}
	return true;
}

/* -- operands -- */

struct selector *parse_selector(struct parser *p)
{
	const struct token *t = &p->lexer.token;
	const char *why = NULL;
	if (t->bad && !t->length) {
		return NULL;
	}
	struct selector *s = selector_parse(t->text, t->length, &why);
	if (!s) {
		parse_complain(p, "E009", "%s", why);
		return NULL;
	}
	syntax_keep(p->syntax, s, (GDestroyNotify)selector_destroy);
	lexer_advance(&p->lexer);
	if (lexer_at_op(&p->lexer, '[') && p->lexer.token.glued) {
		parse_unsupported(p, p->lexer.token.place, "a filter by tags");
		return NULL;
	}
	return s;
}

static struct node *parse_selector_node(struct parser *p)
{
	struct node *n = make(p, NODE_SELECTOR, p->lexer.token.place);
	n->selector = parse_selector(p);
	return n->selector ? n : NULL;
}

static struct node *parse_number(struct parser *p)
{
	struct node *n = make(p, NODE_NUMBER, p->lexer.token.place);
	const struct token *t = &p->lexer.token;
	if (!quantity_read(t, &p->file->source, p->diags, &n->number)) {
		p->silent = true;
		return NULL;
	}
	n->text = parse_keep(p, token_text(t));
	lexer_advance(&p->lexer);
	return n;
}

/* Which place a named argument has; 0: no such argument. */
static unsigned argument_place(const struct function *f, const struct token *name)
{
	static const struct {
		enum function_id id;
		const char *name;
		unsigned place;
	} named[] = {{FUNCTION_CLAMP, "min", 1}, {FUNCTION_CLAMP, "max", 2}, {FUNCTION_LOG, "base", 1}};
	for (size_t i = 0; i < ARRAY_LENGTH(named); i++) {
		if (named[i].id == f->id && token_is_word(name, named[i].name)) {
			return named[i].place;
		}
	}
	return 0;
}

static bool parse_argument(struct parser *p, struct node *call)
{
	unsigned place = call->argc;
	const struct token *ahead = &p->lexer.ahead;
	if (p->lexer.token.kind == TOKEN_NAME && ahead->kind == TOKEN_OP && ahead->op == '=') {
		place = argument_place(call->function, &p->lexer.token);
		if (!place || call->args[place]) {
			char *name = token_text(&p->lexer.token);
			parse_complain(
				p, "E211", "%s() has no argument \"%s\" here", call->function->name, name);
			g_free(name);
			return false;
		}
		lexer_advance(&p->lexer);
		lexer_advance(&p->lexer);
	}
	if (place >= NODE_ARGS || place >= call->function->most) {
		parse_complain(p, "E211", "%s() takes at most %u argument%s", call->function->name,
			call->function->most, call->function->most == 1 ? "" : "s");
		return false;
	}
	call->args[place] = parse_expression(p);
	call->argc++;
	return call->args[place] != NULL;
}

static bool check_arguments(struct parser *p, struct node *call)
{
	const struct function *f = call->function;
	if (call->argc == 1 && f->shape == SHAPE_WINDOW && function_aggregates(f->name)) {
		struct diag *d = parse_complain_at(
			p, call->place, "E210", "%s() needs a window, or the instances it goes over", f->name);
		diag_note(d, "over time: %s(x, 5m); over instances: %s by group (x)", f->name, f->name);
		return false;
	}
	for (unsigned i = 0; i < f->least; i++) {
		if (!call->args[i]) {
			parse_complain_at(p, call->place, "E211", "%s() takes %u argument%s", f->name, f->least,
				f->least == 1 ? "" : "s");
			return false;
		}
	}
	return true;
}

static const struct function *known_function(struct parser *p)
{
	const struct token *t = &p->lexer.token;
	const struct function *f = function_find(t->text, t->length);
	char *name = token_text(t);
	if (!f) {
		struct diag_place place = t->place;
		struct diag *d = parse_complain(p, "E203", "there is no function \"%s\"", name);
		const char *nearest = function_nearest(name);
		if (nearest) {
			diag_suggest(d, place, nearest);
		}
	} else if (f->shape == SHAPE_LATER) {
		char *what = g_strdup_printf("the function %s()", f->name);
		parse_unsupported(p, t->place, what);
		g_free(what);
		f = NULL;
	}
	g_free(name);
	return f;
}

static struct node *parse_call(struct parser *p)
{
	struct node *call = make(p, NODE_CALL, p->lexer.token.place);
	call->function = known_function(p);
	if (!call->function) {
		return NULL;
	}
	lexer_advance(&p->lexer);
	lexer_advance(&p->lexer);
	while (!lexer_at_op(&p->lexer, ')')) {
		if (call->argc && !parse_op(p, ',')) {
			parse_expected(p, "\",\" or \")\"");
			return NULL;
		}
		if (!parse_argument(p, call)) {
			return NULL;
		}
	}
	lexer_advance(&p->lexer);
	return check_arguments(p, call) ? call : NULL;
}

static bool is_aggregate(const struct parser *p)
{
	char *name = token_text(&p->lexer.token);
	const struct token *ahead = &p->lexer.ahead;
	bool yes = function_aggregates(name) &&
			   (token_is_word(ahead, "by") || token_is_word(ahead, "without") ||
				   token_is_word(ahead, "all"));
	g_free(name);
	return yes;
}

static struct node *parse_name(struct parser *p)
{
	const struct token *t = &p->lexer.token;
	if (p->lexer.ahead.kind == TOKEN_OP && p->lexer.ahead.op == '(') {
		return parse_call(p);
	}
	if (is_aggregate(p)) {
		parse_unsupported(p, t->place, "an aggregate over instances");
		return NULL;
	}
	if (token_is_word(t, "nan") || token_is_word(t, "inf")) {
		parse_complain(p, "E005", "\"%.*s\" is no number", (int)t->length, t->text);
		return NULL;
	}
	const char *dash = memchr(t->text, '-', t->length);
	if (dash && !t->bad) {
		struct diag_place place = t->place;
		place.column += (unsigned)(dash - t->text);
		place.end_column = place.column + 1;
		struct diag_place whole = t->place;
		char *text = g_strdup_printf("%.*s - %.*s", (int)(dash - t->text), t->text,
			(int)(t->text + t->length - dash - 1), dash + 1);
		diag_suggest(parse_complain_at(
						 p, place, "E012", "blanks are needed around an operator beside a name"),
			whole, text);
		g_free(text);
		return NULL;
	}
	struct node *n = make(p, NODE_NAME, t->place);
	n->text = parse_keep(p, token_text(t));
	lexer_advance(&p->lexer);
	return n;
}

static struct node *parse_primary(struct parser *p)
{
	const struct token *t = &p->lexer.token;
	struct node *n = NULL;
	if (p->operands++ > PARSE_OPERANDS_MAX) {
		parse_complain(p, "E010", "this statement has more than %d operands", PARSE_OPERANDS_MAX);
		return NULL;
	}
	switch (t->kind) {
	case TOKEN_NUMBER: return parse_number(p);
	case TOKEN_SELECTOR: return parse_selector_node(p);
	case TOKEN_NAME: return parse_name(p);
	case TOKEN_STRING: parse_unsupported(p, t->place, "a text in an expression"); return NULL;
	case TOKEN_OP:
		if (t->op == '(') {
			lexer_advance(&p->lexer);
			n = parse_expression(p);
			if (n && !parse_op(p, ')')) {
				parse_expected(p, "\")\"");
				return NULL;
			}
			return n;
		}
		break;
	default: break;
	}
	parse_expected(p, "a value");
	return NULL;
}

static struct node *parse_unary(struct parser *p)
{
	if (!lexer_at_op(&p->lexer, '-')) {
		return parse_primary(p);
	}
	if (!enter(p)) {
		return NULL;
	}
	struct diag_place place = p->lexer.token.place;
	lexer_advance(&p->lexer);
	struct node *inner = parse_unary(p);
	p->depth--;
	if (!inner) {
		return NULL;
	}
	struct node *n = make(p, NODE_NEGATE, place);
	n->args[0] = inner;
	n->argc = 1;
	return n;
}

static struct node *parse_product(struct parser *p)
{
	struct node *left = parse_unary(p);
	while (left && (lexer_at_op(&p->lexer, '*') || lexer_at_op(&p->lexer, '/'))) {
		struct token op = p->lexer.token;
		lexer_advance(&p->lexer);
		left = no_join_list(p) ? join(p, NODE_ARITHMETIC, &op, left, parse_unary(p)) : NULL;
	}
	return left;
}

struct node *parse_sum(struct parser *p)
{
	struct node *left = parse_product(p);
	while (left && (lexer_at_op(&p->lexer, '+') || lexer_at_op(&p->lexer, '-'))) {
		struct token op = p->lexer.token;
		lexer_advance(&p->lexer);
		left = no_join_list(p) ? join(p, NODE_ARITHMETIC, &op, left, parse_product(p)) : NULL;
	}
	return left;
}

/* -- conditions -- */

static bool at_comparison(const struct parser *p)
{
	static const int ops[] = {'<', '>', OP_LE, OP_GE, OP_EQ, OP_NE, '~', OP_NOT_MATCH};
	for (size_t i = 0; i < ARRAY_LENGTH(ops); i++) {
		if (lexer_at_op(&p->lexer, ops[i])) {
			return true;
		}
	}
	return false;
}

static struct node *parse_inside(struct parser *p, struct node *x)
{
	struct node *n = make(p, NODE_INSIDE, x->place);
	n->op_place = p->lexer.token.place;
	lexer_advance(&p->lexer);
	n->args[0] = x;
	n->args[1] = parse_sum(p);
	if (n->args[1] && !parse_op(p, OP_RANGE)) {
		parse_expected(p, "\"..\"");
		return NULL;
	}
	n->args[2] = n->args[1] ? parse_sum(p) : NULL;
	n->argc = 3;
	return n->args[2] ? n : NULL;
}

static struct node *parse_comparison(struct parser *p)
{
	struct node *left = parse_sum(p);
	if (!left) {
		return NULL;
	}
	if (lexer_at_word(&p->lexer, "inside")) {
		return parse_inside(p, left);
	}
	if (!at_comparison(p)) {
		if (lexer_at_op(&p->lexer, '=')) {
			diag_suggest(parse_complain(p, "E102", "a comparison is written \"==\""),
				p->lexer.token.place, "==");
			return NULL;
		}
		return left;
	}
	struct token op = p->lexer.token;
	if (op.op == '~' || op.op == OP_NOT_MATCH) {
		parse_unsupported(p, op.place, "comparing texts");
		return NULL;
	}
	lexer_advance(&p->lexer);
	struct node *n = no_join_list(p) ? join(p, NODE_COMPARE, &op, left, parse_sum(p)) : NULL;
	if (n && at_comparison(p)) {
		diag_note(parse_complain(p, "E107", "comparisons do not chain"),
			"help: write \"a < x and x < b\", or \"x inside a .. b\"");
		return NULL;
	}
	return n;
}

static struct node *parse_not(struct parser *p)
{
	if (!lexer_at_word(&p->lexer, "not")) {
		return parse_comparison(p);
	}
	if (!enter(p)) {
		return NULL;
	}
	struct node *n = make(p, NODE_NOT, p->lexer.token.place);
	n->op_place = p->lexer.token.place;
	lexer_advance(&p->lexer);
	n->args[0] = parse_not(p);
	n->argc = 1;
	p->depth--;
	return n->args[0] ? n : NULL;
}

static struct node *parse_and(struct parser *p)
{
	struct node *left = parse_not(p);
	while (left && lexer_at_word(&p->lexer, "and")) {
		struct token op = p->lexer.token;
		lexer_advance(&p->lexer);
		left = no_join_list(p) ? join(p, NODE_AND, &op, left, parse_not(p)) : NULL;
	}
	return left;
}

struct node *parse_expression(struct parser *p)
{
	if (!enter(p)) {
		return NULL;
	}
	struct node *left = parse_and(p);
	while (left && lexer_at_word(&p->lexer, "or")) {
		struct token op = p->lexer.token;
		lexer_advance(&p->lexer);
		left = no_join_list(p) ? join(p, NODE_OR, &op, left, parse_and(p)) : NULL;
	}
	p->depth--;
	return left;
}
