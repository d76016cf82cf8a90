#include "collector/scrape.h"
#include "model/config_hosts.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/number.h"
#include "collector/metric.h"
#include "collector/metric_map.h"

#include "base/banned.h"

/*
 * Answers of exporters go into a scrape; what the target's feeds are then is told as lines
 * "service:field TYPE unit value", sorted.
 */
struct stage {
	struct world world;
	struct config_host host;
	struct config_source settings;
	struct target *target;
	struct scrape *scrape;
	int64_t now_ms;
	GString *ended;
};

static void on_samples(
	void *owner, struct target *target, struct source *source, struct feed *feed, struct wall at)
{
	(void)target;
	(void)source;
	(void)at;
	struct stage *st = owner;
	if (feed && feed->ended) {
		g_string_append_printf(st->ended, "%s ", feed->declaration->service->name);
	}
}

static void on_done(void *owner, struct target *target, const struct target_result *result)
{
	(void)owner;
	(void)target;
	(void)result;
}

static const struct target_sink sink = {on_samples, on_done};

static GPtrArray *texts(const char *list)
{
	GPtrArray *array = g_ptr_array_new_with_free_func(g_free);
	g_auto(GStrv) parts = g_strsplit(list, " ", -1);
	for (size_t i = 0; parts[i]; i++) {
		g_ptr_array_add(array, g_strdup(parts[i]));
	}
	return array;
}

static void stage_begin(struct stage *st, const char *select, const char *labels, const char *map)
{
	*st = (struct stage){.now_ms = 1700000000000, .ended = g_string_new(NULL)};
	st->host = (struct config_host){.name = (char *)"web1", .group = (char *)"g"};
	st->settings = (struct config_source){.kind = CONFIG_SOURCE_EXPORTER,
		.name = (char *)"node",
		.id = (char *)"web1/exporter/node",
		.host = &st->host,
		.interval_s = 10,
		.timeout_s = 5};
	struct config_exporter *exporter = &st->settings.exporter;
	exporter->url = (char *)"http://127.0.0.1:1/metrics";
	exporter->select = select ? texts(select) : NULL;
	exporter->labels = labels ? texts(labels) : NULL;
	exporter->map = map ? texts(map) : NULL;
	st->target = target_create(&st->settings, &st->world, &sink, st);
	st->scrape = scrape_create(exporter, "node", NULL);
	assert_non_null(st->scrape);
}

static void stage_end(struct stage *st)
{
	struct config_exporter *exporter = &st->settings.exporter;
	scrape_destroy(st->scrape);
	target_destroy(st->target);
	GPtrArray *lists[] = {exporter->select, exporter->labels, exporter->map, exporter->drop};
	for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
		if (lists[i]) {
			g_ptr_array_unref(lists[i]);
		}
	}
	g_string_free(st->ended, TRUE);
}

/* 10 s after the last one. */
static bool take(struct stage *st, const char *text, struct error *err)
{
	st->now_ms += 10000;
	source_begin(&st->target->source);
	return scrape_take(st->scrape, st->target, text, strlen(text), OPENMETRICS_TEXT,
		(struct wall){st->now_ms}, err);
}

static int line_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *told(const struct stage *st)
{
	g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
	for (size_t i = 0; i < st->target->source.feeds->len; i++) {
		const struct feed *feed = st->target->source.feeds->pdata[i];
		const struct service *service = feed->declaration->service;
		for (size_t f = 0; f < service_field_count(service); f++) {
			const struct field *field = service_field(service, f);
			char number[NUMBER_TEXT];
			number_format(feed->values[f], number);
			g_ptr_array_add(lines, g_strdup_printf("%s:%s %s %s %s\n", service->name, field->name,
									   field_type_name((enum field_type)field->type),
									   attributes_or(&field->attributes, "unit", "-"), number));
		}
	}
	qsort(lines->pdata, lines->len, sizeof(lines->pdata[0]), line_compare);
	GString *all = g_string_new(NULL);
	for (size_t i = 0; i < lines->len; i++) {
		g_string_append(all, lines->pdata[i]);
	}
	return g_string_free(all, FALSE);
}

static void metrics_become_services_and_labels_fields(void **state)
{
	(void)state;
	static const struct {
		const char *select, *labels, *map, *text, *told;
	} cases[] = {
		{NULL, NULL, NULL, "node_load1 0.5\n", "node_load1:value GAUGE - 0.5\n"},
		{NULL, NULL, NULL, "# TYPE a_total counter\na_total{b=\"x\"} 5\n",
			"a_total:x DERIVE 1/s 5\n"},
		/* seconds of counters are kept as whole milliseconds */
		{NULL, NULL, NULL,
			"# TYPE c_seconds_total counter\nc_seconds_total{cpu=\"0\",mode=\"idle\"} 1.5\n",
			"c_seconds_total:cpu0_idle DERIVE ms/s 1500\n"},
		{NULL, NULL, NULL, "# TYPE m_bytes gauge\nm_bytes 7\n", "m_bytes:value GAUGE B 7\n"},
		{NULL, NULL, NULL, "# TYPE t_celsius gauge\nt_celsius{s=\"a b\"} 41.5\n",
			"t_celsius:a_b GAUGE C 41.5\n"},
		/* the order of labels in the text does not count */
		{NULL, NULL, NULL, "a{z=\"q\",b=\"p\"} 1\n", "a:p_q GAUGE - 1\n"},
		/* hostile 8: two that are cleaned to the same name */
		{NULL, NULL, NULL, "a{d=\"x/y\"} 1\na{d=\"x_y\"} 2\n",
			"a:x_y GAUGE - 1\na:x_y_cbdbf807 GAUGE - 2\n"},
		/* hostile 9 */
		{NULL, NULL, NULL, "a{d=\"__proto__\"} 1\n", "a:d__proto__ GAUGE - 1\n"},
		{NULL, NULL, NULL, "a{d=\"\"} 1\n", "a:d GAUGE - 1\n"},
		{NULL, NULL, NULL, "a:b 1\na_b 2\n", "a_b:value GAUGE - 1\na_b_e2300e48:value GAUGE - 2\n"},
		{"b* c", NULL, NULL, "a 1\nb1 2\nb2 3\nc 4\nd 5\n",
			"b1:value GAUGE - 2\nb2:value GAUGE - 3\nc:value GAUGE - 4\n"},
		/* labels that do not count: what is alike without them adds up */
		{NULL, "mode", NULL,
			"a{cpu=\"0\",mode=\"u\"} 1\na{cpu=\"1\",mode=\"u\"} 2\na{cpu=\"1\",mode=\"i\"} 4\n",
			"a:i GAUGE - 4\na:u GAUGE - 3\n"},
		{"none", NULL, "l1=load:load1 l{x=5*,y=\"b\"}=load:l5",
			"l1 1\nl{x=\"55\",y=\"b\"} 2\nl{x=\"4\",y=\"b\"} 3\n",
			"load:l5 GAUGE - 2\nload:load1 GAUGE - 1\n"},
		/* what carries no measure */
		{NULL, NULL, NULL, "go_info{v=\"1\"} 1\na 1\n", "a:value GAUGE - 1\n"},
		/* histograms: rates of count, sum and buckets, and the mean */
		{NULL, NULL, NULL,
			"# TYPE h_seconds histogram\nh_seconds_bucket{le=\"0.1\"} 1\n"
			"h_seconds_bucket{le=\"+Inf\"} 2\nh_seconds_sum 3.5\nh_seconds_count 2\n",
			"h_seconds_bucket:le0_1 DERIVE 1/s 1\nh_seconds_bucket:le_Inf DERIVE 1/s 2\n"
			"h_seconds_count:value DERIVE 1/s 2\nh_seconds_mean:value GAUGE s U\n"
			"h_seconds_sum:value DERIVE ms/s 3500\n"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct stage st;
		stage_begin(&st, cases[i].select, cases[i].labels, cases[i].map);
		assert_true(take(&st, cases[i].text, NULL));
		g_autofree char *all = told(&st);
		assert_string_equal(all, cases[i].told);
		stage_end(&st);
	}
}

static void the_mean_is_that_of_the_last_round(void **state)
{
	(void)state;
	struct stage st;
	stage_begin(&st, NULL, NULL, NULL);
	static const struct {
		const char *text, *mean;
	} rounds[] = {
		{"# TYPE s summary\ns_sum{a=\"x\"} 10\ns_count{a=\"x\"} 5\n", "s_mean:x GAUGE - U\n"},
		{"# TYPE s summary\ns_sum{a=\"x\"} 16\ns_count{a=\"x\"} 8\n", "s_mean:x GAUGE - 2\n"},
		{"# TYPE s summary\ns_sum{a=\"x\"} 16\ns_count{a=\"x\"} 8\n", "s_mean:x GAUGE - U\n"},
		/* the exporter was restarted: no mean of before and after */
		{"# TYPE s summary\ns_sum{a=\"x\"} 1\ns_count{a=\"x\"} 1\n", "s_mean:x GAUGE - U\n"},
		{"# TYPE s summary\ns_sum{a=\"x\"} 4\ns_count{a=\"x\"} 2\n", "s_mean:x GAUGE - 3\n"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rounds); i++) {
		assert_true(take(&st, rounds[i].text, NULL));
		g_autofree char *all = told(&st);
		assert_non_null(strstr(all, rounds[i].mean));
	}
	stage_end(&st);
}

static void series_that_vanish_are_unknown_and_end_later(void **state)
{
	(void)state;
	struct stage st;
	stage_begin(&st, NULL, NULL, NULL);
	assert_true(take(&st, "a{x=\"p\"} 1\na{x=\"q\"} 2\nb 3\n", NULL));
	assert_true(take(&st, "a{x=\"q\"} 2\n", NULL));
	g_autofree char *soon = told(&st);
	assert_string_equal(soon, "a:p GAUGE - U\na:q GAUGE - 2\nb:value GAUGE - U\n");
	assert_int_equal(scrape_series(st.scrape), 3);
	assert_int_equal(scrape_present(st.scrape), 1);
	st.now_ms += SCRAPE_FORGET_MS;
	assert_true(take(&st, "a{x=\"q\"} 2\n", NULL));
	g_autofree char *late = told(&st);
	assert_string_equal(late, "a:q GAUGE - 2\n");
	assert_string_equal(st.ended->str, "b ");
	assert_int_equal(scrape_series(st.scrape), 1);
	assert_true(take(&st, "b 4\n", NULL)); /* and may come again */
	g_autofree char *again = told(&st);
	assert_string_equal(again, "a:q GAUGE - U\nb:value GAUGE - 4\n");
	stage_end(&st);
}

static void values_of_another_time_are_unknown(void **state)
{
	(void)state;
	struct stage st;
	stage_begin(&st, NULL, NULL, NULL);
	g_autofree char *text = g_strdup_printf(
		"a 1 %lld\nb 2 %lld\nc 3 %lld\nd 4 0\ne 5 99999999999999999999\n", (long long)st.now_ms,
		(long long)st.now_ms - SCRAPE_OLD_MS, (long long)st.now_ms + 90000);
	assert_true(take(&st, text, NULL));
	g_autofree char *all = told(&st); /* hostile 19 */
	assert_string_equal(
		all, "a:value GAUGE - 1\nb:value GAUGE - U\nc:value GAUGE - U\nd:value GAUGE - U\n");
	stage_end(&st);
}

/* hostile 24: an exporter that invents series */
static void series_have_an_end(void **state)
{
	(void)state;
	struct stage st;
	struct target_complaint complaints[TARGET_COMPLAINTS_MAX];
	stage_begin(&st, NULL, NULL, NULL);
	for (int round = 0; round < 3; round++) {
		g_autoptr(GString) text = g_string_new(NULL);
		for (int i = 0; i < 1500; i++) {
			for (int m = 0; m < 6; m++) {
				g_string_append_printf(text, "m%d{x=\"r%d_%d\"} 1\n", m, round, i);
			}
		}
		assert_true(take(&st, text->str, NULL));
		assert_true(scrape_series(st.scrape) <= SCRAPE_SERIES_MAX);
		for (size_t i = 0; i < st.target->source.feeds->len; i++) {
			assert_true(feed_count(st.target->source.feeds->pdata[i]) <= SCRAPE_FIELDS_MAX);
		}
		assert_int_equal(target_complaints(st.target, complaints, TARGET_COMPLAINTS_MAX), 1);
		assert_string_equal(complaints[0].plugin, "series");
	}
	stage_end(&st);
}

static void what_is_no_text_of_metrics_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"", "there is no metric in it"},
		{"# HELP a b\n", "there is no metric in it"},
		{"hello\n", "line 1: hello: no value"},
		{"{\"a\": 1}\n", "line 1: this is no name of a metric: \"{\"a\": 1}\""},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct stage st;
		struct error err = {.kind = ERR_NONE};
		stage_begin(&st, NULL, NULL, NULL);
		assert_false(take(&st, cases[i].text, &err));
		assert_string_equal(err.text, cases[i].error);
		assert_int_equal(err.kind, ERR_PROTOCOL);
		stage_end(&st);
	}
}

static void complaints_name_the_first_wrong_line_and_go(void **state)
{
	(void)state;
	struct stage st;
	struct target_complaint complaints[TARGET_COMPLAINTS_MAX];
	stage_begin(&st, NULL, NULL, NULL);
	assert_true(take(&st, "a 1\nb\nc x\na 2\n", NULL));
	assert_int_equal(target_complaints(st.target, complaints, TARGET_COMPLAINTS_MAX), 1);
	assert_string_equal(complaints[0].text, "line 2: b: no value; 1 more");
	assert_true(take(&st, "a 1\n", NULL));
	assert_int_equal(target_complaints(st.target, complaints, TARGET_COMPLAINTS_MAX), 0);
	assert_true(take(&st, "a 1\na 2\n", NULL));
	assert_int_equal(target_complaints(st.target, complaints, TARGET_COMPLAINTS_MAX), 1);
	assert_string_equal(complaints[0].text, "a is there twice; the first value counts");
	stage_end(&st);
}

static void rows_of_map_are_checked(void **state)
{
	(void)state;
	static const struct {
		const char *row;
		bool good;
	} cases[] = {
		{"a=b:c", true},
		{"a{x=1}=b:c", true},
		{"a{x=\"1=2\"}=b.d:c", true},
		{"a", false},
		{"=b:c", false},
		{"a=b", false},
		{"a=b:c:d", false},
		{"a={x=1}b:c", false},
		{"a{x}=b:c", false},
		{"a{x=1=b:c", false},
		{"a=../b:c", false},
		{"a=b:c d", false},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(g_free);
		struct error err = {.kind = ERR_NONE};
		g_ptr_array_add(rows, g_strdup(cases[i].row));
		struct metric_map *map = metric_map_create(rows, &err);
		assert_int_equal(map != NULL, cases[i].good);
		assert_int_equal(err.kind, cases[i].good ? ERR_NONE : ERR_CONFIG);
		metric_map_destroy(map);
	}
}

/* hostile 7: names of any length stay names */
static void long_names_are_cut_and_stay_apart(void **state)
{
	(void)state;
	struct stage st;
	stage_begin(&st, NULL, NULL, NULL);
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *many = g_strnfill(180, 'm');
	g_string_append_printf(text, "%sa{l=\"%sa\"} 1\n%sa{l=\"%sb\"} 2\n%sb{l=\"%sb\"} 3\n", many,
		many, many, many, many, many);
	assert_true(take(&st, text->str, NULL));
	assert_int_equal(st.target->source.feeds->len, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct feed *feed = st.target->source.feeds->pdata[i];
		assert_true(ident_is_service(feed->declaration->service->name));
		assert_int_equal(feed_count(feed), i == 0 ? 2 : 1);
	}
	stage_end(&st);
}

/* The exporter declares that one with other fields: values would be written beyond its feed. */
static void no_metric_becomes_the_service_of_the_exporter_itself(void **state)
{
	(void)state;
	struct stage st;
	GString *text = g_string_new(NULL);
	stage_begin(&st, NULL, NULL, "mapped_*=exporter_node:up");
	for (int i = 0; i < 100; i++) {
		g_string_append_printf(text, "exporter_node{a=\"b%d\"} 1\n", i);
	}
	g_string_append(text, "mapped_up 7\n");
	for (int round = 0; round < 2; round++) {
		assert_true(take(&st, text->str, NULL));
		struct service *own = service_create("g", "web1", SCRAPE_OWN "node", 10);
		(void)service_add_field(own, "up", "up", FIELD_GAUGE);
		const struct feed *feed = target_declare(st.target, "node", own);
		assert_int_equal(feed_count(feed), 1);
		assert_true(isnan(feed->values[0]));
	}
	assert_int_equal(scrape_series(st.scrape), 100);
	g_string_free(text, TRUE);
	stage_end(&st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_become_services_and_labels_fields),
		cmocka_unit_test(the_mean_is_that_of_the_last_round),
		cmocka_unit_test(series_that_vanish_are_unknown_and_end_later),
		cmocka_unit_test(values_of_another_time_are_unknown),
		cmocka_unit_test(series_have_an_end),
		cmocka_unit_test(what_is_no_text_of_metrics_is_refused),
		cmocka_unit_test(complaints_name_the_first_wrong_line_and_go),
		cmocka_unit_test(rows_of_map_are_checked),
		cmocka_unit_test(long_names_are_cut_and_stay_apart),
		cmocka_unit_test(no_metric_becomes_the_service_of_the_exporter_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
