#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "web/facades/graphite_eval.h"
#include "web/facades/graphite_path.h"
#include "web/facades/graphite_time.h"
#include "web/facades/graphite_write.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

/*
 * Paths, times, targets and functions of the Graphite interface. What functions are to give was
 * computed by hand from their documentation; tests/scenario/facades.py compares with graphite-web.
 */

/* -- names -- */

static struct catalog *catalog;
static uint32_t last_series;

static void declare(const char *group, const char *host, const char *name, const char *fields)
{
	struct service *service = service_create(group, host, name, 10);
	g_auto(GStrv) names = g_strsplit(fields, " ", 0);
	for (size_t i = 0; names[i]; i++) {
		service_add_field(service, names[i], names[i], FIELD_GAUGE);
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
	declare("example.org", "web1.example.org", "load", "load");       /* 1 */
	declare("example.org", "web1.example.org", "if_eth0", "down up"); /* 2 3 */
	declare("example.org", "web2", "load", "load");                   /* 4 */
	declare("Grp/Sub", "db1", "diskstats_iops.vda", "rdio wrio");     /* 5 6 */
	declare("Grp/Sub", "db1", "diskstats_iops", "total");             /* 7 */
	return 0;
}

static int teardown(void **state)
{
	catalog_destroy(catalog);
	return 0;
}

static void list_node(void *owner, const struct graphite_node *node)
{
	g_string_append_printf(owner, "%s%s ", node->path, node->field ? "" : "/");
}

static void patterns_find_places_of_the_tree(void **state)
{
	static const struct {
		const char *pattern, *found;
	} cases[] = {
		{"*", "Grp/ example_org/ "},
		{"Grp.*", "Grp.Sub/ "},
		{"Grp.Sub.db1.*", "Grp.Sub.db1.diskstats_iops/ "},
		{"Grp.Sub.db1.diskstats_iops.*",
			"Grp.Sub.db1.diskstats_iops.total Grp.Sub.db1.diskstats_iops.vda/ "},
		{"Grp.Sub.db1.diskstats_iops.vda.{rdio,wrio}",
			"Grp.Sub.db1.diskstats_iops.vda.rdio Grp.Sub.db1.diskstats_iops.vda.wrio "},
		{"example_org.*.load.load",
			"example_org.web1_example_org.load.load example_org.web2.load.load "},
		{"example_org.web[2-9].load.load", "example_org.web2.load.load "},
		{"example_org.web[!2]*.load.load", "example_org.web1_example_org.load.load "},
		{"example_org.web?.load.load", "example_org.web2.load.load "},
		{"example_org.w*1*.if_*.u?", "example_org.web1_example_org.if_eth0.up "},
		{"{Grp,example_org}.{Sub,web2}", "Grp.Sub/ example_org.web2/ "},
		{"example_org.web2.load.load.more", ""},
		{"example_org.web1.load.load", ""},
		{"example_org.{web2,web2,w*2}.load.load", "example_org.web2.load.load "},
		{"nothing", ""},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct error err = {0};
		GString *out = g_string_new(NULL);
		AUTO(graphite_pattern) pattern = graphite_pattern_parse(cases[i].pattern, &err);
		if (!pattern) {
			fail_msg("%s: %s", cases[i].pattern, err.text);
		}
		graphite_find(catalog, pattern, false, list_node, out);
		if (strcmp(out->str, cases[i].found)) {
			fail_msg("%s: %s", cases[i].pattern, out->str);
		}
		g_string_free(out, TRUE);
	}
}

static void the_path_of_a_series_finds_it(void **state)
{
	for (uint32_t id = 1; id <= last_series; id++) {
		const struct field *field = catalog_series(catalog, id);
		g_autofree char *path = graphite_path(field);
		GString *out = g_string_new(NULL);
		AUTO(graphite_pattern) pattern = graphite_pattern_parse(path, NULL);
		graphite_find(catalog, pattern, false, list_node, out);
		g_strchomp(out->str);
		assert_string_equal(out->str, path);
		g_string_free(out, TRUE);
	}
}

/* Both series are there; neither hides the other. */
static void names_with_the_same_path_are_all_found(void **state)
{
	declare("example.org", "web1_example.org", "load", "load");
	GString *out = g_string_new(NULL);
	AUTO(graphite_pattern) leaves = graphite_pattern_parse("example_org.web1*.load.load", NULL);
	graphite_find(catalog, leaves, false, list_node, out);
	assert_string_equal(out->str, "example_org.web1_example_org.load.load "
								  "example_org.web1_example_org.load.load ");
	g_string_truncate(out, 0);
	AUTO(graphite_pattern) branches = graphite_pattern_parse("example_org.*", NULL);
	graphite_find(catalog, branches, false, list_node, out);
	assert_string_equal(out->str, "example_org.web1_example_org/ example_org.web2/ ");
	g_string_free(out, TRUE);
}

/* hostile 40, 53 */
static void hostile_patterns_are_refused_or_cheap(void **state)
{
	static const char *const bad[] = {"", "a..b", ".a", "a.", "a[", "a[]", "a[!]", "a{b", "a}b",
		"a{b{c}d}", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s",
		"{a,b,c,d}{a,b,c,d}{a,b,c,d}{a,b,c,d}{a,b,c,d}", "*{a,b,c,d}{a,b,c,d}{a,b,c,d}"};
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		struct error err = {0};
		AUTO(graphite_pattern) pattern = graphite_pattern_parse(bad[i], &err);
		if (pattern) {
			fail_msg("%s is taken", bad[i]);
		}
		assert_int_equal(err.kind, ERR_CONFIG);
	}
	char text[GRAPHITE_PATTERN_MAX + 2];
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_null(graphite_pattern_parse(text, NULL));
	g_autofree char *name = g_strnfill(65536, 'a');
	AUTO(graphite_pattern) slow = graphite_pattern_parse("*a*a*a*a*a*a*a*a*a*b", NULL);
	assert_false(graphite_part_matches(slow, 0, name));
}

static void ignore_node(void *owner, const struct graphite_node *node)
{
}

/* Nothing is found, so no series are counted: the looking is. */
static void looking_for_nothing_has_a_limit(void **state)
{
	enum { HOSTS = 200 };
	struct error err = {0};
	for (unsigned i = 0; i < HOSTS; i++) {
		g_autofree char *host = g_strdup_printf("h%u", i);
		declare("many", host, "load", "load");
	}
	AUTO(graphite_pattern) plain = graphite_pattern_parse("*.*.*.nothing", NULL);
	AUTO(graphite_pattern)
	long_set = graphite_pattern_parse(
		"many.*.load.*[bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb]", NULL);
	size_t cheap = graphite_find(catalog, plain, false, ignore_node, NULL);
	assert_true(cheap >= HOSTS && cheap < 10 * HOSTS);
	assert_true(graphite_find(catalog, long_set, false, ignore_node, NULL) > cheap);
	struct graphite_question question = {.from_s = 0, .to_s = 60};
	struct graphite_targets *targets = graphite_targets_create(&question);
	g_autoptr(GString) text = g_string_new("group(*.*.*.nothing");
	for (unsigned i = 0; i < 900; i++) {
		g_string_append(text, ",*.*.*.n*");
	}
	g_string_append_c(text, ')');
	bool taken = true;
	unsigned count = 0;
	for (; taken && count < 60; count++) {
		taken = graphite_targets_add(targets, catalog, text->str, &err);
	}
	assert_false(taken);
	assert_in_range(count, 2, 59);
	assert_non_null(strstr(err.text, "too long to be found"));
	graphite_targets_destroy(targets);
}

/* -- times -- */

static void times_are_read_as_graphite_does(void **state)
{
	enum { NOW = 1700000000 }; /* Tue 2023-11-14 22:13:20 UTC */
	static const struct {
		const char *text;
		int64_t value_s;
	} cases[] = {
		{"now", NOW},
		{"-1h", NOW - 3600},
		{"-90s", NOW - 90},
		{"-5min", NOW - 300},
		{"-5minutes", NOW - 300},
		{"-1mon", NOW - 30 * 86400},
		{"-2weeks", NOW - 14 * 86400},
		{"-1y", NOW - 365 * 86400},
		{"-1d12h", NOW - 36 * 3600},
		{"now-1d", NOW - 86400},
		{"now+1h", NOW + 3600},
		{"1699999999", 1699999999},
		{"0", 0},
		{"today", 1699920000},
		{"midnight", 1699920000},
		{"noon", 1699920000 + 12 * 3600},
		{"yesterday", 1699920000 - 86400},
		{"tomorrow", 1699920000 + 86400},
		{"midnight-1d", 1699920000 - 86400},
		{"noon_yesterday", 1699920000 - 12 * 3600},
		{"6pm_today", 1699920000 + 18 * 3600},
		{"12am", 1699920000},
		{"20231114", 1699920000},
		{"04:00_20231113", 1699920000 - 86400 + 4 * 3600},
		{"04:05 20231113", 1699920000 - 86400 + 4 * 3600 + 300},
		{"11/14/23", 1699920000},
		{"2023-11-14T22:13:20Z", NOW},
	};
	static const char *const bad[] = {"", "-", "soon", "-1", "-1x", "-1h2", "25:00_today",
		"20230231", "now-99999999999999999999s", "-9999999999y", "today today", "12:00 12:00",
		"now-1d-", "1e9", "99999999999999999999", "\xff"};
	g_autoptr(GTimeZone) zone = g_time_zone_new_utc();
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		int64_t value = -1;
		if (!graphite_time_parse(cases[i].text, NOW, zone, &value) || value != cases[i].value_s) {
			fail_msg("%s: %lld", cases[i].text, (long long)value);
		}
	}
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		int64_t value = -1;
		if (graphite_time_parse(bad[i], NOW, zone, &value)) {
			fail_msg("%s: %lld", bad[i], (long long)value);
		}
	}
}

/* hostile 53: a name that is a path would have the file opened, and a pipe waited for */
static void zones_are_names_and_no_files(void **state)
{
	static const char *const good[] = {"", "UTC", "Europe/Berlin", "Etc/GMT+3", "+02:00"};
	g_autofree char *directory = g_dir_make_tmp("magpie-zone-XXXXXX", NULL);
	g_autofree char *pipe = g_build_filename(directory, "pipe", NULL);
	g_autofree char *up = g_strconcat("../../..", pipe, NULL);
	const char *const bad[] = {pipe, up, "/usr/share/zoneinfo/UTC", "../zoneinfo/UTC",
		"Europe/../UTC", "zone.tab", "Nowhere/There", "UTC\n", "\xff"};
	assert_int_equal(mkfifo(pipe, 0600), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
		g_autoptr(GTimeZone) zone = graphite_zone(good[i]);
		assert_non_null(zone);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		g_autoptr(GTimeZone) zone = graphite_zone(bad[i]);
		if (zone) {
			fail_msg("%s is taken", bad[i]);
		}
	}
	unlink(pipe);
	rmdir(directory);
}

/* -- targets -- */

/* A fake archive: series 1 has 0, 1, 2 …, series 4 is ten times that and unknown at 3, others 100.
 */
static void fill(struct basket *basket, int64_t from_s, int64_t to_s)
{
	for (size_t i = 0; i < basket_count(basket); i++) {
		struct basket_column *c = (struct basket_column *)(uintptr_t)basket_column(basket, i);
		c->t0_s = from_s;
		c->step_s = 10;
		c->rows = (size_t)((to_s - from_s) / 10);
		c->values = g_new(double, c->rows);
		for (size_t row = 0; row < c->rows; row++) {
			c->values[row] = i == 1 ? (row == 3 ? NAN : 10.0 * (double)row) : i ? 100 : (double)row;
		}
	}
}

/* The answer of a target over (1000, 1060], as "NAME=v v v;". */
static char *evaluate(const char *target, size_t points, struct error *err)
{
	struct graphite_question question = {.from_s = 1000, .to_s = 1060, .points = points};
	size_t held = 0;
	AUTO(graphite_targets) targets = graphite_targets_create(&question);
	AUTO(basket) basket = basket_create(&held);
	if (!graphite_targets_add(targets, catalog, target, err) ||
		!graphite_targets_plan(targets, basket, err)) {
		return NULL;
	}
	fill(basket, 1000, 1060);
	g_autoptr(GPtrArray) list = graphite_targets_evaluate(targets, basket, err);
	GString *out = g_string_new(NULL);
	for (guint i = 0; list && i < list->len; i++) {
		const struct graphite_series *s = list->pdata[i];
		g_string_append_printf(out, "%s=", s->name);
		for (size_t row = 0; row < s->rows; row++) {
			char text[G_ASCII_DTOSTR_BUF_SIZE];
			g_ascii_formatd(text, sizeof(text), "%.6g", s->values[row]);
			g_string_append_printf(out, "%s%s", row ? " " : "", isnan(s->values[row]) ? "U" : text);
		}
		g_string_append_c(out, ';');
	}
	return g_string_free(out, !list);
}

#define LOADS "example_org.*.load.load"
#define ONE   "example_org.web1_example_org.load.load"

static void functions_compute_what_is_documented(void **state)
{
	static const struct {
		const char *target, *answer;
	} cases[] = {
		{ONE, ONE "=0 1 2 3 4 5;"},
		{LOADS, ONE "=0 1 2 3 4 5;example_org.web2.load.load=0 10 20 U 40 50;"},
		{"scale(" ONE ",2)", "scale(" ONE ",2)=0 2 4 6 8 10;"},
		{"scale(" ONE ", factor=0.5)", "scale(" ONE ",0.5)=0 0.5 1 1.5 2 2.5;"},
		{"offset(" ONE ",-1)", "offset(" ONE ",-1)=-1 0 1 2 3 4;"},
		{"absolute(offset(" ONE ",-2))", "absolute(offset(" ONE ",-2))=2 1 0 1 2 3;"},
		{"alias(" ONE ",'x y')", "x y=0 1 2 3 4 5;"},
		{"aliasByNode(" LOADS ",1)", "web1_example_org=0 1 2 3 4 5;web2=0 10 20 U 40 50;"},
		{"aliasByNode(" ONE ",0,-1)", "example_org.load=0 1 2 3 4 5;"},
		{"aliasByNode(" ONE ",'host',9)", "web1.example.org.=0 1 2 3 4 5;"},
		{"aliasByMetric(" ONE ")", "load=0 1 2 3 4 5;"},
		{"aliasSub(alias(" ONE ",'a-b'),'-','+')", "a+b=0 1 2 3 4 5;"},
		{"sumSeries(" LOADS ")", "sumSeries(" LOADS ")=0 11 22 3 44 55;"},
		{"sum(" LOADS "," ONE ")", "sumSeries(" LOADS "," ONE ")=0 12 24 6 48 60;"},
		{"averageSeries(" LOADS ")", "averageSeries(" LOADS ")=0 5.5 11 3 22 27.5;"},
		{"avg(" LOADS ")", "averageSeries(" LOADS ")=0 5.5 11 3 22 27.5;"},
		{"minSeries(" LOADS ")", "minSeries(" LOADS ")=0 1 2 3 4 5;"},
		{"maxSeries(" LOADS ")", "maxSeries(" LOADS ")=0 10 20 3 40 50;"},
		{"diffSeries(" LOADS ")", "diffSeries(" LOADS ")=0 -9 -18 3 -36 -45;"},
		{"multiplySeries(" LOADS ")", "multiplySeries(" LOADS ")=0 10 40 U 160 250;"},
		{"aliasByNode(divideSeries(" LOADS "," ONE "),1)",
			"web1_example_org=U 1 1 1 1 1;web2=U 10 10 U 10 10;"},
		{"groupByNode(" LOADS ",2,'sum')", "load=0 11 22 3 44 55;"},
		{"group(" ONE "," ONE ")", ONE "=0 1 2 3 4 5;" ONE "=0 1 2 3 4 5;"},
		{"limit(" LOADS ",1)", ONE "=0 1 2 3 4 5;"},
		{"limit(" LOADS ",0)", ""},
		{"aliasByNode(sortByName(" LOADS ",reverse=true),1)",
			"web2=0 10 20 U 40 50;web1_example_org=0 1 2 3 4 5;"},
		{"derivative(" ONE ")", "derivative(" ONE ")=U 1 1 1 1 1;"},
		{"nonNegativeDerivative(scale(" ONE ",-1))",
			"nonNegativeDerivative(scale(" ONE ",-1))=U U U U U U;"},
		{"alias(perSecond(" LOADS "),'p')", "p=U 0.1 0.1 0.1 0.1 0.1;p=U 1 1 U U 1;"},
		{"alias(keepLastValue(" LOADS "),'k')", "k=0 1 2 3 4 5;k=0 10 20 20 40 50;"},
		{"alias(keepLastValue(" LOADS ",0),'k')", "k=0 1 2 3 4 5;k=0 10 20 U 40 50;"},
		{"constantLine(7.50)", "7.50=7.5 7.5;"},
		{"group(" ONE ",constantLine(-1))", ONE "=0 1 2 3 4 5;-1=-1 -1 -1 -1 -1 -1;"},
		{"threshold(3,'hot','red')", "hot=3 3;"},
		{"timeShift(" ONE ",'10s')", "timeShift(" ONE ", \"-10s\")=U 0 1 2 3 4;"},
		{"movingAverage(" ONE ",2)", "movingAverage(" ONE ",2)=U 0 0.5 1.5 2.5 3.5;"},
		{"movingAverage(" ONE ",'30s')", "movingAverage(" ONE ",\"30s\")=U 0 0.5 1 2 3;"},
		{"movingAverage(" ONE ",2,1)", "movingAverage(" ONE ",2)=U U 0.5 1.5 2.5 3.5;"},
		{"consolidateBy(" ONE ",'max')", "consolidateBy(" ONE ",\"max\")=0 1 2 3 4 5;"},
		{"no.such.series", ""},
		{"sumSeries(no.such)", ""},
		{" sumSeries (\n" LOADS " ) ", "sumSeries(" LOADS ")=0 11 22 3 44 55;"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct error err = {0};
		g_autofree char *answer = evaluate(cases[i].target, 0, &err);
		if (!answer || strcmp(answer, cases[i].answer)) {
			fail_msg("%s: %s %s", cases[i].target, answer ? answer : "refused:", err.text);
		}
	}
}

static void points_become_fewer_by_their_own_function(void **state)
{
	static const struct {
		const char *function, *answer;
	} cases[] = {{"average", "c=0.5 2.5 4.5;"}, {"sum", "c=1 5 9;"}, {"min", "c=0 2 4;"},
		{"max", "c=1 3 5;"}, {"first", "c=0 2 4;"}, {"last", "c=1 3 5;"}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct error err = {0};
		g_autofree char *target =
			g_strdup_printf("alias(consolidateBy(" ONE ",'%s'),'c')", cases[i].function);
		g_autofree char *answer = evaluate(target, 3, &err);
		if (!answer || strcmp(answer, cases[i].answer)) {
			fail_msg("%s: %s %s", target, answer ? answer : "refused:", err.text);
		}
	}
}

/* hostile 53, 54 */
static void wrong_targets_are_refused_with_a_reason(void **state)
{
	static const struct {
		const char *target, *reason;
	} cases[] = {
		{"", "is missing"},
		{"7", "a path or a function"},
		{"'text'", "a path or a function"},
		{"scale(a.b", "at the end"},
		{"scale(a.b,2))", "behind the end"},
		{"scale(a.b,'2')", "is to be a number"},
		{"scale(2,2)", "is to be a list"},
		{"scale(a.b)", "factor is missing"},
		{"scale(a.b,1,2)", "too many arguments"},
		{"scale(a.b,size=2)", "factor is missing"},
		{"alias(a.b,\"x)", "not closed"},
		{"system(a.b)", "no function system"},
		{"limit(a.b,1.5)", "is to be a whole"},
		{"limit(" ONE ",-1)", "not negative"},
		{"movingAverage(" ONE ",0)", "from 1 to"},
		{"movingAverage(" ONE ",'x')", "is no span"},
		{"movingAverage(" ONE ",999999)", "from 1 to"},
		{"timeShift(" ONE ",'1000d')", "before 1970"},
		{"consolidateBy(" ONE ",'median')", "one of average"},
		{"groupByNode(" ONE ",1,'median')", "no way"},
		{"divideSeries(" ONE "," LOADS ")", "one series"},
		{"aliasSub(" ONE ",'(.*)','')", "no patterns"},
		{"a..b", "empty part"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct error err = {0};
		g_autofree char *answer = evaluate(cases[i].target, 0, &err);
		if (answer || !strstr(err.text, cases[i].reason)) {
			fail_msg("%s: %s %s", cases[i].target, answer ? answer : "refused:", err.text);
		}
		assert_int_equal(err.kind, ERR_CONFIG);
	}
	g_autoptr(GString) deep = g_string_new(NULL);
	for (int i = 0; i < 5000; i++) {
		g_string_append(deep, "a(");
	}
	assert_null(graphite_parse(deep->str, NULL));
	g_autoptr(GString) wide = g_string_new("group(");
	for (int i = 0; i < 2000; i++) {
		g_string_append(wide, "a,");
	}
	g_string_append(wide, "a)");
	assert_null(graphite_parse(wide->str, NULL));
}

/* Times are written once for series of the same rows. */
static void tables_have_the_time_of_each_row(void **state)
{
	static double values[] = {1, NAN};
	struct graphite_series series[] = {{.name = (char *)"a", .rows = 2, .values = values},
		{.name = (char *)"=b", .rows = 2, .values = values},
		{.name = (char *)"c", .t0_s = 3600, .rows = 1, .values = values}};
	g_autoptr(GTimeZone) zone = g_time_zone_new_utc();
	g_autoptr(GPtrArray) list = g_ptr_array_new();
	g_autoptr(GString) out = g_string_new(NULL);
	struct graphite_answer answer = {.series = list, .step_s = 60, .title = "", .zone = zone};
	for (size_t i = 0; i < ARRAY_LENGTH(series); i++) {
		g_ptr_array_add(list, &series[i]);
	}
	graphite_write_csv(&answer, out);
	assert_string_equal(out->str, "\"a\",1970-01-01 00:01:00,1\r\n\"a\",1970-01-01 00:02:00,\r\n"
								  "\"'=b\",1970-01-01 00:01:00,1\r\n"
								  "\"'=b\",1970-01-01 00:02:00,\r\n"
								  "\"c\",1970-01-01 01:01:00,1\r\n");
}

/* A picture has a handful of ticks, whatever lies between its values. */
static void pictures_of_extreme_values_stay_small(void **state)
{
	static double cases[][2] = {{8e307, -8e307}, {1.7e308, -1.7e308}, {-1e308, 0}, {1e301, 1e301},
		{0, 0}, {5e-324, -5e-324}, {1e15, 1e15 + 1}, {NAN, NAN}, {HUGE_VAL, 1}, {-1e300, 1e300},
		{1e-300, 1e300}};
	g_autoptr(GTimeZone) zone = g_time_zone_new_utc();
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct graphite_series series = {.name = (char *)"s", .rows = 2, .values = cases[i]};
		g_autoptr(GPtrArray) list = g_ptr_array_new();
		g_ptr_array_add(list, &series);
		struct graphite_answer answer = {
			.series = list, .step_s = 60, .title = "", .width = 400, .height = 300, .zone = zone};
		g_autoptr(GString) out = g_string_new(NULL);
		graphite_write_svg(&answer, out);
		if (out->len > 8192 || strstr(out->str, "inf") || strstr(out->str, "nan")) {
			fail_msg("%g to %g: %zu bytes: %.300s", cases[i][0], cases[i][1], out->len, out->str);
		}
	}
}

static void every_function_is_described(void **state)
{
	for (size_t i = 0; i < graphite_function_count(); i++) {
		const struct graphite_function *f = graphite_function_at(i);
		assert_true(*f->name && *f->help && strchr(f->parameters, ':'));
		assert_true(!i || strcmp(graphite_function_at(i - 1)->name, f->name) != 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(patterns_find_places_of_the_tree, setup, teardown),
		cmocka_unit_test_setup_teardown(the_path_of_a_series_finds_it, setup, teardown),
		cmocka_unit_test_setup_teardown(names_with_the_same_path_are_all_found, setup, teardown),
		cmocka_unit_test(hostile_patterns_are_refused_or_cheap),
		cmocka_unit_test_setup_teardown(looking_for_nothing_has_a_limit, setup, teardown),
		cmocka_unit_test(times_are_read_as_graphite_does),
		cmocka_unit_test(zones_are_names_and_no_files),
		cmocka_unit_test_setup_teardown(functions_compute_what_is_documented, setup, teardown),
		cmocka_unit_test_setup_teardown(points_become_fewer_by_their_own_function, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_targets_are_refused_with_a_reason, setup, teardown),
		cmocka_unit_test(tables_have_the_time_of_each_row),
		cmocka_unit_test(pictures_of_extreme_values_stay_small),
		cmocka_unit_test(every_function_is_described),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
