#include "collector/munin/node_config.h"
#include "collector/munin/node_values.h"
#include "tests/support/test.h"

#include <glib.h>

static struct node_part part(const char *text)
{
	return (struct node_part){text, strlen(text)};
}

static struct node_config *config_of(struct node_names *names, const char *plugin, const char *text)
{
	return node_config_parse(
		&(struct node_config_options){
			.plugin = plugin, .group = "grp", .host = "web1", .step_s = 60, .names = names},
		text, strlen(text));
}

static const struct service *graph_at(const struct node_config *config, guint index)
{
	assert_true(index < config->graphs->len);
	return ((const struct node_graph *)config->graphs->pdata[index])->service;
}

static const char *field_attribute(
	const struct service *service, const char *field, const char *key)
{
	const struct field *found = service_find_field(service, field);
	assert_non_null(found);
	return attributes_or(&found->attributes, key, "");
}

/* hostile 18, hostile 20 */
static void values_are_finite_decimals_or_unknown(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
		double value;
		int64_t at_s;
	} cases[] = {
		{"12", true, 12, NODE_NO_TIME},
		{"-3.25", true, -3.25, NODE_NO_TIME},
		{"1.5e-7", true, 1.5e-7, NODE_NO_TIME},
		{"1.5e+10", true, 1.5e10, NODE_NO_TIME},
		{"5 and a half", true, 5, NODE_NO_TIME},
		{"U", true, NAN, NODE_NO_TIME},
		{"N:42", true, 42, NODE_NO_TIME},
		{"N:U", true, NAN, NODE_NO_TIME},
		{"1795150907:120", true, 120, 1795150907},
		{"0:1", true, 1, 0},
		{"1:2", true, 2, 1}, /* an instant of 1970: whoever knows the time refuses it */
		{"-5:1", false, 0, 0},
		{"99999999999999999999:1", false, 0, 0},
		{"1795150907:", false, 0, 0},
		{"1:2:3", false, 0, 0},
		{"1@2", false, 0, 0},
		{"1e400", false, 0, 0},
		{"inf", false, 0, 0},
		{"nan", false, 0, 0},
		{"0x10", false, 0, 0},
		{"1,5", false, 0, 0},
		{"1.5e", false, 0, 0},
		{"", false, 0, 0},
		{"N:", false, 0, 0},
		{"\xd9\xa1", false, 0, 0},
		{"hello", false, 0, 0},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		int64_t at_s = 7;
		double value = 7;
		assert_int_equal(node_value_parse(part(cases[i].text), &at_s, &value), cases[i].good);
		if (cases[i].good) {
			assert_near(value, cases[i].value, 0);
			assert_true(at_s == cases[i].at_s);
		} else {
			assert_true(at_s == 7);
		}
	}
}

static void rates_have_units(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t seconds; /* 0: refused */
		bool aligned;
	} cases[] = {
		{"60", 60, false},
		{"5m", 300, false},
		{"1H aligned", 3600, true},
		{"1t", 31 * 86400, false},
		{"1y", 365 * 86400, false},
		{"0", 0, false},
		{"5x", 0, false},
		{"5mm", 0, false},
		{"99999999999", 0, false},
		{"2y", 0, false},
		{"", 0, false},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		uint32_t seconds = 0;
		bool aligned = false;
		assert_int_equal(
			node_rate_parse(part(cases[i].text), &seconds, &aligned), cases[i].seconds != 0);
		assert_int_equal(seconds, cases[i].seconds);
		assert_int_equal(aligned, cases[i].aligned);
	}
}

static void first_graph_attribute_and_last_field_attribute_count(void **state)
{
	(void)state;
	struct node_names *names = node_names_create();
	AUTO(node_config)
	config = config_of(names, "load",
		"# comment\n"
		"graph_title Load\r\n"
		"graph_title Other\n"
		"graph_vtitle load\n"
		"warning 5\n"
		"b.type DERIVE\n"
		"a.label first\n"
		"a.min 0\n"
		"\n"
		"b.label second\n"
		"a.label last\n"
		"a.draw AREA\n"
		"a.warning 3\n"
		"a.b.c d\n"
		"b.info\n"
		"c.type derive\n"
		"filename /etc/passwd\n");
	assert_int_equal(config->graphs->len, 1);
	const struct service *service = graph_at(config, 0);
	assert_string_equal(service->name, "load");
	assert_string_equal(attributes_or(&service->attributes, "graph_title", ""), "Load");
	assert_string_equal(attributes_or(&service->attributes, "graph_vlabel", ""), "load");
	assert_null(attributes_get(&service->attributes, "filename"));
	assert_int_equal(service_field_count(service), 3);
	/* in the order of their labels */
	assert_string_equal(service_field(service, 0)->name, "a");
	assert_string_equal(service_field(service, 0)->label, "last");
	assert_near(service_field(service, 0)->min, 0, 0);
	assert_near(service_field(service, 0)->max, NAN, 0);
	assert_string_equal(service_field(service, 1)->name, "b");
	assert_int_equal(service_field(service, 1)->type, FIELD_DERIVE);
	assert_string_equal(service_field(service, 2)->label, "c"); /* has none of its own */
	assert_string_equal(field_attribute(service, "a", "draw"), "AREA");
	assert_string_equal(field_attribute(service, "a", "warning"), "3");
	assert_string_equal(field_attribute(service, "b", "warning"), "5"); /* the graph's */
	assert_int_equal(config->notes.count, 1);
	assert_string_equal(config->notes.text, "field \"c\" of \"load\" has no label");
	assert_false(config->dirty);
	node_names_destroy(names);
}

static void graphs_of_a_plugin_nest(void **state)
{
	(void)state;
	struct node_names *names = node_names_create();
	AUTO(node_config)
	config = config_of(names, "t_multi",
		"multigraph t_top\ngraph_title Top\nrecv.label r\n"
		"multigraph t_top.sub_1\na.label a\n"
		"multigraph t_top.sub_1.deep\nb.label b\n"
		"multigraph t-dash\nc.label c\n"
		"multigraph t_top\nsend.label s\n");
	static const char *const expected[] = {"t_top", "t_top.sub_1", "t_top.sub_1.deep", "t-dash"};
	assert_int_equal(config->graphs->len, ARRAY_LENGTH(expected));
	for (guint i = 0; i < ARRAY_LENGTH(expected); i++) {
		assert_string_equal(graph_at(config, i)->name, expected[i]);
	}
	assert_int_equal(service_field_count(graph_at(config, 0)), 2);
	assert_int_equal(config->notes.count, 0);
	node_names_destroy(names);
}

/* hostile 7 */
static void names_are_made_safe_or_refused(void **state)
{
	(void)state;
	static const struct {
		const char *raw, *plugin,
			*graph; /* as what a plugin's or a multigraph's name; NULL: refused */
	} cases[] = {
		{"cpu", "cpu", "cpu"}, {"t_dot.name", "t_dot_name", "t_dot.name"},
		{"if-eth0", "if_eth0", "if-eth0"}, {"3ware", "3ware", "3ware"},
		{"if_eth0:1", "if_eth0_1", "if_eth0_1"}, {"../../../etc/x", "_________etc_x", NULL},
		{"a/b", "a_b", NULL}, {".", NULL, NULL}, {"..", NULL, NULL}, {"", NULL, NULL},
		{"-o", "_o", NULL}, {".a", "_a", NULL}, {"a.", "a_", NULL}, {"a..b", "a__b", NULL},
		{"multigraph", "multigraph", NULL}, {"\xe2\x80\xae", NULL, "___"}, {"a b", "a_b", NULL},
		{"a.b.c.d.e.f.g.h", "a_b_c_d_e_f_g_h", "a.b.c.d.e.f.g.h"},
		{"a.b.c.d.e.f.g.h.i", "a_b_c_d_e_f_g_h_i", NULL}, /* hostile 10 */
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char out[IDENT_SERVICE_MAX + 1];
		struct node_names *names = node_names_create();
		bool named = node_names_plugin(names, cases[i].raw, out) == NODE_NAMED;
		assert_int_equal(named, cases[i].plugin != NULL);
		if (named) {
			assert_string_equal(out, cases[i].plugin);
		}
		node_names_destroy(names);
		names = node_names_create();
		named = node_names_graph(names, "p", part(cases[i].raw), out) == NODE_NAMED;
		assert_int_equal(named, cases[i].graph != NULL);
		if (named) {
			assert_string_equal(out, cases[i].graph);
		}
		node_names_destroy(names);
	}
	g_autofree char *large = g_strnfill(5000, 'a');
	char out[IDENT_SERVICE_MAX + 1];
	struct node_names *names = node_names_create();
	assert_int_equal(node_names_plugin(names, large, out), NODE_UNNAMABLE);
	assert_int_equal(node_names_graph(names, "p", part(large), out), NODE_UNNAMABLE);
	node_names_destroy(names);
}

/* hostile 8 */
static void names_that_become_the_same_stay_apart(void **state)
{
	(void)state;
	struct node_names *names = node_names_create();
	char first[IDENT_SERVICE_MAX + 1];
	char second[IDENT_SERVICE_MAX + 1];
	char again[IDENT_SERVICE_MAX + 1];
	assert_int_equal(node_names_plugin(names, "a_b", first), NODE_NAMED);
	assert_int_equal(node_names_plugin(names, "a/b", second), NODE_NAMED);
	assert_string_equal(first, "a_b");
	assert_memory_equal(second, "a_b_", 4);
	assert_int_equal(strlen(second), 12);
	assert_int_equal(node_names_plugin(names, "a/b", again), NODE_NAMED);
	assert_string_equal(second, again);
	/* the very same graph of another plugin is a collision, as for munin-update */
	assert_int_equal(node_names_graph(names, "other", part("a_b"), again), NODE_COLLISION);
	assert_int_equal(node_names_graph(names, "a_b", part("a_b"), again), NODE_NAMED);
	node_names_release(names, "a_b");
	assert_int_equal(node_names_graph(names, "other", part("a_b"), again), NODE_NAMED);

	AUTO(node_config)
	config = config_of(names, "f", "bad-name.label x\nbad_name.label y\n1num.label z\n");
	const struct service *service = graph_at(config, 0);
	assert_int_equal(service_field_count(service), 3);
	assert_string_equal(service_field(service, 0)->name, "bad_name");
	assert_memory_equal(service_field(service, 1)->name, "bad_name_", 9);
	assert_string_equal(service_field(service, 2)->name, "_num");
	node_names_destroy(names);
}

/* hostile 9 */
static void odd_field_names_are_mapped(void **state)
{
	(void)state;
	struct node_names *names = node_names_create();
	GString *text = g_string_new("__proto__.label a\nconstructor.label b\n9.label c\n");
	for (int i = 0; i < 2; i++) {
		for (int k = 0; k < 100; k++) {
			g_string_append_c(text, 'x');
		}
		g_string_append_printf(text, "%d.label long\n", i);
	}
	AUTO(node_config) config = config_of(names, "f", text->str);
	const struct service *service = graph_at(config, 0);
	assert_int_equal(service_field_count(service), 5);
	for (size_t i = 0; i < 5; i++) {
		assert_true(ident_is_field(service_field(service, i)->name));
	}
	assert_string_equal(service_field(service, 2)->name, "_");
	assert_string_not_equal(service_field(service, 3)->name, service_field(service, 4)->name);
	g_string_free(text, TRUE);
	node_names_destroy(names);
}

/* hostile 10 */
static void a_bad_graph_name_costs_the_rest_of_that_plugin(void **state)
{
	(void)state;
	struct node_names *names = node_names_create();
	GString *deep = g_string_new("ok.label x\nmultigraph a");
	for (int i = 0; i < 10000; i++) {
		g_string_append(deep, ".b");
	}
	g_string_append(deep, "\ny.label y\nmultigraph fine\nz.label z\n");
	const char *const texts[] = {"ok.label x\nmultigraph multigraph\ny.label y\n", deep->str};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		AUTO(node_config) config = config_of(names, "p", texts[i]);
		assert_int_equal(config->graphs->len, 1);
		assert_int_equal(service_field_count(graph_at(config, 0)), 1);
		assert_int_equal(config->notes.count, 1);
	}
	g_string_free(deep, TRUE);
	node_names_destroy(names);
}

/* hostile 11 */
static void a_graph_entered_again_is_the_same_graph(void **state)
{
	(void)state;
	struct node_names *names = node_names_create();
	for (int round = 0; round < 3; round++) {
		AUTO(node_config)
		config = config_of(names, "p",
			"multigraph g\ngraph_title one\na.label a\na.type GAUGE\n"
			"multigraph g\ngraph_title two\na.label b\n");
		assert_int_equal(config->graphs->len, 1);
		assert_string_equal(
			attributes_or(&graph_at(config, 0)->attributes, "graph_title", ""), "two");
		assert_int_equal(service_field_count(graph_at(config, 0)), 1);
		assert_string_equal(service_field(graph_at(config, 0), 0)->label, "b");
	}
	node_names_destroy(names);
}

/* hostile 13 */
static void texts_become_clean_utf8(void **state)
{
	(void)state;
	struct node_names *names = node_names_create();
	static const char text[] = "graph_title a\001b\tc\0d\n"
							   "latin.label caf\xe9\n"
							   "utf.label caf\xc3\xa9\n"
							   "c1.label x\x85y\xff\n"
							   "cr.label one\rtwo\r\n";
	AUTO(node_config)
	config = node_config_parse(
		&(struct node_config_options){
			.plugin = "p", .group = "g", .host = "h", .step_s = 60, .names = names},
		text, sizeof(text) - 1);
	const struct service *service = graph_at(config, 0);
	assert_string_equal(attributes_or(&service->attributes, "graph_title", ""), "a\xef\xbf\xbd"
																				"b\tc\xef\xbf\xbd"
																				"d");
	assert_string_equal(service_find_field(service, "latin")->label, "caf\xc3\xa9");
	assert_string_equal(service_find_field(service, "utf")->label, "caf\xc3\xa9");
	assert_string_equal(service_find_field(service, "c1")->label, "x\xef\xbf\xbdy\xc3\xbf");
	assert_string_equal(service_find_field(service, "cr")->label, "one\xef\xbf\xbdtwo");
	node_names_destroy(names);
}

/* hostile 17 */
static void wrong_types_and_limits_are_defaults_with_a_warning(void **state)
{
	(void)state;
	struct node_names *names = node_names_create();
	AUTO(node_config)
	config = config_of(
		names, "p", "a.label a\na.type EVIL\na.min nan\na.max -inf\nb.label b\nb.max U\nb.min 0\n");
	const struct service *service = graph_at(config, 0);
	assert_int_equal(service_field(service, 0)->type, FIELD_GAUGE);
	assert_near(service_field(service, 0)->min, NAN, 0);
	assert_near(service_field(service, 0)->max, NAN, 0);
	assert_near(service_field(service, 1)->max, NAN, 0);
	assert_near(service_field(service, 1)->min, 0, 0);
	assert_int_equal(config->notes.count, 3);
	node_names_destroy(names);
}

/* hostile 23 */
static void fields_and_lines_are_bounded(void **state)
{
	(void)state;
	struct node_names *names = node_names_create();
	GString *text = g_string_new(NULL);
	for (int i = 0; i < 20000; i++) {
		g_string_append_printf(text, "f%d.label f\n", i);
	}
	AUTO(node_config) config = config_of(names, "p", text->str);
	assert_int_equal(service_field_count(graph_at(config, 0)), NODE_CONFIG_FIELDS_MAX);
	assert_true(config->notes.count > 0);

	g_string_truncate(text, 0);
	for (int i = 0; i < 100000; i++) {
		g_string_append_printf(text, "f%d.value 1\n", 100000 - i);
	}
	struct node_values values;
	node_values_init(&values);
	node_values_read(&values,
		&(struct node_values_options){.plugin = "p", .graphs = config->graphs}, text->str,
		text->len);
	assert_int_equal(values.samples->len, 0); /* cut before the known ones came */
	assert_true(values.notes.count > 0);
	node_values_finish(&values);
	g_string_free(text, TRUE);
	node_names_destroy(names);
}

static void values_find_their_fields(void **state)
{
	(void)state;
	struct node_names *names = node_names_create();
	AUTO(node_config)
	config =
		config_of(names, "p", "a.label a\nb-b.label b\nc.label c\nmultigraph p.sub\na.label a\n");
	static const char text[] = "c.value 3\na.value 1\nb-b.value 2 of them\n"
							   "nobody.value 9\na.extinfo why\n"
							   "txt.value hello\nc.value hello\n"
							   "multigraph p.sub\na.value 1795150907:4\na.value 1795150967:5\n"
							   "multigraph nowhere\na.value 7\n"
							   "multigraph p\na.value 6\n";
	static const struct {
		uint32_t graph, field;
		double value;
		int64_t at_s;
		uint32_t pass;
	} expected[] = {
		{0, 2, 3, NODE_NO_TIME, 1},
		{0, 0, 1, NODE_NO_TIME, 1},
		{0, 1, 2, NODE_NO_TIME, 1},
		{1, 0, 4, 1795150907, 1},
		{1, 0, 5, 1795150967, 1},
		{0, 0, 6, NODE_NO_TIME, 2},
	};
	struct node_values values;
	node_values_init(&values);
	for (int round = 0; round < 2; round++) {
		node_values_read(&values,
			&(struct node_values_options){.plugin = "p", .graphs = config->graphs}, text,
			strlen(text));
		assert_int_equal(values.samples->len, ARRAY_LENGTH(expected));
		for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
			const struct node_sample *s = &g_array_index(values.samples, struct node_sample, i);
			assert_int_equal(s->graph, expected[i].graph);
			assert_int_equal(s->field, expected[i].field);
			assert_near(s->value, expected[i].value, 0);
			assert_true(s->at_s == expected[i].at_s);
			assert_int_equal(s->pass, expected[i].pass);
		}
		assert_int_equal(values.extinfos->len, 1);
		assert_string_equal(g_array_index(values.extinfos, struct node_extinfo, 0).text, "why");
		assert_int_equal(values.strange, 4);
		assert_int_equal(values.notes.count, 1);
		assert_string_equal(values.notes.text, "a value that is no number: \"c.value hello\"");
	}
	node_values_finish(&values);
	node_names_destroy(names);
}

static void values_may_stand_in_config(void **state)
{
	(void)state;
	struct node_names *names = node_names_create();
	static const char text[] = "x.label x\nupdate_rate 60\n"
							   "graph_data_size custom 1d, 1m for 1w\n"
							   "x.value 1795150907:120\nx.value 1795150967:60\n";
	AUTO(node_config) config = config_of(names, "t_dirty", text);
	assert_true(config->dirty);
	assert_true(config->stamped);
	assert_int_equal(config->rate_s, 60);
	assert_string_equal(attributes_or(&graph_at(config, 0)->attributes, "graph_data_size", ""),
		"custom 1d, 1m for 1w");
	struct node_values values;
	node_values_init(&values);
	node_values_read(&values,
		&(struct node_values_options){
			.plugin = "t_dirty", .graphs = config->graphs, .config = true},
		text, strlen(text));
	assert_int_equal(values.samples->len, 2);
	assert_int_equal(values.notes.count, 0);
	node_values_finish(&values);
	/* other values are no other declaration */
	assert_true(node_config_hash("a.label a\na.value 1\n", 20) ==
				node_config_hash("a.label a\na.value 2\n# x\n", 24));
	assert_true(node_config_hash("a.label a\n", 10) != node_config_hash("a.label b\n", 10));
	node_names_destroy(names);
}

static void the_step_is_the_plugins_own_where_it_can_be(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t step_s;
	} cases[] = {
		{"a.label a\n", 60},
		{"update_rate 300\na.label a\n", 300},
		{"update_rate 10\na.label a\n", 60}, /* there will be one value per round */
		{"update_rate 10\na.label a\na.value 1795150907:1\n", 10},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct node_names *names = node_names_create();
		AUTO(node_config) config = config_of(names, "p", cases[i].text);
		assert_int_equal(graph_at(config, 0)->step_s, cases[i].step_s);
		node_names_destroy(names);
	}
}

/* hostile 25 */
static void the_nodes_word_of_failure_discards_the_answer(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		enum node_trouble trouble;
	} cases[] = {
		{"# timeout", NODE_TROUBLE_TIMED_OUT},
		{"# Timed out", NODE_TROUBLE_TIMED_OUT},
		{"# Bad exit", NODE_TROUBLE_BAD_EXIT},
		{"# Unknown service", NODE_TROUBLE_UNKNOWN_SERVICE},
		{"# timeout is 5 seconds here", NODE_TROUBLE_NONE},
		{"# a comment", NODE_TROUBLE_NONE},
		{"graph_info see # timeout", NODE_TROUBLE_NONE},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct node_names *names = node_names_create();
		g_autofree char *text = g_strdup_printf("a.label a\n%s\nb.label b\n", cases[i].line);
		AUTO(node_config) config = config_of(names, "p", text);
		assert_int_equal(config->trouble, cases[i].trouble);
		assert_int_equal(config->graphs->len, cases[i].trouble == NODE_TROUBLE_NONE);
		AUTO(node_config) good = config_of(names, "p", "a.label a\n");
		struct node_values values;
		node_values_init(&values);
		g_autofree char *fetched = g_strdup_printf("a.value 1\n%s\n", cases[i].line);
		node_values_read(&values,
			&(struct node_values_options){.plugin = "p", .graphs = good->graphs}, fetched,
			strlen(fetched));
		assert_int_equal(values.trouble, cases[i].trouble);
		assert_int_equal(values.samples->len, cases[i].trouble == NODE_TROUBLE_NONE);
		node_values_finish(&values);
		node_names_destroy(names);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_finite_decimals_or_unknown),
		cmocka_unit_test(rates_have_units),
		cmocka_unit_test(first_graph_attribute_and_last_field_attribute_count),
		cmocka_unit_test(graphs_of_a_plugin_nest),
		cmocka_unit_test(names_are_made_safe_or_refused),
		cmocka_unit_test(names_that_become_the_same_stay_apart),
		cmocka_unit_test(odd_field_names_are_mapped),
		cmocka_unit_test(a_bad_graph_name_costs_the_rest_of_that_plugin),
		cmocka_unit_test(a_graph_entered_again_is_the_same_graph),
		cmocka_unit_test(texts_become_clean_utf8),
		cmocka_unit_test(wrong_types_and_limits_are_defaults_with_a_warning),
		cmocka_unit_test(fields_and_lines_are_bounded),
		cmocka_unit_test(values_find_their_fields),
		cmocka_unit_test(values_may_stand_in_config),
		cmocka_unit_test(the_step_is_the_plugins_own_where_it_can_be),
		cmocka_unit_test(the_nodes_word_of_failure_discards_the_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
