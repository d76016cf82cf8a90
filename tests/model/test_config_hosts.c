#include "base/diag.h"
#include "model/config.h"
#include "tests/support/test.h"

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
	GString *report = g_string_new(NULL);
	struct config *config = parse(text, report);
	if (!config) {
		fail_msg("%s", report->str);
	}
	g_string_free(report, TRUE);
	return config;
}

static void this_machine_is_always_there_and_first(void **state UNUSED)
{
	AUTO(config)
	config = parse_good("host mon1.example; interval 5s\n"
						"host db1 { munin 192.0.2.7 }\n");
	assert_int_equal(config->hosts->len, 2);
	const struct config_host *local = config->hosts->pdata[0];
	assert_string_equal(local->name, "mon1.example");
	assert_string_equal(local->group, "example");
	assert_string_equal(local->address, "localhost");
	assert_true(local->local && local->discover);
	assert_int_equal(local->sources->len, 1);
	const struct config_source *own = local->sources->pdata[0];
	assert_int_equal(own->kind, CONFIG_SOURCE_HOST);
	assert_int_equal(own->interval_s, 5);
	assert_string_equal(own->id, "mon1.example/host/host");
	assert_false(((const struct config_host *)config->hosts->pdata[1])->local);
}

static void a_block_of_this_machine_adds_to_it(void **state UNUSED)
{
	AUTO(config)
	config = parse_good("host mon1\n"
						"host mon1 {\n group \"office/eu\"\n service redis { }\n}\n");
	assert_int_equal(config->hosts->len, 1);
	const struct config_host *local = config_find_host(config, "mon1");
	assert_true(local->local);
	assert_string_equal(local->group, "office/eu");
	assert_string_equal(config->host_group, "office/eu");
	assert_int_equal(local->sources->len, 2);
	assert_non_null(config_find_source(local, CONFIG_SOURCE_SERVICE, "redis"));
}

static void what_a_host_leaves_open_its_groups_say(void **state UNUSED)
{
	AUTO(config)
	config = parse_good(
		"group prod { interval 30s; tls auto; tags prod, eu; certificate \"/c.pem\"; key "
		"\"/k.pem\" }\n"
		"group \"prod/db\" { tls paranoid; tags db }\n"
		"host db1 { group \"prod/db\"; munin db1.example; tags master }\n"
		"host web1 { group \"prod/web\"; munin \"web1.example:4950\"; interval 15s; tls disabled "
		"}\n"
		"host other { munin \"[2001:db8::1]:4949\" }\n");
	const struct config_host *db = config_find_host(config, "db1");
	const struct config_source *node = config_find_source(db, CONFIG_SOURCE_NODE, "munin");
	assert_int_equal(node->interval_s, 30);
	assert_int_equal(node->timeout_s, 30);
	assert_int_equal(node->node.tls, CONFIG_NODE_TLS_PARANOID);
	assert_true(node->node.verify);
	assert_string_equal(node->node.identity.key, "/k.pem");
	assert_int_equal(db->tags->len, 4);
	assert_string_equal(db->tags->pdata[0], "db");
	assert_string_equal(db->tags->pdata[3], "prod");
	const struct config_host *web = config_find_host(config, "web1");
	node = config_find_source(web, CONFIG_SOURCE_NODE, "munin");
	assert_int_equal(node->interval_s, 15);
	assert_int_equal(node->timeout_s, 15); /* never longer than the interval */
	assert_int_equal(node->node.tls, CONFIG_NODE_TLS_DISABLED);
	node = config_find_source(config_find_host(config, "other"), CONFIG_SOURCE_NODE, "munin");
	assert_int_equal(node->interval_s, 60);
	assert_int_equal(node->node.tls, CONFIG_NODE_TLS_DISABLED);
	assert_false(node->node.verify);
}

static void names_of_the_host_are_filled_in(void **state UNUSED)
{
	AUTO(config)
	config = parse_good("host v6 { address \"2001:db8::9\"; munin \"$ADDRESS:4949\"\n"
						" check web { http \"http://$ADDRESS/$HOST\" }\n"
						" exporter node { url \"http://$ADDRESS:9100/metrics\" } }\n");
	const struct config_host *host = config_find_host(config, "v6");
	assert_string_equal(
		config_find_source(host, CONFIG_SOURCE_NODE, "munin")->node.address, "[2001:db8::9]:4949");
	assert_string_equal(config_find_source(host, CONFIG_SOURCE_CHECK, "web")->check.target,
		"http://[2001:db8::9]/v6");
	assert_string_equal(config_find_source(host, CONFIG_SOURCE_EXPORTER, "node")->exporter.url,
		"http://[2001:db8::9]:9100/metrics");
}

static void kinds_of_services_have_other_names(void **state UNUSED)
{
	static const struct {
		const char *block, *kind;
	} cases[] = {
		{"service mariadb { }", "mysql"},
		{"service shop { kind php-fpm; address \"unix:///run/php.sock\" }", "php_fpm"},
		{"service search { kind opensearch; port 9201 }", "elasticsearch"},
		{"service redis { write no; metrics no }", "redis"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		g_autofree char *text = g_strdup_printf("host h { %s }", cases[i].block);
		AUTO(config) config = parse_good(text);
		const struct config_source *source = config_find_host(config, "h")->sources->pdata[0];
		assert_string_equal(source->service.kind, cases[i].kind);
	}
}

static void what_is_wrong_is_named(void **state UNUSED)
{
	static const struct {
		const char *text, *complaint;
	} cases[] = {
		{"host h { munin \"a b\" }", "expected"},
		{"host h { munin \"http://x/\" }", "expected HOST"},
		{"host h { munin \"ssh://-oProxyCommand=x/y\" }", "expected HOST"},
		{"host h { }", "nothing is asked of this host"},
		{"host h { munin a }\nhost h { munin b }", "a second host of this name"},
		{"host h { munin a; tls on }", "expected one of: inherit, disabled"},
		{"host h { munin a; key \"/k\" }", "only make sense together"},
		{"host h { munin a; push { token_file \"/t\" } }", "either asked"},
		{"host h { push { token_file \"/t\" } }", "nothing listens for it"},
		{"push { listen 0.0.0.0:4950 }", "are all needed"},
		{"host h { service x { } }", "is no kind of service"},
		{"host h { service x { kind mysq } }", "mysql"},
		{"host h { service mysql { password_file \"/p\" } }", "needs a \"user\""},
		{"host h { check c { } }", "has one of these"},
		{"host h { check c { http \"http://x/\"; tcp \"x:1\" } }", "asks one thing"},
		{"host h { check c { tcp \"x:1\"; status 200 } }", "says nothing about a check by \"tcp\""},
		{"host h { check c { http \"ftp://x/\" } }", "URL"},
		{"host h { check c { http \"http://x/\"; status 7 } }", "expected a status"},
		{"host h { check c { http \"http://x/\"; match \"(\" } }", "no regular expression"},
		{"host h { check c { http \"http://x/\"; status \"399-200\" } }", "expected a status"},
		{"host h { check c { tls \"x:443\"; crit_days 30 } }", "it would never warn"},
		{"host h { check c { tls \"x:443\"; warn_days 3 } }", "it would never warn"},
		{"host h { check c { ping \"$ADDRES\" } }", "a name or an address, with or without a port"},
		{"host h { munin \"h:99999\" }", "a name or an address, with or without a port"},
		{"host h { check c { nagios check_disk } }", "absolute path"},
		{"host h { exporter e { } }", "\"url\" is missing"},
		{"host h { plugin p { user root } }", "\"command\" is missing"},
		{"host h { plugin p { command \"/x\"; environment 5 } }", "NAME=value"},
		{"host \"a/b\" { munin a }", "name of a host"},
		{"group \"../x\" { tls auto }", "expected a group"},
		{"host h { munin a; tags \"a b\" }", "a tag is made of"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		GString *report = g_string_new(NULL);
		AUTO(config) config = parse(cases[i].text, report);
		if (config || !strstr(report->str, cases[i].complaint)) {
			fail_msg("%s: %s", cases[i].text, report->str);
		}
		g_string_free(report, TRUE);
	}
}

/* The same fingerprint means that a source goes on over a reload; so every setting is in it. */
static void a_fingerprint_changes_with_every_setting(void **state UNUSED)
{
	static const char *const blocks[] = {
		"munin a",
		"munin b",
		"munin a; tls auto",
		"munin a; verify yes",
		"munin a; interval 10s",
		"munin a; timeout 9s",
		"munin a; ignore x",
		"munin a; ignore x, y",
		"munin a; node_name n",
		"munin a; ca \"/c\"",
		"munin a; group g",
		"munin a; address b",
		"service redis { }",
		"service redis { port 1 }",
		"service redis { write no }",
		"check redis { ping b }",
		"plugin redis { command \"/b\" }",
	};
	GHashTable *seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (size_t i = 0; i < 2 * ARRAY_LENGTH(blocks); i++) {
		const char *block = blocks[i % ARRAY_LENGTH(blocks)];
		g_autofree char *text = g_strdup_printf("host h { %s }", block);
		AUTO(config) config = parse_good(text);
		const struct config_source *source = config_find_host(config, "h")->sources->pdata[0];
		bool known = g_hash_table_contains(seen, source->fingerprint);
		if (known != (i >= ARRAY_LENGTH(blocks))) {
			fail_msg("%s: %s", block, source->fingerprint);
		}
		g_hash_table_add(seen, g_strdup(source->fingerprint));
	}
	g_hash_table_destroy(seen);
}

static void thousands_of_hosts_are_read(void **state UNUSED)
{
	GString *text = g_string_new(NULL);
	for (int i = 0; i < 5000; i++) {
		g_string_append_printf(
			text, "host n%d.example { munin 192.0.2.1; group \"g%d\" }\n", i, i % 50);
	}
	AUTO(config) config = parse_good(text->str);
	assert_int_equal(config->hosts->len, 5001);
	g_string_free(text, TRUE);
}

static void a_found_service_is_one_like_any_other(void **state UNUSED)
{
	AUTO(config) config = parse_good("host h");
	struct config_host *host = config_find_host(config, "h");
	const struct config_source *source =
		config_host_add_service(host, "redis", "redis", "127.0.0.1:6379");
	assert_true(source->service.found && source->service.write && source->service.metrics);
	assert_int_equal(source->interval_s, 10);
	assert_int_equal(source->timeout_s, 5);
	assert_string_equal(source->id, "h/service/redis");
	assert_ptr_equal(config_find_source(host, CONFIG_SOURCE_SERVICE, "redis"), source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(this_machine_is_always_there_and_first),
		cmocka_unit_test(a_block_of_this_machine_adds_to_it),
		cmocka_unit_test(what_a_host_leaves_open_its_groups_say),
		cmocka_unit_test(names_of_the_host_are_filled_in),
		cmocka_unit_test(kinds_of_services_have_other_names),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(a_fingerprint_changes_with_every_setting),
		cmocka_unit_test(thousands_of_hosts_are_read),
		cmocka_unit_test(a_found_service_is_one_like_any_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
