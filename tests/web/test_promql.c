#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/number.h"
#include "web/facades/promql_eval.h"

#include <math.h>

#include "base/banned.h"

/*
 * The part of PromQL that is answered. What queries are to give was computed by hand from
 * Prometheus' documentation; tests/scenario/facades.py asks with promtool.
 */
static struct catalog *catalog;
static uint32_t last_series;

static void declare(
	const char *host, const char *name, const char *fields, enum field_type type, uint32_t step_s)
{
	struct service *service = service_create("grp/sub", host, name, step_s);
	g_auto(GStrv) names = g_strsplit(fields, " ", 0);
	for (size_t i = 0; names[i]; i++) {
		service_add_field(service, names[i], names[i], type);
	}
	service = catalog_declare(catalog, service, NULL);
	for (size_t i = 0; i < service_field_count(service); i++) {
		catalog_number(catalog, service_field(service, i), ++last_series);
	}
}

static int setup(void **state)
{
	catalog = catalog_create();
	last_series = 0;
	declare("h1", "load", "load", FIELD_GAUGE, 60);        /* 1 */
	declare("h2", "load", "load", FIELD_GAUGE, 60);        /* 2 */
	declare("h1", "if_eth0", "down up", FIELD_DERIVE, 60); /* 3 4 */
	declare("h2", "disk.sd-a", "read", FIELD_COUNTER, 60); /* 5 */
	declare("h3", "9p", "x", FIELD_GAUGE, 600);            /* 6 */
	return 0;
}

static int teardown(void **state)
{
	catalog_destroy(catalog);
	return 0;
}

/* -- a small archive: value of series N in the minute that ends at t: N * 10 + t / 60, series 2 is
 * unknown from 600 to 900; the newest samples are of 1200 -- */

static double stored(uint32_t series, int64_t t_s)
{
	return series == 2 && t_s > 600 && t_s <= 900 ? NAN : 10 * series + (double)t_s / 60;
}

static bool last_of(void *owner, uint32_t series, struct sample *sample)
{
	*sample = (struct sample){.at = {1200000}, .value = stored(series, 1200)};
	return series != 6;
}

static int64_t last_s_of(void *owner, uint32_t series)
{
	return 1200;
}

struct wanted {
	uint32_t series;
	int64_t from_s, to_s;
};

/* Columns for what was wanted, by the places of the basket: series are known by their order. */
static void fill(struct basket *basket, const uint32_t *series, int64_t to_s)
{
	for (size_t i = 0; i < basket_count(basket); i++) {
		struct basket_column *c = (struct basket_column *)(uintptr_t)basket_column(basket, i);
		c->t0_s = 0;
		c->step_s = 60;
		c->rows = (size_t)(to_s / 60);
		c->values = g_new(double, c->rows + 1);
		for (size_t row = 0; row < c->rows; row++) {
			c->values[row] = stored(series[i], ((int64_t)row + 1) * 60);
		}
	}
}

static void write_series(GString *out, const struct promql_series *s, size_t instants)
{
	bool any = false;
	for (size_t i = 0; i < instants; i++) {
		any = any || !promql_is_absent(s->values[i]);
	}
	if (!any) {
		return;
	}
	g_string_append_c(out, '{');
	for (unsigned label = 0; label < PROMQL_LABELS; label++) {
		if (s->labels[label] && label != PROMQL_GROUP) {
			g_string_append_printf(out, "%s ", s->labels[label]);
		}
	}
	g_string_append_c(out, '}');
	for (size_t i = 0; i < instants; i++) {
		char text[G_ASCII_DTOSTR_BUF_SIZE];
		g_ascii_formatd(text, sizeof(text), "%.6g", s->values[i]);
		g_string_append_printf(out, "%s%s", i ? "," : "",
			promql_is_absent(s->values[i]) ? "-"
			: isnan(s->values[i])          ? "nan"
										   : text);
	}
	g_string_append_c(out, ' ');
}

/* The answer as text: "{labels }v,v …"; NULL: refused. `series`: those that are fetched, in order.
 */
static char *ask(const char *query, const struct promql_question *question, const uint32_t *series,
	struct error *err)
{
	struct promql_known known = {catalog, last_of, last_s_of, NULL};
	struct promql_value value = {0};
	size_t held = 0;
	struct promql_node *node = promql_parse(query, err);
	if (!node) {
		return NULL;
	}
	AUTO(promql_evaluation) e = promql_evaluation_create(question, node);
	AUTO(basket) basket = basket_create(&held);
	if (!promql_evaluation_plan(e, &known, basket, err)) {
		return NULL;
	}
	fill(basket, series, 1200);
	if (!promql_evaluation_run(e, basket, &value, err)) {
		promql_value_finish(&value);
		return NULL;
	}
	GString *out = g_string_new(NULL);
	struct promql_series alone = {.values = value.numbers};
	if (value.numbers) {
		write_series(out, &alone, question->instants);
	}
	for (guint i = 0; value.series && i < value.series->len; i++) {
		write_series(out, value.series->pdata[i], question->instants);
	}
	promql_value_finish(&value);
	g_strchomp(out->str);
	return g_string_free(out, FALSE);
}

struct query_case {
	const char *query, *answer;
};

static void check(const struct query_case *cases, size_t count,
	const struct promql_question *question, const uint32_t *series)
{
	for (size_t i = 0; i < count; i++) {
		struct error err = {0};
		g_autofree char *answer = ask(cases[i].query, question, series, &err);
		if (!answer || strcmp(answer, cases[i].answer)) {
			fail_msg("%s: %s %s", cases[i].query, answer ? answer : "refused:", err.text);
		}
	}
}

static const struct promql_question now = {.start_ms = 1200000, .instants = 1};
static const uint32_t in_order[] = {1, 2, 3, 4, 5, 6};

static void numbers_follow_precedence(void **state)
{
	static const struct query_case cases[] = {
		{"1+1", "{}2"},
		{"1 + 2 * 3", "{}7"},
		{"(1 + 2) * 3", "{}9"},
		{"2 ^ 3 ^ 2", "{}512"},
		{"-2 ^ 2", "{}-4"},
		{"-(2) * 3", "{}-6"},
		{"2 * -3", "{}-6"},
		{"7 % 4 - 1", "{}2"},
		{"1 / 0", "{}inf"},
		{"0 / 0", "{}nan"},
		{"-Inf", "{}-inf"},
		{"1 < bool 2", "{}1"},
		{"1 == bool 2 != bool 0", "{}0"},
		{"1e3 + .5", "{}1000.5"},
		{"1 # a comment\n + 1", "{}2"},
		{"time()", "{}1200"},
		{"scalar(vector(3))", "{}3"},
		{"vector(1) + 1", "{}2"},
	};
	check(cases, ARRAY_LENGTH(cases), &now, in_order);
}

static void selectors_match_labels(void **state)
{
	static const struct query_case cases[] = {
		{"load:load", "{load:load load h1 load }30 {load:load load h2 load }40"},
		{"load:load{host=\"h2\"}", "{load:load load h2 load }40"},
		{"{host='h1',service=\"if_eth0\"}",
			"{if_eth0:down down h1 if_eth0 }50 {if_eth0:up up h1 if_eth0 }60"},
		{"{__name__=~\".*:up\"}", "{if_eth0:up up h1 if_eth0 }60"},
		{"{host=~\"h2|h9\",field!=\"load\"}", "{disk_sd_a:read read h2 disk.sd-a }70"},
		{"{host=~\"h[12]\",field!~\"l.*|r.*|up\"}", "{if_eth0:down down h1 if_eth0 }50"},
		{"{host=~\"h\",job=\"\"}", ""},
		{"load:load{job=\"x\"}", ""},
		{"disk_sd_a:read", "{disk_sd_a:read read h2 disk.sd-a }70"},
		{"load:load{group=`grp/sub`,host!=\"h1\",}", "{load:load load h2 load }40"},
		{"load:load offset 5m", "{load:load load h1 load }25 {load:load load h2 load }-"},
	};
	check(cases, ARRAY_LENGTH(cases) - 1, &now, in_order);
	/* 300 s back: h1 has 15 + 10, h2 was unknown then */
	struct error err = {0};
	static const uint32_t loads[] = {1, 2};
	g_autofree char *answer = ask(cases[10].query, &now, loads, &err);
	assert_string_equal(answer, "{load:load load h1 load }25");
}

static void operators_match_series(void **state)
{
	static const struct query_case cases[] = {
		{"load:load + 1", "{load h1 load }31 {load h2 load }41"},
		{"100 - load:load", "{load h1 load }70 {load h2 load }60"},
		{"-load:load", "{load h1 load }-30 {load h2 load }-40"},
		{"load:load > 35", "{load:load load h2 load }40"},
		{"35 < load:load", "{load:load load h2 load }40"},
		{"load:load > bool 35", "{load h1 load }0 {load h2 load }1"},
		{"load:load + load:load", "{load h1 load }60 {load h2 load }80"},
		{"if_eth0:down / on(host) if_eth0:up", "{h1 }0.833333"},
		{"if_eth0:down - ignoring(field) if_eth0:up", "{h1 if_eth0 }-10"},
		{"{service=\"if_eth0\"} * on(host) group_left load:load",
			"{down h1 if_eth0 }1500 {up h1 if_eth0 }1800"},
		{"load:load * on(host) group_right(service) {service=\"if_eth0\"}",
			"{down h1 load }1500 {up h1 load }1800"},
		{"load:load and on(host) if_eth0:up", "{load:load load h1 load }30"},
		{"load:load unless on(host) if_eth0:up", "{load:load load h2 load }40"},
		{"load:load{host=\"h1\"} or load:load",
			"{load:load load h1 load }30 {load:load load h2 load }40"},
		{"load:load == load:load", "{load:load load h1 load }30 {load:load load h2 load }40"},
		{"if_eth0:up > on(host) if_eth0:down", "{h1 }60"},
	};
	check(cases, ARRAY_LENGTH(cases), &now, in_order);
}

static void aggregations_group_by_labels(void **state)
{
	static const struct query_case cases[] = {
		{"sum(load:load)", "{}70"},
		{"sum by (host) ({service=~\"load|if_eth0\"})", "{h1 }140 {h2 }40"},
		{"sum({service=~\"load|if_eth0\"}) by (host, job)", "{h1 }140 {h2 }40"},
		{"avg without (field, service) (load:load)", "{h1 }30 {h2 }40"},
		{"count({host=~\".+\"})", "{}6"},
		{"min(load:load)", "{}30"},
		{"max(load:load)", "{}40"},
		{"group(load:load)", "{}1"},
		{"stddev(load:load)", "{}5"},
		{"stdvar(load:load)", "{}25"},
		{"quantile(0.25, load:load)", "{}32.5"},
		{"topk(1, load:load)", "{load:load load h2 load }40"},
		{"bottomk(1, load:load)", "{load:load load h1 load }30"},
		{"topk by (host) (1, {service=\"if_eth0\"})", "{if_eth0:up up h1 if_eth0 }60"},
		{"sum(nothing:here)", ""},
		{"abs(-load:load) > bool 35", "{load h1 load }0 {load h2 load }1"},
		{"round(load:load / 7, 0.1)", "{load h1 load }4.3 {load h2 load }5.7"},
		{"clamp_max(load:load, 35)", "{load h1 load }30 {load h2 load }35"},
		{"clamp(load:load, 35, 37)", "{load h1 load }35 {load h2 load }37"},
		{"ceil(load:load/100) + floor(load:load/100)", "{load h1 load }1 {load h2 load }1"},
		{"absent(nothing:here{host=\"x\"})", "{x }1"},
		{"absent(load:load)", ""},
		{"scalar(load:load)", "{}nan"},
		{"sort_desc(load:load)", "{load:load load h2 load }40 {load:load load h1 load }30"},
	};
	check(cases, ARRAY_LENGTH(cases), &now, in_order);
}

/* Series 1 at 1200 s: the five rows in (900, 1200] are 26, 27, 28, 29, 30. */
static void ranges_are_computed_from_the_archive(void **state)
{
	static const struct query_case one[] = {
		{"avg_over_time(load:load{host=\"h1\"}[5m])", "{load h1 load }28"},
		{"min_over_time(load:load{host=\"h1\"}[5m])", "{load h1 load }26"},
		{"max_over_time(load:load{host=\"h1\"}[5m])", "{load h1 load }30"},
		{"sum_over_time(load:load{host=\"h1\"}[5m])", "{load h1 load }140"},
		{"count_over_time(load:load{host=\"h1\"}[5m])", "{load h1 load }5"},
		{"last_over_time(load:load{host=\"h1\"}[5m])", "{load:load load h1 load }30"},
		{"present_over_time(load:load{host=\"h1\"}[5m])", "{load h1 load }1"},
		{"stddev_over_time(load:load{host=\"h1\"}[5m])", "{load h1 load }1.41421"},
		{"quantile_over_time(0.5, load:load{host=\"h1\"}[5m])", "{load h1 load }28"},
		{"changes(load:load{host=\"h1\"}[5m])", "{load h1 load }4"},
		{"deriv(load:load{host=\"h1\"}[5m]) * 60", "{load h1 load }1"},
		{"delta(load:load{host=\"h1\"}[5m])", "{load h1 load }5"},
		{"avg_over_time(load:load{host=\"h1\"}[5m] offset 5m)", "{load h1 load }23"},
	};
	check(one, ARRAY_LENGTH(one), &now, in_order);
	static const uint32_t up[] = {4};
	static const struct query_case rates[] = {
		{"rate(if_eth0:up[5m])", "{up h1 if_eth0 }58"},
		{"increase(if_eth0:up[5m])", "{up h1 if_eth0 }17400"},
		{"irate(if_eth0:up[5m])", "{up h1 if_eth0 }60"},
		{"sum by (host) (rate(if_eth0:up[5m]))", "{h1 }58"},
	};
	check(rates, ARRAY_LENGTH(rates), &now, up);
}

static void a_range_has_gaps_where_nothing_is_known(void **state)
{
	static const struct promql_question question = {
		.start_ms = 300000, .step_ms = 150000, .instants = 7};
	static const uint32_t loads[] = {1, 2};
	static const struct query_case cases[] = {
		{"load:load", "{load:load load h1 load }15,17,20,22,25,27,30 "
					  "{load:load load h2 load }25,27,30,-,-,37,40"},
		{"sum(load:load)", "{}40,44,50,22,25,64,70"},
		{"count(load:load > 20)", "{}1,1,1,1,1,2,2"},
		{"time() / 300", "{}1,1.5,2,2.5,3,3.5,4"},
	};
	check(cases, ARRAY_LENGTH(cases), &question, loads);
}

/* Kinds of refusal: CONFIG is no PromQL, NOT_FOUND is PromQL but not answered here. */
static void what_is_wrong_or_outside_is_said(void **state)
{
	static const struct {
		const char *query;
		enum error_kind kind;
		const char *reason;
	} cases[] = {
		{"", ERR_CONFIG, "an expression is missing"},
		{"1 +", ERR_CONFIG, "an expression is missing"},
		{"(1", ERR_CONFIG, "\")\" is missing"},
		{"1 1", ERR_CONFIG, "behind the end"},
		{"{}", ERR_CONFIG, "empty text"},
		{"{host=~\".*\"}", ERR_CONFIG, "empty text"},
		{"x{host}", ERR_CONFIG, "is missing"},
		{"x{host=\"a}", ERR_CONFIG, "not closed"},
		{"x{host=\"\\q\"}", ERR_CONFIG, "escape"},
		{"x{host=~\"(\"}", ERR_CONFIG, "no regular expression"},
		{"x{host=~\"(?=a)b\"}", ERR_CONFIG, "RE2"},
		{"x{host=~\"a)|(b\"}", ERR_CONFIG, "no regular expression"},
		{"x{host=~\"(a)\\\\1\"}", ERR_CONFIG, "RE2"},
		{"x{host=~\"(*LIMIT_MATCH=9)a\"}", ERR_CONFIG, "RE2"},
		{"x[0s]", ERR_CONFIG, "duration"},
		{"x[5q]", ERR_CONFIG, "duration"},
		{"x[5m", ERR_CONFIG, "\"]\" is missing"},
		{"x[5m] + 1", ERR_CONFIG, "numbers or vectors"},
		{"1 < 2", ERR_CONFIG, "bool"},
		{"1 and 2", ERR_CONFIG, "vectors on both sides"},
		{"x + bool y", ERR_CONFIG, "behind a comparison"},
		{"x * group_left y", ERR_CONFIG, "on() or ignoring()"},
		{"sum(1)", ERR_CONFIG, "one vector"},
		{"topk(x)", ERR_CONFIG, "(number, vector)"},
		{"rate(x)", ERR_CONFIG, "not of the kind"},
		{"abs(1)", ERR_CONFIG, "not of the kind"},
		{"abs()", ERR_CONFIG, "is missing"},
		{"0x1F", ERR_CONFIG, "cannot be read"},
		{"rate(x[5m:1m])", ERR_NOT_FOUND, "subqueries"},
		{"sum(x)[5m:]", ERR_NOT_FOUND, "subqueries"},
		{"x @ 100", ERR_NOT_FOUND, "\"@\""},
		{"histogram_quantile(0.9, x)", ERR_NOT_FOUND, "histogram_quantile() is not answered here"},
		{"rate(load:load[5m])", ERR_NOT_FOUND, "gauge"},
		{"{service=\"if_eth0\"} + on(host) {service=\"if_eth0\"}", ERR_NOT_FOUND, "group_left"},
		{"load:load + on(host) group_left {service=\"if_eth0\"}", ERR_NOT_FOUND, "group_left"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct error err = {0};
		g_autofree char *answer = ask(cases[i].query, &now, in_order, &err);
		if (answer || err.kind != cases[i].kind || !strstr(err.text, cases[i].reason)) {
			fail_msg("%s: %s %d %s", cases[i].query, answer ? answer : "refused:", (int)err.kind,
				err.text);
		}
	}
}

/* hostile 40, 53 */
static void hostile_queries_end_quickly(void **state)
{
	struct error err = {0};
	g_autoptr(GString) deep = g_string_new(NULL);
	for (int i = 0; i < 8000; i++) {
		g_string_append_c(deep, '(');
	}
	assert_null(promql_parse(deep->str, &err));
	g_autoptr(GString) wide = g_string_new("1");
	for (int i = 0; i < 5000; i++) {
		g_string_append(wide, "+1");
	}
	assert_null(promql_parse(wide->str, &err));
	g_autofree char *name = g_strnfill(250, 'a');
	struct promql_matcher *m = promql_matcher_create("host", PROMQL_LIKE, "(a+)+[bc]", &err);
	assert_false(promql_matcher_matches(m, name));
	assert_false(promql_matcher_sane(m));
	promql_matcher_destroy(m);
}

/* One expression is slow on every value but too slow on none, or there are many of them. */
static void slow_expressions_are_given_up_together(void **state)
{
	enum { MATCHERS = 40, VALUES = 200 };
	int64_t spent_us = 0;
	struct error err = {0};
	g_autoptr(GPtrArray) matchers = g_ptr_array_new();
	bool sane = true;
	for (size_t i = 0; i < MATCHERS; i++) {
		g_autofree char *pattern = g_strdup_printf("(a|b|[0-9-])*[0-9]x{%zu}", i + 1);
		struct promql_matcher *m = promql_matcher_create("host", PROMQL_LIKE, pattern, &err);
		assert_non_null(m);
		g_ptr_array_set_size(matchers, 0);
		g_ptr_array_add(matchers, m);
		for (size_t k = 0; k < VALUES; k++) {
			g_autofree char *value = g_strdup_printf("%02000zux%zu", k, i);
			assert_false(promql_matcher_matches(m, value));
		}
		bool one = promql_matchers_sane(matchers, &spent_us, &err);
		assert_true(one || err.kind == ERR_NOT_FOUND);
		assert_true(one == (promql_matcher_sane(m) && spent_us <= PROMQL_MATCHING_US));
		sane = sane && one;
		promql_matcher_destroy(m);
	}
	assert_false(sane);
}

/* What stays in place takes time as well. */
static void operators_are_paid_from_the_budget(void **state)
{
	static const struct promql_question span = {
		.start_ms = 1200000, .step_ms = 60000, .instants = PROMQL_INSTANTS_MAX};
	struct error err = {0};
	g_autoptr(GString) query = g_string_new("{host=~\"h.+\"}");
	for (int i = 0; i < 60; i++) {
		g_string_append(query, "+1");
	}
	g_autofree char *few = ask(query->str, &span, in_order, &err);
	assert_non_null(few);
	for (int i = 0; i < 60; i++) {
		g_autofree char *host = g_strdup_printf("h%d", 100 + i);
		declare(host, "load", "load", FIELD_GAUGE, 60);
	}
	uint32_t series[66];
	for (uint32_t i = 0; i < ARRAY_LENGTH(series); i++) {
		series[i] = i + 1;
	}
	g_autofree char *many = ask(query->str, &span, series, &err);
	assert_null(many);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "takes too much"));
}

static void durations_are_read(void **state)
{
	int64_t ms = 0;
	assert_int_equal(promql_read_duration("5m", &ms), 2);
	assert_int_equal(ms, 300000);
	assert_int_equal(promql_read_duration("1h30m]", &ms), 5);
	assert_int_equal(ms, 5400000);
	assert_int_equal(promql_read_duration("500ms", &ms), 5);
	assert_int_equal(ms, 500);
	static const char *const bad[] = {
		"", "5", "m", "0s", "5mm", "99999999999y", "-5m", "1000y", "773737377y"};
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		assert_int_equal(promql_read_duration(bad[i], &ms), 0);
	}
}

static void metrics_have_legal_names(void **state)
{
	char metric[PROMQL_METRIC_MAX];
	assert_string_equal(promql_metric(catalog_series(catalog, 5), metric), "disk_sd_a:read");
	assert_string_equal(promql_metric(catalog_series(catalog, 6), metric), "_9p:x");
}

static void every_function_is_described(void **state)
{
	for (size_t i = 0; i < promql_function_count(); i++) {
		const struct promql_function *f = promql_function_at(i);
		assert_true(*f->help && (f->map != NULL) + (f->over != NULL) + (f->special != NULL) == 1);
		assert_ptr_equal(promql_function_find(f->name), f);
	}
	for (size_t i = 0; i < promql_aggregation_count(); i++) {
		assert_true(*promql_aggregation_at(i)->help);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers_follow_precedence, setup, teardown),
		cmocka_unit_test_setup_teardown(selectors_match_labels, setup, teardown),
		cmocka_unit_test_setup_teardown(operators_match_series, setup, teardown),
		cmocka_unit_test_setup_teardown(aggregations_group_by_labels, setup, teardown),
		cmocka_unit_test_setup_teardown(ranges_are_computed_from_the_archive, setup, teardown),
		cmocka_unit_test_setup_teardown(a_range_has_gaps_where_nothing_is_known, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_wrong_or_outside_is_said, setup, teardown),
		cmocka_unit_test(hostile_queries_end_quickly),
		cmocka_unit_test(slow_expressions_are_given_up_together),
		cmocka_unit_test_setup_teardown(operators_are_paid_from_the_budget, setup, teardown),
		cmocka_unit_test(durations_are_read),
		cmocka_unit_test_setup_teardown(metrics_have_legal_names, setup, teardown),
		cmocka_unit_test(every_function_is_described),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
