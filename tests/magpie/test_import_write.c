#include "magpie/import_write.h"
#include "model/config.h"
#include "tests/support/test.h"

#include "base/banned.h"

/* munin.conf in, magpie.conf and notes out. */
struct result {
	char *text;
	struct import_report report;
	struct import_conf *conf;
	struct diag_list *diags;
	struct munin_datafile *datafile;
};

static struct result import(const char *conf, const char *datafile)
{
	struct result r = {.conf = import_conf_create(), .diags = diag_list_create()};
	struct diag_source source = {.name = "munin.conf", .text = conf, .length = strlen(conf)};
	struct diag_source known = {
		.name = "datafile", .text = datafile, .length = datafile ? strlen(datafile) : 0};
	import_conf_parse(r.conf, &source, r.diags, NULL, NULL);
	r.datafile = datafile ? munin_datafile_parse(&known, NULL) : NULL;
	import_report_init(&r.report);
	struct import_options options = {
		.origin = "munin.conf", .directory = "/var/lib/munin", .datafile = r.datafile};
	r.text = import_write(r.conf, &options, &r.report);
	return r;
}

static void finish(struct result *r)
{
	g_free(r->text);
	import_report_finish(&r->report);
	import_conf_destroy(r->conf);
	diag_list_destroy(r->diags);
	munin_datafile_destroy(r->datafile);
}

static void assert_holds(const struct result *r, const char *part)
{
	if (!strstr(r->text, part)) {
		fail_msg("no `%s` in:\n%s", part, r->text);
	}
}

static void assert_lacks(const struct result *r, const char *part)
{
	if (strstr(r->text, part)) {
		fail_msg("`%s` in:\n%s", part, r->text);
	}
}

static const struct import_note *note(
	const struct result *r, enum import_note_kind kind, const char *part)
{
	for (guint i = 0; i < r->report.notes->len; i++) {
		const struct import_note *n = r->report.notes->pdata[i];
		if (n->kind == kind && (strstr(n->text, part) || strstr(n->subject, part))) {
			return n;
		}
	}
	fail_msg("no note of `%s`", part);
	return NULL;
}

static void addresses_become_those_of_nodes(void **state UNUSED)
{
	static const struct {
		const char *settings, *expected;
	} cases[] = {
		{"address 10.0.0.1\n", "munin \"10.0.0.1:4949\""},
		{"address 10.0.0.1\nport 14949\n", "munin \"10.0.0.1:14949\""},
		{"address ::1\n", "munin \"[::1]:4949\""},
		{"address [2001:db8::1]\nport 5\n", "munin \"[2001:db8::1]:5\""},
		{"address munin://n.example.com:99/\n", "munin \"n.example.com:99\""},
		{"address munin://n.example.com\n", "munin \"n.example.com:4949\""},
		{"address ssh://u@n.example.com/usr/bin/nc localhost 4949\n",
			"munin \"ssh://u@n.example.com/usr/bin/nc localhost 4949\""},
		{"address cmd:///usr/bin/snmp --x\n", "munin \"cmd:///usr/bin/snmp --x\""},
		{"port 7\n", "munin \"h.example.com:7\""},
		{"address 10.0.0.1\n", "node_name \"h.example.com\""},
		{"address a\nupdate_rate 5m\n", "interval 300s"},
		{"address a\ntls enabled\ntls_certificate /c\ntls_private_key /k\n", "certificate \"/c\""},
		{"address a\ntls paranoid\ntls_ca_certificate /a\ntls_verify_certificate yes\n",
			"tls paranoid\n\tca \"/a\"\n\tverify yes"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		g_autofree char *conf = g_strconcat("[G;h.example.com]\n", cases[i].settings, NULL);
		struct result r = import(conf, NULL);
		assert_holds(&r, cases[i].expected);
		assert_lacks(&r, "\n# \t");
		assert_lacks(&r, "\n# host");
		assert_int_equal(r.report.asked, 1);
		finish(&r);
	}
}

static void a_node_is_asked_for_the_name_munin_asks_for(void **state UNUSED)
{
	struct result r = import("[G;A.example.com]\naddress a\nuse_node_name yes\n"
							 "[G;B.example.com]\naddress a\nuse_default_node yes\n"
							 "[G;C.Example.com]\naddress a\n",
		NULL);
	assert_lacks(&r, "node_name \"a");
	assert_lacks(&r, "node_name \"b");
	assert_holds(&r, "node_name \"c.example.com\""); /* the master asks in lower case */
	finish(&r);
}

/* What ends the polling of every host in Munin. */
static void what_is_wrong_with_a_host_costs_that_host(void **state UNUSED)
{
	static const struct {
		const char *section, *why;
	} cases[] = {
		{"[G;bad]\naddress ftp://a/b\n", "nothing is asked of this host"},
		{"[G;bad]\naddress a\nupdate maybe\n", "munin.conf:3: \"update\" takes yes or no"},
		{"[G;bad]\naddress a\nport x\n", "munin.conf:3: \"x\" is no port"},
		{"[G;bad]\naddress a\ntls perhaps\n", "munin.conf:3: \"tls\" takes"},
		{"[G;b\xc3\xa4"
		 "d]\naddress a\n",
			"names of hosts"},
		{"[G;bad]\naddress a\n[H;bad]\naddress b\n", "another host above has this name"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		g_autofree char *conf = g_strconcat(cases[i].section, "[G;good]\naddress 10.0.0.9\n", NULL);
		struct result r = import(conf, NULL);
		assert_holds(&r, "\nhost \"good\" {");
		assert_int_equal(r.report.lost, 1);
		(void)note(&r, IMPORT_LOST, cases[i].why);
		finish(&r);
	}
}

static void what_is_unknown_costs_its_line(void **state UNUSED)
{
	struct result r =
		import("[G;h]\naddress a\nload.load.foo bar\nnonsense 5\nload.load.type DERIVE\n", NULL);
	assert_holds(&r, "\nhost \"h\" {");
	assert_int_equal(r.report.lost, 0);
	assert_int_equal(note(&r, IMPORT_DROPPED, "foo")->line, 3);
	assert_int_equal(note(&r, IMPORT_DROPPED, "unknown keyword")->line, 4);
	assert_int_equal(note(&r, IMPORT_DROPPED, "no effect on files")->line, 5);
	finish(&r);
}

/* Munin refuses it, Magpie need not. */
static void a_host_with_an_underscore_is_taken(void **state UNUSED)
{
	struct result r = import("[my_host.example.com]\naddress 127.0.0.1\n", NULL);
	assert_holds(&r, "\nhost \"my_host.example.com\" {\n\tgroup \"example.com\"");
	assert_int_equal(r.report.lost, 0);
	finish(&r);
}

static void overrides_go_to_their_graph_and_field(void **state UNUSED)
{
	struct result r = import("[G;h]\naddress a\n"
							 "load.graph_title First\nload.graph_title A \"b\" \\c\n"
							 "load.load.warning 5\nload.warning 6\n"
							 "top.sub.x.critical 7\ntop.sub.graph no\ntop.f.graph no\n"
							 "load.graph_vtitle V\n",
		"version 2\nG;h:top.sub.x.label x\nG;h:top.f.label f\nG;h:load.load.label l\n");
	assert_holds(&r, "graph_title \"A \\\"b\\\" \\\\c\"");
	assert_lacks(&r, "First");
	assert_holds(&r, "override \"load:*\"");
	assert_holds(&r, "override \"load:load\"");
	assert_holds(&r, "override \"top.sub:x\"");
	assert_holds(&r, "override \"top.sub\"");
	assert_holds(&r, "override \"top:f\"");
	assert_holds(&r, "graph_vlabel \"V\"");
	assert_true(strstr(r.text, "\"load:*\"") < strstr(r.text, "\"load:load\""));
	assert_int_equal(r.report.overrides, 6);
	finish(&r);
}

static void graphs_made_of_others_are_graphs(void **state UNUSED)
{
	struct result r =
		import("[G;Totals]\nupdate no\n"
			   "t.graph_title T\nt.graph_order sum one=h:load.load two=H;k:load.load\n"
			   "t.sum.label all\nt.sum.sum h:load.load k:load.load\n"
			   "s.graph_title S\ns.x.label x\ns.x.stack a=h:load.load b=k:load.load\n"
			   "[G;own]\naddress a\nload.graph_order load other=h:load.load\n",
			"version 2\nG;own:load.load.label l\n");
	assert_holds(&r, "graph \"t\"");
	assert_holds(&r, "graph_order \"sum one two\"");
	assert_holds(&r, "from \"h:load.load\"");
	assert_holds(&r, "sum \"h:load.load\" \"k:load.load\"");
	assert_holds(&r, "stack \"a=h:load.load\" \"b=k:load.load\"");
	assert_holds(&r, "override \"load\""); /* the node has that graph itself */
	assert_int_equal(r.report.graphs, 2);
	finish(&r);
}

static void contacts_become_channels(void **state UNUSED)
{
	static const struct {
		const char *command, *expected; /* NULL: a note */
	} cases[] = {
		{"mail -s \"${var:host} ${var:worst}\" ops@example.com", "email \"ops@example.com\""},
		{"/usr/bin/mailx -s x a@example.com b@example.com", "email \"b@example.com\""},
		{"| /bin/true ${var:host}", "command \"/bin/true\" \"${host}\""},
		{"/bin/true \"${var:graph_title} on ${var:host}\"", "\"${title} on ${host}\""},
		{"/bin/true '$x'", "\"$x\""},
		{"sh -c 'cat > /tmp/x'", "\"-c\" \"cat > /tmp/x\""},
		{"/bin/cat >> /tmp/x", NULL},
		{"/bin/true | /bin/false", NULL},
		{"/bin/true $(id)", NULL},
		{"/bin/true \"open", NULL},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		g_autofree char *conf =
			g_strconcat("contact.c.command ", cases[i].command, "\n[G;h]\naddress a\n", NULL);
		struct result r = import(conf, NULL);
		if (cases[i].expected) {
			assert_holds(&r, cases[i].expected);
			assert_int_equal(r.report.channels > 0, 1);
		} else {
			assert_lacks(&r, "channel");
			assert_int_equal(note(&r, IMPORT_DROPPED, "contact.c.command")->line, 1);
		}
		finish(&r);
	}
}

static void what_is_said_of_all_is_written_once_for_each_group(void **state UNUSED)
{
	struct result r = import("graph_width 500\npalette old\nfoo bar\n[A;]\ngraph_height 300\n"
							 "[A;h]\naddress a\n[A;B;k]\naddress b\n[C;l]\naddress c\n",
		NULL);
	assert_holds(&r, "group \"A\"");
	assert_holds(&r, "group \"C\"");
	assert_lacks(&r, "group \"B\"");
	unsigned unknown = 0;
	for (guint i = 0; i < r.report.notes->len; i++) {
		unknown += strstr(((const struct import_note *)r.report.notes->pdata[i])->text,
					   "unknown keyword") != NULL;
	}
	assert_int_equal(unknown, 1);
	(void)note(&r, IMPORT_DROPPED, "palette");
	finish(&r);
}

static void a_group_with_blanks_gets_another_name_and_that_is_told(void **state UNUSED)
{
	struct result r = import("[My Servers;h]\naddress a\n", NULL);
	assert_holds(&r, "group \"My_Servers\"");
	assert_non_null(strstr(note(&r, IMPORT_CHANGED, "My_Servers")->text, "\"My Servers\""));
	finish(&r);
}

/* Whatever a value is, it stays that value: no block is closed or begun by it. */
static void values_stay_values(void **state UNUSED)
{
	static const char *const values[] = {"a\" } host \"evil\" { munin \"x\" }", "back\\slash\\",
		"\\\"", "}", "{", "# no comment", "\"\"", "tab\there", "$(reboot) `reboot` ${x}",
		"\x01\x1b[31m", "\xff\xfe", "\xe2\x80\xae", "a\rhost evil { munin x }"};
	for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
		g_autofree char *text =
			g_strdup_printf("[A;h]\naddress a\nload.graph_title %s\n"
							"load.load.label %s\ntls_ca_certificate %s\n"
							"tls enabled\n[A;k]\naddress %s\n[A;l]\naddress b\n",
				values[i], values[i], values[i], values[i]);
		struct result r = import(text, NULL);
		AUTO(diag_list) diags = diag_list_create();
		AUTO(bundle) bundle = bundle_create();
		bundle_add(bundle, CONFIG_MAIN_FILE, r.text, strlen(r.text));
		AUTO(config) config = config_parse(bundle, diags);
		if (!config) {
			fail_msg("%s: is refused:\n%s", values[i], r.text);
		}
		for (guint k = 1; k < config->hosts->len; k++) { /* the first is this machine */
			const struct config_host *host = config->hosts->pdata[k];
			if (!strchr("hkl", host->name[0]) || host->name[1]) {
				fail_msg("%s: makes the host %s:\n%s", values[i], host->name, r.text);
			}
		}
		finish(&r);
	}
}

static void the_name_of_the_source_is_one_line(void **state UNUSED)
{
	struct import_conf *conf = import_conf_create();
	struct import_report report;
	import_report_init(&report);
	struct import_options options = {
		.origin = "/tmp/a\nhost evil { munin \"x\" }", .directory = "/srv"};
	g_autofree char *text = import_write(conf, &options, &report);
	assert_null(strstr(text, "\nhost evil"));
	import_report_finish(&report);
	import_conf_destroy(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_become_those_of_nodes),
		cmocka_unit_test(a_node_is_asked_for_the_name_munin_asks_for),
		cmocka_unit_test(what_is_wrong_with_a_host_costs_that_host),
		cmocka_unit_test(what_is_unknown_costs_its_line),
		cmocka_unit_test(a_host_with_an_underscore_is_taken),
		cmocka_unit_test(overrides_go_to_their_graph_and_field),
		cmocka_unit_test(graphs_made_of_others_are_graphs),
		cmocka_unit_test(contacts_become_channels),
		cmocka_unit_test(what_is_said_of_all_is_written_once_for_each_group),
		cmocka_unit_test(a_group_with_blanks_gets_another_name_and_that_is_told),
		cmocka_unit_test(values_stay_values),
		cmocka_unit_test(the_name_of_the_source_is_one_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
