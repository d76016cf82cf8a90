#pragma once
#include "web/facades/graphite_function.h"

/*
 * The functions of graphite_functions.def. Each finds the series of its lists in `call->series`,
 * owned there, on the grid of the scope its lists were evaluated in, and leaves its result there on
 * that of `call->scope`.
 */
bool run_absolute(struct graphite_call *call, struct error *err);
bool run_alias(struct graphite_call *call, struct error *err);
bool run_alias_by_metric(struct graphite_call *call, struct error *err);
bool run_alias_by_node(struct graphite_call *call, struct error *err);
bool run_alias_sub(struct graphite_call *call, struct error *err);
bool run_average(struct graphite_call *call, struct error *err);
bool run_consolidate(struct graphite_call *call, struct error *err);
bool run_constant(struct graphite_call *call, struct error *err);
bool run_derivative(struct graphite_call *call, struct error *err);
bool run_difference(struct graphite_call *call, struct error *err);
bool run_divide(struct graphite_call *call, struct error *err);
bool run_group(struct graphite_call *call, struct error *err);
bool run_group_by_node(struct graphite_call *call, struct error *err);
bool run_keep_last(struct graphite_call *call, struct error *err);
bool run_limit(struct graphite_call *call, struct error *err);
bool run_max(struct graphite_call *call, struct error *err);
bool run_min(struct graphite_call *call, struct error *err);
bool run_moving(struct graphite_call *call, struct error *err);
bool run_multiply(struct graphite_call *call, struct error *err);
bool run_non_negative(struct graphite_call *call, struct error *err);
bool run_offset(struct graphite_call *call, struct error *err);
bool run_per_second(struct graphite_call *call, struct error *err);
bool run_scale(struct graphite_call *call, struct error *err);
bool run_shift(struct graphite_call *call, struct error *err);
bool run_sort_by_name(struct graphite_call *call, struct error *err);
bool run_sum(struct graphite_call *call, struct error *err);

/* Of a result, in bytes: a name per series is kept, and functions put theirs around it. */
enum { GRAPHITE_NAME_MAX = 4096 };

/* Scopes of their lists. */
bool scope_consolidate(
	const struct graphite_expression *call, struct graphite_scope *scope, struct error *err);
bool scope_moving(
	const struct graphite_expression *call, struct graphite_scope *scope, struct error *err);
bool scope_shift(
	const struct graphite_expression *call, struct graphite_scope *scope, struct error *err);

/* Replaces the name, and what the series is called in names of sums if `everywhere`. Takes `name`.
 */
void graphite_rename(struct graphite_series *series, bool everywhere, char *name);

/* Names of parts of the path, by the arguments from `first` on, joined by "." (g_malloc). */
char *graphite_node_names(
	const struct graphite_call *call, size_t first, const struct graphite_series *series);

/* One series of all in `lists`, named NAMESeries(…). NULL and CONFIG: no room. */
struct graphite_series *graphite_combine(
	struct graphite_call *call, const GPtrArray *lists, const char *reduction, struct error *err);
