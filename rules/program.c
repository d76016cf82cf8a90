/*
 * The evaluator. Missing and undefined are not the same (section 9 of the language): a missing
 * operand makes a comparison unknown, an undefined one (a division by zero) makes it false. Of two
 * operands missing wins over undefined.
 *
 * The compiler bounds the depth of the stack (STACK_MOST), so run() does not check it again.
 */
#include "rules/program.h"

#include <math.h>
#include <string.h>

#include "base/lexer.h"
#include "rules/function.h"

#include "base/banned.h"

enum { STALE_STEPS = 3 };

void program_finish(struct program *program)
{
	g_free(program->ops);
	*program = (struct program){0};
}

static struct outcome number(double v)
{
	if (isnan(v)) {
		return (struct outcome){0, UNDEFINED};
	}
	return (struct outcome){v, KNOWN};
}

static const struct outcome missing = {0, MISSING};

static struct outcome worse(struct outcome a, struct outcome b)
{
	return a.known == MISSING || b.known == MISSING ? missing : (struct outcome){0, UNDEFINED};
}

/* -- series -- */

struct outcome operand_value(const struct evaluation *e, const struct operand_ref *o)
{
	struct sample s;
	if (!o->series_id || !window_last(e->window, o->series_id, &s)) {
		return missing;
	}
	int64_t oldest = e->at.ms - STALE_STEPS * (int64_t)o->step_s * 1000;
	if (s.at.ms > e->at.ms &&
		!window_copy(e->window, o->series_id, (struct wall){oldest}, e->at, &s, 1)) {
		return missing;
	}
	if (s.at.ms < oldest || isnan(s.value)) {
		return missing;
	}
	return (struct outcome){s.value * o->scale.factor + o->scale.offset, KNOWN};
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* Between the two nearest ranks, as spreadsheets and Prometheus do (type 7 of Hyndman and Fan). */
static double quantile(const double *v, size_t n, double p)
{
	double sorted[WINDOW_MOST];
	memcpy(sorted, v, n * sizeof(*v));
	qsort(sorted, n, sizeof(*sorted), ascending);
	double rank = p * (double)(n - 1);
	size_t low = (size_t)rank;
	double part = rank - (double)low;
	return low + 1 < n ? sorted[low] + part * (sorted[low + 1] - sorted[low]) : sorted[low];
}

static double sum_of(const double *v, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++) {
		sum += v[i];
	}
	return sum;
}

static double deviation(const double *v, size_t n)
{
	double mean = sum_of(v, n) / (double)n;
	double squares = 0;
	for (size_t i = 0; i < n; i++) {
		squares += (v[i] - mean) * (v[i] - mean);
	}
	return sqrt(squares / (double)n);
}

/* Least squares over (seconds, value). */
static double slope(const int64_t *t, const double *v, size_t n)
{
	double mean_v = sum_of(v, n) / (double)n;
	double mean_t = 0;
	for (size_t i = 0; i < n; i++) {
		mean_t += (double)(t[i] - t[0]) / 1000 / (double)n;
	}
	double above = 0;
	double below = 0;
	for (size_t i = 0; i < n; i++) {
		double dt = (double)(t[i] - t[0]) / 1000 - mean_t;
		above += dt * (v[i] - mean_v);
		below += dt * dt;
	}
	return above / below;
}

static double changes(const double *v, size_t n)
{
	double count = 0;
	for (size_t i = 1; i < n; i++) {
		count += v[i] != v[i - 1];
	}
	return count;
}

struct points {
	double v[WINDOW_MOST];
	int64_t t[WINDOW_MOST];
	size_t n;
	double covered_s, total; /* time the known samples stand for; sum of values times that */
};

/* Per second: of a counter what it counted by the time that is known; of a gauge what it changed in
 * the time between. */
static struct outcome rate(const struct points *p, bool counter)
{
	if (counter) {
		return number(p->total / p->covered_s);
	}
	if (p->n < 2) {
		return missing;
	}
	return number((p->v[p->n - 1] - p->v[0]) / ((double)(p->t[p->n - 1] - p->t[0]) / 1000));
}

static double extreme(const struct points *p, bool greatest)
{
	double best = p->v[0];
	for (size_t i = 1; i < p->n; i++) {
		if (greatest ? p->v[i] > best : p->v[i] < best) {
			best = p->v[i];
		}
	}
	return best;
}

static struct outcome scaled(struct outcome o, const struct unit_scale *scale, bool absolute)
{
	o.v = o.v * scale->factor + (absolute ? scale->offset : 0);
	return o;
}

static struct outcome over_window(
	const struct op *op, const struct operand_ref *o, const struct points *p)
{
	const struct unit_scale *s = &o->scale;
	switch (op->which) {
	case FUNCTION_LAST: return scaled(number(p->v[p->n - 1]), s, true);
	case FUNCTION_FIRST: return scaled(number(p->v[0]), s, true);
	case FUNCTION_AVG: return scaled(number(sum_of(p->v, p->n) / (double)p->n), s, true);
	case FUNCTION_MIN: return scaled(number(extreme(p, false)), s, true);
	case FUNCTION_MAX: return scaled(number(extreme(p, true)), s, true);
	case FUNCTION_SUM: return scaled(number(sum_of(p->v, p->n)), s, false);
	case FUNCTION_COUNT_OF: return number((double)p->n);
	case FUNCTION_MEDIAN: return scaled(number(quantile(p->v, p->n, 0.5)), s, true);
	case FUNCTION_QUANTILE: return scaled(number(quantile(p->v, p->n, op->number)), s, true);
	case FUNCTION_STDDEV: return scaled(number(deviation(p->v, p->n)), s, false);
	case FUNCTION_RATE: return scaled(rate(p, o->counter), s, false);
	case FUNCTION_INCREASE:
		return scaled(o->counter ? number(p->total) : number(p->v[p->n - 1] - p->v[0]), s, false);
	case FUNCTION_CHANGES: return number(changes(p->v, p->n));
	default: break;
	}
	if (p->n < 2) {
		return missing;
	}
	return scaled(
		number(op->which == FUNCTION_DELTA ? p->v[p->n - 1] - p->v[0] : slope(p->t, p->v, p->n)), s,
		false);
}

/*
 * A rate is that of the time since the sample before: where one was lost that is two steps. More is
 * never known (two steps are the heartbeat), and of the first one only its own step is looked at.
 */
static double stands_for_s(const struct sample *samples, size_t i, uint32_t step_s)
{
	double since = i ? (double)(samples[i].at.ms - samples[i - 1].at.ms) / 1000 : step_s;
	return MIN(since, 2.0 * step_s);
}

static struct outcome run_window(const struct op *op, const struct evaluation *e)
{
	const struct operand_ref *o = &e->operands[op->operand];
	struct sample samples[WINDOW_MOST];
	struct points p;
	p.n = 0;
	p.covered_s = p.total = 0;
	struct wall from = {e->at.ms - op->window_ms};
	size_t n =
		o->series_id ? window_copy(e->window, o->series_id, from, e->at, samples, WINDOW_MOST) : 0;
	for (size_t i = 0; i < n; i++) {
		if (!isnan(samples[i].value)) {
			p.v[p.n] = samples[i].value;
			p.t[p.n++] = samples[i].at.ms;
			double span_s = stands_for_s(samples, i, o->step_s);
			p.covered_s += span_s;
			p.total += samples[i].value * span_s;
		}
	}
	if (!p.n) {
		return op->which == FUNCTION_COUNT_OF ? number(0) : missing;
	}
	return over_window(op, o, &p);
}

static struct outcome run_age(const struct op *op, const struct evaluation *e)
{
	const struct operand_ref *o = &e->operands[op->operand];
	struct wall known = o->series_id ? window_known_at(e->window, o->series_id) : (struct wall){0};
	if (!known.ms) {
		return missing;
	}
	int64_t silent_ms = e->now.ms - known.ms;
	for (size_t i = 0; i < e->pause_count; i++) {
		silent_ms -= e->pauses[i].until_ms > known.ms ? e->pauses[i].length_ms : 0;
	}
	return number((double)MAX(silent_ms, 0) / 1000);
}

/* -- numbers and conditions -- */

static struct outcome arithmetic(int op, struct outcome a, struct outcome b)
{
	if (a.known != KNOWN || b.known != KNOWN) {
		return worse(a, b);
	}
	switch (op) {
	case '+': return number(a.v + b.v);
	case '-': return number(a.v - b.v);
	case '*': return number(a.v * b.v);
	default: return b.v == 0 ? (struct outcome){0, UNDEFINED} : number(a.v / b.v);
	}
}

struct outcome outcome_compare(int op, struct outcome a, struct outcome b)
{
	if (a.known != KNOWN || b.known != KNOWN) {
		struct outcome w = worse(a, b);
		return w.known == MISSING ? missing : (struct outcome){0, KNOWN};
	}
	bool yes = false;
	switch (op) {
	case '<': yes = a.v < b.v; break;
	case '>': yes = a.v > b.v; break;
	case OP_LE: yes = a.v <= b.v; break;
	case OP_GE: yes = a.v >= b.v; break;
	case OP_EQ: yes = a.v == b.v; break;
	default: yes = a.v != b.v;
	}
	return (struct outcome){yes, KNOWN};
}

static struct outcome both(struct outcome a, struct outcome b)
{
	if ((a.known == KNOWN && !(a.v != 0)) || (b.known == KNOWN && !(b.v != 0))) {
		return (struct outcome){0, KNOWN};
	}
	return a.known == KNOWN && b.known == KNOWN ? (struct outcome){1, KNOWN} : missing;
}

static struct outcome negation(struct outcome a)
{
	return a.known == KNOWN ? (struct outcome){a.v == 0, KNOWN} : a;
}

static struct outcome inside(struct outcome x, struct outcome low, struct outcome high)
{
	return both(outcome_compare(OP_GE, x, low), outcome_compare(OP_LE, x, high));
}

/* In the field's own scale, so that rounding 91.7 % gives 92 %. */
static double rounded(const struct op *op, const struct evaluation *e, double v)
{
	const struct unit_scale *s =
		op->operand == OPERAND_NONE ? NULL : &e->operands[op->operand].scale;
	v = s ? (v - s->offset) / s->factor : v;
	v = op->which == FUNCTION_ROUND ? round(v) : op->which == FUNCTION_FLOOR ? floor(v) : ceil(v);
	return s ? v * s->factor + s->offset : v;
}

static struct outcome numbers(const struct op *op, const struct evaluation *e, struct outcome *a)
{
	for (unsigned i = 0; i < op->count; i++) {
		if (a[i].known != KNOWN) {
			struct outcome w = a[i];
			for (unsigned k = i + 1; k < op->count; k++) {
				w = a[k].known == KNOWN ? w : worse(w, a[k]);
			}
			return w;
		}
	}
	switch (op->which) {
	case FUNCTION_ABS: return number(fabs(a[0].v));
	case FUNCTION_ROUND:
	case FUNCTION_FLOOR:
	case FUNCTION_CEIL: return number(rounded(op, e, a[0].v));
	case FUNCTION_SQRT: return number(a[0].v < 0 ? NAN : sqrt(a[0].v));
	case FUNCTION_LOG:
		if (a[0].v <= 0 || (op->count > 1 && (a[1].v <= 0 || a[1].v == 1))) {
			return number(NAN);
		}
		return number(op->count > 1 ? log(a[0].v) / log(a[1].v) : log(a[0].v));
	case FUNCTION_POW: return number(pow(a[0].v, a[1].v));
	case FUNCTION_MOD: return number(a[1].v == 0 ? NAN : fmod(a[0].v, a[1].v));
	case FUNCTION_CLAMP: return number(fmin(fmax(a[0].v, a[1].v), a[2].v));
	default: return number(NAN);
	}
}

/* What an operation takes from the stack and puts back in its place. */
static struct outcome step(const struct op *op, const struct evaluation *e, struct outcome *a)
{
	switch ((enum op_code)op->code) {
	case OP_NEGATE: return a[0].known == KNOWN ? number(-a[0].v) : a[0];
	case OP_ARITHMETIC: return arithmetic(op->which, a[0], a[1]);
	case OP_COMPARE: return outcome_compare(op->which, a[0], a[1]);
	case OP_INSIDE: return inside(a[0], a[1], a[2]);
	case OP_AND: return both(a[0], a[1]);
	case OP_OR: return negation(both(negation(a[0]), negation(a[1])));
	case OP_NOT: return negation(a[0]);
	case OP_COALESCE: return a[0].known == MISSING ? a[1] : a[0];
	case OP_ONLY_IF: return a[1].known == KNOWN && a[1].v != 0 ? a[0] : missing;
	case OP_IF: return a[0].known != KNOWN ? missing : a[0].v != 0 ? a[1] : a[2];
	case OP_NUM: return a[0];
	default: return numbers(op, e, a);
	}
}

static struct outcome load(const struct op *op, const struct evaluation *e)
{
	const struct unit_scale *s;
	struct outcome o;
	switch ((enum op_code)op->code) {
	case OP_PUSH: return (struct outcome){op->number, KNOWN};
	case OP_PUSH_SCALED:
		s = &e->operands[op->operand].scale;
		return (struct outcome){op->number * s->factor + s->offset, KNOWN};
	case OP_LOAD: return operand_value(e, &e->operands[op->operand]);
	case OP_VALUE: return e->value;
	case OP_HOST_AGE: return number(e->host_age_s);
	case OP_WINDOW: return run_window(op, e);
	case OP_AGE: return run_age(op, e);
	default:
		o = operand_value(e, &e->operands[op->operand]);
		return (struct outcome){(o.known == KNOWN) == (op->code == OP_KNOWN), KNOWN};
	}
}

struct outcome program_run(const struct program *program, const struct evaluation *e)
{
	struct outcome stack[STACK_MOST];
	unsigned top = 0;
	for (unsigned i = 0; i < program->count; i++) {
		const struct op *op = &program->ops[i];
		if (op->code < OP_NEGATE) {
			stack[top++] = load(op, e);
		} else {
			top -= op->count;
			stack[top] = step(op, e, &stack[top]);
			top++;
		}
	}
	return top ? stack[top - 1] : missing;
}
