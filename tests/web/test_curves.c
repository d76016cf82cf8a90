#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib.h>

#include "web/curves.h"

#include "base/banned.h"

/*
 * A small world of numbered series with three rows of values each; a graph over them, and the
 * values of one of its curves. The third row is too new to be known of everybody.
 */
enum { STEP = 10, ROWS = 3, NOW = 1000 };

static const struct {
	const char *host, *field;
	enum field_type type;
	double rows[ROWS];
} world[] = {
	{"web-1.example.com", "up", FIELD_DERIVE, {1, 2, NAN}},
	{"web-2", "up", FIELD_DERIVE, {10, NAN, NAN}},
	{"web-3", "up", FIELD_DERIVE, {100, NAN, NAN}},
	{"totals", "own", FIELD_GAUGE, {5, 6, 7}},
	{"totals", "rate", FIELD_DERIVE, {0.5, 1, 2}},
};

static struct catalog *make_world(const char *const *graph)
{
	struct catalog *catalog = catalog_create();
	struct service *made = service_create("g", "totals", "t", STEP);
	for (size_t i = 0; i < ARRAY_LENGTH(world); i++) {
		bool own = !strcmp(world[i].host, "totals");
		struct service *service = own ? made : service_create("g", world[i].host, "net", STEP);
		service_add_field(service, world[i].field, "", world[i].type)->series_id = (uint32_t)i + 1;
		if (!own) {
			catalog_declare(catalog, service, NULL);
		}
	}
	for (; *graph; graph += 3) { /* field or "", key, value */
		struct field *field = service_find_field(made, *graph);
		field = field || !**graph ? field : service_add_field(made, *graph, *graph, FIELD_GAUGE);
		assert_true(attributes_set(field ? &field->attributes : &made->attributes,
			field ? ATTRIBUTES_FIELD : ATTRIBUTES_GRAPH, graph[1], graph[2]));
	}
	catalog_declare(catalog, made, NULL);
	return catalog;
}

static void compute(const struct curves *curves, size_t index, int64_t now_s, double *out)
{
	size_t count = 0;
	const uint32_t *series = curves_series(curves, &count);
	double rows[ARRAY_LENGTH(world)][ROWS];
	double *columns[ARRAY_LENGTH(world)];
	for (size_t i = 0; i < count; i++) {
		memcpy(rows[i], world[series[i] - 1].rows, sizeof(rows[i]));
		columns[i] = rows[i];
	}
	struct archive_data data = {
		.t0_s = NOW, .step_s = STEP, .rows = ROWS, .count = count, .columns = columns};
	curves_compute(curves, index, &data, now_s, out);
}

#define GRAPH(...)                                                                                 \
	(const char *const[])                                                                          \
	{                                                                                              \
		__VA_ARGS__, NULL                                                                          \
	}
#define ALL_UP "web-1.example.com:net.up web-2:net.up web-3:net.up"

static const struct {
	const char *what;
	const char *const *graph;
	const char *id;
	bool graphed;
	int64_t now_s;
	double rows[ROWS];
	size_t series;
} cases[] = {
	{"as stored", GRAPH("own", "cdef", "own,2,*"), "totals:t:own", false, NOW, {5, 6, 7}, 1},
	{"as drawn", GRAPH("own", "cdef", "own,2,*"), "totals:t:own", true, NOW, {10, 12, 14}, 1},
	{"per minute", GRAPH("", "graph_period", "minute"), "totals:t:rate", true, NOW, {30, 60, 120},
		1},
	{"a quotient has no period", GRAPH("", "graph_period", "minute", "rate", "cdef", "rate,rate,/"),
		"totals:t:rate", true, NOW, {1, 1, 1}, 1},
	{"the result of one before", GRAPH("own", "cdef", "own,2,*", "rate", "cdef", "own,rate,+"),
		"totals:t:rate", true, NOW, {10.5, 13, 16}, 2},
	{"the raw value of one behind", GRAPH("own", "cdef", "rate,10,*", "rate", "cdef", "rate,0,*"),
		"totals:t:own", true, NOW, {5, 10, 20}, 2},
	{"a sum, unknown is 0", GRAPH("all", "sum", ALL_UP), "totals:t:all", false, NOW + 1000,
		{111, 2, 0}, 3},
	{"a sum ends where nothing is known yet", GRAPH("all", "sum", ALL_UP), "totals:t:all", true,
		NOW + 3 * STEP, {111, 2, NAN}, 3},
	{"a sum without one of its hosts", GRAPH("all", "sum", "web-2:net.up gone-1:net.up"),
		"totals:t:all", true, NOW + 1000, {10, 0, 0}, 1},
	{"a sum with an expression", GRAPH("all", "sum", ALL_UP, "all", "cdef", "all,8,*"),
		"totals:t:all", true, NOW + 1000, {888, 16, 0}, 3},
	{"globs", GRAPH("all", "sum", "web-*:net.up"), "totals:t:all", true, NOW + 1000, {111, 2, 0},
		3},
	{"a part of a stack", GRAPH("s", "stack", "one=web-1.example.com:net.up two=web-2:net:up"),
		"totals:t:two", true, NOW + 1000, {10, 0, 0}, 1},
	{"borrowed", GRAPH("", "graph_order", "b=web-1.example.com:net.up"), "totals:t:b", true, NOW,
		{1, 2, NAN}, 1},
	{"borrowed and scaled",
		GRAPH("", "graph_order", "b=web-1.example.com:net.up", "", "graph_period", "minute"),
		"totals:t:b", true, NOW, {60, 120, NAN}, 1},
	{"an expression over a hidden sum",
		GRAPH("all", "sum", ALL_UP, "all", "graph", "no", "own", "cdef", "own,all,+"),
		"totals:t:own", true, NOW + 1000, {116, 8, 7}, 4},
	{"what cannot be computed", GRAPH("own", "cdef", "own,nobody,+"), "totals:t:own", true, NOW,
		{NAN, NAN, NAN}, 0},
	{"nobody is there", GRAPH("all", "sum", "gone:net.up"), "totals:t:all", true, NOW,
		{NAN, NAN, NAN}, 0},
};

static void columns_are_what_the_graph_shows(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		AUTO(catalog) catalog = make_world(cases[i].graph);
		AUTO(curves) curves = curves_create(catalog, 100);
		double out[ROWS];
		size_t count = 0;
		assert_true(curves_add_id(curves, cases[i].id, cases[i].graphed, NULL));
		assert_int_equal(curves_count(curves), 1);
		assert_string_equal(curves_id(curves, 0), cases[i].id);
		compute(curves, 0, cases[i].now_s, out);
		(void)curves_series(curves, &count);
		assert_int_equal(count, cases[i].series);
		for (size_t row = 0; row < ROWS; row++) {
			double want = cases[i].rows[row];
			if (!(isnan(want) && isnan(out[row])) && !(fabs(out[row] - want) < 1e-9)) {
				fail_msg("%s: row %zu is %g instead of %g", cases[i].what, row, out[row], want);
			}
		}
	}
}

static void a_whole_graph_comes_in_its_order(void **state)
{
	AUTO(catalog) catalog = make_world(GRAPH("all", "sum", ALL_UP, "", "graph_order", "rate own"));
	AUTO(curves) curves = curves_create(catalog, 100);
	const struct service *graph = catalog_service(catalog, "totals", "t");
	assert_true(curves_add_graph(curves, graph, true, NULL));
	assert_true(curves_add_id(curves, "totals:t:own", true, NULL)); /* not twice */
	assert_int_equal(curves_count(curves), 3);
	assert_string_equal(curves_field(curves, 0), "all");
	assert_string_equal(curves_field(curves, 1), "rate");
	assert_string_equal(curves_field(curves, 2), "own");
	AUTO(curves) stored = curves_create(catalog, 100);
	assert_true(curves_add_graph(stored, graph, false, NULL));
	assert_int_equal(curves_count(stored), 2);
}

/* A bundle that is full takes nothing of what does not fit, and goes on working. */
static void too_many_series_are_refused_whole(void **state)
{
	AUTO(catalog) catalog = make_world(GRAPH("all", "sum", ALL_UP));
	AUTO(curves) curves = curves_create(catalog, 2);
	struct error err = {0};
	size_t count = 0;
	double out[ROWS];
	assert_false(curves_add_id(curves, "totals:t:all", true, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_int_equal(curves_count(curves), 0);
	assert_true(curves_add_id(curves, "totals:t:own", true, NULL));
	assert_true(curves_add_id(curves, "web-2:net:up", false, NULL));
	(void)curves_series(curves, &count);
	assert_int_equal(count, 2);
	compute(curves, 1, NOW, out);
	assert_true(out[0] == 10);
	assert_false(curves_add_id(curves, "nobody:net:up", false, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_false(curves_add_id(curves, "web-2:net:../x", false, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

/* hostile: each of 900 expressions reads the one before twice. */
static void a_long_chain_of_expressions_is_computed_once_each(void **state)
{
	AUTO(catalog) catalog = catalog_create();
	struct service *service = service_create("g", "h", "s", STEP);
	for (int i = 0; i < 900; i++) {
		g_autofree char *name = g_strdup_printf("f%d", i);
		g_autofree char *cdef = g_strdup_printf("f%d,f%d,+,2,/", i - 1, i - 1);
		struct field *field = service_add_field(service, name, name, FIELD_GAUGE);
		field->series_id = (uint32_t)i + 1;
		assert_true(!i || attributes_set(&field->attributes, ATTRIBUTES_FIELD, "cdef", cdef));
	}
	catalog_declare(catalog, service, NULL);
	AUTO(curves) curves = curves_create(catalog, 2);
	size_t count = 0;
	double out[ROWS];
	assert_true(curves_add_id(curves, "h:s:f899", true, NULL));
	(void)curves_series(curves, &count);
	assert_int_equal(count, 2); /* its own, and the first one's */
	double rows[2][ROWS] = {{0}, {1, 2, NAN}};
	double *columns[] = {rows[0], rows[1]};
	struct archive_data data = {
		.t0_s = NOW, .step_s = STEP, .rows = ROWS, .count = 2, .columns = columns};
	curves_compute(curves, 0, &data, NOW, out);
	assert_true(out[0] == 1 && out[1] == 2 && isnan(out[2]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_what_the_graph_shows),
		cmocka_unit_test(a_whole_graph_comes_in_its_order),
		cmocka_unit_test(too_many_series_are_refused_whole),
		cmocka_unit_test(a_long_chain_of_expressions_is_computed_once_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
