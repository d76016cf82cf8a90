#include "collector/munin/node_conf.h"
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static void read_text(struct node_conf *conf, const char *text, GString *complaints)
{
	struct diag_source source = {.name = "conf", .text = text, .length = strlen(text)};
	AUTO(diag_list) diags = diag_list_create();
	node_conf_init(conf);
	node_conf_parse(conf, &source, diags);
	if (complaints) {
		diag_print(diags, DIAG_GCC, complaints);
	} else {
		assert_int_equal(diag_errors(diags), 0);
	}
}

static bool admits(const struct node_conf *conf, const char *address)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
		return node_access_admits(conf->access, (const struct sockaddr *)&v4);
	}
	assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
	return node_access_admits(conf->access, (const struct sockaddr *)&v6);
}

static void a_stock_file_is_read(void **state UNUSED)
{
	struct node_conf conf;
	read_text(&conf,
		"log_level 4\nlog_file /var/log/munin/munin-node.log\nbackground 1\nuser root\n"
		"ignore_file [\\#~]$\nignore_file \\.bak$\nignore_file \\.dpkg-(tmp|new|old|dist)$\n"
		"host_name Web1.example.com\nallow ^127\\.0\\.0\\.1$\nallow ^::1$\nhost *\nport 4950\n"
		"timeout 20\nglobal_timeout 300\ntls enabled\ntls_private_key /k\ntls_certificate /c\n"
		"tls_ca_certificate /a\ntls_verify_certificate yes\ntls_match CN=(a|b)\nparanoia no\n"
		"default_plugin_user munin\ndefault_plugin_group adm\n",
		NULL);
	assert_string_equal(conf.host, "*");
	assert_int_equal(conf.port, 4950);
	assert_string_equal(conf.host_name, "Web1.example.com");
	assert_int_equal(conf.timeout_s, 20);
	assert_int_equal(conf.global_timeout_s, 300);
	assert_int_equal(conf.tls, NODE_TLS_ENABLED);
	assert_true(conf.verify);
	assert_non_null(conf.match);
	assert_string_equal(conf.key, "/k");
	assert_string_equal(conf.user, "munin");
	assert_true(admits(&conf, "127.0.0.1"));
	assert_true(admits(&conf, "::1"));
	assert_true(admits(&conf, "::ffff:127.0.0.1"));
	assert_false(admits(&conf, "127.0.0.11"));
	node_conf_finish(&conf);
}

static void networks_allow_and_deny(void **state UNUSED)
{
	static const struct {
		const char *text, *address;
		bool admitted;
	} cases[] = {
		{"", "127.0.0.1", false},
		{"cidr_allow 192.0.2.0/24", "192.0.2.255", true},
		{"cidr_allow 192.0.2.0/24", "::ffff:192.0.2.7", true},
		{"cidr_allow 192.0.2.0/24", "192.0.3.0", false},
		{"cidr_allow 192.0.2.0/25", "192.0.2.128", false},
		{"cidr_allow 192.0.2.9", "192.0.2.9", true},
		{"cidr_allow 192.0.2.9", "192.0.2.8", false},
		{"cidr_allow 0.0.0.0/0", "203.0.113.1", true},
		{"cidr_allow 0.0.0.0/0", "2001:db8::1", false},
		{"cidr_allow ::/0", "203.0.113.1", true},
		{"cidr_allow 2001:db8::/33", "2001:db8:7fff::1", true},
		{"cidr_allow 2001:db8::/33", "2001:db8:8000::1", false},
		{"cidr_allow ::ffff:192.0.2.0/120", "192.0.2.1", true},
		{"cidr_allow 192.0.2.0/24\ncidr_deny 192.0.2.42/32", "192.0.2.42", false},
		{"cidr_allow 192.0.2.0/24\ncidr_deny 192.0.2.42/32", "192.0.2.43", true},
		{"allow .*\ndeny ^192", "192.0.2.1", false},
		{"allow .*\ndeny ^192", "::ffff:192.0.2.1", false},
		{"cidr_allow 198.51.100.0/24, 192.0.2.0/24", "192.0.2.1", true},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct node_conf conf;
		read_text(&conf, cases[i].text, NULL);
		if (admits(&conf, cases[i].address) != cases[i].admitted) {
			fail_msg("%s: %s", cases[i].text, cases[i].address);
		}
		node_conf_finish(&conf);
	}
}

static void what_is_wrong_is_told(void **state UNUSED)
{
	static const struct {
		const char *text, *complaint;
	} cases[] = {
		{"\nport 70000\n", "conf:2:1: error: port \"70000\": a port is"},
		{"allow (\n", "conf:1:1: error: allow"},
		{"cidr_allow 192.0.2.0/33\n", "bits from 0 to 32"},
		{"cidr_allow web1\n", "not an address"},
		{"tls maybe\n", "one of disabled, auto"},
		{"timeout -1\n", "whole seconds"},
		{"paranoia perhaps\n", "yes or no is meant"},
		{"host_name ../etc\n", "no name of a host"},
		{"ignore_file [\n", "error: ignore_file"},
		{"spooldir /var/spool\n", "spooldir cannot be kept"},
		{"reverse_lookups double\n", "judged by address"},
		{"timeuot 5\n", "did you mean \"timeout\"?"},
		{"port\n", "expected a keyword and its value"},
		{"log_file /x\n", "warning: log_file is ignored"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct node_conf conf;
		GString *complaints = g_string_new(NULL);
		read_text(&conf, cases[i].text, complaints);
		if (!strstr(complaints->str, cases[i].complaint)) {
			fail_msg("case %zu: %s", i, complaints->str);
		}
		g_string_free(complaints, TRUE);
		node_conf_finish(&conf);
	}
}

static void only_plugins_are_wanted(void **state UNUSED)
{
	struct node_conf conf;
	read_text(&conf, "ignore_file [\\#~]$\nignore_file \\.bak$\n", NULL);
	static const char *const good[] = {"cpu", "if_eth0.100", "a@b:c-d", "#no"};
	static const char *const bad[] = {
		".hidden", "a.conf", "cpu~", "cpu.bak", "a b", "a/b", "", "\xff", "a\nb"};
	for (size_t i = 0; i < 3; i++) {
		assert_true(node_conf_wants(&conf, good[i]));
	}
	assert_false(node_conf_wants(&conf, good[3]));
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		assert_false(node_conf_wants(&conf, bad[i]));
	}
	node_conf_finish(&conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stock_file_is_read),
		cmocka_unit_test(networks_allow_and_deny),
		cmocka_unit_test(what_is_wrong_is_told),
		cmocka_unit_test(only_plugins_are_wanted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
