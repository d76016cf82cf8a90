#include "rrd/drawing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

/*
 * The arguments made for small services. Order and shape are what Munin hands to rrdtool for the
 * same declarations.
 */
static struct field *field(
	struct service *s, const char *name, const char *label, enum field_type type)
{
	return service_add_field(s, name, label, type);
}

static void set_field(struct field *f, const char *key, const char *value)
{
	assert_true(attributes_set(&f->attributes, ATTRIBUTES_FIELD, key, value));
}

static void set_graph(struct service *s, const char *key, const char *value)
{
	assert_true(attributes_set(&s->attributes, ATTRIBUTES_GRAPH, key, value));
}

static const char *const all_files[] = {"/t/0.rrd", "/t/1.rrd", "/t/2.rrd", "/t/3.rrd"};

static GPtrArray *arguments(const struct service *s, const char *const *files)
{
	struct drawing d = {.service = s,
		.files = files,
		.from_s = 1700000000,
		.to_s = 1700086400,
		.width = 400,
		.height = 175,
		.title = "by day"};
	struct error err = {.kind = ERR_NONE};
	GPtrArray *a = drawing_arguments(&d, &err);
	if (!a) {
		assert_int_equal(err.kind, ERR_NOT_FOUND);
	}
	return a;
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

/* The arguments behind the options that are no DEF, joined by newlines. g_free. */
static char *body(const GPtrArray *a)
{
	GString *text = g_string_new(NULL);
	bool behind = false;
	for (guint i = 0; i < a->len; i++) {
		const char *argument = a->pdata[i];
		behind = behind || !strncmp(argument, "DEF:", 4);
		if (behind && strncmp(argument, "DEF:", 4) != 0) {
			g_string_append_printf(text, "%s\n", argument);
		}
	}
	return g_string_free(text, FALSE);
}

static void stacked_areas_have_a_legend_in_columns(void **state UNUSED)
{
	AUTO(service) s = service_create("g", "h", "cpu", 10);
	set_graph(s, "graph_title", "CPU");
	set_graph(s, "graph_order", "system user");
	set_graph(s, "graph_scale", "no");
	set_graph(s, "graph_vlabel", "% per ${graph_period}");
	set_field(field(s, "user", "user", FIELD_DERIVE), "draw", "STACK");
	set_field(field(s, "system", "sys:tem", FIELD_DERIVE), "draw", "AREA");
	g_autoptr(GPtrArray) a = arguments(s, all_files);
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
	assert_true(has(a, "--units-exponent"));
	assert_true(has(a, "DEF:gsystem=/t/1.rrd:42:AVERAGE"));
	assert_true(has(a, "DEF:isystem=/t/1.rrd:42:MIN"));
	assert_true(has(a, "DEF:asystem=/t/1.rrd:42:MAX"));
}

static void a_negative_field_is_mirrored(void **state UNUSED)
{
	AUTO(service) s = service_create("g", "h", "if_eth0", 10);
	set_graph(s, "graph_period", "minute");
	struct field *down = field(s, "down", "received", FIELD_DERIVE);
	struct field *up = field(s, "up", "bps", FIELD_DERIVE);
	set_field(down, "graph", "no");
	set_field(down, "cdef", "down,8,*");
	set_field(up, "cdef", "up,8,*");
	set_field(up, "negative", "down");
	g_autoptr(GPtrArray) a = arguments(s, all_files);
	g_autofree char *got = body(a);
	assert_string_equal(got, "CDEF:gcdefdown=gdown,8,*,60,*\n"
							 "CDEF:icdefdown=idown,8,*,60,*\n"
							 "CDEF:acdefdown=adown,8,*,60,*\n"
							 "CDEF:gcdefup=gup,8,*,60,*\n"
							 "CDEF:icdefup=iup,8,*,60,*\n"
							 "CDEF:acdefup=aup,8,*,60,*\n"
							 "CDEF:cdown=gcdefdown\n"
							 "CDEF:cup=gcdefup\n"
							 "COMMENT:   \n"
							 "COMMENT:Cur (-/+)\n"
							 "COMMENT:Min (-/+)\n"
							 "COMMENT:Avg (-/+)\n"
							 "COMMENT:Max (-/+) \\j\n"
							 "LINE1:gcdefup#00CC00:bps \n"
							 "GPRINT:cdown:LAST:%6.2lf%s/\\g\n"
							 "GPRINT:cup:LAST:%6.2lf%s\n"
							 "GPRINT:icdefdown:MIN:%6.2lf%s/\\g\n"
							 "GPRINT:icdefup:MIN:%6.2lf%s\n"
							 "GPRINT:gcdefdown:AVERAGE:%6.2lf%s/\\g\n"
							 "GPRINT:gcdefup:AVERAGE:%6.2lf%s\n"
							 "GPRINT:acdefdown:MAX:%6.2lf%s/\\g\n"
							 "GPRINT:acdefup:MAX:%6.2lf%s\\j\n"
							 "CDEF:re_zero=gcdefdown,UN,0,0,IF\n"
							 "CDEF:ngcdefdown=gcdefdown,-1,*\n"
							 "LINE1:ngcdefdown#00CC00\n"
							 "LINE1:re_zero#12161C\n");
}

static void draw_types_are_munins(void **state UNUSED)
{
	static const struct {
		const char *first, *second;
		const char *want_first, *want_second;
	} cases[] = {
		{NULL, NULL, "LINE1:", "LINE1:"},
		{"AREA", "STACK", "AREA:", "STACK:"},
		{"STACK", "STACK", "LINE1:", "STACK:"},
		{"AREASTACK", "AREASTACK", "AREA:", "STACK:"},
		{"LINESTACK2", "LINESTACK2", "LINE2:", "STACK:"},
		{"LINE3", "line2", "LINE3:", "LINE2:"},
		{"AREA:x --evil", "LINE99999", "LINE1:", "LINE9:"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		AUTO(service) s = service_create("g", "h", "s", 10);
		struct field *f = field(s, "a", "a", FIELD_GAUGE);
		struct field *g = field(s, "b", "b", FIELD_GAUGE);
		if (cases[i].first) {
			set_field(f, "draw", cases[i].first);
			set_field(g, "draw", cases[i].second);
		}
		g_autoptr(GPtrArray) a = arguments(s, all_files);
		g_autofree char *want_first = g_strdup_printf("%sga#00CC00:a ", cases[i].want_first);
		g_autofree char *want_second = g_strdup_printf("%sgb#0066B3:b ", cases[i].want_second);
		assert_true(has(a, want_first));
		assert_true(has(a, want_second));
	}
}

static void limits_totals_and_the_last_update_are_drawn(void **state UNUSED)
{
	AUTO(service) s = service_create("g", "h", "s", 10);
	set_graph(s, "graph_total", "all");
	set_graph(s, "graph_args", "--base 1024 -l 0");
	struct field *f = field(s, "a", "a", FIELD_GAUGE);
	set_field(f, "warning", ":92");
	set_field(f, "colour", "COLOUR3");
	set_field(field(s, "b", "b", FIELD_GAUGE), "line", "5:ff00ff:limit");
	struct drawing d = {.service = s,
		.files = all_files,
		.from_s = 1700000000,
		.to_s = 1700086400,
		.last_update_s = 1700080000,
		.width = 400,
		.height = 175,
		.format = DRAWING_SVG,
		.theme = DRAWING_DARK,
		.limits = {{.value = 80, .level = 1}, {.value = 90, .level = 2}},
		.limit_count = 2};
	g_autoptr(GPtrArray) a = drawing_arguments(&d, NULL);
	assert_true(has(a, "HRULE:92#FFCC00:dashes"));
	assert_true(has(a, "HRULE:5#ff00ff:dashes"));
	assert_true(has(a, "HRULE:80#F6C20E:dashes"));
	assert_true(has(a, "HRULE:90#FF5C7F:dashes"));
	assert_true(has(a, "VRULE:1700080000#66758A"));
	assert_true(has(a, "CDEF:xg=ga,gb,ADDNAN"));
	assert_true(has(a, "LINE1:xg#E8EDF3:all "));
	assert_true(has(a, "GPRINT:xa:MAX:%7.2lf%s\\j"));
	assert_true(has(a, "SVG"));
	assert_true(has(a, "BACK#12171E"));
}

/* hostile 14, 15, 16, 67 */
static void hostile_texts_stay_texts(void **state UNUSED)
{
	AUTO(service) s = service_create("g", "h", "s", 10);
	set_graph(s, "graph_title", "--output-file /etc/x");
	set_graph(s, "graph_args", "--output-file /etc/x -l 0 %n%n $(id) DEF:z=/etc/passwd:42:MAX");
	set_graph(s, "graph_printf", "%n%s");
	field(s, "a", "x:42\\j:dashes", FIELD_GAUGE);
	field(s, "b", "color=#ff0000", FIELD_GAUGE);
	set_field(field(s, "c", "c", FIELD_GAUGE), "cdef", "a,1e999,*,EVIL");
	set_field(field(s, "d", "d", FIELD_GAUGE), "colour", "red:STACK");
	g_autoptr(GPtrArray) a = arguments(s, all_files);
	assert_true(has(a, "LINE1:ga#00CC00:x\\:42\xe2\x88\x96j\\:dashes "));
	assert_true(has(a, "LINE1:gb#0066B3:legend=color=#ff0000 "));
	assert_true(has(a, "LINE1:gd#FF8000:d             "));
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

static void fields_without_a_file_are_left_out(void **state UNUSED)
{
	static const char *const some[] = {NULL, "/t/1.rrd", NULL};
	static const char *const none[] = {NULL, NULL, NULL};
	AUTO(service) s = service_create("g", "h", "s", 10);
	field(s, "a", "a", FIELD_GAUGE);
	field(s, "b", "b", FIELD_GAUGE);
	set_field(field(s, "c", "c", FIELD_GAUGE), "cdef", "c,a,+");
	g_autoptr(GPtrArray) a = arguments(s, some);
	g_autofree char *got = body(a);
	assert_null(strstr(got, "ga"));
	assert_null(strstr(got, "gc"));
	assert_non_null(strstr(got, "LINE1:gb#00CC00:b "));
	assert_null(arguments(s, none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stacked_areas_have_a_legend_in_columns),
		cmocka_unit_test(a_negative_field_is_mirrored),
		cmocka_unit_test(draw_types_are_munins),
		cmocka_unit_test(limits_totals_and_the_last_update_are_drawn),
		cmocka_unit_test(hostile_texts_stay_texts),
		cmocka_unit_test(fields_without_a_file_are_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
