#include "web/facades/promql_eval.h"
#include "web/facades/promql_own.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * Everything is computed for all instants at once: a vector is a list of series with a column each,
 * in which promql_absent() says that there is no value. That is possible because nothing in the
 * language changes labels by value. Labels are interned, so that equal ones are the same pointer.
 *
 * Two budgets bound the time that a query may take from everybody else: values that are made, and
 * visits: of samples by windows, of values by operators, of names by selectors.
 */
enum { LOOKBACK_LEAST_S = 60, LEAVES_MAX = 300000, NAME_VISITS = 4 /* what a name costs */ };

void promql_value_finish(struct promql_value *value)
{
	g_free(value->numbers);
	g_clear_pointer(&value->series, g_ptr_array_unref);
	*value = (struct promql_value){0};
}

struct promql_evaluation *promql_evaluation_create(
	const struct promql_question *question, struct promql_node *query)
{
	struct promql_evaluation *e = g_new0(struct promql_evaluation, 1);
	e->question = *question;
	e->query = query;
	e->texts = g_string_chunk_new(4096);
	return e;
}

void promql_evaluation_destroy(struct promql_evaluation *e)
{
	if (e) {
		promql_node_destroy(e->query);
		g_string_chunk_free(e->texts);
		g_free(e);
	}
}

const struct promql_question *promql_question(const struct promql_evaluation *e)
{
	return &e->question;
}

const struct promql_node *promql_evaluation_query(const struct promql_evaluation *e)
{
	return e->query;
}

const char *promql_intern(struct promql_evaluation *e, const char *text)
{
	return g_string_chunk_insert_const(e->texts, text);
}

bool promql_spend(struct promql_evaluation *e, size_t visits, struct error *err)
{
	e->visits += visits;
	return e->visits <= PROMQL_VISITS_MAX || promql_too_much(err);
}

bool promql_too_much(struct error *err)
{
	return error_set(err, ERR_NOT_FOUND,
		"the query takes too much; ask for fewer series, a shorter span or a coarser step");
}

/* -- planning -- */

struct plan {
	struct promql_evaluation *e;
	const struct promql_known *known;
	struct basket *basket;
	struct promql_node *selector;
	const struct promql_function *around; /* of a range; NULL: none */
	struct error *err;
	int64_t matching_us;
	bool failed;
};

int64_t promql_first_ms(const struct promql_evaluation *e, const struct promql_node *selector)
{
	return e->question.start_ms - selector->offset_s * 1000;
}

static int64_t last_ms(const struct promql_evaluation *e, const struct promql_node *selector)
{
	return promql_first_ms(e, selector) + (int64_t)(e->question.instants - 1) * e->question.step_ms;
}

int64_t promql_lookback_s(int64_t step_s)
{
	return MAX(2 * step_s, (int64_t)LOOKBACK_LEAST_S);
}

static bool fetch_leaf(struct plan *p, struct promql_leaf *leaf)
{
	const struct promql_evaluation *e = p->e;
	int64_t step_s = e->question.instants > 1 ? MAX(e->question.step_ms / 1000, 1) : 0;
	int64_t before_s = p->selector->range_s ? p->selector->range_s + leaf->step_s
											: promql_lookback_s(MAX((int64_t)leaf->step_s, step_s));
	static const enum archive_cf readings[] = {ARCHIVE_AVERAGE, ARCHIVE_MIN, ARCHIVE_MAX};
	struct basket_want want = {leaf->series_id, leaf->step_s,
		{.from_s = MAX(promql_first_ms(e, p->selector) / 1000 - before_s, 0),
			.to_s = MAX(last_ms(e, p->selector) / 1000 + 1, 1),
			.step_s = p->selector->range_s ? 0 : step_s,
			.cf = readings[p->around ? p->around->reading : PROMQL_AVERAGES]}};
	leaf->fetched = basket_add(p->basket, &want, &leaf->place, p->err);
	if (!leaf->fetched && p->err) {
		p->err->kind = ERR_NOT_FOUND;
	}
	return leaf->fetched;
}

/* Whether the newest sample is all that is needed. */
static bool live_is_enough(const struct plan *p, const struct promql_leaf *leaf)
{
	return !p->selector->range_s && p->e->question.instants == 1 && leaf->live &&
		   leaf->last.at.ms <= promql_first_ms(p->e, p->selector);
}

static bool is_visible(void *owner, const struct field *field)
{
	const struct plan *p = owner;
	int64_t from_s = promql_first_ms(p->e, p->selector) / 1000 - p->selector->range_s;
	return !field->gone || p->known->last_s(p->known->owner, field->series_id) >= from_s;
}

static bool check_leaf(struct plan *p, const struct field *field)
{
	if (p->around && p->around->rates_only && field->type == FIELD_GAUGE) {
		return error_set(p->err, ERR_NOT_FOUND,
			"%s() of %.60s:%.60s: that is a gauge and no counter; deriv() or delta() say how it "
			"changes",
			p->around->name, field->service->name, field->name);
	}
	return ++p->e->leaves <= LEAVES_MAX || promql_too_much(p->err);
}

static void add_leaf(void *owner, const struct field *field)
{
	struct plan *p = owner;
	char metric[PROMQL_METRIC_MAX];
	if (p->failed || !check_leaf(p, field)) {
		p->failed = true;
		return;
	}
	struct promql_leaf *leaf = g_new0(struct promql_leaf, 1);
	leaf->series_id = field->series_id;
	leaf->step_s = field->service->step_s;
	for (unsigned label = 0; label < PROMQL_LABELS; label++) {
		const char *value = promql_label_of(field, (enum promql_label)label, metric);
		leaf->labels[label] = *value ? promql_intern(p->e, value) : NULL;
	}
	leaf->live =
		p->known->last(p->known->owner, leaf->series_id, &leaf->last) && !isnan(leaf->last.value);
	g_ptr_array_add(p->selector->leaves, leaf);
	p->failed = !live_is_enough(p, leaf) && !fetch_leaf(p, leaf);
}

static bool plan_selector(struct plan *p, struct promql_node *node)
{
	struct promql_selection selection = {
		.matchers = node->matchers, .visible = is_visible, .found = add_leaf, .owner = p};
	p->selector = node;
	node->leaves = g_ptr_array_new_with_free_func(g_free);
	size_t cost = promql_select(p->known->catalog, &selection) * NAME_VISITS;
	return !p->failed && promql_matchers_sane(node->matchers, &p->matching_us, p->err) &&
		   promql_spend(p->e, cost, p->err);
}

static bool plan_node(
	struct plan *p, struct promql_node *node, const struct promql_function *around)
{
	if (node->kind == PROMQL_SELECTOR) {
		p->around = around;
		return plan_selector(p, node);
	}
	for (unsigned i = 0; i < node->argument_count; i++) {
		if (!plan_node(p, node->arguments[i], node->function)) {
			return false;
		}
	}
	return true;
}

bool promql_evaluation_plan(struct promql_evaluation *e, const struct promql_known *known,
	struct basket *basket, struct error *err)
{
	struct plan p = {.e = e, .known = known, .basket = basket, .err = err};
	return plan_node(&p, e->query, NULL);
}

/* -- values -- */

static void series_free(gpointer data)
{
	struct promql_series *s = data;
	g_free(s->values);
	g_free(s);
}

void promql_value_vector(struct promql_value *value)
{
	*value = (struct promql_value){
		.type = PROMQL_VECTOR, .series = g_ptr_array_new_with_free_func(series_free)};
}

size_t promql_value_size(const struct promql_evaluation *e, const struct promql_value *value)
{
	return e->question.instants * (value->series ? value->series->len : 1);
}

static double *make_column(struct promql_evaluation *e, struct error *err)
{
	e->values += e->question.instants;
	if (e->values > PROMQL_VALUES_MAX) {
		promql_too_much(err);
		return NULL;
	}
	double *column = g_new(double, e->question.instants);
	for (size_t i = 0; i < e->question.instants; i++) {
		column[i] = promql_absent();
	}
	return column;
}

struct promql_series *promql_series_add(struct promql_evaluation *e, struct promql_value *value,
	const struct promql_series *labels, struct error *err)
{
	double *column = make_column(e, err);
	if (!column) {
		return NULL;
	}
	struct promql_series *s = g_new0(struct promql_series, 1);
	if (labels) {
		memcpy(s->labels, labels->labels, sizeof(s->labels));
	}
	s->values = column;
	g_ptr_array_add(value->series, s);
	return s;
}

bool promql_numbers_create(
	struct promql_evaluation *e, struct promql_value *value, struct error *err)
{
	*value = (struct promql_value){.type = PROMQL_SCALAR, .numbers = make_column(e, err)};
	return value->numbers;
}

void promql_samples_finish(struct promql_samples *s)
{
	g_free(s->times_ms);
	g_free(s->values);
}

struct promql_samples promql_samples_of(
	const struct promql_evaluation *e, const struct promql_leaf *leaf)
{
	struct promql_samples s = {.step_s = leaf->step_s};
	const struct basket_column *c = leaf->fetched ? basket_column(e->basket, leaf->place) : NULL;
	size_t rows = c ? c->rows : 0;
	s.times_ms = g_new(int64_t, rows + 1);
	s.values = g_new(double, rows + 1);
	for (size_t row = 0; row < rows; row++) {
		if (!isnan(c->values[row])) {
			s.times_ms[s.count] = (c->t0_s + (int64_t)(row + 1) * c->step_s) * 1000;
			s.values[s.count++] = c->values[row];
		}
	}
	s.step_s = c ? MAX(c->step_s, s.step_s) : s.step_s;
	if (leaf->live && (!s.count || leaf->last.at.ms > s.times_ms[s.count - 1])) {
		s.times_ms[s.count] = leaf->last.at.ms;
		s.values[s.count++] = leaf->last.value;
	}
	return s;
}
