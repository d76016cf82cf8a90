/*
 * From the tree of an expression to code, and on the way to its type: dimensions, unit, number or
 * condition. One walk does both, so that what is checked is what runs.
 *
 * Everything is in canonical units but two things: a literal without a unit beside a series is
 * meant in that series' own scale (`df:* > 92` are percents), and rounding happens there too. So a
 * type remembers in whose scale it is.
 */
#include "rules/rule.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"

#include "base/banned.h"

enum { WINDOW_MOST_MS = WINDOW_SPAN_S * 1000 }; /* held in memory at any step */

static const struct type broken = {.operand = -1, .literal = -1};

struct diag *compile_complain(
	struct compiler *c, struct diag_place place, const char *code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *message = g_strdup_vprintf(format, args);
	va_end(args);
	bool error = code[0] == 'E';
	struct diag *d = diag_add(
		c->diags, c->source, place, error ? DIAG_ERROR : DIAG_WARNING, code, "%s", message);
	g_free(message);
	c->failed = c->failed || error;
	return d;
}

static struct op *emit(struct compiler *c, enum op_code code, unsigned takes)
{
	struct op op = {.code = (uint8_t)code, .count = (uint8_t)takes, .operand = OPERAND_NONE};
	g_array_append_val(c->ops, op);
	c->depth = c->depth + 1 - takes;
	c->deepest = MAX(c->deepest, c->depth);
	return &g_array_index(c->ops, struct op, c->ops->len - 1);
}

/* -- names and dimensions -- */

static int add_dimension(struct rule *r, const char *name)
{
	for (unsigned i = 0; i < r->dim_count; i++) {
		if (!strcmp(r->dims[i], name)) {
			return (int)i;
		}
	}
	if (r->dim_count == DIMENSIONS_MOST) {
		return -1;
	}
	r->dims[r->dim_count] = g_strdup(name);
	return (int)r->dim_count++;
}

static bool operand_dimensions(struct rule *r, struct operand *o)
{
	const struct selector *s = o->selector;
	o->dims = DIMENSION_HOST_BIT;
	int service = s->plugin.wild ? add_dimension(r, "service") : 0;
	int field = s->field.wild ? add_dimension(r, "field") : 0;
	bool ok = service >= 0 && field >= 0;
	o->service_dim = (uint8_t)MAX(service, 0);
	o->field_dim = (uint8_t)MAX(field, 0);
	for (unsigned i = 0; i < s->capture_count && ok; i++) {
		int dim = add_dimension(r, s->captures[i]);
		ok = dim >= 0;
		o->capture_dim[i] = (uint8_t)MAX(dim, 0);
		o->dims |= ok ? 1U << dim : 0;
	}
	o->dims |= (service > 0 ? 1U << service : 0) | (field > 0 ? 1U << field : 0);
	return ok;
}

/* Index of the operand for a selector, made if it is new; -1: told. */
static int find_operand(struct compiler *c, const struct node *node)
{
	struct selector *s = node->selector;
	GArray *operands = c->rule->operands;
	for (guint i = 0; i < operands->len; i++) {
		struct operand *o = &g_array_index(operands, struct operand, i);
		if (!strcmp(o->selector->source, s->source)) {
			o->required = o->required || c->required;
			return (int)i;
		}
	}
	if (s->plugin.literal && !strcmp(s->plugin.source, "plugin")) {
		compile_complain(c, node->place, "E112",
			"the built-in series plugin:* are not supported in this version");
		return -1;
	}
	struct operand o = {.selector = s, .required = c->required};
	o.host_age = s->plugin.literal && s->field.literal && !strcmp(s->plugin.source, "node") &&
				 !strcmp(s->field.source, "age");
	if (operands->len >= OPERANDS_MOST || !operand_dimensions(c->rule, &o)) {
		compile_complain(c, node->place, "E010", "this rule reads too many series or dimensions");
		return -1;
	}
	g_array_append_val(operands, o);
	return (int)operands->len - 1;
}

static struct series_type operand_type(const struct compiler *c, int index)
{
	const struct operand *o = &g_array_index(c->rule->operands, struct operand, index);
	return c->types ? c->types[index] : typing_of_selector(o->selector);
}

struct unit_scale compile_scale(const struct compiler *c, int operand)
{
	return operand_type(c, operand).scale;
}

static struct type series(struct compiler *c, const struct node *node, int index)
{
	struct type t = broken;
	const struct operand *o = &g_array_index(c->rule->operands, struct operand, index);
	t.ok = true;
	t.unit = operand_type(c, index).scale.unit;
	t.operand = index;
	t.dims = o->dims;
	t.service_pattern = o->service_dim ? node->selector->plugin.source : NULL;
	t.field_pattern = o->field_dim ? node->selector->field.source : NULL;
	const struct selector *s = node->selector;
	t.host_name = s->has_host && s->host.literal ? s->host.source : NULL;
	return t;
}

static struct type compile_selector(struct compiler *c, const struct node *node)
{
	int index = find_operand(c, node);
	if (index < 0) {
		return broken;
	}
	const struct operand *o = &g_array_index(c->rule->operands, struct operand, index);
	bool age = o->host_age;
	emit(c, age ? OP_HOST_AGE : OP_LOAD, 0)->operand = (uint16_t)index;
	c->timed = c->timed || age;
	struct type t = series(c, node, index);
	if (age) {
		t.unit = (struct unit){DIMENSION_TIME, 0};
	}
	return t;
}

/* The `let` of that name that is visible at `node`, or NULL. */
static const struct let *find_let(const struct compiler *c, const struct node *node)
{
	const GArray *lets = c->rule->item->body->lets;
	for (guint i = 0; i < lets->len; i++) {
		const struct let *let = &g_array_index(lets, struct let, i);
		bool visible =
			!c->own || let->behind.line < node->place.line ||
			(let->behind.line == node->place.line && let->behind.column <= node->place.column);
		if (!strcmp(let->name, node->text) && visible) {
			return let;
		}
	}
	return NULL;
}

static struct type compile_name(struct compiler *c, const struct node *node)
{
	if (!strcmp(node->text, "value") && c->value.ok) {
		emit(c, OP_VALUE, 0);
		struct type t = c->value;
		t.literal = -1;
		return t;
	}
	const struct let *let = find_let(c, node);
	if (let) {
		/* Inside of a `let` only those above it count: so none can lead back to itself. */
		bool own = c->own;
		c->own = true;
		struct type t = let->node ? compile_node(c, let->node) : broken;
		c->own = own;
		return t;
	}
	if (!strcmp(node->text, "value") && c->rule->item->body->value_place.line) {
		return broken; /* the value itself was told about */
	}
	if (!strcmp(node->text, "now")) {
		compile_complain(c, node->place, "E112", "\"now\" is not supported in this version");
		return broken;
	}
	const GArray *lets = c->rule->item->body->lets;
	GPtrArray *names = g_ptr_array_new();
	g_ptr_array_add(names, (char *)"value");
	for (guint i = 0; i < lets->len; i++) {
		g_ptr_array_add(names, g_array_index(lets, struct let, i).name);
	}
	struct diag *d =
		compile_complain(c, node->place, "E207", "there is no \"%s\" here", node->text);
	const char *near = text_nearest(node->text, (const char *const *)names->pdata, names->len);
	if (near && strcmp(near, node->text)) {
		diag_suggest(d, node->place, near);
	}
	g_ptr_array_unref(names);
	return broken;
}

/* -- nodes -- */

static bool want_number(struct compiler *c, const struct type *t, const struct node *node)
{
	if (t->ok && t->condition) {
		compile_complain(c, node->place, "E405", "a number is needed here, this is a condition");
	}
	return t->ok && !t->condition;
}

static bool want_condition(struct compiler *c, const struct type *t, const struct node *node)
{
	if (t->ok && !t->condition) {
		compile_complain(c, node->place, "E405", "a condition is needed here, this is a number");
	}
	return t->ok && t->condition;
}

static struct type compile_number(struct compiler *c, const struct node *node)
{
	struct type t = broken;
	emit(c, OP_PUSH, 0)->number = node->number.value;
	t.ok = true;
	t.bare = node->number.bare;
	t.unit = node->number.unit;
	t.literal = (int)c->ops->len - 1;
	return t;
}

static struct type compile_negate(struct compiler *c, const struct node *node)
{
	struct type t = compile_node(c, node->args[0]);
	if (!want_number(c, &t, node->args[0])) {
		return broken;
	}
	if (t.literal >= 0) {
		struct op *op = &g_array_index(c->ops, struct op, (guint)t.literal);
		op->number = -op->number;
		return t;
	}
	emit(c, OP_NEGATE, 1);
	return t;
}

static struct type compile_arithmetic(struct compiler *c, const struct node *node)
{
	struct type a = compile_node(c, node->args[0]);
	struct type b = compile_node(c, node->args[1]);
	struct type t = broken;
	bool ok = want_number(c, &a, node->args[0]);
	if (!want_number(c, &b, node->args[1]) || !ok || !compile_join(c, node, &a, &b, &t)) {
		return broken;
	}
	if (node->op == '*' || node->op == '/') {
		t.unit = node->op == '*' ? compile_product_unit(&a, &b) : compile_quotient_unit(&a, &b);
		/* times a plain number: still in the series' own scale */
		t.operand = b.bare ? a.operand : a.bare && node->op == '*' ? b.operand : -1;
	} else {
		if (!compile_units_agree(c, &a, &b, node->args[1])) {
			return broken;
		}
		t.unit = a.bare || a.unit.dimension == DIMENSION_UNKNOWN ? b.unit : a.unit;
		t.operand = a.bare ? b.operand : a.operand;
	}
	t.bare = a.bare && b.bare;
	t.ok = true;
	if (!compile_fold(c, &a, &b, node->op, &t)) {
		emit(c, OP_ARITHMETIC, 2)->which = node->op;
	}
	return t;
}

static struct type condition(const struct type *t)
{
	struct type out = *t;
	out.condition = true;
	out.ok = true;
	out.operand = out.literal = -1;
	out.bare = false;
	return out;
}

static struct type compile_compare(struct compiler *c, const struct node *node)
{
	struct type a = compile_node(c, node->args[0]);
	struct type b = compile_node(c, node->args[1]);
	struct type t = broken;
	bool ok = want_number(c, &a, node->args[0]);
	if (!want_number(c, &b, node->args[1]) || !ok || !compile_join(c, node, &a, &b, &t) ||
		!compile_units_agree(c, &a, &b, node->args[1])) {
		return broken;
	}
	emit(c, OP_COMPARE, 2)->which = node->op;
	return condition(&t);
}

static struct type compile_inside(struct compiler *c, const struct node *node)
{
	struct type t[3];
	bool ok = true;
	for (unsigned i = 0; i < 3; i++) {
		t[i] = compile_node(c, node->args[i]);
		ok = want_number(c, &t[i], node->args[i]) && ok;
	}
	struct type low = broken;
	struct type out = broken;
	if (!ok || !compile_join(c, node, &t[0], &t[1], &low) ||
		!compile_join(c, node, &low, &t[2], &out) ||
		!compile_units_agree(c, &t[0], &t[1], node->args[1]) ||
		!compile_units_agree(c, &t[0], &t[2], node->args[2])) {
		return broken;
	}
	emit(c, OP_INSIDE, 3);
	return condition(&out);
}

static struct type compile_logic(struct compiler *c, const struct node *node)
{
	struct type t = compile_node(c, node->args[0]);
	bool ok = want_condition(c, &t, node->args[0]);
	if (node->kind == NODE_NOT) {
		emit(c, OP_NOT, 1);
		return ok ? t : broken;
	}
	struct type b = compile_node(c, node->args[1]);
	struct type out = broken;
	if (!want_condition(c, &b, node->args[1]) || !ok || !compile_join(c, node, &t, &b, &out)) {
		return broken;
	}
	emit(c, node->kind == NODE_AND ? OP_AND : OP_OR, 2);
	return condition(&out);
}

/* -- functions -- */

/* The selector behind an argument, through `let`s; NULL: it is none. */
static const struct node *selector_of(const struct compiler *c, const struct node *node)
{
	for (unsigned i = 0; node->kind == NODE_NAME && i < LEXER_DEPTH_MAX; i++) {
		const struct let *let = find_let(c, node);
		if (!let || !let->node) {
			break;
		}
		node = let->node;
	}
	return node->kind == NODE_SELECTOR ? node : NULL;
}

static bool window_argument(struct compiler *c, const struct node *node, int64_t *ms)
{
	struct unit time = {DIMENSION_TIME, 0};
	const struct node *n = node;
	for (unsigned i = 0; n->kind == NODE_NAME && i < LEXER_DEPTH_MAX; i++) {
		const struct let *let = find_let(c, n);
		if (!let || !let->node) {
			break;
		}
		n = let->node;
	}
	if (n->kind == NODE_NEGATE) {
		compile_complain(c, node->place, "E407", "a duration is positive");
		return false;
	}
	if (n->kind != NODE_NUMBER || n->number.bare || !unit_same(n->number.unit, time)) {
		struct diag *d = compile_complain(c, node->place, "E406", "a duration is expected here");
		if (n->kind == NODE_NUMBER && n->number.bare) {
			char *text = g_strdup_printf("%sm", n->text);
			diag_suggest(d, node->place, text);
			g_free(text);
		}
		return false;
	}
	*ms = (int64_t)(n->number.value * 1000 + 0.5);
	if (*ms < 1) {
		compile_complain(c, node->place, "E407", "a duration is longer than nothing");
		return false;
	}
	if (*ms > WINDOW_MOST_MS) {
		compile_complain(
			c, node->place, "E112", "windows longer than 10m are not supported in this version");
		return false;
	}
	return true;
}

static struct unit window_unit(struct compiler *c, const struct node *node, struct type *t,
	const struct series_type *series_type)
{
	const struct function *f = node->function;
	struct unit unit = t->unit;
	bool rate = series_type->counter;
	switch (f->result) {
	case RESULT_COUNT: t->operand = -1; return (struct unit){DIMENSION_COUNT, 0};
	case RESULT_RATE:
		t->operand = -1;
		if (f->id == FUNCTION_RATE && series_type->known && !rate) {
			diag_suggest(compile_complain(c, node->place, "W404",
							 "rate() is for counters; this series is a gauge"),
				node->place, "deriv");
		}
		unit.per_time += f->id == FUNCTION_RATE && rate ? 0 : 1;
		break;
	case RESULT_TOTAL:
		t->operand = -1;
		unit.per_time -= unit.per_time > 0;
		break;
	default: break;
	}
	if (unit.dimension == DIMENSION_UNKNOWN) {
		unit.per_time = 0;
	}
	if (unit.dimension == DIMENSION_TIME && unit.per_time > 0) {
		unit = (struct unit){DIMENSION_RATIO, unit.per_time - 1};
	}
	return unit;
}

static struct type compile_window(struct compiler *c, const struct node *node)
{
	const struct node *s = selector_of(c, node->args[0]);
	int64_t ms = 0;
	if (!s) {
		compile_complain(c, node->args[0]->place, "E112",
			"%s() over anything but a series is not supported in this version",
			node->function->name);
		return broken;
	}
	int index = find_operand(c, s);
	if (index < 0 || !window_argument(c, node->args[1], &ms)) {
		return broken;
	}
	if (g_array_index(c->rule->operands, struct operand, index).host_age) {
		compile_complain(
			c, s->place, "E112", "node:age over a window is not supported in this version");
		return broken;
	}
	double p = 0;
	if (node->function->shape == SHAPE_QUANTILE) {
		const struct node *n = node->args[2];
		p = n->kind == NODE_NUMBER ? n->number.value : -1;
		if (p < 0 || p > 1) {
			struct diag *d =
				compile_complain(c, n->place, "E407", "a quantile lies between 0 and 1");
			if (n->kind == NODE_NUMBER && p > 1 && p <= 100) {
				char *text = g_strdup_printf("%g", p / 100);
				diag_suggest(d, n->place, text);
				g_free(text);
			}
			return broken;
		}
	}
	struct type t = series(c, s, index);
	struct series_type kind = operand_type(c, index);
	t.unit = window_unit(c, node, &t, &kind);
	struct op *op = emit(c, OP_WINDOW, 0);
	op->which = (int)node->function->id;
	op->operand = (uint16_t)index;
	op->window_ms = ms;
	op->number = p;
	return t;
}

static struct type compile_presence(struct compiler *c, const struct node *node)
{
	const struct node *s = selector_of(c, node->args[0]);
	if (!s) {
		compile_complain(c, node->args[0]->place, "E112",
			"%s() of anything but a series is not supported in this version", node->function->name);
		return broken;
	}
	int index = find_operand(c, s);
	if (index < 0) {
		return broken;
	}
	enum op_code code = node->function->id == FUNCTION_AGE     ? OP_AGE
						: node->function->id == FUNCTION_KNOWN ? OP_KNOWN
															   : OP_ABSENT;
	emit(c, code, 0)->operand = (uint16_t)index;
	c->timed = true;
	struct type t = series(c, s, index);
	t.operand = -1;
	t.condition = node->function->result == RESULT_CONDITION;
	t.unit = (struct unit){t.condition ? DIMENSION_COUNT : DIMENSION_TIME, 0};
	return t;
}

/* What the arguments of functions of numbers and conditions have to be. */
static bool wants_condition(const struct function *f, unsigned argument)
{
	switch (f->shape) {
	case SHAPE_COND_NUMBER: return argument == 1;
	case SHAPE_IF:
	case SHAPE_COND: return argument == 0;
	default: return false;
	}
}

static enum op_code number_code(const struct function *f)
{
	switch (f->id) {
	case FUNCTION_COALESCE: return OP_COALESCE;
	case FUNCTION_ONLY_IF: return OP_ONLY_IF;
	case FUNCTION_IF: return OP_IF;
	case FUNCTION_NUM: return OP_NUM;
	default: return OP_NUMBER;
	}
}

static struct type compile_numbers(struct compiler *c, const struct node *node)
{
	const struct function *f = node->function;
	struct type t = broken;
	struct type first = broken; /* the first number */
	bool ok = true;
	for (unsigned i = 0; i < node->argc; i++) {
		struct type a = compile_node(c, node->args[i]);
		bool right = wants_condition(f, i) ? want_condition(c, &a, node->args[i])
										   : want_number(c, &a, node->args[i]);
		struct type joined = broken;
		ok = right && ok && (!i || compile_join(c, node, &t, &a, &joined));
		if (!right || wants_condition(f, i)) {
			t = i ? joined : a;
			continue;
		}
		if (first.ok && f->shape != SHAPE_PLAIN) {
			ok = compile_units_agree(c, &first, &a, node->args[i]) && ok;
		}
		first = first.ok ? first : a;
		t = i ? joined : a;
	}
	if (!ok) {
		return broken;
	}
	struct op *op = emit(c, number_code(f), node->argc);
	op->which = (int)f->id;
	op->operand = first.operand >= 0 ? (uint16_t)first.operand : OPERAND_NONE;
	t.ok = true;
	t.condition = false;
	t.literal = -1;
	t.bare = f->result == RESULT_SAME && first.bare;
	t.operand = f->result == RESULT_SAME ? first.operand : -1;
	t.unit = f->result == RESULT_SAME ? first.unit : (struct unit){DIMENSION_COUNT, 0};
	return t;
}

static struct type compile_call(struct compiler *c, const struct node *node)
{
	switch (node->function->shape) {
	case SHAPE_WINDOW:
	case SHAPE_QUANTILE: return compile_window(c, node);
	case SHAPE_SERIES: return compile_presence(c, node);
	default: return compile_numbers(c, node);
	}
}

struct type compile_node(struct compiler *c, const struct node *node)
{
	if (c->ops->len > OPS_MOST) {
		if (!c->failed) {
			compile_complain(c, node->place, "E010", "this expression is too large");
		}
		return broken;
	}
	switch (node->kind) {
	case NODE_NUMBER: return compile_number(c, node);
	case NODE_SELECTOR: return compile_selector(c, node);
	case NODE_NAME: return compile_name(c, node);
	case NODE_CALL: return compile_call(c, node);
	case NODE_NEGATE: return compile_negate(c, node);
	case NODE_ARITHMETIC: return compile_arithmetic(c, node);
	case NODE_COMPARE: return compile_compare(c, node);
	case NODE_INSIDE: return compile_inside(c, node);
	default: return compile_logic(c, node);
	}
}
