#include "model/rpn.h"
#include "base/number.h"
#include "model/ident.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/*
 * An expression is compiled to an array of steps while a model of the stack is run along: every
 * operator says how many values it takes and leaves. ROLL, SORT and the like take their count from
 * the stack in rrdtool; here that count must be a literal directly in front, so that the depth is
 * known beforehand.
 *
 * I1: at every step the stack holds what the operator takes, and never more than RPN_DEPTH_MAX. The
 * evaluator relies on it and checks nothing.
 */

enum op {
	OP_NUMBER,
	OP_NAME,
	/* leave one more */
	OP_UNKN,
	OP_INF,
	OP_NEGINF,
	OP_PREV,
	OP_COUNT,
	OP_NOW,
	OP_TIME,
	OP_LTIME,
	OP_STEPWIDTH,
	OP_DUP,
	OP_OVER,
	OP_DEPTH,
	/* one value to one */
	OP_SIN,
	OP_COS,
	OP_LOG,
	OP_EXP,
	OP_SQRT,
	OP_ATAN,
	OP_FLOOR,
	OP_CEIL,
	OP_DEG2RAD,
	OP_RAD2DEG,
	OP_ABS,
	OP_UN,
	OP_ISINF,
	/* two to one */
	OP_ADD,
	OP_SUB,
	OP_MUL,
	OP_DIV,
	OP_MOD,
	OP_ADDNAN,
	OP_POW,
	OP_ATAN2,
	OP_LT,
	OP_LE,
	OP_GT,
	OP_GE,
	OP_EQ,
	OP_NE,
	OP_MIN,
	OP_MAX,
	OP_MINNAN,
	OP_MAXNAN,
	/* others */
	OP_IF,
	OP_LIMIT,
	OP_EXC,
	OP_POP,
	/* with a literal count */
	OP_AVG,
	OP_SORT,
	OP_REV,
	OP_SMIN,
	OP_SMAX,
	OP_MEDIAN,
	OP_STDEV,
	OP_COPY,
	OP_INDEX,
};

static const struct operator
{
	const char *name;
	enum op op;
	unsigned takes, leaves;
}
operators[] = {
	{"UNKN", OP_UNKN, 0, 1},
	{"INF", OP_INF, 0, 1},
	{"NEGINF", OP_NEGINF, 0, 1},
	{"PREV", OP_PREV, 0, 1},
	{"COUNT", OP_COUNT, 0, 1},
	{"NOW", OP_NOW, 0, 1},
	{"TIME", OP_TIME, 0, 1},
	{"LTIME", OP_LTIME, 0, 1},
	{"STEPWIDTH", OP_STEPWIDTH, 0, 1},
	{"DUP", OP_DUP, 1, 2},
	{"OVER", OP_OVER, 2, 3},
	{"DEPTH", OP_DEPTH, 0, 1},
	{"SIN", OP_SIN, 1, 1},
	{"COS", OP_COS, 1, 1},
	{"LOG", OP_LOG, 1, 1},
	{"EXP", OP_EXP, 1, 1},
	{"SQRT", OP_SQRT, 1, 1},
	{"ATAN", OP_ATAN, 1, 1},
	{"FLOOR", OP_FLOOR, 1, 1},
	{"CEIL", OP_CEIL, 1, 1},
	{"DEG2RAD", OP_DEG2RAD, 1, 1},
	{"RAD2DEG", OP_RAD2DEG, 1, 1},
	{"ABS", OP_ABS, 1, 1},
	{"UN", OP_UN, 1, 1},
	{"ISINF", OP_ISINF, 1, 1},
	{"+", OP_ADD, 2, 1},
	{"-", OP_SUB, 2, 1},
	{"*", OP_MUL, 2, 1},
	{"/", OP_DIV, 2, 1},
	{"%", OP_MOD, 2, 1},
	{"ADDNAN", OP_ADDNAN, 2, 1},
	{"POW", OP_POW, 2, 1},
	{"ATAN2", OP_ATAN2, 2, 1},
	{"LT", OP_LT, 2, 1},
	{"LE", OP_LE, 2, 1},
	{"GT", OP_GT, 2, 1},
	{"GE", OP_GE, 2, 1},
	{"EQ", OP_EQ, 2, 1},
	{"NE", OP_NE, 2, 1},
	{"MIN", OP_MIN, 2, 1},
	{"MAX", OP_MAX, 2, 1},
	{"MINNAN", OP_MINNAN, 2, 1},
	{"MAXNAN", OP_MAXNAN, 2, 1},
	{"IF", OP_IF, 3, 1},
	{"LIMIT", OP_LIMIT, 3, 1},
	{"EXC", OP_EXC, 2, 2},
	{"POP", OP_POP, 1, 0},
	{"AVG", OP_AVG, 0, 1},
	{"SORT", OP_SORT, 0, 0},
	{"REV", OP_REV, 0, 0},
	{"SMIN", OP_SMIN, 0, 1},
	{"SMAX", OP_SMAX, 0, 1},
	{"MEDIAN", OP_MEDIAN, 0, 1},
	{"STDEV", OP_STDEV, 0, 1},
	{"COPY", OP_COPY, 0, 0},
	{"INDEX", OP_INDEX, 0, 1},
};

struct rpn_step {
	enum op op;
	unsigned count; /* of operators with a literal count; of OP_NAME the index of the name */
	double number;
};

struct rpn {
	struct rpn_step *steps;
	size_t step_count;
	GPtrArray *names;
};

void rpn_destroy(struct rpn *rpn)
{
	if (rpn) {
		g_ptr_array_unref(rpn->names);
		g_free(rpn->steps);
		g_free(rpn);
	}
}

size_t rpn_name_count(const struct rpn *rpn)
{
	return rpn->names->len;
}

const char *rpn_name(const struct rpn *rpn, size_t index)
{
	return rpn->names->pdata[index];
}

static const struct operator* find_operator(const char *token)
{
	for (size_t i = 0; i < ARRAY_LENGTH(operators); i++) {
		if (!strcmp(operators[i].name, token)) {
			return &operators[i];
		}
	}
	return NULL;
}

static const char *operator_name(enum op op)
{
	for (size_t i = 0; i < ARRAY_LENGTH(operators); i++) {
		if (operators[i].op == op) {
			return operators[i].name;
		}
	}
	return "?";
}

static bool name_index(struct rpn *rpn, const char *name, unsigned *index)
{
	for (*index = 0; *index < rpn->names->len; (*index)++) {
		if (!strcmp(rpn->names->pdata[*index], name)) {
			return true;
		}
	}
	if (rpn->names->len == RPN_NAMES_MAX) {
		return false;
	}
	g_ptr_array_add(rpn->names, g_strdup(name));
	return true;
}

/* Operators whose number of values stands in front of them: the literal is taken back as `count`.
 */
static bool take_count(struct rpn *rpn, unsigned *depth, struct rpn_step *step, struct error *err)
{
	const struct rpn_step *last = rpn->step_count ? &rpn->steps[rpn->step_count - 1] : NULL;
	if (!last || last->op != OP_NUMBER || last->number < 1 || last->number > RPN_DEPTH_MAX ||
		last->number != floor(last->number)) {
		return error_set(err, ERR_CONFIG, "%s wants a whole number from 1 to %d in front of it",
			operator_name(step->op), RPN_DEPTH_MAX);
	}
	step->count = (unsigned)last->number;
	rpn->step_count--;
	(*depth)--;
	return true;
}

/* What an operator with a count takes from the stack and leaves on it. */
static void counted_effect(const struct rpn_step *step, unsigned *takes, unsigned *leaves)
{
	*takes = step->count;
	*leaves = step->op == OP_SORT || step->op == OP_REV ? step->count
			  : step->op == OP_COPY                     ? 2 * step->count
			  : step->op == OP_INDEX                    ? step->count + 1
														: 1;
}

static bool compile_operator(
	struct rpn *rpn, const struct operator* o, unsigned *depth, struct error *err)
{
	struct rpn_step step = {.op = o->op};
	unsigned takes = o->takes;
	unsigned leaves = o->leaves;
	if (o->op >= OP_AVG) {
		if (!take_count(rpn, depth, &step, err)) {
			return false;
		}
		counted_effect(&step, &takes, &leaves);
	}
	if (*depth < takes) {
		return error_set(
			err, ERR_CONFIG, "%s wants %u values, there are %u", o->name, takes, *depth);
	}
	*depth = *depth - takes + leaves;
	rpn->steps[rpn->step_count++] = step;
	return true;
}

static bool compile_token(struct rpn *rpn, const char *token, unsigned *depth, struct error *err)
{
	const struct operator* o = find_operator(token);
	struct rpn_step step = {.op = OP_NUMBER};
	if (o) {
		if (!compile_operator(rpn, o, depth, err)) {
			return false;
		}
	} else if (number_parse(token, strlen(token), &step.number)) {
		step.number += 0.0; /* -0 to 0 */
		rpn->steps[rpn->step_count++] = step;
		++*depth;
	} else if (ident_is_field(token)) {
		step.op = OP_NAME;
		if (!name_index(rpn, token, &step.count)) {
			return error_set(err, ERR_CONFIG, "more than %d names", RPN_NAMES_MAX);
		}
		rpn->steps[rpn->step_count++] = step;
		++*depth;
	} else {
		return error_set(err, ERR_CONFIG, "\"%.40s\" is no number, name or known operator", token);
	}
	if (*depth > RPN_DEPTH_MAX) {
		return error_set(err, ERR_CONFIG, "more than %d values at once", RPN_DEPTH_MAX);
	}
	return true;
}

struct rpn *rpn_parse(const char *text, size_t length, struct error *err)
{
	if (length > RPN_TEXT_MAX || memchr(text, '\0', length)) {
		error_set(err, ERR_CONFIG, "the expression is too long or holds a NUL");
		return NULL;
	}
	AUTO(rpn) rpn = g_new0(struct rpn, 1);
	rpn->names = g_ptr_array_new_with_free_func(g_free);
	rpn->steps = g_new0(struct rpn_step, RPN_TOKENS_MAX);
	g_autofree char *copy = g_strndup(text, length);
	unsigned depth = 0;
	size_t tokens = 0;
	for (char *at = copy; at;) {
		char *comma = strchr(at, ',');
		if (comma) {
			*comma = '\0';
		}
		if (++tokens > RPN_TOKENS_MAX) {
			error_set(err, ERR_CONFIG, "more than %d tokens", RPN_TOKENS_MAX);
			return NULL;
		}
		if (!compile_token(rpn, g_strstrip(at), &depth, err)) {
			return NULL;
		}
		at = comma ? comma + 1 : NULL;
	}
	if (depth != 1) {
		error_set(err, ERR_CONFIG, "%u values are left instead of one", depth);
		return NULL;
	}
	return STEAL(rpn);
}

/* -- evaluation, see I1 -- */

struct machine {
	double stack[RPN_DEPTH_MAX + 1];
	unsigned depth;
	double previous;
	size_t row;
	const struct rpn_span *span;
	const double *const *columns;
};

static int compare_numbers(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;
	if (isnan(x) || isnan(y)) {
		return isnan(x) && isnan(y) ? 0 : isnan(x) ? -1 : 1; /* unknown sorts first */
	}
	return (x > y) - (x < y);
}

static double push_value(const struct machine *m, const struct rpn_step *step)
{
	double end = (double)(m->span->t0_s + ((int64_t)m->row + 1) * m->span->step_s);
	switch (step->op) {
	case OP_NUMBER: return step->number;
	case OP_NAME: return m->columns[step->count] ? m->columns[step->count][m->row] : NAN;
	case OP_INF: return INFINITY;
	case OP_NEGINF: return -INFINITY;
	case OP_PREV: return m->previous;
	case OP_COUNT: return (double)m->row + 1;
	case OP_NOW: return (double)m->span->now_s;
	case OP_TIME:
	case OP_LTIME: return end; /* the archive knows no zones: UTC */
	case OP_STEPWIDTH: return (double)m->span->step_s;
	case OP_DUP: return m->stack[m->depth - 1];
	case OP_OVER: return m->stack[m->depth - 2];
	case OP_DEPTH: return m->depth;
	default: return NAN;
	}
}

static double unary(enum op op, double a)
{
	switch (op) {
	case OP_SIN: return sin(a);
	case OP_COS: return cos(a);
	case OP_LOG: return a > 0 ? log(a) : NAN;
	case OP_EXP: return exp(a);
	case OP_SQRT: return sqrt(a);
	case OP_ATAN: return atan(a);
	case OP_FLOOR: return floor(a);
	case OP_CEIL: return ceil(a);
	case OP_DEG2RAD: return a * (G_PI / 180);
	case OP_RAD2DEG: return a * (180 / G_PI);
	case OP_ABS: return fabs(a);
	case OP_UN: return isnan(a);
	default: return isinf(a) ? 1 : 0; /* OP_ISINF */
	}
}

static double compare(enum op op, double a, double b)
{
	if (isnan(a) || isnan(b)) {
		return NAN;
	}
	switch (op) {
	case OP_LT: return a < b;
	case OP_LE: return a <= b;
	case OP_GT: return a > b;
	case OP_GE: return a >= b;
	case OP_EQ: return a == b;
	default: return a != b;
	}
}

static double lesser(double a, double b, bool skip_unknown)
{
	if (isnan(a) || isnan(b)) {
		return !skip_unknown ? NAN : isnan(a) ? b : a;
	}
	return a < b ? a : b;
}

static double greater(double a, double b, bool skip_unknown)
{
	return -lesser(-a, -b, skip_unknown);
}

static double binary(enum op op, double a, double b)
{
	switch (op) {
	case OP_ADD: return a + b;
	case OP_SUB: return a - b;
	case OP_MUL: return a * b;
	case OP_DIV: return b == 0 ? NAN : a / b;
	case OP_MOD: return b == 0 ? NAN : fmod(a, b);
	case OP_ADDNAN: return isnan(a) ? b : isnan(b) ? a : a + b;
	case OP_POW: return pow(a, b);
	case OP_ATAN2: return atan2(a, b);
	case OP_MIN: return lesser(a, b, false);
	case OP_MINNAN: return lesser(a, b, true);
	case OP_MAX: return greater(a, b, false);
	case OP_MAXNAN: return greater(a, b, true);
	default: return compare(op, a, b);
	}
}

/* Of the known ones among `n` values: mean, or NaN if there is none. */
static double mean_of(const double *values, unsigned n, unsigned *known)
{
	double sum = 0;
	*known = 0;
	for (unsigned i = 0; i < n; i++) {
		if (!isnan(values[i])) {
			sum += values[i];
			++*known;
		}
	}
	return *known ? sum / *known : NAN;
}

/* Of a sample: divided by one less than there are values. */
static double deviation_of(const double *values, unsigned n)
{
	unsigned known = 0;
	double mean = mean_of(values, n, &known);
	double squares = 0;
	for (unsigned i = 0; i < n; i++) {
		squares += isnan(values[i]) ? 0 : (values[i] - mean) * (values[i] - mean);
	}
	return known > 1 ? sqrt(squares / (known - 1)) : NAN;
}

static double median_of(double *values, unsigned n)
{
	qsort(values, n, sizeof(*values), compare_numbers);
	unsigned unknown = 0;
	while (unknown < n && isnan(values[unknown])) {
		unknown++;
	}
	unsigned known = n - unknown;
	const double *v = values + unknown;
	return !known ? NAN : known % 2 ? v[known / 2] : (v[known / 2 - 1] + v[known / 2]) / 2;
}

/* Several values on top of the stack to one. */
static double reduce(enum op op, double *values, unsigned n)
{
	unsigned known = 0;
	double result = values[0];
	switch (op) {
	case OP_AVG: return mean_of(values, n, &known);
	case OP_STDEV: return deviation_of(values, n);
	case OP_MEDIAN: return median_of(values, n);
	default:
		for (unsigned i = 1; i < n; i++) {
			result =
				op == OP_SMIN ? lesser(result, values[i], true) : greater(result, values[i], true);
		}
		return result;
	}
}

static void counted(struct machine *m, const struct rpn_step *step)
{
	unsigned n = step->count;
	double *top = m->stack + m->depth - n;
	switch (step->op) {
	case OP_SORT: qsort(top, n, sizeof(*top), compare_numbers); break;
	case OP_REV:
		for (unsigned i = 0; i < n / 2; i++) {
			double kept = top[i];
			top[i] = top[n - 1 - i];
			top[n - 1 - i] = kept;
		}
		break;
	case OP_COPY:
		memcpy(m->stack + m->depth, top, n * sizeof(*top));
		m->depth += n;
		break;
	case OP_INDEX:
		m->stack[m->depth] = top[0];
		m->depth++;
		break;
	default: top[0] = reduce(step->op, top, n); m->depth -= n - 1;
	}
}

static void ternary(struct machine *m, enum op op)
{
	double a = m->stack[m->depth - 3];
	double b = m->stack[m->depth - 2];
	double c = m->stack[m->depth - 1];
	m->depth -= 2;
	if (op == OP_IF) {
		m->stack[m->depth - 1] = isnan(a) || a == 0 ? c : b;
	} else {
		m->stack[m->depth - 1] = a >= b && a <= c && isfinite(b) && isfinite(c) ? a : NAN;
	}
}

static void run_step(struct machine *m, const struct rpn_step *step)
{
	if (step->op <= OP_DEPTH) {
		double value = push_value(m, step);
		m->stack[m->depth++] = value;
	} else if (step->op <= OP_ISINF) {
		m->stack[m->depth - 1] = unary(step->op, m->stack[m->depth - 1]);
	} else if (step->op <= OP_MAXNAN) {
		m->depth--;
		m->stack[m->depth - 1] = binary(step->op, m->stack[m->depth - 1], m->stack[m->depth]);
	} else if (step->op == OP_IF || step->op == OP_LIMIT) {
		ternary(m, step->op);
	} else if (step->op == OP_POP) {
		m->depth--;
	} else if (step->op == OP_EXC) {
		double kept = m->stack[m->depth - 1];
		m->stack[m->depth - 1] = m->stack[m->depth - 2];
		m->stack[m->depth - 2] = kept;
	} else {
		counted(m, step);
	}
}

void rpn_evaluate(
	const struct rpn *rpn, const struct rpn_span *span, const double *const *columns, double *out)
{
	struct machine m = {.previous = NAN, .span = span, .columns = columns};
	for (m.row = 0; m.row < span->rows; m.row++) {
		m.depth = 0;
		for (size_t i = 0; i < rpn->step_count; i++) {
			run_step(&m, &rpn->steps[i]);
		}
		double result = m.stack[0];
		m.previous = isfinite(result) ? result : NAN;
		out[m.row] = m.previous;
	}
}

void rpn_append(const struct rpn *rpn,
	void (*name)(void *owner, const struct rpn *rpn, size_t index, GString *out), void *owner,
	GString *out)
{
	for (size_t i = 0; i < rpn->step_count; i++) {
		const struct rpn_step *step = &rpn->steps[i];
		char number[NUMBER_TEXT];
		if (i) {
			g_string_append_c(out, ',');
		}
		if (step->op == OP_NAME) {
			name(owner, rpn, step->count, out);
		} else if (step->op == OP_NUMBER) {
			number_format(step->number, number);
			g_string_append(out, isnan(step->number) ? "UNKN" : number);
		} else {
			if (step->count) {
				g_string_append_printf(out, "%u,", step->count);
			}
			g_string_append(out, operator_name(step->op));
		}
	}
}
