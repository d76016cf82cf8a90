#include "web/facades/graphite_eval.h"
#include "web/facades/graphite_path.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * All series of an answer stand on one grid, whose step is the greatest that the archive gave for
 * any of them: so functions combine row with row. What a function needs beyond the span that was
 * asked for (timeShift, movingAverage) is said by its scope function, which is asked twice: when
 * the basket is filled, with an estimate of the step, and when its values are read.
 */
enum {
	LINE_STEP_S = 60,          /* of answers without a series */
	LOOKING_MAX = 4 * 1000000, /* names compared for all targets: about a second */
};

struct graphite_leaf {
	uint32_t series_id, step_s;
	size_t place; /* in the basket */
	char *path;
	char *tags[4];
};

struct graphite_targets {
	struct graphite_question question;
	GPtrArray *expressions; /* owned */
	size_t leaves, looking;
	int64_t step_s;
	size_t room;
};

static void leaf_free(gpointer data)
{
	struct graphite_leaf *leaf = data;
	for (size_t i = 0; i < ARRAY_LENGTH(leaf->tags); i++) {
		g_free(leaf->tags[i]);
	}
	g_free(leaf->path);
	g_free(leaf);
}

static void expression_free(gpointer data)
{
	graphite_expression_destroy(data);
}

static void series_free(gpointer data)
{
	graphite_series_destroy(data);
}

struct graphite_targets *graphite_targets_create(const struct graphite_question *question)
{
	struct graphite_targets *targets = g_new0(struct graphite_targets, 1);
	targets->question = *question;
	targets->expressions = g_ptr_array_new_with_free_func(expression_free);
	targets->room = GRAPHITE_VALUES_MAX;
	return targets;
}

void graphite_targets_destroy(struct graphite_targets *targets)
{
	if (targets) {
		g_ptr_array_unref(targets->expressions);
		g_free(targets);
	}
}

int64_t graphite_targets_step(const struct graphite_targets *targets)
{
	return targets->step_s;
}

/* -- which series -- */

static void add_leaf(void *owner, const struct graphite_node *node)
{
	struct graphite_expression *e = owner;
	if (!node->field || e->leaves->len > BASKET_SERIES_MAX) {
		return;
	}
	const struct service *service = node->field->service;
	struct graphite_leaf *leaf = g_new0(struct graphite_leaf, 1);
	leaf->series_id = node->field->series_id;
	leaf->step_s = service->step_s;
	leaf->path = g_strdup(node->path);
	leaf->tags[0] = g_strdup(node->field->name);
	leaf->tags[1] = g_strdup(service->group);
	leaf->tags[2] = g_strdup(service->host_name);
	leaf->tags[3] = g_strdup(service->name);
	g_ptr_array_add(e->leaves, leaf);
}

static bool resolve(struct graphite_targets *targets, const struct catalog *catalog,
	struct graphite_expression *e, struct error *err)
{
	if (e->kind == GRAPHITE_PATH) {
		e->leaves = g_ptr_array_new_with_free_func(leaf_free);
		targets->looking += graphite_find(catalog, e->pattern, targets->question.gone, add_leaf, e);
		if (targets->looking > LOOKING_MAX) {
			return error_set(err, ERR_CONFIG,
				"the targets take too long to be found; ask for fewer, or name groups and hosts");
		}
		targets->leaves += e->leaves->len;
		return targets->leaves <= BASKET_SERIES_MAX ||
			   error_set(
				   err, ERR_CONFIG, "the targets name more than %d series", BASKET_SERIES_MAX);
	}
	for (guint i = 0; e->kind == GRAPHITE_CALL && i < e->arguments->len; i++) {
		if (!resolve(targets, catalog, e->arguments->pdata[i], err)) {
			return false;
		}
	}
	return true;
}

bool graphite_targets_add(struct graphite_targets *targets, const struct catalog *catalog,
	const char *text, struct error *err)
{
	AUTO(graphite_expression) e = graphite_parse(text, err);
	if (!e || !graphite_bind(e, err)) {
		return false;
	}
	if (e->kind != GRAPHITE_PATH && e->kind != GRAPHITE_CALL) {
		return error_set(err, ERR_CONFIG, "a target is a path or a function");
	}
	if (!resolve(targets, catalog, e, err)) {
		return false;
	}
	g_ptr_array_add(targets->expressions, STEAL(e));
	return true;
}

/* -- which spans -- */

static int64_t asked_step(const struct graphite_targets *targets)
{
	int64_t span_s = targets->question.to_s - targets->question.from_s;
	int64_t points = (int64_t)targets->question.points;
	return points ? MAX((span_s + points - 1) / points, 1) : 0;
}

static int64_t widest_step(const struct graphite_expression *e, int64_t step_s)
{
	for (guint i = 0; e->leaves && i < e->leaves->len; i++) {
		step_s = MAX(step_s, (int64_t)((const struct graphite_leaf *)e->leaves->pdata[i])->step_s);
	}
	for (guint i = 0; e->arguments && i < e->arguments->len; i++) {
		step_s = widest_step(e->arguments->pdata[i], step_s);
	}
	return step_s;
}

static bool scope_of(
	const struct graphite_expression *call, struct graphite_scope *scope, struct error *err)
{
	if (!call->function->scope || call->function->scope(call, scope, err)) {
		return true;
	}
	return error_prefix(err, "%s", call->function->name);
}

static enum archive_cf cf_of(const char *consolidation)
{
	return !strcmp(consolidation, "min")   ? ARCHIVE_MIN
		   : !strcmp(consolidation, "max") ? ARCHIVE_MAX
										   : ARCHIVE_AVERAGE;
}

static bool plan(struct graphite_targets *targets, const struct graphite_expression *e,
	struct graphite_scope scope, struct basket *basket, struct error *err)
{
	if (e->kind == GRAPHITE_CALL && !scope_of(e, &scope, err)) {
		return false;
	}
	bool whole = strcmp(scope.consolidation, "average") && strcmp(scope.consolidation, "min") &&
				 strcmp(scope.consolidation, "max");
	struct basket_span span = {.from_s = scope.from_s,
		.to_s = scope.to_s,
		.step_s = whole ? 0 : asked_step(targets),
		.cf = cf_of(scope.consolidation)};
	for (guint i = 0; e->leaves && i < e->leaves->len; i++) {
		struct graphite_leaf *leaf = e->leaves->pdata[i];
		struct basket_want want = {leaf->series_id, leaf->step_s, span};
		if (!basket_add(basket, &want, &leaf->place, err)) {
			return false;
		}
	}
	for (guint i = 0; e->kind == GRAPHITE_CALL && i < e->arguments->len; i++) {
		if (!plan(targets, e->arguments->pdata[i], scope, basket, err)) {
			return false;
		}
	}
	return true;
}

static struct graphite_scope whole_scope(const struct graphite_targets *targets)
{
	return (struct graphite_scope){.from_s = targets->question.from_s,
		.to_s = targets->question.to_s,
		.step_s = targets->step_s,
		.consolidation = "average"};
}

bool graphite_targets_plan(
	struct graphite_targets *targets, struct basket *basket, struct error *err)
{
	targets->step_s = MAX(asked_step(targets), 1);
	for (guint i = 0; i < targets->expressions->len; i++) {
		targets->step_s = widest_step(targets->expressions->pdata[i], targets->step_s);
	}
	for (guint i = 0; i < targets->expressions->len; i++) {
		struct graphite_scope scope = whole_scope(targets);
		if (!plan(targets, targets->expressions->pdata[i], scope, basket, err)) {
			return false;
		}
	}
	return true;
}

/* -- the values -- */

/* Brings a column onto the grid: rows that end in a cell become one. */
static void resample(const struct basket_column *column, const char *consolidation, int64_t step_s,
	struct graphite_series *s)
{
	graphite_reduce_fn reduce = graphite_reduction(consolidation);
	size_t row = 0;
	for (size_t cell = 0; cell < s->rows; cell++) {
		int64_t begin = s->t0_s + (int64_t)cell * step_s;
		while (row < column->rows && column->t0_s + (int64_t)(row + 1) * column->step_s <= begin) {
			row++;
		}
		size_t first = row;
		while (row < column->rows &&
			   column->t0_s + (int64_t)(row + 1) * column->step_s <= begin + step_s) {
			row++;
		}
		s->values[cell] = row > first ? reduce(column->values + first, row - first) : NAN;
	}
}

static bool add_leaves(struct graphite_call *call, const struct basket *basket, struct error *err)
{
	const struct graphite_expression *e = call->expression;
	for (guint i = 0; i < e->leaves->len; i++) {
		const struct graphite_leaf *leaf = e->leaves->pdata[i];
		struct graphite_series *s = graphite_series_create(call, err);
		if (!s) {
			return false;
		}
		s->name = g_strdup(leaf->path);
		s->path = g_strdup(leaf->path);
		s->expression = g_strdup(e->text);
		for (size_t tag = 0; tag < ARRAY_LENGTH(s->tags); tag++) {
			s->tags[tag] = g_strdup(leaf->tags[tag]);
		}
		resample(
			basket_column(basket, leaf->place), call->scope->consolidation, call->scope->step_s, s);
		g_ptr_array_add(call->series, s);
	}
	return true;
}

static bool evaluate(struct graphite_call *call, const struct basket *basket, struct error *err)
{
	const struct graphite_expression *e = call->expression;
	struct graphite_scope scope = *call->scope;
	if (e->kind == GRAPHITE_PATH) {
		return add_leaves(call, basket, err);
	}
	if (e->kind != GRAPHITE_CALL) {
		return true;
	}
	if (!scope_of(e, &scope, err)) {
		return false;
	}
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(series_free);
	struct graphite_call own = {
		.expression = e, .scope = call->scope, .series = list, .room = call->room};
	for (guint i = 0; i < e->arguments->len; i++) {
		const struct graphite_expression *argument = e->arguments->pdata[i];
		struct graphite_call inner = {
			.expression = argument, .scope = &scope, .series = list, .room = call->room};
		own.last_list = argument->kind <= GRAPHITE_CALL ? list->len : own.last_list;
		if (!evaluate(&inner, basket, err)) {
			return false;
		}
	}
	if (!e->function->run(&own, err)) {
		return error_prefix(err, "%s", e->function->name);
	}
	g_ptr_array_extend_and_steal(call->series, g_steal_pointer(&list));
	return true;
}

/* Makes points fewer: rows that stand together become one. */
static void thin(struct graphite_series *s, size_t by)
{
	graphite_reduce_fn reduce = graphite_reduction(s->consolidation);
	size_t rows = (s->rows + by - 1) / by;
	for (size_t row = 0; row < rows; row++) {
		s->values[row] = reduce(s->values + row * by, MIN(by, s->rows - row * by));
	}
	s->rows = rows;
}

static void thin_all(struct graphite_targets *targets, GPtrArray *list)
{
	struct graphite_grid grid =
		graphite_grid(targets->question.from_s, targets->question.to_s, targets->step_s);
	size_t points = targets->question.points;
	size_t by = points ? (grid.rows + points - 1) / points : 1;
	for (guint i = 0; by > 1 && i < list->len; i++) {
		thin(list->pdata[i], by);
	}
	targets->step_s *= by > 1 ? (int64_t)by : 1;
}

GPtrArray *graphite_targets_evaluate(
	struct graphite_targets *targets, const struct basket *basket, struct error *err)
{
	int64_t span_s = targets->question.to_s - targets->question.from_s;
	int64_t step_s = basket_count(basket) ? 0 : MAX(targets->step_s, MIN(span_s, LINE_STEP_S));
	for (size_t i = 0; i < basket_count(basket); i++) {
		step_s = MAX(step_s, basket_column(basket, i)->step_s);
	}
	targets->step_s = MAX(MAX(step_s, span_s / ARCHIVE_POINTS_MAX), 1);
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(series_free);
	for (guint i = 0; i < targets->expressions->len; i++) {
		struct graphite_scope scope = whole_scope(targets);
		struct graphite_call call = {.expression = targets->expressions->pdata[i],
			.scope = &scope,
			.series = list,
			.room = &targets->room};
		if (!evaluate(&call, basket, err)) {
			return NULL;
		}
	}
	thin_all(targets, list);
	return g_steal_pointer(&list);
}
