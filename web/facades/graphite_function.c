#include "web/facades/graphite_function.h"
#include "web/facades/graphite_path.h"
#include "web/facades/graphite_run.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * What all functions have in common: the table, how the arguments that somebody wrote are brought
 * into its order, and how several values become one.
 */
#define FUNCTION(name, parameters, scope, run, help) {name, parameters, scope, run, help},
static const struct graphite_function functions[] = {
#include "web/facades/graphite_functions.def"
};
#undef FUNCTION

size_t graphite_function_count(void)
{
	return ARRAY_LENGTH(functions);
}

const struct graphite_function *graphite_function_at(size_t index)
{
	return &functions[index];
}

/* -- parameters -- */

struct parameter {
	const char *name;
	size_t name_length;
	const char *kind;
	size_t kind_length;
	bool optional, many;
};

/* Reads the one at `at`; returns what stands behind it, NULL at the end. */
static const char *next_parameter(const char *at, struct parameter *p)
{
	if (!*at) {
		return NULL;
	}
	size_t n = strcspn(at, ":?*");
	*p = (struct parameter){
		.name = at, .name_length = n, .optional = at[n] == '?', .many = at[n] == '*'};
	p->kind = at + n + (p->optional || p->many) + 1;
	p->kind_length = strcspn(p->kind, " ");
	return p->kind + p->kind_length + (p->kind[p->kind_length] == ' ');
}

static bool is_kind(const struct parameter *p, const char *kind)
{
	return strlen(kind) == p->kind_length && !memcmp(p->kind, kind, p->kind_length);
}

static bool fits(const struct parameter *p, const struct graphite_expression *e)
{
	bool whole =
		e->kind == GRAPHITE_NUMBER && e->number == floor(e->number) && fabs(e->number) < 1e6;
	switch (e->kind) {
	case GRAPHITE_PATH:
	case GRAPHITE_CALL: return is_kind(p, "list");
	case GRAPHITE_NUMBER:
		return is_kind(p, "number") ||
			   (whole && (is_kind(p, "whole") || is_kind(p, "node") || is_kind(p, "window")));
	case GRAPHITE_TEXT: return is_kind(p, "text") || is_kind(p, "window") || is_kind(p, "node");
	case GRAPHITE_FLAG: return is_kind(p, "flag");
	default: return p->optional;
	}
}

/* Takes the argument for a parameter out of those that were written; NULL: there is none. */
static struct graphite_expression *take_argument(GPtrArray *written, const struct parameter *p)
{
	for (guint i = 0; i < written->len; i++) {
		const struct graphite_expression *e = written->pdata[i];
		if (e->keyword && strlen(e->keyword) == p->name_length &&
			!memcmp(e->keyword, p->name, p->name_length)) {
			return g_ptr_array_steal_index(written, i);
		}
	}
	const struct graphite_expression *first = written->len ? written->pdata[0] : NULL;
	return first && !first->keyword ? g_ptr_array_steal_index(written, 0) : NULL;
}

static bool bind_parameter(struct graphite_expression *call, GPtrArray *written,
	const struct parameter *p, struct error *err)
{
	struct graphite_expression *e = take_argument(written, p);
	if (!e && !p->optional) {
		return error_set(err, ERR_CONFIG, "%s: %.*s is missing; its arguments are: %s",
			call->function->name, (int)p->name_length, p->name, call->function->parameters);
	}
	if (!e) {
		e = g_new0(struct graphite_expression, 1);
		e->kind = GRAPHITE_NONE;
	}
	g_ptr_array_add(call->arguments, e);
	if (!fits(p, e)) {
		return error_set(err, ERR_CONFIG, "%s: %.*s is to be a %.*s", call->function->name,
			(int)p->name_length, p->name, (int)p->kind_length, p->kind);
	}
	return true;
}

static bool bind_call(struct graphite_expression *call, struct error *err)
{
	g_autoptr(GPtrArray) written = call->arguments;
	struct parameter p;
	const char *at = call->function->parameters;
	call->arguments =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))graphite_expression_destroy);
	while ((at = next_parameter(at, &p))) {
		do {
			if (!bind_parameter(call, written, &p, err)) {
				return false;
			}
		} while (p.many && written->len);
	}
	if (written->len) {
		return error_set(err, ERR_CONFIG,
			"%s: too many arguments, or one of an unknown name; they are: %s", call->function->name,
			call->function->parameters);
	}
	return true;
}

bool graphite_bind(struct graphite_expression *e, struct error *err)
{
	if (e->kind == GRAPHITE_PATH) {
		e->pattern = graphite_pattern_parse(e->text, err);
		return e->pattern || error_prefix(err, "path %.100s", e->text);
	}
	if (e->kind != GRAPHITE_CALL) {
		return true;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(functions) && !e->function; i++) {
		e->function = !strcmp(functions[i].name, e->text) ? &functions[i] : NULL;
	}
	if (!e->function) {
		return error_set(err, ERR_CONFIG, "there is no function %.60s here", e->text);
	}
	if (!bind_call(e, err)) {
		return false;
	}
	for (guint i = 0; i < e->arguments->len; i++) {
		if (!graphite_bind(e->arguments->pdata[i], err)) {
			return false;
		}
	}
	return true;
}

const struct graphite_expression *graphite_argument(const struct graphite_call *call, size_t index)
{
	return call->expression->arguments->pdata[index];
}

bool graphite_given(const struct graphite_call *call, size_t index)
{
	return graphite_argument(call, index)->kind != GRAPHITE_NONE;
}

/* -- series -- */

void graphite_series_destroy(struct graphite_series *series)
{
	if (series) {
		for (size_t i = 0; i < ARRAY_LENGTH(series->tags); i++) {
			g_free(series->tags[i]);
		}
		g_free(series->name);
		g_free(series->expression);
		g_free(series->path);
		g_free(series->values);
		g_free(series);
	}
}

struct graphite_grid graphite_grid(int64_t from_s, int64_t to_s, int64_t step_s)
{
	struct graphite_grid grid = {.t0_s = from_s - from_s % step_s, .step_s = step_s};
	grid.rows = (size_t)((to_s - grid.t0_s + step_s - 1) / step_s);
	return grid;
}

struct graphite_series *graphite_series_create(struct graphite_call *call, struct error *err)
{
	const struct graphite_scope *scope = call->scope;
	struct graphite_grid grid = graphite_grid(scope->from_s, scope->to_s, scope->step_s);
	if (grid.rows > *call->room) {
		error_set(err, ERR_CONFIG, "the targets stand for too many values; ask for less");
		return NULL;
	}
	*call->room -= grid.rows;
	struct graphite_series *s = g_new0(struct graphite_series, 1);
	s->t0_s = grid.t0_s;
	s->rows = grid.rows;
	s->values = g_new(double, grid.rows + 1);
	s->consolidation = scope->consolidation;
	for (size_t i = 0; i < grid.rows; i++) {
		s->values[i] = NAN;
	}
	return s;
}

/* -- several values as one: unknown ones are skipped; none known: unknown -- */

static double reduce_sum(const double *values, size_t count)
{
	double sum = 0;
	size_t known = 0;
	for (size_t i = 0; i < count; i++) {
		if (!isnan(values[i])) {
			sum += values[i];
			known++;
		}
	}
	return known ? sum : NAN;
}

static double reduce_average(const double *values, size_t count)
{
	size_t known = 0;
	for (size_t i = 0; i < count; i++) {
		known += !isnan(values[i]);
	}
	return known ? reduce_sum(values, count) / (double)known : NAN;
}

static double reduce_min(const double *values, size_t count)
{
	double least = NAN;
	for (size_t i = 0; i < count; i++) {
		least = fmin(least, values[i]);
	}
	return least;
}

static double reduce_max(const double *values, size_t count)
{
	double greatest = NAN;
	for (size_t i = 0; i < count; i++) {
		greatest = fmax(greatest, values[i]);
	}
	return greatest;
}

static double reduce_first(const double *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!isnan(values[i])) {
			return values[i];
		}
	}
	return NAN;
}

static double reduce_last(const double *values, size_t count)
{
	while (count && isnan(values[count - 1])) {
		count--;
	}
	return count ? values[count - 1] : NAN;
}

static double reduce_product(const double *values, size_t count)
{
	double product = 1;
	for (size_t i = 0; i < count; i++) {
		product *= values[i]; /* one unknown: unknown */
	}
	return count ? product : NAN;
}

static double reduce_difference(const double *values, size_t count)
{
	double first = reduce_first(values, count);
	return 2 * first - reduce_sum(values, count); /* the first that is known less all others */
}

static const struct reduction {
	const char *name, *canonical;
	graphite_reduce_fn fn;
} reductions[] = {
	{"sum", "sum", reduce_sum},
	{"total", "sum", reduce_sum},
	{"average", "average", reduce_average},
	{"avg", "average", reduce_average},
	{"min", "min", reduce_min},
	{"max", "max", reduce_max},
	{"first", "first", reduce_first},
	{"last", "last", reduce_last},
	{"current", "last", reduce_last},
	{"multiply", "multiply", reduce_product},
	{"diff", "diff", reduce_difference},
};

static const struct reduction *find_reduction(const char *name)
{
	size_t length = strlen(name) - (g_str_has_suffix(name, "Series") ? strlen("Series") : 0);
	for (size_t i = 0; i < ARRAY_LENGTH(reductions); i++) {
		if (strlen(reductions[i].name) == length && !memcmp(reductions[i].name, name, length)) {
			return &reductions[i];
		}
	}
	return NULL;
}

graphite_reduce_fn graphite_reduction(const char *name)
{
	const struct reduction *r = find_reduction(name);
	return r ? r->fn : NULL;
}

const char *graphite_reduction_name(const char *name)
{
	const struct reduction *r = find_reduction(name);
	return r ? r->canonical : NULL;
}
