#include "web/facades/promql_parse.h"
#include "base/number.h"
#include "web/facades/promql_function.h"
#include "web/facades/promql_scan.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * Recursive descent, operators by precedence (documentation of Prometheus, "Operators"): or; and,
 * unless; comparisons; + -; * / %; ^ (from the right). A sign binds tighter than * and less than ^.
 * Types are checked on the way, so that the evaluation never meets one it does not expect.
 */
static const struct operator
{
	const char *text;
	enum promql_operator op;
	int precedence;
}
operators[] = {
	/* longer ones first */
	{"unless", PROMQL_UNLESS, 2},
	{"and", PROMQL_AND, 2},
	{"or", PROMQL_OR, 1},
	{"==", PROMQL_EQUAL, 3},
	{"!=", PROMQL_UNEQUAL, 3},
	{"<=", PROMQL_AT_MOST, 3},
	{">=", PROMQL_AT_LEAST, 3},
	{"<", PROMQL_LESS, 3},
	{">", PROMQL_GREATER, 3},
	{"+", PROMQL_ADD, 4},
	{"-", PROMQL_SUBTRACT, 4},
	{"*", PROMQL_MULTIPLY, 5},
	{"/", PROMQL_DIVIDE, 5},
	{"%", PROMQL_MODULO, 5},
	{"^", PROMQL_POWER, 6},
};
enum { PRECEDENCE_POWER = 6 };

void promql_node_destroy(struct promql_node *node)
{
	if (node) {
		for (unsigned i = 0; i < node->argument_count; i++) {
			promql_node_destroy(node->arguments[i]);
		}
		g_clear_pointer(&node->matchers, g_ptr_array_unref);
		g_clear_pointer(&node->leaves, g_ptr_array_unref);
		g_free(node->text);
		g_free(node);
	}
}

static struct promql_node *create(
	struct promql_scanner *p, enum promql_kind kind, enum promql_type type)
{
	if (++p->nodes > PROMQL_NODES_MAX) {
		return promql_refuse(p, "the query has too many parts");
	}
	struct promql_node *node = g_new0(struct promql_node, 1);
	node->kind = kind;
	node->type = type;
	return node;
}

/* -- selectors -- */

static bool parse_matcher(struct promql_scanner *p, struct promql_node *node)
{
	static const struct {
		const char *text;
		enum promql_match match;
	} kinds[] = {
		{"=~", PROMQL_LIKE}, {"!~", PROMQL_UNLIKE}, {"!=", PROMQL_IS_NOT}, {"=", PROMQL_IS}};
	promql_skip(p);
	size_t n = promql_word_length(p->at);
	g_autofree char *label = g_strndup(p->at, n);
	p->at += n;
	promql_skip(p);
	for (size_t i = 0; n && i < ARRAY_LENGTH(kinds); i++) {
		if (g_str_has_prefix(p->at, kinds[i].text)) {
			struct error err = {0};
			p->at += strlen(kinds[i].text);
			g_autofree char *value = promql_scan_text(p);
			struct promql_matcher *m =
				value ? promql_matcher_create(label, kinds[i].match, value, &err) : NULL;
			if (m) {
				g_ptr_array_add(node->matchers, m);
			} else if (value) {
				promql_refuse(p, err.text);
			}
			return m;
		}
	}
	promql_refuse(p, "LABEL=\"VALUE\" with = != =~ or !~ is missing");
	return false;
}

/* Whether something is said that an empty label would not do: else it is all series there are. */
static bool is_selective(const struct promql_node *node)
{
	for (guint i = 0; i < node->matchers->len; i++) {
		if (!promql_matcher_matches(node->matchers->pdata[i], "")) {
			return true;
		}
	}
	return false;
}

static bool parse_braces(struct promql_scanner *p, struct promql_node *node)
{
	while (!promql_accept(p, "}")) {
		if (!parse_matcher(p, node)) {
			return false;
		}
		if (!promql_accept(p, ",") && !promql_peek(p, "}")) {
			promql_refuse(p, "\",\" or \"}\" is missing");
			return false;
		}
	}
	return true;
}

static void matcher_free(gpointer m)
{
	promql_matcher_destroy(m);
}

static struct promql_node *parse_selector(struct promql_scanner *p, const char *word, size_t length)
{
	AUTO(promql_node) node = create(p, PROMQL_SELECTOR, PROMQL_VECTOR);
	if (!node) {
		return NULL;
	}
	node->matchers = g_ptr_array_new_with_free_func(matcher_free);
	if (length) {
		g_autofree char *name = g_strndup(word, length);
		g_ptr_array_add(node->matchers, promql_matcher_create("__name__", PROMQL_IS, name, NULL));
	}
	if (promql_accept(p, "{") && !parse_braces(p, node)) {
		return NULL;
	}
	if (!is_selective(node)) {
		return promql_refuse(p, "a selector needs a matcher that does not match the empty text");
	}
	return STEAL(node);
}

/* [5m], offset 1h behind what was read. Takes `node`. */
static struct promql_node *parse_behind(struct promql_scanner *p, struct promql_node *given)
{
	AUTO(promql_node) node = given;
	bool selector = node->kind == PROMQL_SELECTOR;
	if (promql_accept(p, "[")) {
		if (!selector || node->range_s) {
			return promql_outside(p, "subqueries are not answered here");
		}
		if (!promql_scan_duration(p, &node->range_s)) {
			return NULL;
		}
		if (promql_peek(p, ":")) {
			return promql_outside(p, "subqueries are not answered here");
		}
		if (!promql_expect(p, "]")) {
			return NULL;
		}
		node->type = PROMQL_RANGE;
	}
	if (promql_accept(p, "offset")) {
		bool ahead = promql_accept(p, "-");
		if (!selector || node->offset_s) {
			return promql_refuse(p, "offset stands behind a selector");
		}
		if (!promql_scan_duration(p, &node->offset_s)) {
			return NULL;
		}
		node->offset_s = ahead ? -node->offset_s : node->offset_s;
	}
	return promql_peek(p, "@") ? promql_outside(p, "\"@\" is not answered here") : STEAL(node);
}

/* -- calls and aggregations -- */

static struct promql_node *parse_expression(struct promql_scanner *p, int least);

static bool add_argument(struct promql_scanner *p, struct promql_node *node)
{
	if (node->argument_count == PROMQL_ARGUMENTS_MAX) {
		promql_refuse(p, "too many arguments");
		return false;
	}
	struct promql_node *argument = parse_expression(p, 0);
	if (argument) {
		node->arguments[node->argument_count++] = argument;
	}
	return argument;
}

static bool parse_arguments(struct promql_scanner *p, struct promql_node *node)
{
	if (!promql_expect(p, "(")) {
		return false;
	}
	while (!promql_accept(p, ")")) {
		if (!add_argument(p, node)) {
			return false;
		}
		if (!promql_accept(p, ",") && !promql_peek(p, ")")) {
			promql_refuse(p, "\",\" or \")\" is missing");
			return false;
		}
	}
	return true;
}

/* (a, b): sets of labels; those that no series has do not count. */
static bool parse_labels(struct promql_scanner *p, unsigned *labels)
{
	*labels = 0;
	if (!promql_expect(p, "(")) {
		return false;
	}
	while (!promql_accept(p, ")")) {
		promql_skip(p);
		size_t n = promql_word_length(p->at);
		g_autofree char *name = g_strndup(p->at, n);
		enum promql_label label = promql_label_find(name);
		p->at += n;
		*labels |= label < PROMQL_LABELS ? 1U << label : 0;
		if (!n || (!promql_accept(p, ",") && !promql_peek(p, ")"))) {
			promql_refuse(p, "names of labels with \",\" between them are missing");
			return false;
		}
	}
	return true;
}

static bool parse_grouping(struct promql_scanner *p, struct promql_node *node, bool *there)
{
	node->listed = promql_accept(p, "by");
	*there = node->listed || promql_accept(p, "without");
	return !*there || parse_labels(p, &node->labels);
}

static struct promql_node *parse_aggregation(
	struct promql_scanner *p, const struct promql_aggregation *aggregation)
{
	bool grouped = false;
	AUTO(promql_node) node = create(p, PROMQL_AGGREGATE, PROMQL_VECTOR);
	if (!node) {
		return NULL;
	}
	node->aggregation = aggregation;
	if (!parse_grouping(p, node, &grouped) || !parse_arguments(p, node) ||
		(!grouped && !parse_grouping(p, node, &grouped))) {
		return NULL;
	}
	node->listed = node->listed || !grouped;
	unsigned wanted = aggregation->parameter ? 2 : 1;
	if (node->argument_count != wanted || node->arguments[wanted - 1]->type != PROMQL_VECTOR ||
		(wanted == 2 && node->arguments[0]->type != PROMQL_SCALAR)) {
		return promql_refuse(p, aggregation->parameter ? "(number, vector) is wanted before here"
													   : "one vector is wanted before here");
	}
	return STEAL(node);
}

static struct promql_node *parse_call(
	struct promql_scanner *p, const struct promql_function *function)
{
	AUTO(promql_node) node = create(p, PROMQL_CALL, function->type);
	if (!node || !parse_arguments(p, node)) {
		return NULL;
	}
	node->function = function;
	for (unsigned i = 0; i < node->argument_count; i++) {
		if (i >= function->most || node->arguments[i]->type != function->arguments[i]) {
			g_autofree char *what = g_strdup_printf(
				"%s(): argument %u is not of the kind it takes", function->name, i + 1);
			return promql_refuse(p, what);
		}
	}
	if (node->argument_count < function->least) {
		g_autofree char *what = g_strdup_printf("%s(): an argument is missing", function->name);
		return promql_refuse(p, what);
	}
	return STEAL(node);
}

/* -- expressions -- */

static struct promql_node *parse_number(struct promql_scanner *p)
{
	size_t n = strspn(p->at, "0123456789.");
	if (n && (p->at[n] == 'e' || p->at[n] == 'E')) {
		size_t sign = p->at[n + 1] == '+' || p->at[n + 1] == '-';
		n += 1 + sign + strspn(p->at + n + 1 + sign, "0123456789");
	}
	double value = 0;
	if (!number_parse(p->at, n, &value) || promql_in_word(p->at[n])) {
		return promql_refuse(p, "a number that cannot be read");
	}
	struct promql_node *node = create(p, PROMQL_NUMBER, PROMQL_SCALAR);
	if (node) {
		node->number = value;
		p->at += n;
	}
	return node;
}

static struct promql_node *parse_word(struct promql_scanner *p)
{
	size_t n = promql_word_length(p->at);
	g_autofree char *word = g_strndup(p->at, n);
	g_autofree char *lower = g_ascii_strdown(word, -1);
	const char *begin = p->at;
	bool infinite = !strcmp(lower, "inf");
	if (infinite || !strcmp(lower, "nan")) {
		struct promql_node *node = create(p, PROMQL_NUMBER, PROMQL_SCALAR);
		if (node) {
			node->number = infinite ? HUGE_VAL : NAN;
			p->at += n;
		}
		return node;
	}
	const struct promql_aggregation *aggregation = promql_aggregation_find(lower);
	p->at += n;
	if (aggregation && (promql_peek(p, "(") || promql_peek(p, "by") || promql_peek(p, "without"))) {
		return parse_aggregation(p, aggregation);
	}
	if (!promql_peek(p, "(")) {
		return parse_selector(p, begin, n);
	}
	const struct promql_function *function = promql_function_find(word);
	if (function) {
		return parse_call(p, function);
	}
	g_autofree char *what = g_strdup_printf("%.60s() is not answered here", word);
	return promql_outside(p, what);
}

static struct promql_node *parse_primary(struct promql_scanner *p)
{
	promql_skip(p);
	if (promql_accept(p, "(")) {
		AUTO(promql_node) inner = parse_expression(p, 0);
		return inner && promql_expect(p, ")") ? STEAL(inner) : NULL;
	}
	if (*p->at == '"' || *p->at == '\'' || *p->at == '`') {
		g_autofree char *text = promql_scan_text(p);
		struct promql_node *node = text ? create(p, PROMQL_TEXT, PROMQL_STRING) : NULL;
		if (node) {
			node->text = STEAL(text);
		}
		return node;
	}
	if (g_ascii_isdigit(*p->at) || *p->at == '.') {
		return parse_number(p);
	}
	if (*p->at == '{') {
		return parse_selector(p, NULL, 0);
	}
	return promql_word_length(p->at) ? parse_word(p) : promql_refuse(p, "an expression is missing");
}

static struct promql_node *parse_unary(struct promql_scanner *p)
{
	if (promql_accept(p, "+")) {
		return parse_expression(p, PRECEDENCE_POWER);
	}
	if (!promql_accept(p, "-")) {
		struct promql_node *node = parse_primary(p);
		return node ? parse_behind(p, node) : NULL;
	}
	AUTO(promql_node) node = create(p, PROMQL_MINUS, PROMQL_SCALAR);
	struct promql_node *inner = node ? parse_expression(p, PRECEDENCE_POWER) : NULL;
	if (!inner) {
		return NULL;
	}
	node->arguments[node->argument_count++] = inner;
	node->type = inner->type;
	if (inner->type > PROMQL_VECTOR) {
		return promql_refuse(p, "a sign stands before a number or a vector");
	}
	return STEAL(node);
}

static const struct operator* find_operator(struct promql_scanner *p)
{
	for (size_t i = 0; i < ARRAY_LENGTH(operators); i++) {
		if (promql_peek(p, operators[i].text)) {
			return &operators[i];
		}
	}
	return NULL;
}

/* bool, on, ignoring, group_left, group_right */
static bool parse_modifiers(struct promql_scanner *p, struct promql_node *node)
{
	node->gives_bool = promql_accept(p, "bool");
	if (node->gives_bool && !promql_is_comparison(node->op)) {
		promql_refuse(p, "bool stands behind a comparison");
		return false;
	}
	node->listed = promql_accept(p, "on");
	bool matched = node->listed || promql_accept(p, "ignoring");
	if (matched && !parse_labels(p, &node->labels)) {
		return false;
	}
	node->many = promql_accept(p, "group_left") ? -1 : promql_accept(p, "group_right") ? 1 : 0;
	if (node->many && (promql_is_set(node->op) || !matched)) {
		promql_refuse(p,
			"group_left and group_right stand behind on() or ignoring(), not of and, or, unless");
		return false;
	}
	return !node->many || !promql_peek(p, "(") || parse_labels(p, &node->include);
}

static bool check_operands(struct promql_scanner *p, struct promql_node *node)
{
	enum promql_type left = node->arguments[0]->type;
	enum promql_type right = node->arguments[1]->type;
	bool vectors = left == PROMQL_VECTOR && right == PROMQL_VECTOR;
	const char *wrong = NULL;
	if (left > PROMQL_VECTOR || right > PROMQL_VECTOR) {
		wrong = "an operator has numbers or vectors on its sides";
	} else if (promql_is_set(node->op) && !vectors) {
		wrong = "and, or and unless have vectors on both sides";
	} else if (!vectors && (node->listed || node->labels || node->many)) {
		wrong = "labels are matched between vectors only";
	} else if (promql_is_comparison(node->op) && left == PROMQL_SCALAR && right == PROMQL_SCALAR &&
			   !node->gives_bool) {
		wrong = "numbers are compared with bool";
	}
	node->type = left == PROMQL_VECTOR || right == PROMQL_VECTOR ? PROMQL_VECTOR : PROMQL_SCALAR;
	if (wrong) {
		promql_refuse(p, wrong);
	}
	return !wrong;
}

/* Takes `left`. */
static struct promql_node *parse_binary(
	struct promql_scanner *p, struct promql_node *left, const struct operator* operator)
{
	AUTO(promql_node) node = create(p, PROMQL_BINARY, PROMQL_SCALAR);
	if (!node) {
		promql_node_destroy(left);
		return NULL;
	}
	node->arguments[node->argument_count++] = left;
	node->op = operator->op;
	p->at += strlen(operator->text);
	if (!parse_modifiers(p, node)) {
		return NULL;
	}
	bool from_right = operator->op == PROMQL_POWER;
	struct promql_node *right = parse_expression(p, operator->precedence + !from_right);
	if (!right) {
		return NULL;
	}
	node->arguments[node->argument_count++] = right;
	return check_operands(p, node) ? STEAL(node) : NULL;
}

static struct promql_node *parse_expression(struct promql_scanner *p, int least)
{
	if (++p->depth > PROMQL_DEPTH_MAX) {
		return promql_refuse(p, "the query is too deep");
	}
	struct promql_node *left = parse_unary(p);
	for (const struct operator* o = left ? find_operator(p) : NULL; o && o->precedence >= least;
		 o = left ? find_operator(p) : NULL) {
		left = parse_binary(p, left, o);
	}
	p->depth--;
	return left;
}

static struct promql_node *parse_whole(const char *text, bool selector, struct error *err)
{
	struct promql_scanner p = {.text = text, .at = text, .err = err};
	if (strlen(text) > PROMQL_TEXT_MAX) {
		error_set(err, ERR_CONFIG, "a query has at most %d bytes", PROMQL_TEXT_MAX);
		return NULL;
	}
	AUTO(promql_node) node = parse_expression(&p, 0);
	if (!node) {
		return NULL;
	}
	promql_skip(&p);
	if (*p.at) {
		return promql_refuse(&p, "something stands behind the end");
	}
	if (selector && (node->kind != PROMQL_SELECTOR || node->range_s || node->offset_s)) {
		return promql_refuse(&p, "a selector is wanted");
	}
	return STEAL(node);
}

struct promql_node *promql_parse(const char *text, struct error *err)
{
	return parse_whole(text, false, err);
}

struct promql_node *promql_parse_selector(const char *text, struct error *err)
{
	return parse_whole(text, true, err);
}
