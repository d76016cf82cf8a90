#include "collector/munin/plugin_conf.h"
#include "tests/support/test.h"

static struct plugin_conf *read_text(const char *text, GString *complaints)
{
	struct plugin_conf *conf = plugin_conf_create();
	struct diag_source source = {.name = "conf", .text = text, .length = strlen(text)};
	AUTO(diag_list) diags = diag_list_create();
	plugin_conf_parse(conf, &source, diags);
	if (complaints) {
		diag_print(diags, DIAG_GCC, complaints);
	} else {
		assert_int_equal(diag_errors(diags), 0);
	}
	return conf;
}

static const char stock[] = "# a comment\n"
							"[if_*]\n"
							"user root\n"
							"env.speed 100\n"
							"env.both wild\n"
							"\n"
							"[if_err_*]   # particular\n"
							"user nobody\r\n"
							"\n"
							"[if_eth0]\n"
							"\tenv.both exact # not this\n"
							"env.hash a\\#b\n"
							"[exim_mailqueue]\n"
							"group adm, (Debian-exim) 4\n"
							"[*_snmp]\n"
							"host_name Router.Example.COM\n"
							"timeout 7\n"
							"command /usr/bin/nice -n 5 %c\n"
							"update_rate 300\n"
							"[if_*]\n"
							"env.later yes\n";

static void assert_environment(const struct plugin_settings *s, const char *expected)
{
	GString *all = g_string_new(NULL);
	for (guint i = 0; i < s->environment->len; i++) {
		g_string_append_printf(all, "%s;", (char *)s->environment->pdata[i]);
	}
	assert_string_equal(all->str, expected);
	g_string_free(all, TRUE);
}

static void an_exact_section_beats_a_wildcard_and_longer_ones_come_first(void **state UNUSED)
{
	AUTO(plugin_conf) conf = read_text(stock, NULL);
	struct plugin_settings s;
	plugin_conf_settings(conf, "if_eth0", &s);
	assert_string_equal(s.user, "root");
	assert_true(s.exact);
	assert_environment(&s, "both=exact;hash=a#b;speed=100;later=yes;");
	plugin_settings_finish(&s);
	plugin_conf_settings(conf, "if_err_eth0", &s);
	assert_string_equal(s.user, "nobody");
	assert_false(s.exact);
	assert_environment(&s, "speed=100;both=wild;later=yes;");
	plugin_settings_finish(&s);
}

static void groups_command_host_and_timeout_are_read(void **state UNUSED)
{
	AUTO(plugin_conf) conf = read_text(stock, NULL);
	struct plugin_settings s;
	plugin_conf_settings(conf, "exim_mailqueue", &s);
	assert_int_equal(s.groups->len, 3);
	const struct plugin_group *optional = s.groups->pdata[1];
	assert_true(optional->optional);
	assert_string_equal(optional->name, "Debian-exim");
	assert_false(((const struct plugin_group *)s.groups->pdata[2])->optional);
	plugin_settings_finish(&s);
	plugin_conf_settings(conf, "disk_snmp", &s);
	assert_string_equal(s.host_name, "router.example.com");
	assert_int_equal(s.timeout_s, 7);
	assert_int_equal(s.command->len, 4);
	assert_string_equal(s.command->pdata[3], "%c");
	assert_null(s.user);
	plugin_settings_finish(&s);
}

static void nobody_mentioned_has_nothing(void **state UNUSED)
{
	AUTO(plugin_conf) conf = read_text(stock, NULL);
	struct plugin_settings s;
	plugin_conf_settings(conf, "cpu", &s);
	assert_null(s.user);
	assert_null(s.groups);
	assert_null(s.command);
	assert_int_equal(s.environment->len, 0);
	plugin_settings_finish(&s);
}

static void every_error_is_told_with_its_line_and_costs_that_line_only(void **state UNUSED)
{
	static const struct {
		const char *text, *complaint;
	} cases[] = {
		{"user root\n", "conf:1:1: error: this stands before the first section"},
		{"[a\nuser x\n", "conf:1:1: error: a section is written"},
		{"[a b]\n", "conf:1:1: error: \"a b\" is no name of a plugin"},
		{"[a*b]\n", "conf:1:1: error: \"a*b\" is no name"},
		{"[]\n", "conf:1:1: error: \"\" is no name"},
		{"[a]\n\n  timeout soon\n", "conf:3:3: error: timeout: whole seconds"},
		{"[a]\ntimeout 0\n", "conf:2:1: error: timeout"},
		{"[a]\nuser\n", "conf:2:1: error: expected a keyword and its value"},
		{"[a]\nenv x=y\n", "conf:2:1: error: variables are written"},
		{"[a]\nurl http://x\n", "conf:2:1: error: unknown keyword \"url\""},
		{"[a]\nhost_name ../etc\n", "conf:2:1: error: \"../etc\" is no name of a host"},
		{"[a]\nenv. x\n", "conf:2:1: error: env.NAME needs a name"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		GString *complaints = g_string_new(NULL);
		g_autofree char *whole = g_strconcat(cases[i].text, "[good]\nuser me\n", NULL);
		AUTO(plugin_conf) conf = read_text(whole, complaints);
		if (!strstr(complaints->str, cases[i].complaint)) {
			fail_msg("case %zu: %s", i, complaints->str);
		}
		struct plugin_settings s;
		plugin_conf_settings(conf, "good", &s);
		assert_string_equal(s.user, "me");
		plugin_settings_finish(&s);
		g_string_free(complaints, TRUE);
	}
}

/* hostile 13 */
static void odd_bytes_reach_no_message_raw(void **state UNUSED)
{
	GString *complaints = g_string_new(NULL);
	AUTO(plugin_conf) conf = read_text("[a]\nb\033[31m \xff\x07\n[\xff\x01]\n", complaints);
	for (const char *at = complaints->str; *at; at++) {
		assert_true(*at == '\n' || (unsigned char)*at >= 0x20);
	}
	assert_true(g_utf8_validate(complaints->str, -1, NULL));
	g_string_free(complaints, TRUE);
}

static void a_line_has_a_limit(void **state UNUSED)
{
	GString *text = g_string_new("[a]\nenv.x ");
	for (int i = 0; i < 100000; i++) {
		g_string_append_c(text, 'x');
	}
	GString *complaints = g_string_new(NULL);
	AUTO(plugin_conf) conf = read_text(text->str, complaints);
	assert_non_null(strstr(complaints->str, "a line may have at most"));
	g_string_free(text, TRUE);
	g_string_free(complaints, TRUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exact_section_beats_a_wildcard_and_longer_ones_come_first),
		cmocka_unit_test(groups_command_host_and_timeout_are_read),
		cmocka_unit_test(nobody_mentioned_has_nothing),
		cmocka_unit_test(every_error_is_told_with_its_line_and_costs_that_line_only),
		cmocka_unit_test(odd_bytes_reach_no_message_raw),
		cmocka_unit_test(a_line_has_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
