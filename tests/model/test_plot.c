#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib.h>

#include "model/plot.h"
#include "model/reference.h"

#include "base/banned.h"

/*
 * Graphs are written as a node writes them, "graph_order a b" and "a.draw AREA", and plots compared
 * as text: one line per curve, "name kind draw[ hidden][ <sources>][ -negative][ broken][
 * ?missing]".
 */

static void set_line(struct service *service, char *line)
{
	char *value = strchr(line, ' ');
	*value++ = 0;
	char *dot = strchr(line, '.');
	if (!dot) {
		assert_true(attributes_set(&service->attributes, ATTRIBUTES_GRAPH, line, value));
		return;
	}
	*dot++ = 0;
	struct field *field = service_find_field(service, line);
	field = field ? field : service_add_field(service, line, line, FIELD_GAUGE);
	if (!strcmp(dot, "type")) {
		field->type = (uint8_t)field_type_parse(value);
	} else if (!strcmp(dot, "label")) {
		g_free(field->label);
		field->label = g_strdup(value);
	} else {
		assert_true(attributes_set(&field->attributes, ATTRIBUTES_FIELD, dot, value));
	}
}

static const struct service *declare(struct catalog *catalog, const char *group, const char *host,
	const char *name, const char *text)
{
	struct service *service = service_create(group, host, name, 300);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		set_line(service, *line);
	}
	return catalog_declare(catalog, service, NULL);
}

static struct catalog *world(void)
{
	struct catalog *catalog = catalog_create();
	declare(catalog, "Grp/Sub", "node1.example.com", "load", "load.label load\nload.draw AREA");
	declare(catalog, "Grp/Sub", "web-2", "load", "load.label load\nload.info of two");
	declare(catalog, "Other", "web-3", "load", "load.label load");
	declare(catalog, "Other", "web-3", "if_eth0", "down.type DERIVE\nup.type DERIVE");
	declare(catalog, "Other", "here", "load", "load.label load");
	declare(catalog, "Other", "here", "top.sub", "a.label a\nb.label b");
	declare(catalog, "Other", "here", "made", "total.sum web-2:load.load web-3:load.load");
	return catalog;
}

static const char *const kinds[] = {"own", "borrowed", "sum", "stacked"};

static void describe(const struct plot_curve *curve, GString *out)
{
	char id[IDENT_SERIES_MAX + 1];
	g_string_append_printf(out, "%s %s %s", curve->name, kinds[curve->kind], curve->draw);
	g_string_append(out, curve->drawn ? "" : " hidden");
	for (size_t i = 0; curve->kind != PLOT_OWN && i < curve->source_count; i++) {
		g_string_append_printf(
			out, "%s%s", i ? "," : " <", field_series_name(curve->sources[i], id));
	}
	g_string_append(out, curve->kind != PLOT_OWN && curve->source_count ? ">" : "");
	if (curve->scale != 1) {
		g_string_append_printf(out, " x%u", curve->scale);
	}
	if (curve->negative) {
		g_string_append_printf(out, " -%s", curve->negative->name);
	}
	for (size_t i = 0; curve->cdef && i < rpn_name_count(curve->cdef); i++) {
		static const char *const values[] = {"raw", "scaled", "result"};
		g_string_append_printf(
			out, " %s:%s", rpn_name(curve->cdef, i), values[curve->inputs[i].value]);
	}
	if (curve->missing && !curve->broken) {
		g_string_append_printf(out, " ?%s", curve->missing);
	}
	if (curve->broken) {
		g_string_append_printf(out, " !%s", curve->broken);
	}
	g_string_append_c(out, '\n');
}

static const struct {
	const char *graph, *plot;
} plots[] = {
	/* order, hiding, and what is left out */
	{"a.label A\nb.label B", "a own LINE1\nb own LINE1\n"},
	{"graph_order b a\na.label A\nb.label B", "b own LINE1\na own LINE1\n"},
	{"graph_order -b a nobody a\na.label A\nb.label B", "b own LINE1 hidden\na own LINE1\n"},
	{"graph_sources b\ngraph_order a\na.label A\nb.label B", "b own LINE1 hidden\na own LINE1\n"},
	{"a.graph no\nb.skipdraw yes\nc.draw AREA",
		"a own LINE1 hidden\nb own LINE1 hidden\nc own AREA\n"},
	/* draw types */
	{"a.draw STACK\nb.draw STACK", "a own LINE1\nb own STACK\n"},
	{"a.draw AREASTACK\nb.draw AREASTACK\nc.draw LINE2", "a own AREA\nb own STACK\nc own LINE2\n"},
	{"a.draw LINESTACK2\nb.draw LINESTACK1", "a own LINE2\nb own STACK\n"},
	{"a.draw LINESTACK0.5\nb.draw LINESTACK", "a own LINE0.5\nb own STACK\n"},
	{"a.draw AREASTACK\na.graph no\nb.draw AREASTACK", "a own LINE1 hidden\nb own AREA\n"},
	{"a.draw LINE1:x\nb.draw AREA:g#ff0000\nc.draw LINE99999999\nd.draw LINE",
		"a own LINE1\nb own LINE1\nc own LINE1\nd own LINE1\n"},
	/* mirrored */
	{"down.graph no\nup.negative down", "down own LINE1 hidden\nup own LINE1 -down\n"},
	{"a.negative a\nb.negative nobody", "a own LINE1\nb own LINE1\n"},
	{"a.negative b\nb.negative a", "a own LINE1 -b\nb own LINE1 hidden\n"},
	/* period and expressions */
	{"graph_period minute\na.type DERIVE\nb.label B", "a own LINE1 x60\nb own LINE1\n"},
	{"graph_period hour\na.type DERIVE\na.cdef a,8,*", "a own LINE1 x3600 a:scaled\n"},
	{"a.cdef a,b,c,+,+\nb.cdef a,2,*\nc.label C",
		"a own LINE1 a:scaled b:raw c:raw\nb own LINE1 a:result\nc own LINE1\n"},
	{"a.cdef a,nobody,+", "a own LINE1 hidden a:scaled nobody:result !cdef names nobody, which is "
						  "not in this graph\n"},
	{"a.cdef a,+", "a own LINE1 hidden !cdef: + wants 2 values, there are 1\n"},
	{"a.cdef x,+\nb.cdef a,2,*", "a own LINE1 hidden !cdef: + wants 2 values, there are 1\nb own "
								 "LINE1 hidden a:result !cdef needs a, which cannot be computed\n"},
	/* borrowed */
	{"graph_order x=Grp;Sub;node1.example.com:load.load y=web-2:load:load",
		"x borrowed AREA <node1.example.com:load:load>\ny borrowed LINE1 <web-2:load:load>\n"},
	{"graph_order x=load.load y=sub.a -z=a\na.label A",
		"x borrowed LINE1 <here:load:load>\ny borrowed LINE1 hidden !there is no series sub.a\nz "
		"borrowed LINE1 hidden <here:graph:a>\na own LINE1\n"},
	{"graph_period minute\ngraph_order u=web-3:if_eth0.up",
		"u borrowed LINE1 <web-3:if_eth0:up> x60\n"},
	{"graph_order load=web-2:load.load\nload.draw LINE3\nload.cdef load,2,*",
		"load borrowed LINE3 <web-2:load:load> load:scaled\n"},
	{"graph_order x=gone:load.load x=web-2:load.load bad-name=web-2:load.load =web-2:load.load",
		"x borrowed LINE1 hidden !there is no series gone:load.load\n"},
	{"graph_order x=: y=a:b:c:d z=",
		"x borrowed LINE1 hidden !there is no series :\ny borrowed LINE1 hidden !there is no "
		"series a:b:c:d\nz borrowed LINE1 hidden !there is nothing it is made of\n"},
	/* sums come first, with what there is */
	{"a.label A\nt.sum web-2:load.load web-3:load.load\nt.draw AREA",
		"t sum AREA <web-2:load:load,web-3:load:load>\na own LINE1\n"},
	{"t.sum web-2:load.load gone:load.load", "t sum LINE1 <web-2:load:load> ?gone:load.load\n"},
	{"t.sum gone:load.load away:load.load",
		"t sum LINE1 hidden !there is no series gone:load.load, away:load.load\n"},
	{"t.sum web-*:load.load", "t sum LINE1 <web-2:load:load,web-3:load:load>\n"},
	{"t.sum Grp;*:load.load", "t sum LINE1 <node1.example.com:load:load,web-2:load:load>\n"},
	{"t.sum Gr;*:load.load", "t sum LINE1 hidden !there is no series Gr;*:load.load\n"},
	{"t.sum x=web-2:load.load\nu.sum web-3:load.load\nt.negative u\nu.graph no\nt.cdef t,8,*",
		"t sum LINE1 <web-2:load:load> -u t:scaled\nu sum LINE1 hidden <web-3:load:load>\n"},
	{"t.sum ", "t sum LINE1 hidden !there is nothing it is made of\n"},
	/* stacked */
	{"s.stack one=web-2:load.load two=web-3:load.load three=no:load.load\ns.draw AREA\na.label A",
		"one stacked AREA <web-2:load:load>\ntwo stacked STACK <web-3:load:load>\nthree stacked "
		"LINE1 hidden !there is no series no:load.load\na own LINE1\n"},
	{"s.stack one=web-2:load.load s=web-3:load.load\ns.cdef s,8,*",
		"one stacked LINE1 <web-2:load:load> one:scaled\ns stacked STACK <web-3:load:load> "
		"s:scaled\n"},
	{"s.stack web-2:load.load a=web-2:load.load a=web-3:load.load bad-name=web-3:load.load",
		"a stacked LINE1 <web-2:load:load>\n"},
	/* what is made is no source: no cycles */
	{"t.sum here:made.total", "t sum LINE1 hidden !there is no series here:made.total\n"},
	{"t.sum t u\nu.sum t",
		"t sum LINE1 hidden !there is no series t, u\nu sum LINE1 hidden !there is no series t\n"},
	{"graph_order a=b b=a", "a borrowed LINE1 hidden !there is no series b\nb borrowed LINE1 "
							"hidden !there is no series a\n"},
	{"graph_order a=a\na.label A", "a borrowed LINE1 hidden !there is no series a\n"},
};

static void graphs_are_resolved_as_munin_does(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(plots); i++) {
		AUTO(catalog) catalog = world();
		const struct service *graph = declare(catalog, "Other", "here", "graph", plots[i].graph);
		AUTO(plot) plot = plot_create(catalog, graph);
		g_autoptr(GString) text = g_string_new(NULL);
		size_t drawn = 0;
		for (size_t k = 0; k < plot->count; k++) {
			describe(&plot->curves[k], text);
			drawn += plot->curves[k].drawn;
		}
		if (strcmp(text->str, plots[i].plot)) {
			fail_msg("%s\ngave\n%sinstead of\n%s", plots[i].graph, text->str, plots[i].plot);
		}
		assert_int_equal(drawn, plot->drawn);
	}
}

static void a_borrowed_curve_takes_only_what_munin_lends(void **state)
{
	AUTO(catalog) catalog = world();
	const struct service *graph =
		declare(catalog, "Other", "here", "graph", "graph_order x=web-2:load.load");
	AUTO(plot) plot = plot_create(catalog, graph);
	assert_string_equal(plot->curves[0].label, "x");
	assert_string_equal(attributes_get(plot->curves[0].attributes, "info"), "of two");
	assert_false(plot->combined);
}

/* A field that is not declared any more is nobody's source. */
static void a_gone_source_is_missing(void **state)
{
	AUTO(catalog) catalog = world();
	const struct service *graph =
		declare(catalog, "Other", "here", "graph", "t.sum web-2:load.load web-3:load.load");
	declare(catalog, "Grp/Sub", "web-2", "load", "other.label other");
	AUTO(plot) plot = plot_create(catalog, graph);
	assert_int_equal(plot->curves[0].source_count, 1);
	assert_string_equal(plot->curves[0].missing, "web-2:load.load");
	assert_true(plot->combined);
}

/* A relative path is tried beside the graph on every level upwards. */
static void a_path_without_a_host_is_looked_for_upwards(void **state)
{
	static const struct {
		const char *from, *path, *found;
	} cases[] = {
		{"top.other", "sub.a", "here:top.sub:a"},
		{"top", "sub.b", "here:top.sub:b"},
		{"top.x.y", "sub.a", "here:top.sub:a"},
		{"top.x.y", "load.load", "here:load:load"},
		{"top.x", "top.sub.a", "here:top.sub:a"},
		{"elsewhere", "sub.a", NULL},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		AUTO(catalog) catalog = world();
		char id[IDENT_SERIES_MAX + 1];
		struct reference reference;
		const struct service *from = declare(catalog, "Other", "here", cases[i].from, "z.label z");
		assert_true(reference_parse(cases[i].path, strlen(cases[i].path), &reference, NULL));
		const struct field *field = reference_find(catalog, from, &reference);
		assert_int_equal(field != NULL, cases[i].found != NULL);
		if (field) {
			assert_string_equal(field_series_name(field, id), cases[i].found);
		}
	}
}

static void wrong_paths_say_why(void **state)
{
	static const char *const wrong[] = {"", ".", ":", "a:", "a:b", ":b.c", "a:b.", "a:.c",
		"a:b.c d", "g;:b.c", ";h:b.c", "a/b:c.d", "../h:b.c", "h:b:c:", "h::c", "h:b:", "a b:c.d",
		"g;..;h:b.c", "h:b.c/d", "*", "*:*.*", "h:../x.y", "-h:b.c"};
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		struct reference reference;
		struct error err = {0};
		if (reference_parse(wrong[i], strlen(wrong[i]), &reference, &err)) {
			fail_msg("\"%s\" was taken", wrong[i]);
		}
		assert_int_equal(err.kind, ERR_CONFIG);
		assert_true(*err.text);
	}
}

/* hostile: a node that writes thousands of paths costs a bounded time and memory. */
static void thousands_of_paths_are_bounded(void **state)
{
	AUTO(catalog) catalog = world();
	for (int i = 0; i < 3000; i++) {
		g_autofree char *host = g_strdup_printf("many%d", i);
		declare(catalog, "Many", host, "load", "load.label load");
	}
	g_autoptr(GString) globs = g_string_new(NULL);
	g_autoptr(GString) paths = g_string_new(NULL);
	while (globs->len < ATTRIBUTES_LIST_MAX - 16) {
		g_string_append(globs, "*:none.x ");
		g_string_append(paths, "load.lod ");
	}
	struct service *service = service_create("Other", "here", "graph", 300);
	for (int i = 0; i < 1000; i++) {
		g_autofree char *name = g_strdup_printf("f%d", i);
		struct field *field = service_add_field(service, name, name, FIELD_GAUGE);
		assert_true(attributes_set(&field->attributes, ATTRIBUTES_FIELD, "sum",
			i == 0   ? "*:load.load"
			: i == 1 ? paths->str
					 : globs->str));
	}
	AUTO(plot) plot = plot_create(catalog, catalog_declare(catalog, service, NULL));
	assert_int_equal(plot->count, PLOT_CURVES_MAX);
	size_t sources = 0;
	for (size_t i = 0; i < plot->count; i++) {
		sources += plot->curves[i].source_count;
		assert_non_null(plot->curves[i].broken);
	}
	assert_true(sources <= PLOT_SOURCES_MAX);
	assert_string_equal(plot->curves[0].broken, "more sources than a graph may have");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(graphs_are_resolved_as_munin_does),
		cmocka_unit_test(a_borrowed_curve_takes_only_what_munin_lends),
		cmocka_unit_test(a_gone_source_is_missing),
		cmocka_unit_test(a_path_without_a_host_is_looked_for_upwards),
		cmocka_unit_test(wrong_paths_say_why),
		cmocka_unit_test(thousands_of_paths_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
