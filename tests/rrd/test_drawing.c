#include "rrd/drawing.h"
#include "rrd/lines.h"
#include "rrd/pen.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

/*
 * The arguments made for small graphs, written as a node writes them. Order and shape are what
 * Munin hands to rrdtool for the same declarations.
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

static const struct service *declare(
	struct catalog *catalog, const char *host, const char *name, const char *text)
{
	struct service *service = service_create("g", host, name, 300);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		set_line(service, *line);
	}
	return catalog_declare(catalog, service, NULL);
}

/* Every field of the catalog has a file but those called "nofile…". */
static GHashTable *files_of(const struct catalog *catalog)
{
	GHashTable *files = drawing_files_create();
	const GPtrArray *hosts = catalog_hosts(catalog);
	for (guint h = 0; h < hosts->len; h++) {
		const GPtrArray *services = ((const struct host *)hosts->pdata[h])->services;
		for (guint s = 0; s < services->len; s++) {
			const struct service *service = services->pdata[s];
			for (size_t i = 0; i < service_field_count(service); i++) {
				const struct field *f = service_field(service, i);
				g_autofree char *path = g_strdup_printf("/t/%s-%s.rrd", service->name, f->name);
				bool bad = g_str_has_prefix(f->name, "bad");
				if (!g_str_has_prefix(f->name, "nofile")) {
					drawing_files_add(files, f, bad ? NULL : path, 1700080000);
				}
			}
		}
	}
	return files;
}

static struct drawing plain(void)
{
	return (struct drawing){.from_s = 1700000000,
		.to_s = 1700086400,
		.now_s = 1700080100,
		.width = 400,
		.height = 175,
		.lower = NAN,
		.upper = NAN,
		.title = "by day"};
}

static GPtrArray *draw_in(
	const struct catalog *catalog, const struct service *service, const struct drawing *drawing)
{
	AUTO(plot) plot = plot_create(catalog, service);
	g_autoptr(GHashTable) files = files_of(catalog);
	struct drawing d = *drawing;
	struct error err = {.kind = ERR_NONE};
	d.plot = plot;
	d.files = files;
	GPtrArray *arguments = drawing_arguments(&d, &err);
	assert_int_equal(!arguments, err.kind == ERR_NOT_FOUND);
	return arguments;
}

static GPtrArray *draw(const char *text, const struct drawing *drawing)
{
	AUTO(catalog) catalog = catalog_create();
	struct drawing d = drawing ? *drawing : plain();
	declare(catalog, "h2", "load", "load.label load");
	return draw_in(catalog, declare(catalog, "h", "s", text), &d);
}

static bool has(const GPtrArray *a, const char *text)
{
	for (guint i = 0; i < a->len; i++) {
		if (!strcmp(a->pdata[i], text)) {
			return true;
		}
	}
	return false;
}

static guint place(const GPtrArray *a, const char *text)
{
	guint at = 0;
	assert_true(g_ptr_array_find_with_equal_func((GPtrArray *)a, text, g_str_equal, &at));
	return at;
}

/* The arguments behind the files, but for the update, joined by newlines. g_free. */
static char *body(const GPtrArray *a)
{
	GString *text = g_string_new(NULL);
	bool behind = false;
	for (guint i = 0; i < a->len; i++) {
		const char *argument = a->pdata[i];
		bool skipped = g_str_has_prefix(argument, "DEF:") ||
					   g_str_has_prefix(argument, "VRULE:1700080000#") ||
					   g_str_has_prefix(argument, "COMMENT:Last update");
		behind = behind || g_str_has_prefix(argument, "DEF:");
		if (behind && !skipped) {
			g_string_append_printf(text, "%s\n", argument);
		}
	}
	return g_string_free(text, FALSE);
}

static void stacked_areas_have_a_legend_in_columns(void **state UNUSED)
{
	g_autoptr(GPtrArray) a =
		draw("graph_title CPU\ngraph_order system user\ngraph_scale no\n"
			 "graph_vlabel % per ${graph_period}\nuser.draw STACK\nuser.type DERIVE\n"
			 "system.type DERIVE\nsystem.draw AREA\nsystem.label sys:tem",
			NULL);
	g_autofree char *got = body(a);
	assert_string_equal(got, "CDEF:csystem=gsystem\n"
							 "COMMENT:       \n"
							 "COMMENT: Cur\\:\n"
							 "COMMENT:Min\\:\n"
							 "COMMENT:Avg\\:\n"
							 "COMMENT:Max\\:  \\j\n"
							 "AREA:gsystem#00CC00:sys\\:tem \n"
							 "GPRINT:csystem:LAST:%6.2lf\n"
							 "GPRINT:isystem:MIN:%6.2lf\n"
							 "GPRINT:gsystem:AVERAGE:%6.2lf\n"
							 "GPRINT:asystem:MAX:%6.2lf\\j\n"
							 "CDEF:cuser=guser\n"
							 "STACK:guser#0066B3:user    \n"
							 "GPRINT:cuser:LAST:%6.2lf\n"
							 "GPRINT:iuser:MIN:%6.2lf\n"
							 "GPRINT:guser:AVERAGE:%6.2lf\n"
							 "GPRINT:auser:MAX:%6.2lf\\j\n");
	assert_true(has(a, "CPU - by day"));
	assert_true(has(a, "% per second"));
	assert_string_equal(a->pdata[place(a, "--units-exponent") + 1], "0");
	assert_true(place(a, "DEF:auser=/t/s-user.rrd:42:MAX") + 1 ==
				place(a, "DEF:iuser=/t/s-user.rrd:42:MIN"));
	assert_true(place(a, "DEF:guser=/t/s-user.rrd:42:AVERAGE") <
				place(a, "DEF:asystem=/t/s-system.rrd:42:MAX"));
}

static void a_negative_field_is_mirrored_and_computed_in_two_steps(void **state UNUSED)
{
	g_autoptr(GPtrArray) a =
		draw("graph_period minute\ndown.type DERIVE\nup.type DERIVE\ndown.graph no\n"
			 "down.label received\nup.label bps\ndown.cdef down,8,*\nup.cdef up,8,*\n"
			 "up.negative down",
			NULL);
	g_autofree char *got = body(a);
	assert_string_equal(got, "CDEF:acdefdown=adown,60,*\n"
							 "CDEF:icdefdown=idown,60,*\n"
							 "CDEF:gcdefdown=gdown,60,*\n"
							 "CDEF:acdefcdefdown=acdefdown,8,*\n"
							 "CDEF:icdefcdefdown=icdefdown,8,*\n"
							 "CDEF:gcdefcdefdown=gcdefdown,8,*\n"
							 "CDEF:ccdefcdefdown=gcdefcdefdown\n"
							 "CDEF:acdefup=aup,60,*\n"
							 "CDEF:icdefup=iup,60,*\n"
							 "CDEF:gcdefup=gup,60,*\n"
							 "CDEF:acdefcdefup=acdefup,8,*\n"
							 "CDEF:icdefcdefup=icdefup,8,*\n"
							 "CDEF:gcdefcdefup=gcdefup,8,*\n"
							 "CDEF:ccdefcdefup=gcdefcdefup\n"
							 "COMMENT:   \n"
							 "COMMENT:Cur (-/+)\n"
							 "COMMENT:Min (-/+)\n"
							 "COMMENT:Avg (-/+)\n"
							 "COMMENT:Max (-/+) \\j\n"
							 "LINE1:gcdefcdefup#00CC00:bps \n"
							 "GPRINT:ccdefcdefdown:LAST:%6.2lf%s/\\g\n"
							 "GPRINT:ccdefcdefup:LAST:%6.2lf%s\n"
							 "GPRINT:icdefcdefdown:MIN:%6.2lf%s/\\g\n"
							 "GPRINT:icdefcdefup:MIN:%6.2lf%s\n"
							 "GPRINT:gcdefcdefdown:AVERAGE:%6.2lf%s/\\g\n"
							 "GPRINT:gcdefcdefup:AVERAGE:%6.2lf%s\n"
							 "GPRINT:acdefcdefdown:MAX:%6.2lf%s/\\g\n"
							 "GPRINT:acdefcdefup:MAX:%6.2lf%s\\j\n"
							 "CDEF:re_zero=gcdefcdefdown,UN,0,0,IF\n"
							 "CDEF:ngcdefcdefdown=gcdefcdefdown,-1,*\n"
							 "LINE1:ngcdefcdefdown#00CC00\n"
							 "LINE1:re_zero#12161C\n");
}

static void a_sum_is_added_from_sources_that_may_be_unknown(void **state UNUSED)
{
	g_autoptr(GPtrArray) a = draw("total.label total\ntotal.draw AREA\n"
								  "total.sum h2:load.load s.nofile h2:load.load\nnofile.graph no",
		NULL);
	g_autofree char *got = body(a);
	assert_non_null(strstr(got, "CDEF:acdefz1_0=az1_0,UN,0,az1_0,IF\n"
								"CDEF:icdefz1_0=iz1_0,UN,0,iz1_0,IF\n"
								"CDEF:gcdefz1_0=gz1_0,UN,0,gz1_0,IF\n"
								"CDEF:ccdefz1_0=gcdefz1_0\n"
								"CDEF:acdefz1_1=TIME,1700080000,GT,UNKN,az1_1,UN,0,az1_1,IF,"
								"acdefz1_0,ADDNAN,IF\n"));
	assert_non_null(strstr(got, "AREA:gcdefz1_1#00CC00:total \n"));
	assert_true(has(a, "DEF:gz1_1=/t/load-load.rrd:42:AVERAGE"));
}

static void a_sum_in_munins_picture_is_munins(void **state UNUSED)
{
	struct drawing munins = plain();
	munins.theme = DRAWING_MUNIN;
	g_autoptr(GPtrArray) a =
		draw("total.label total\ntotal.sum h2:load.load h2:load.load", &munins);
	assert_true(has(a, "CDEF:gcdefz1_1=gz1_1,UN,0,gz1_1,IF,gcdefz1_0,ADDNAN"));
}

static void parts_of_a_stack_lie_on_each_other(void **state UNUSED)
{
	g_autoptr(GPtrArray) a = draw("all.draw AREA\nall.label all\nall.stack one=h2:load.load "
								  "two=h2:load.load",
		NULL);
	assert_true(has(a, "CDEF:gcdefone=TIME,1700080000,GT,UNKN,gone,UN,0,gone,IF,IF"));
	assert_true(has(a, "AREA:gcdefone#00CC00:one "));
	assert_true(has(a, "STACK:gcdeftwo#0066B3:two "));
}

static void long_names_are_shortened_as_munin_does(void **state UNUSED)
{
	/* md5sum of the names ends so */
	g_autoptr(GPtrArray) a = draw("a_long_field_name.label x\nexactly_15_char.cdef "
								  "exactly_15_char,2,*",
		NULL);
	assert_true(has(a, "CDEF:cb5bd9aa3ca7d6f4=gb5bd9aa3ca7d6f4") ||
				!has(a, "CDEF:ca_long_field_name=ga_long_field_name"));
	g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_MD5, "cdefexactly_15_char", -1);
	g_autofree char *want =
		g_strdup_printf("CDEF:g%s=gexactly_15_char,2,*", sum + strlen(sum) - 15);
	assert_true(has(a, want));
	for (guint i = 0; i < a->len; i++) {
		assert_null(strstr(a->pdata[i], "ga_long_field"));
	}
}

static void draw_types_are_munins(void **state UNUSED)
{
	static const struct {
		const char *first, *second;
		const char *want_first, *want_second;
	} cases[] = {
		{"LINE1", "LINE1", "LINE1:", "LINE1:"},
		{"AREA", "STACK", "AREA:", "STACK:"},
		{"STACK", "STACK", "LINE1:", "STACK:"},
		{"AREASTACK", "AREASTACK", "AREA:", "STACK:"},
		{"LINESTACK2", "LINESTACK2", "LINE2:", "STACK:"},
		{"LINE3", "LINE1.5", "LINE3:", "LINE1.5:"},
		{"AREA:x --evil", "LINE2:evil", "LINE1:", "LINE1:"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		g_autofree char *text =
			g_strdup_printf("a.draw %s\nb.draw %s", cases[i].first, cases[i].second);
		g_autoptr(GPtrArray) a = draw(text, NULL);
		g_autofree char *want_first = g_strdup_printf("%sga#00CC00:a ", cases[i].want_first);
		g_autofree char *want_second = g_strdup_printf("%sgb#0066B3:b ", cases[i].want_second);
		assert_true(has(a, want_first));
		assert_true(has(a, want_second));
	}
}

static void limits_totals_and_the_last_update_are_drawn(void **state UNUSED)
{
	struct drawing d = plain();
	d.format = DRAWING_SVG;
	d.theme = DRAWING_DARK;
	d.limits[0] = (struct drawing_limit){80, 1};
	d.limits[1] = (struct drawing_limit){90, 2};
	d.limit_count = 2;
	g_autoptr(GPtrArray) a = draw("graph_total all\ngraph_args --base 1024 -l 0\na.warning :92\n"
								  "a.colour COLOUR3\nb.line 5:ff00ff:limit: no",
		&d);
	assert_true(has(a, "HRULE:92#FFCC00:dashes"));
	assert_int_equal(place(a, "COMMENT: \\j"), place(a, "HRULE:5#ff00ff:limit\\: no") + 1);
	assert_true(has(a, "HRULE:80#F6C20E:dashes"));
	assert_true(has(a, "HRULE:90#FF5C7F:dashes"));
	assert_true(has(a, "VRULE:1700080000#66758A"));
	assert_true(has(a, "CDEF:gpostotal=ga,gb,ADDNAN"));
	assert_true(has(a, "LINE1:gpostotal#E8EDF3:all "));
	assert_true(has(a, "GPRINT:apostotal:MAX:%7.2lf%s\\j"));
	assert_true(has(a, "SVG"));
	assert_true(has(a, "BACK#12171E"));
}

static void sums_over_time_count_what_came_together(void **state UNUSED)
{
	struct drawing d = plain();
	d.sum = DRAWING_PER_HOUR;
	g_autoptr(GPtrArray) a = draw("graph_args -u 2\ngraph_vlabel hits per ${graph_period}\n"
								  "graph_period minute\nhits.type DERIVE\ndepth.type GAUGE",
		&d);
	assert_true(has(a, "CDEF:xgcdefhits=gcdefhits,3600,TRENDNAN,60,*"));
	assert_true(has(a, "CDEF:xgdepth=gdepth"));
	assert_true(has(a, "LINE1:xgcdefhits#00CC00:hits  "));
	assert_true(has(a, "GPRINT:xgcdefhits:MAX:%6.2lf%s\\j"));
	assert_true(has(a, "hits per hour"));
	assert_string_equal(a->pdata[place(a, "-u") + 1], "7200");
}

static void what_was_wrong_is_shaded_and_noted(void **state UNUSED)
{
	struct drawing d = plain();
	char text[] = "moved to rack 7: \\o/ 100 = 100";
	d.spans[0] = (struct drawing_span){1700010000, 1700020000, DRAWING_CRITICAL};
	d.spans[1] = (struct drawing_span){1700030000, 0, DRAWING_CRITICAL};
	d.spans[2] = (struct drawing_span){1600000000, 1600000001, DRAWING_WARNING};
	d.span_count = 3;
	d.notes[0] = (struct drawing_note){1700040000, 0, text};
	d.notes[1] = (struct drawing_note){1700050000, 1700060000, text};
	d.note_count = 2;
	g_autoptr(GPtrArray) a = draw("a.label a", &d);
	assert_true(has(
		a, "CDEF:xnoted=ga,POP,0,TIME,1700050000,1700060000,LIMIT,UN,0,1,IF,+,0,GT,INF,UNKN,IF"));
	assert_true(has(a, "CDEF:xlevel3=ga,POP,0,TIME,1700010000,1700020000,LIMIT,UN,0,1,IF,+,"
					   "TIME,1700030000,1700086400,LIMIT,UN,0,1,IF,+,0,GT,INF,UNKN,IF"));
	assert_true(place(a, "AREA:xlevel3#FADFE5:critical") < place(a, "LINE1:ga#00CC00:a "));
	assert_true(has(a, "VRULE:1700010000#9C0020"));
	assert_true(has(a, "VRULE:1700020000#9C0020"));
	assert_false(has(a, "VRULE:1700086400#9C0020"));
	bool noted = false;
	for (guint i = 0; i < a->len; i++) {
		assert_null(strstr(a->pdata[i], "1600000000"));
		noted = noted || (g_str_has_prefix(a->pdata[i], "VRULE:1700040000#0E7490:legend=") &&
							 strstr(a->pdata[i], "rack 7\\: \xe2\x88\x96o/ 100 = 100\\l"));
	}
	assert_true(noted);
}

static void limits_and_size_of_the_asker_win(void **state UNUSED)
{
	struct drawing d = plain();
	d.lower = 1;
	d.upper = 3;
	d.only_graph = d.full_size = true;
	g_autoptr(GPtrArray) a = draw("graph_args -l 0 --vertical-label 'x y'\na.label a", &d);
	assert_string_equal(a->pdata[place(a, "-l") + 1], "1");
	assert_string_equal(a->pdata[place(a, "--upper-limit") + 1], "3");
	assert_string_equal(a->pdata[place(a, "--vertical-label") + 1], "x y");
	g_autoptr(GPtrArray) b = draw("graph_args_after --color BACK#112233 --no-legend "
								  "DEF:x=/etc/passwd:42:MAX LINE1:x#ff0000\na.label a",
		NULL);
	assert_true(place(b, "BACK#112233") > place(b, "LINE1:ga#00CC00:a "));
	assert_true(has(b, "--no-legend"));
	assert_false(has(b, "LINE1:x#ff0000"));
	assert_true(has(a, "--only-graph"));
	assert_true(has(a, "--full-size-mode"));
	assert_true(has(a, "--rigid"));
	assert_false(has(a, "--lower-limit"));
}

static void trends_look_into_the_future(void **state UNUSED)
{
	g_autoptr(GPtrArray) a =
		draw("graph_future 30\na.trend yes\na.predict 86400,12\nb.predict 5,1", NULL);
	assert_true(has(a, "CDEF:ta=ca,9000,TRENDNAN"));
	assert_true(has(a, "LINE1:ta#00CC0066:a trend\\l"));
	assert_true(has(a, "CDEF:pa=86400,-2,3600,ca,PREDICT"));
	for (guint i = 0; i < a->len; i++) {
		assert_false(g_str_has_prefix(a->pdata[i], "CDEF:pb"));
	}
}

static void an_old_value_is_not_shown_as_current(void **state UNUSED)
{
	struct drawing d = plain();
	d.now_s = 1700080901;
	g_autoptr(GPtrArray) a = draw("a.label a\nb.cdef b,2,*", &d);
	assert_true(has(a, "CDEF:ca=ga,POP,UNKN"));
	assert_true(has(a, "CDEF:ccdefb=gcdefb"));
}

/* hostile 14, 15, 16, 67 */
static void hostile_texts_stay_texts(void **state UNUSED)
{
	g_autoptr(GPtrArray) a =
		draw("graph_title --output-file /etc/x\n"
			 "graph_args --output-file /etc/x -l 0 %n%n $(id) DEF:z=/etc/passwd:42:MAX\n"
			 "graph_printf %n%s\na.label x:42\\j:dashes\nb.label color=#ff0000\n"
			 "c.cdef a,1e999,*,EVIL\nd.colour red:STACK\na.line 1:ff0000:x:dashes\n"
			 "b.line 2:red:DEF",
			NULL);
	assert_true(has(a, "LINE1:ga#00CC00:x\\:42\xe2\x88\x96j\\:dashes "));
	assert_true(has(a, "LINE1:gb#0066B3:legend=color=#ff0000 "));
	assert_true(has(a, "LINE1:gd#FF8000:d             "));
	assert_true(has(a, "HRULE:1#ff0000:x\\:dashes"));
	assert_true(has(a, "HRULE:2#00CC00:DEF"));
	for (guint i = 0; i < a->len; i++) {
		const char *text = a->pdata[i];
		assert_null(strstr(text, "passwd"));
		assert_null(strstr(text, "%n"));
		assert_null(strstr(text, "gc#"));
		if (strstr(text, "/etc/x")) {
			assert_string_equal(a->pdata[i - 1], "--title");
		}
	}
}

static void fields_without_a_file_are_left_out_and_named(void **state UNUSED)
{
	g_autoptr(GPtrArray) a =
		draw("nofile1.draw AREA\nb.draw STACK\nc.cdef c,nofile1,+\nnofile2.graph no", NULL);
	g_autofree char *got = body(a);
	assert_null(strstr(got, "gnofile"));
	assert_null(strstr(got, "gc"));
	assert_non_null(strstr(got, "AREA:gb#00CC00:b "));
	assert_true(has(a, "COMMENT:nofile1\\: no data yet\\l"));
	assert_false(has(a, "COMMENT:nofile2\\: no data yet\\l"));
	g_autoptr(GPtrArray) b = draw("bad.label x\na.label a", NULL);
	assert_true(has(b, "COMMENT:x\\: its file cannot be read\\l"));
	assert_null(draw("nofile.label x", NULL));
}

static void munins_theme_has_munins_colours_and_words(void **state UNUSED)
{
	struct drawing d = plain();
	d.theme = DRAWING_MUNIN;
	g_autoptr(GPtrArray) a = draw("a.label a", &d);
	assert_true(has(a, "BACK#F0F0F0"));
	assert_true(has(a, "ARROW#CFD6F8"));
	assert_true(has(a, "VRULE:1700080000#999999"));
	assert_false(has(a, "GRID#E6EAEF"));
	assert_string_equal(a->pdata[place(a, "-W") + 1], "Magpie");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stacked_areas_have_a_legend_in_columns),
		cmocka_unit_test(a_negative_field_is_mirrored_and_computed_in_two_steps),
		cmocka_unit_test(a_sum_is_added_from_sources_that_may_be_unknown),
		cmocka_unit_test(a_sum_in_munins_picture_is_munins),
		cmocka_unit_test(parts_of_a_stack_lie_on_each_other),
		cmocka_unit_test(long_names_are_shortened_as_munin_does),
		cmocka_unit_test(draw_types_are_munins),
		cmocka_unit_test(limits_totals_and_the_last_update_are_drawn),
		cmocka_unit_test(sums_over_time_count_what_came_together),
		cmocka_unit_test(what_was_wrong_is_shaded_and_noted),
		cmocka_unit_test(limits_and_size_of_the_asker_win),
		cmocka_unit_test(trends_look_into_the_future),
		cmocka_unit_test(an_old_value_is_not_shown_as_current),
		cmocka_unit_test(hostile_texts_stay_texts),
		cmocka_unit_test(fields_without_a_file_are_left_out_and_named),
		cmocka_unit_test(munins_theme_has_munins_colours_and_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
