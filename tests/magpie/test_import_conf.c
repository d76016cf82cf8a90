#include "magpie/import_conf.h"
#include "tests/support/test.h"

#include "base/banned.h"

/* munin.conf as settings of hosts and groups: all forms of sections, comments, continued lines. */
static struct import_conf *parse(const char *text, struct diag_list *diags)
{
	struct import_conf *conf = import_conf_create();
	struct diag_source source = {.name = "munin.conf", .text = text, .length = strlen(text)};
	import_conf_parse(conf, &source, diags, NULL, NULL);
	return conf;
}

static const struct import_section *host(
	const struct import_conf *conf, const char *group, const char *name)
{
	for (guint i = 0; i < conf->hosts->len; i++) {
		const struct import_section *s = conf->hosts->pdata[i];
		if (!strcmp(s->group, group) && !strcmp(s->host, name)) {
			return s;
		}
	}
	fail_msg("no host %s in %s", name, group);
	return NULL;
}

static void assert_setting(const struct import_section *s, const char *key, const char *value)
{
	const struct import_setting *found = import_find(s, key);
	if (!found) {
		fail_msg("no %s", key);
		return;
	}
	assert_string_equal(found->value, value);
}

static void sections_of_all_forms_lead_to_their_host(void **state UNUSED)
{
	AUTO(diag_list) diags = diag_list_create();
	AUTO(import_conf)
	conf = parse("dbdir /var/lib/munin\n"
				 "[web1.example.com]\n\taddress 10.0.0.1\n"
				 "[A;B;web2]\naddress 10.0.0.2\n"
				 "[localhost]\naddress ::1\n"
				 "[A;]\nnode_order web3 web2\nweb9:address 10.0.0.9\n"
				 "[A;B;web2:load]\nload.warning 5\ngraph_title L\n"
				 "[A;B;web2:load.load]\ncritical 9\n",
		diags);
	assert_int_equal(diag_errors(diags), 0);
	assert_setting(conf->globals, "dbdir", "/var/lib/munin");
	assert_setting(host(conf, "example.com", "web1.example.com"), "address", "10.0.0.1");
	assert_setting(host(conf, "A;B", "web2"), "address", "10.0.0.2");
	assert_setting(host(conf, "A;B", "web2"), "load.load.warning", "5");
	assert_setting(host(conf, "A;B", "web2"), "load.graph_title", "L");
	assert_setting(host(conf, "A;B", "web2"), "load.load.critical", "9");
	assert_setting(host(conf, "A", "web9"), "address", "10.0.0.9");
	assert_setting(host(conf, "localhost", "localhost"), "address", "::1");
	assert_setting(import_group(conf, "A"), "node_order", "web3 web2");
	assert_int_equal(conf->hosts->len, 4);
}

static void lines_are_read_as_munin_reads_them(void **state UNUSED)
{
	static const struct {
		const char *text, *key, *value;
	} cases[] = {
		{"a b # comment\n", "a", "b"},
		{"# a x\na b\n", "a", "b"},
		{"a 100\\# of it\n", "a", "100# of it"},
		{"a b \\\n   c # d\n", "a", "b c"},
		{"a b \\ # e\n c\n", "a", "b c"},
		{"a b\\\n\n", "a", "b"},
		{"a b \\", "a", "b"},
		{"  a\t\tb  c \t\r\n", "a", "b  c"},
		{"a b\na c\n", "a", "c"},
		{"a caf\xe9\n", "a", "caf\xc3\xa9"},
		{"a caf\xc3\xa9\n", "a", "caf\xc3\xa9"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		AUTO(diag_list) diags = diag_list_create();
		AUTO(import_conf) conf = parse(cases[i].text, diags);
		assert_setting(conf->globals, cases[i].key, cases[i].value);
		assert_int_equal(diag_errors(diags), 0);
	}
}

static void what_is_wrong_costs_its_own_host_only(void **state UNUSED)
{
	AUTO(diag_list) diags = diag_list_create();
	AUTO(import_conf)
	conf = parse("[good.example.com]\naddress 10.0.0.1\n"
				 "[broken.example.com\naddress 10.0.0.2\n"
				 "[;x]\naddress 10.0.0.3\n"
				 "[]\naddress 10.0.0.4\n"
				 "[bad.example.com]\naddress\n"
				 "[next.example.com]\naddress 10.0.0.5\n",
		diags);
	assert_int_equal(conf->hosts->len, 3);
	assert_setting(host(conf, "example.com", "good.example.com"), "address", "10.0.0.1");
	assert_setting(host(conf, "example.com", "next.example.com"), "address", "10.0.0.5");
	assert_null(host(conf, "example.com", "good.example.com")->lost);
	assert_non_null(strstr(host(conf, "example.com", "bad.example.com")->lost, "munin.conf:10"));
	assert_int_equal(diag_errors(diags), 4);
	assert_int_equal(diag_at(diags, 0)->place.line, 3);
	assert_int_equal(import_find(conf->globals, "address") == NULL, 1);
}

static void what_a_host_leaves_open_its_groups_say(void **state UNUSED)
{
	AUTO(diag_list) diags = diag_list_create();
	AUTO(import_conf)
	conf = parse("tls disabled\nport 1\n[A;]\ntls auto\nport 2\n[A;B;]\nport 3\n"
				 "[A;B;h]\naddress x\n[C;k]\nport 4\n",
		diags);
	const struct import_section *h = host(conf, "A;B", "h");
	assert_string_equal(import_inherited(conf, h, "port")->value, "3");
	assert_string_equal(import_inherited(conf, h, "tls")->value, "auto");
	assert_int_equal(import_inherited(conf, h, "tls")->line, 4);
	const struct import_section *k = host(conf, "C", "k");
	assert_string_equal(import_inherited(conf, k, "port")->value, "4");
	assert_string_equal(import_inherited(conf, k, "tls")->value, "disabled");
	assert_null(import_inherited(conf, k, "address"));
}

static void include(void *owner, const char *directory)
{
	g_string_append_printf(owner, "<%s>", directory);
}

static void includedir_counts_outside_of_sections_only(void **state UNUSED)
{
	static const char text[] = "includedir /etc/munin/munin-conf.d\n[a.b]\nincludedir /x\n";
	AUTO(diag_list) diags = diag_list_create();
	AUTO(import_conf) conf = import_conf_create();
	g_autoptr(GString) seen = g_string_new(NULL);
	struct diag_source source = {.name = "munin.conf", .text = text, .length = strlen(text)};
	import_conf_parse(conf, &source, diags, include, seen);
	assert_string_equal(seen->str, "</etc/munin/munin-conf.d>");
	assert_int_equal(diag_warnings(diags), 1);
}

static void hostile_bytes_are_complained_about(void **state UNUSED)
{
	static const char text[] = "a b\0c\nd e\n";
	AUTO(diag_list) diags = diag_list_create();
	AUTO(import_conf) conf = import_conf_create();
	struct diag_source source = {.name = "munin.conf", .text = text, .length = sizeof(text) - 1};
	import_conf_parse(conf, &source, diags, NULL, NULL);
	assert_int_equal(diag_errors(diags), 1);
	assert_null(import_find(conf->globals, "a"));
	assert_setting(conf->globals, "d", "e");
	GString *long_line = g_string_new("x ");
	for (unsigned i = 0; i < IMPORT_LINE_MAX; i++) {
		g_string_append_c(long_line, 'y');
	}
	AUTO(import_conf) other = parse(long_line->str, diags);
	assert_null(import_find(other->globals, "x"));
	assert_int_equal(diag_errors(diags), 1); /* the same place again */
	g_string_free(long_line, TRUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_of_all_forms_lead_to_their_host),
		cmocka_unit_test(lines_are_read_as_munin_reads_them),
		cmocka_unit_test(what_is_wrong_costs_its_own_host_only),
		cmocka_unit_test(what_a_host_leaves_open_its_groups_say),
		cmocka_unit_test(includedir_counts_outside_of_sections_only),
		cmocka_unit_test(hostile_bytes_are_complained_about),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
