#pragma once
#include "web/facades/graphite_parse.h"

#include <stdint.h>

/*
 * The functions of a target, as a table (graphite_functions.def), and what they work on: lists of
 * series on one common grid.
 */
struct graphite_series {
	char *name;                /* shown as `target` */
	char *expression;          /* what it stands for in the name of a sum */
	char *path;                /* whose parts aliasByNode takes */
	char *tags[4];             /* field, group, host, service; NULL: not one series */
	const char *consolidation; /* a literal: how points become fewer */
	int64_t t0_s;
	size_t rows;
	double *values; /* i is that of (t0 + i*step, t0 + (i+1)*step]; NaN: unknown */
};

void graphite_series_destroy(struct graphite_series *series);

/* The grid of a span: multiples of the step. */
struct graphite_grid {
	int64_t t0_s, step_s;
	size_t rows;
};
struct graphite_grid graphite_grid(int64_t from_s, int64_t to_s, int64_t step_s);

/* What a part of a target is evaluated for. */
struct graphite_scope {
	int64_t from_s, to_s;
	int64_t step_s;            /* while planning an estimate, then of the grid */
	const char *consolidation; /* a literal: "average", "min", "max", "sum", "first", "last" */
};

struct graphite_call {
	const struct graphite_expression *expression; /* arguments in the order of the table */
	const struct graphite_scope *scope;
	GPtrArray *series; /* of all lists; what the handler leaves in it is the result */
	size_t last_list;  /* where those of the last list begin */
	size_t *room;      /* values that may still be made */
};

typedef bool (*graphite_fn)(struct graphite_call *call, struct error *err);

/* Changes the scope that the lists of a call are evaluated in. */
typedef bool (*graphite_scope_fn)(
	const struct graphite_expression *call, struct graphite_scope *scope, struct error *err);

struct graphite_function {
	const char *name;
	/* blank-separated NAME:KIND; "?" behind the name: may be missing, "*": any number. Kinds: list,
	 * number, whole, text, flag, window (number or span), node (number or text) */
	const char *parameters;
	graphite_scope_fn scope; /* NULL: that of the call */
	graphite_fn run;
	const char *help;
};

size_t graphite_function_count(void);
const struct graphite_function *graphite_function_at(size_t index);

/*
 * Finds the functions of a tree, brings their arguments into the order of the table (what is
 * missing becomes GRAPHITE_NONE) and reads the paths. CONFIG: no such function, or its arguments
 * are wrong.
 */
MUST_USE bool graphite_bind(struct graphite_expression *expression, struct error *err);

/* -- for handlers -- */
const struct graphite_expression *graphite_argument(const struct graphite_call *call, size_t index);
bool graphite_given(const struct graphite_call *call, size_t index);

/* How a list of values becomes one: "sum", "average", "min" …; NULL: unknown name. */
typedef double (*graphite_reduce_fn)(const double *values, size_t count);
graphite_reduce_fn graphite_reduction(const char *name);
const char *graphite_reduction_name(const char *name); /* a literal, canonical */

/* A new series on the scope's grid, all unknown; NULL and CONFIG: no room. */
struct graphite_series *graphite_series_create(struct graphite_call *call, struct error *err);
