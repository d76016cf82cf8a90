#include "web/facades/graphite_run.h"
#include "base/text.h"
#include "web/facades/graphite_time.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * Functions that change each series by itself. Names of results, and which neighbours count, are
 * those of graphite-web 1.1 (its documentation, "Functions"; compared by
 * tests/scenario/facades.py).
 */
static struct graphite_series *series_at(const struct graphite_call *call, guint index)
{
	return call->series->pdata[index];
}

void graphite_rename(struct graphite_series *series, bool everywhere, char *name)
{
	if (strlen(name) > GRAPHITE_NAME_MAX) {
		char *cut = text_clean(name, strlen(name), GRAPHITE_NAME_MAX);
		g_free(name);
		name = cut;
	}
	if (everywhere) {
		g_free(series->expression);
		series->expression = g_strdup(name);
	}
	g_free(series->name);
	series->name = name;
}

/* "%g" of a factor, locale-free. */
static const char *short_number(double value, char text[G_ASCII_DTOSTR_BUF_SIZE])
{
	return g_ascii_formatd(text, G_ASCII_DTOSTR_BUF_SIZE, "%g", value);
}

static void name_with_number(struct graphite_series *s, const char *function, double value)
{
	char text[G_ASCII_DTOSTR_BUF_SIZE];
	short_number(value, text);
	graphite_rename(s, true, g_strdup_printf("%s(%s,%s)", function, s->name, text));
}

bool run_scale(struct graphite_call *call, struct error *err UNUSED)
{
	double factor = graphite_argument(call, 1)->number;
	for (guint i = 0; i < call->series->len; i++) {
		struct graphite_series *s = series_at(call, i);
		name_with_number(s, "scale", factor);
		for (size_t row = 0; row < s->rows; row++) {
			s->values[row] *= factor;
		}
	}
	return true;
}

bool run_offset(struct graphite_call *call, struct error *err UNUSED)
{
	double term = graphite_argument(call, 1)->number;
	for (guint i = 0; i < call->series->len; i++) {
		struct graphite_series *s = series_at(call, i);
		name_with_number(s, "offset", term);
		for (size_t row = 0; row < s->rows; row++) {
			s->values[row] += term;
		}
	}
	return true;
}

bool run_absolute(struct graphite_call *call, struct error *err UNUSED)
{
	for (guint i = 0; i < call->series->len; i++) {
		struct graphite_series *s = series_at(call, i);
		graphite_rename(s, true, g_strdup_printf("absolute(%s)", s->name));
		for (size_t row = 0; row < s->rows; row++) {
			s->values[row] = fabs(s->values[row]);
		}
	}
	return true;
}

/* -- differences -- */

enum difference { DIFFERENCE_ANY, DIFFERENCE_RISING, DIFFERENCE_PER_SECOND };

/* From `before` to `now`; where a counter with a known greatest value turned round, over that. */
static double rise(double before, double now, double greatest)
{
	if (!isnan(greatest) && now > greatest) {
		return NAN;
	}
	if (now >= before) {
		return now - before;
	}
	return isnan(greatest) ? NAN : greatest - before + now + 1;
}

static void differ(struct graphite_series *s, enum difference kind, double greatest, int64_t step_s)
{
	double before = NAN;
	for (size_t row = 0; row < s->rows; row++) {
		double now = s->values[row];
		double change = kind == DIFFERENCE_ANY ? now - before : rise(before, now, greatest);
		s->values[row] = kind == DIFFERENCE_PER_SECOND ? change / (double)step_s : change;
		before = !isnan(greatest) && now > greatest ? NAN : now;
	}
}

static void differ_all(struct graphite_call *call, enum difference kind, const char *name)
{
	bool limited = kind != DIFFERENCE_ANY && graphite_given(call, 1);
	double greatest = limited ? graphite_argument(call, 1)->number : NAN;
	for (guint i = 0; i < call->series->len; i++) {
		struct graphite_series *s = series_at(call, i);
		graphite_rename(s, true, g_strdup_printf("%s(%s)", name, s->name));
		differ(s, kind, greatest, call->scope->step_s);
	}
}

bool run_derivative(struct graphite_call *call, struct error *err UNUSED)
{
	differ_all(call, DIFFERENCE_ANY, "derivative");
	return true;
}

bool run_non_negative(struct graphite_call *call, struct error *err UNUSED)
{
	differ_all(call, DIFFERENCE_RISING, "nonNegativeDerivative");
	return true;
}

bool run_per_second(struct graphite_call *call, struct error *err UNUSED)
{
	differ_all(call, DIFFERENCE_PER_SECOND, "perSecond");
	return true;
}

/* -- gaps -- */

static void fill_gap(struct graphite_series *s, size_t begin, size_t end, double limit)
{
	if (begin && (double)(end - begin) <= limit) {
		for (size_t row = begin; row < end; row++) {
			s->values[row] = s->values[begin - 1];
		}
	}
}

bool run_keep_last(struct graphite_call *call, struct error *err UNUSED)
{
	double limit = graphite_given(call, 1) ? graphite_argument(call, 1)->number : HUGE_VAL;
	for (guint i = 0; i < call->series->len; i++) {
		struct graphite_series *s = series_at(call, i);
		size_t begin = 0;
		graphite_rename(s, true, g_strdup_printf("keepLastValue(%s)", s->name));
		for (size_t row = 0; row <= s->rows; row++) {
			if (row == s->rows || !isnan(s->values[row])) {
				fill_gap(s, begin, row, limit);
				begin = row + 1;
			}
		}
	}
	return true;
}

/* -- other times -- */

/* "1d" means "-1d". */
static bool shift_of(const char *text, int64_t *span_s, struct error *err)
{
	if (!graphite_span_parse(text, span_s)) {
		return error_set(err, ERR_CONFIG, "\"%.40s\" is no span such as \"1d\"", text);
	}
	*span_s = *text == '+' || *text == '-' ? *span_s : -*span_s;
	return true;
}

bool scope_shift(
	const struct graphite_expression *call, struct graphite_scope *scope, struct error *err)
{
	const struct graphite_expression *span = call->arguments->pdata[1];
	int64_t shift_s = 0;
	if (!shift_of(span->text, &shift_s, err)) {
		return false;
	}
	scope->from_s += shift_s;
	scope->to_s += shift_s;
	return scope->from_s >= 0 || error_set(err, ERR_CONFIG, "a time before 1970");
}

/* Moves the values of `s` to the grid of the call's scope, from row `first` of them on. */
static void settle(const struct graphite_call *call, struct graphite_series *s, size_t first)
{
	const struct graphite_scope *scope = call->scope;
	struct graphite_grid grid = graphite_grid(scope->from_s, scope->to_s, scope->step_s);
	double *values = g_new(double, grid.rows + 1);
	for (size_t row = 0; row < grid.rows; row++) {
		values[row] = first + row < s->rows ? s->values[first + row] : NAN;
	}
	g_free(s->values);
	s->values = values;
	s->rows = grid.rows;
	s->t0_s = grid.t0_s;
}

bool run_shift(struct graphite_call *call, struct error *err UNUSED)
{
	const char *text = graphite_argument(call, 1)->text;
	const char *sign = *text == '-' || *text == '+' ? "" : "-";
	for (guint i = 0; i < call->series->len; i++) {
		struct graphite_series *s = series_at(call, i);
		graphite_rename(s, false, g_strdup_printf("timeShift(%s, \"%s%s\")", s->name, sign, text));
		settle(call, s, 0);
	}
	return true;
}

/* -- moving average: the points before, not the one itself -- */

static bool window_span(
	const struct graphite_expression *window, int64_t step_s, int64_t *span_s, struct error *err)
{
	if (window->kind == GRAPHITE_NUMBER) {
		*span_s = (int64_t)window->number * step_s;
	} else if (!graphite_span_parse(window->text, span_s)) {
		return error_set(err, ERR_CONFIG, "\"%.40s\" is no span such as \"5min\"", window->text);
	}
	*span_s = *span_s < 0 ? -*span_s : *span_s;
	return (*span_s > 0 && *span_s / step_s <= 10000) ||
		   error_set(err, ERR_CONFIG, "a window has from 1 to 10000 points");
}

bool scope_moving(
	const struct graphite_expression *call, struct graphite_scope *scope, struct error *err)
{
	int64_t span_s = 0;
	if (!window_span(call->arguments->pdata[1], scope->step_s, &span_s, err)) {
		return false;
	}
	scope->from_s = MAX(scope->from_s - span_s, 0);
	return true;
}

/* In place: sums of known values before each row, and how many they are. */
static void average_before(struct graphite_series *s, size_t window, double least_share)
{
	double *sums = g_new(double, s->rows + 1);
	uint32_t *known = g_new(uint32_t, s->rows + 1);
	sums[0] = 0;
	known[0] = 0;
	for (size_t row = 0; row < s->rows; row++) {
		bool there = !isnan(s->values[row]);
		sums[row + 1] = sums[row] + (there ? s->values[row] : 0);
		known[row + 1] = known[row] + there;
	}
	for (size_t row = 0; row < s->rows; row++) {
		size_t first = row > window ? row - window : 0;
		uint32_t count = known[row] - known[first];
		bool enough = count && (double)count / (double)window >= least_share;
		s->values[row] = enough ? (sums[row] - sums[first]) / count : NAN;
	}
	g_free(sums);
	g_free(known);
}

static char *window_name(const struct graphite_series *s, const struct graphite_expression *window)
{
	bool text = window->kind == GRAPHITE_TEXT;
	return g_strdup_printf(
		"movingAverage(%s,%s%s%s)", s->name, text ? "\"" : "", window->text, text ? "\"" : "");
}

bool run_moving(struct graphite_call *call, struct error *err)
{
	const struct graphite_expression *window = graphite_argument(call, 1);
	int64_t step_s = call->scope->step_s;
	int64_t span_s = 0;
	double share = graphite_given(call, 2) ? graphite_argument(call, 2)->number : 0;
	int64_t t0_s = call->scope->from_s - call->scope->from_s % step_s;
	if (!window_span(window, step_s, &span_s, err)) {
		return false;
	}
	for (guint i = 0; i < call->series->len; i++) {
		struct graphite_series *s = series_at(call, i);
		graphite_rename(s, true, window_name(s, window));
		average_before(s, (size_t)MAX(span_s / step_s, 1), share);
		settle(call, s, (size_t)((t0_s - s->t0_s) / step_s));
	}
	return true;
}
