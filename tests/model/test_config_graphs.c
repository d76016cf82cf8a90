#include "base/diag.h"
#include "model/config.h"
#include "tests/support/test.h"

/* `override` and `graph` blocks: what they say of declarations, and all that can be wrong in them.
 */
static struct config *parse(const char *text, GString *report)
{
	AUTO(bundle) bundle = bundle_create();
	AUTO(diag_list) diags = diag_list_create();
	bundle_add(bundle, CONFIG_MAIN_FILE, text, strlen(text));
	struct config *config = config_parse(bundle, diags);
	diag_print(diags, DIAG_GCC, report);
	return config;
}

static struct config *parse_good(const char *text)
{
	g_autoptr(GString) report = g_string_new(NULL);
	struct config *config = parse(text, report);
	if (!config) {
		fail_msg("%s", report->str);
	}
	return config;
}

static struct service *declared(void)
{
	struct service *service = service_create("g/eu", "h", "if_eth0", 60);
	service_add_field(service, "up", "up", FIELD_DERIVE);
	service_add_field(service, "down", "down", FIELD_DERIVE);
	assert_true(attributes_set(&service->attributes, ATTRIBUTES_GRAPH, "graph_title", "plain"));
	return service;
}

static const char *of_graph(const struct service *service, const char *key)
{
	return attributes_or(&service->attributes, key, "-");
}

static const char *of_field(const struct service *service, const char *field, const char *key)
{
	const struct field *found = service_find_field(service, field);
	return found ? attributes_or(&found->attributes, key, "-") : "no field";
}

static void the_deepest_override_counts_and_there_the_last(void **state UNUSED)
{
	AUTO(config)
	config = parse_good("group g { override \"*\" { graph_title \"of g\"; graph_vlabel \"g\" }\n"
						"  override \"if_*:up\" { warning \"1\"; critical \"2\" } }\n"
						"group \"g/eu\" { override \"if_*\" { graph_title \"of eu\" }\n"
						"  override \"if_*:*\" { warning \"3\" } }\n"
						"host h { group \"g/eu\"; munin a\n"
						"  override \"if_eth0:down\" { label \"in\"; warning \"4\" }\n"
						"  override \"if_eth0:d*\" { warning \"5\" }\n"
						"  override \"load\" { graph_title \"another\" } }\n"
						"host other { group \"x\"; munin b }\n");
	AUTO(service) service = declared();
	assert_true(config_overrides_apply(config_find_host(config, "h")->overrides, service));
	assert_string_equal(of_graph(service, "graph_title"), "of eu");
	assert_string_equal(of_graph(service, "graph_vlabel"), "g");
	assert_string_equal(of_field(service, "up", "warning"), "3");
	assert_string_equal(of_field(service, "up", "critical"), "2");
	assert_string_equal(of_field(service, "down", "warning"), "5");
	assert_string_equal(service_find_field(service, "down")->label, "in");
	AUTO(service) plain = declared();
	assert_false(config_overrides_apply(config_find_host(config, "other")->overrides, plain));
	assert_string_equal(of_graph(plain, "graph_title"), "plain");
}

static void a_sum_is_added_to_a_graph_that_has_no_such_field(void **state UNUSED)
{
	AUTO(config)
	config = parse_good("host h { munin a; override \"if_eth0:both\" { label \"both\"; sum "
						"\"if_eth0.up\" \"if_eth0.down\" }; override \"load:x\" { sum \"a.b\" } }");
	AUTO(service) service = declared();
	assert_true(config_overrides_apply(config_find_host(config, "h")->overrides, service));
	assert_int_equal(service_field_count(service), 3);
	assert_true(service_find_field(service, "both")->made);
	assert_string_equal(of_field(service, "both", "sum"), "if_eth0.up if_eth0.down");
}

static void a_graph_becomes_a_declaration(void **state UNUSED)
{
	AUTO(config)
	config = parse_good(
		"group g { graph all { graph_title \"of the group\"; field x { from \"load.load\" } }\n"
		"  graph each { field y { from \"load.load\" } } }\n"
		"host h { group g\n graph all { graph_title \"T\"; graph_order \"b -a\"\n"
		"  field a { label \"A\"; from \"h1:load.load\"; draw \"AREA\" }\n"
		"  field b { from \"g;h2:load.load\" }\n  field c { from \"c:d.e\" }\n"
		"  field s { sum \"w*:x.y\" \"z=h3:x.y\"; negative \"t\" }\n"
		"  field t { stack \"p=h1:x.y\" \"q=h2:x.y\" } } }\n");
	const struct config_host *host = config_find_host(config, "h");
	assert_int_equal(host->sources->len, 0);
	assert_int_equal(host->graphs->len, 2); /* its own `all`, the group's `each` */
	AUTO(service) service = config_graph_service(host->graphs->pdata[0], host->group, host->name);
	assert_string_equal(of_graph(service, "graph_title"), "T");
	assert_string_equal(
		of_graph(service, "graph_order"), "b=g;h2:load.load -a=h1:load.load c=c:d.e");
	assert_string_equal(of_field(service, "s", "sum"), "w*:x.y z=h3:x.y");
	assert_string_equal(of_field(service, "t", "stack"), "p=h1:x.y q=h2:x.y");
	assert_string_equal(of_field(service, "a", "draw"), "AREA");
	assert_string_equal(service_find_field(service, "a")->label, "A");
	for (size_t i = 0; i < service_field_count(service); i++) {
		assert_true(service_field(service, i)->made);
	}
}

static const struct {
	const char *block, *complaint;
} wrong[] = {
	{"override \"a b\" { label x }", "expected SERVICE or SERVICE:FIELD"},
	{"override \"load\" { label x }", "\"label\" belongs to a field"},
	{"override \"load:load\" { graph_title x }", "\"graph_title\" belongs to a graph"},
	{"override \"load:load\" { type GAUGE }", "unknown setting \"type\""},
	{"override \"load\" { update_rate \"10\" }", "unknown setting \"update_rate\""},
	{"override \"load\" { sum \"a:b.c\" }", "belong to a field"},
	{"override \"load:load\" { warnin 3 }", "warning"},
	{"override \"load:load\" { sum \"a:\" }", "expected [GROUP"},
	{"override \"load\" { graph_title \"a\tb\" }", "control character"},
	{"graph \"no/de\" { field a { from \"b.c\" } }", "a graph's name"},
	{"graph node { field a { from \"b.c\" } }", "\"node\" is taken"},
	{"graph g { }", "needs a \"field\""},
	{"graph g { field \"1a\" { from \"b.c\" } }", "a field's name"},
	{"graph g { field a { } }", "exactly one of them"},
	{"graph g { field a { from \"b.c\"; sum \"b.c\" } }", "exactly one of them"},
	{"graph g { field a { stack \"b.c\" } }", "expected NAME=PATH"},
	{"graph g { field a { from \"../x:b.c\" } }", "expected [GROUP"},
	{"graph g { field a { from \"b.c\" } field a { from \"b.c\" } }", "expected the end"},
};

static void what_is_wrong_is_named(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		g_autoptr(GString) report = g_string_new(NULL);
		g_autofree char *text = g_strdup_printf("host h { munin a; %s }", wrong[i].block);
		AUTO(config) config = parse(text, report);
		if (config || !strstr(report->str, wrong[i].complaint)) {
			fail_msg("%s: %s", wrong[i].block, report->str);
		}
	}
}

static void a_channel_is_one_thing(void **state UNUSED)
{
	static const struct {
		const char *block, *complaint;
	} cases[] = {
		{"command \"/bin/true\"; webhook \"http://x/\"", "exactly one of them"},
		{"command \"true\"", "absolute path"},
		{"command \"/bin/${host}\"", "path of a program"},
		{"command \"/bin/true\" \"${hots}\"", "there is no fact"},
		{"command \"/bin/true\" \"${host\"", "there is no fact"},
		{"webhook \"http://x/\"; timeout 5s", "belongs to a command"},
		{"command \"/bin/true\"; secret_file \"/x\"", "belongs to a webhook"},
		{"command \"/bin/true\"; timeout 10m", "has to be from"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		g_autoptr(GString) report = g_string_new(NULL);
		g_autofree char *text = g_strdup_printf("channel c { %s }", cases[i].block);
		AUTO(config) config = parse(text, report);
		if (config || !strstr(report->str, cases[i].complaint)) {
			fail_msg("%s: %s", cases[i].block, report->str);
		}
	}
	AUTO(config)
	config = parse_good("channel c { command \"/bin/tool\" \"-s\" \"[${level}] ${summary}\" }");
	const struct config_channel *channel = config_channel(config, "c");
	assert_int_equal(channel->kind, CONFIG_CHANNEL_COMMAND);
	assert_int_equal(channel->command->len, 3);
	assert_int_equal(channel->timeout_s, 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_deepest_override_counts_and_there_the_last),
		cmocka_unit_test(a_sum_is_added_to_a_graph_that_has_no_such_field),
		cmocka_unit_test(a_graph_becomes_a_declaration),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(a_channel_is_one_thing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
