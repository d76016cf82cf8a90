/*
 * Operands that meet: whether their dimensions pair up, whether their units may be compared, what a
 * product and a quotient are in, and in whose scale a bare number is meant.
 */
#include "rules/rule.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

static bool prefix_conflict(const char *a, const char *b)
{
	for (; *a && *b && !strchr("*?({", *a) && !strchr("*?({", *b); a++, b++) {
		if (*a != *b) {
			return true;
		}
	}
	return false;
}

bool compile_join(struct compiler *c, const struct node *node, const struct type *a,
	const struct type *b, struct type *out)
{
	out->dims = a->dims | b->dims;
	out->service_pattern = a->service_pattern ? a->service_pattern : b->service_pattern;
	out->field_pattern = a->field_pattern ? a->field_pattern : b->field_pattern;
	if ((a->dims & b->dims) != a->dims && (a->dims & b->dims) != b->dims) {
		struct diag *d = compile_complain(c, node->op_place, "E201",
			"the two sides have different dimensions and cannot be paired");
		diag_note(d, "help: give both sides the same captures, or name one series on one side");
		return false;
	}
	out->host_name = a->host_name ? a->host_name : b->host_name;
	if (a->host_name && b->host_name && strcmp(a->host_name, b->host_name)) {
		compile_complain(c, node->op_place, "E202",
			"a series of host %s and one of host %s never pair up", a->host_name, b->host_name);
		return false;
	}
	bool service =
		a->service_pattern && b->service_pattern && strcmp(a->service_pattern, b->service_pattern);
	bool field =
		a->field_pattern && b->field_pattern && prefix_conflict(a->field_pattern, b->field_pattern);
	if (service || field) {
		struct diag *d = compile_complain(c, node->op_place, "E202",
			"\"%s\" and \"%s\" never pair up", service ? a->service_pattern : a->field_pattern,
			service ? b->service_pattern : b->field_pattern);
		diag_note(d, "help: capture the common part on both sides, e.g. if_{dev} and if_err_{dev}");
		return false;
	}
	return true;
}

/*
 * A literal without a unit is meant in the own scale of the series beside it. So is a number that
 * was computed of such literals; that cannot be written down as one constant, and if the scale is
 * not 1 it would be another number silently.
 */
static bool adopt_scale(struct compiler *c, const struct type *number, const struct type *other,
	const struct node *right)
{
	if (other->operand < 0 || other->bare) {
		return true;
	}
	if (number->literal >= 0) {
		struct op *op = &g_array_index(c->ops, struct op, (guint)number->literal);
		op->code = OP_PUSH_SCALED;
		op->operand = (uint16_t)other->operand;
		return true;
	}
	struct unit_scale scale = compile_scale(c, other->operand);
	if (scale.factor == 1 && scale.offset == 0) {
		return true;
	}
	GString *what = g_string_new(NULL);
	unit_describe(scale.unit, what);
	struct diag *d = compile_complain(c, right->place, "E112",
		"a computed number without a unit beside %s is not supported in this version", what->str);
	diag_note(d, "help: write the unit with the numbers it is made of, e.g. 92%%");
	g_string_free(what, TRUE);
	return false;
}

static void warn_bare(struct compiler *c, const struct node *literal, struct unit unit)
{
	bool time = unit.dimension == DIMENSION_TIME;
	if (!time && unit.dimension != DIMENSION_INFORMATION) {
		return;
	}
	GString *what = g_string_new(NULL);
	unit_describe(unit, what);
	struct diag *d = compile_complain(
		c, literal->place, "W403", "a number without a unit is compared with %s", what->str);
	g_string_free(what, TRUE);
	const char *const units[] = {time ? "s" : "MB", time ? "ms" : "MiB"};
	for (size_t i = 0; i < ARRAY_LENGTH(units) && literal->kind == NODE_NUMBER; i++) {
		char *text = g_strdup_printf("%s%s%s", literal->text, units[i], unit.per_time ? "/s" : "");
		diag_suggest(d, literal->place, text);
		g_free(text);
	}
}

static void warn_assumed(struct compiler *c, const struct node *node, const struct type *literal)
{
	if (!c->types || literal->literal < 0) {
		return; /* without an inventory nobody knows */
	}
	GString *what = g_string_new(NULL);
	unit_describe(literal->unit, what);
	compile_complain(
		c, node->place, "W402", "%s is assumed for a series without a unit", what->str);
	g_string_free(what, TRUE);
}

bool compile_units_agree(
	struct compiler *c, const struct type *a, const struct type *b, const struct node *right)
{
	if (a->bare || b->bare) {
		const struct type *other = a->bare ? b : a;
		if (!adopt_scale(c, a->bare ? a : b, other, right)) {
			return false;
		}
		if (b->bare && !a->bare) {
			warn_bare(c, right, other->unit);
		}
		return true;
	}
	if (a->unit.dimension == DIMENSION_UNKNOWN || b->unit.dimension == DIMENSION_UNKNOWN) {
		if (a->unit.dimension == DIMENSION_UNKNOWN) {
			warn_assumed(c, right, b);
		}
		return true;
	}
	if (unit_same(a->unit, b->unit)) {
		return true;
	}
	GString *left = g_string_new(NULL);
	GString *other = g_string_new(NULL);
	unit_describe(a->unit, left);
	unit_describe(b->unit, other);
	struct diag *d = compile_complain(
		c, right->place, "E401", "cannot compare or add %s and %s", left->str, other->str);
	const struct operand *o =
		a->operand >= 0 ? &g_array_index(c->rule->operands, struct operand, a->operand) : NULL;
	if (o) {
		diag_note(d, "%s is %s", o->selector->source, left->str);
	}
	if (b->unit.dimension == DIMENSION_RATIO) {
		diag_note(d, "help: divide by the whole, or write a value of the same kind");
	}
	g_string_free(left, TRUE);
	g_string_free(other, TRUE);
	return false;
}

bool compile_fold(
	struct compiler *c, const struct type *a, const struct type *b, int op, struct type *out)
{
	if (!a->bare || !b->bare || a->literal < 0 || b->literal != a->literal + 1) {
		return false;
	}
	struct op *to = &g_array_index(c->ops, struct op, (guint)a->literal);
	double x = to->number;
	double y = g_array_index(c->ops, struct op, (guint)b->literal).number;
	double v = op == '+' ? x + y : op == '-' ? x - y : op == '*' ? x * y : x / y;
	if (!isfinite(v)) {
		return false;
	}
	to->number = v;
	g_array_set_size(c->ops, (guint)b->literal);
	c->depth--;
	out->literal = a->literal;
	return true;
}

struct unit compile_product_unit(const struct type *a, const struct type *b)
{
	struct unit unknown = {DIMENSION_UNKNOWN, 0};
	if (a->bare || (a->unit.dimension == DIMENSION_COUNT && !a->unit.per_time) ||
		a->unit.dimension == DIMENSION_RATIO) {
		return b->unit;
	}
	if (b->bare || (b->unit.dimension == DIMENSION_COUNT && !b->unit.per_time) ||
		b->unit.dimension == DIMENSION_RATIO) {
		return a->unit;
	}
	if (b->unit.dimension == DIMENSION_TIME && a->unit.per_time > 0) {
		return (struct unit){a->unit.dimension, a->unit.per_time - 1};
	}
	if (a->unit.dimension == DIMENSION_TIME && b->unit.per_time > 0) {
		return (struct unit){b->unit.dimension, b->unit.per_time - 1};
	}
	return unknown;
}

struct unit compile_quotient_unit(const struct type *a, const struct type *b)
{
	struct unit unknown = {DIMENSION_UNKNOWN, 0};
	if (b->bare || b->unit.dimension == DIMENSION_RATIO) {
		return a->unit;
	}
	if (a->unit.dimension == DIMENSION_UNKNOWN || b->unit.dimension == DIMENSION_UNKNOWN) {
		return unknown;
	}
	if (unit_same(a->unit, b->unit)) {
		return (struct unit){DIMENSION_RATIO, 0};
	}
	if (b->unit.dimension == DIMENSION_COUNT && !b->unit.per_time) {
		return a->unit;
	}
	if (b->unit.dimension == DIMENSION_TIME && !b->unit.per_time) {
		return (struct unit){a->unit.dimension, a->unit.per_time + 1};
	}
	if (a->unit.dimension == b->unit.dimension && a->unit.per_time == b->unit.per_time + 1) {
		return (struct unit){DIMENSION_COUNT, 1};
	}
	return unknown;
}
