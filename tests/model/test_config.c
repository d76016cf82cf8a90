#include "model/config.h"
#include "base/diag.h"
#include "model/config_files.h"
#include "tests/support/test.h"

#include <fcntl.h>

/* One setting file in, a snapshot or its complaints out. */
static struct config *parse(const char *text, GString *report)
{
	AUTO(bundle) bundle = bundle_create();
	AUTO(diag_list) diags = diag_list_create();
	bundle_add(bundle, CONFIG_MAIN_FILE, text, strlen(text));
	struct config *config = config_parse(bundle, diags);
	diag_print(diags, DIAG_GCC, report);
	assert_int_equal(config == NULL, diag_errors(diags) > 0);
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

static void without_a_file_all_defaults_hold(void **state UNUSED)
{
	AUTO(bundle) bundle = bundle_create();
	AUTO(diag_list) diags = diag_list_create();
	AUTO(config) config = config_parse(bundle, diags);
	assert_non_null(config);
	assert_string_equal(config->listen, "127.0.0.1:8080");
	assert_string_equal(config->base_url, "http://127.0.0.1:8080");
	assert_int_equal(config->interval_s, 10);
	assert_null(config->layout);
	assert_true(config->default_rules);
	assert_true(*config->host_name);
	assert_true(*config->host_group);
	assert_null(config->smtp.server);
	assert_int_equal(config->smtp.tls, CONFIG_TLS_REQUIRED);
	assert_int_equal(config->channels->len, 0);
}

static void links_lead_to_the_address_that_is_listened_on(void **state UNUSED)
{
	static const struct {
		const char *conf, *bound, *base_url;
	} cases[] = {
		{"listen 127.0.0.1:8080", "127.0.0.1:9191", "http://127.0.0.1:9191"},
		{"", "[::1]:4711", "http://[::1]:4711"},
		{"host db1; insecure_http yes", "0.0.0.0:80", "http://db1:80"},
		{"base_url \"https://m.example.org\"", "127.0.0.1:9191", "https://m.example.org"},
		{"listen 127.0.0.1:8081", "", "http://127.0.0.1:8081"},
		{"listen 127.0.0.1:8081", "nonsense", "http://127.0.0.1:8081"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		AUTO(bundle) bundle = bundle_create();
		AUTO(diag_list) diags = diag_list_create();
		bundle_add(bundle, CONFIG_MAIN_FILE, cases[i].conf, strlen(cases[i].conf));
		bundle_add(bundle, CONFIG_BOUND_FILE, cases[i].bound, strlen(cases[i].bound));
		AUTO(config) config = config_parse(bundle, diags);
		assert_non_null(config);
		assert_string_equal(config->base_url, cases[i].base_url);
	}
}

static void every_setting_is_read(void **state UNUSED)
{
	AUTO(config)
	c = parse_good("listen 127.0.0.1:9090 # a word with a colon needs no quotes\n"
				   "base_url \"https://magpie.example.org/\"\n"
				   "host db1.example.org; interval 1m; layout compact; default_rules no\n"
				   "rules \"my \" \"rules\"\n"
				   "smtp {\n server \"smtp://mail.example.org:587\"\n from "
				   "\"magpie@example.org\"\n tls optional\n"
				   " user \"m\"\n password_file \"/etc/magpie/smtp\"\n}\n"
				   "channel ops { email \"ops@example.org\" }\n"
				   "channel hook {\n webhook \"https://hooks.example.org/a?b=c\"\n secret_file "
				   "\"/etc/magpie/hook\"\n"
				   " at crit\n}\n"
				   "notify ops\n"
				   "action restart {\n command \"/usr/bin/systemctl\" \"restart\" \"--\" \"$1\"\n"
				   " argument \"[a-z]+\"\n timeout 2m\n}\n");
	assert_string_equal(c->listen, "127.0.0.1:9090");
	assert_string_equal(c->base_url, "https://magpie.example.org");
	assert_string_equal(c->host_name, "db1.example.org");
	assert_string_equal(c->host_group, "example.org");
	assert_int_equal(c->interval_s, 60);
	assert_string_equal(c->layout, "compact");
	assert_false(c->default_rules);
	assert_string_equal(c->rules_dir, "my rules");
	assert_string_equal(c->smtp.server, "smtp://mail.example.org:587");
	assert_int_equal(c->smtp.tls, CONFIG_TLS_OPTIONAL);
	assert_int_equal(c->notify->len, 1);
	const struct config_channel *hook = config_channel(c, "hook");
	assert_non_null(hook);
	assert_int_equal(hook->kind, CONFIG_CHANNEL_WEBHOOK);
	assert_int_equal(hook->least, 3);
	assert_string_equal(hook->secret_file, "/etc/magpie/hook");
	assert_int_equal(config_channel(c, "ops")->least, 2);
	const struct config_action *action = config_action(c, "restart");
	assert_int_equal(action->command->len, 4);
	assert_int_equal(action->timeout_s, 120);
	assert_null(config_channel(c, "nobody"));
}

static void all_channels_are_told_where_notify_is_not_set(void **state UNUSED)
{
	AUTO(config)
	c = parse_good("channel a { webhook \"http://a.example/\" }\n"
				   "channel b { webhook \"http://b.example/\" }\n");
	assert_int_equal(c->notify->len, 2);
	assert_string_equal(g_ptr_array_index(c->notify, 1), "b");
}

/* One wrong text and where the complaint has to point: "line:column: … code", and a word of its
 * text. */
/* hostile 38, 66: duplicates, unknown channels, addresses */
static void what_is_wrong_is_named_with_its_place(void **state UNUSED)
{
	static const struct {
		const char *text, *place, *code, *word;
	} cases[] = {
		{"intervall 10s\n", ":1:1:", "E101", "interval"},
		{"interval 10x\n", ":1:10:", "E006", ""},
		{"interval 10\n", ":1:10:", "E406", ""},
		{"interval 0.5s\n", ":1:10:", "E407", "whole"},
		{"interval 301s\n", ":1:10:", "E407", "300"},
		{"interval\n", ":1:9:", "E102", "value"},
		{"interval 10s 20s\n", ":1:14:", "E102", "end of the line"},
		{"interval 10s\ninterval 20s\n", ":2:1:", "E105", "twice"},
		{"layout compct\n", ":1:8:", "E102", "compact"},
		{"layout \"custom 1d, 5m\"\n", ":1:8:", "E102", "5m for 1w"},
		{"archive { retention \"a b\" { layout huge } }\n", ":1:21:", "E102", "SERVICE"},
		{"archive { retention \"web*:cpu\" { } }\n", ":1:11:", "E102", "layout"},
		{"group a { layout tiny }\n", ":1:18:", "E102", "normal"},
		{"default_rules maybe\n", ":1:15:", "E104", "yes"},
		{"listen \"8080\"\n", ":1:8:", "E102", "ADDRESS:PORT"},
		{"base_url \"ftp://x/\"\n", ":1:10:", "E102", "http"},
		{"host \"a b\"\n", ":1:6:", "E102", "host"},
		{"host \"..\"\n", ":1:6:", "E102", "host"},
		{"smtp { from \"a@b.c\" }\n", ":1:1:", "E102", "server"},
		{"smtp { server \"smtp://h/x\" }\n", ":1:15:", "E102", "follows"},
		{"smtp { server \"smtp://h\"; from \"a@b>\\nRCPT TO:<x@y>\" }\n", ":1:32:", "E102",
			"plain"},
		{"smtp { server \"smtp://h\"; user \"x\" }\n", ":1:27:", "E102", "together"},
		{"smtp { server \"smtp://h\"; user \"x\"; password_file \"/p\"; tls none }\n",
			":1:57:", "E106", "TLS"},
		{"channel ops { }\n", ":1:1:", "E102", "exactly one"},
		{"channel ops { email \"a@b.c\"; webhook \"http://x/\" }\nsmtp { server \"smtp://h\" }\n",
			":1:30:", "E102", "exactly one"},
		{"channel ops { email \"a@b.c\" }\n", ":1:1:", "E102", "mail server"},
		{"channel ops { webhook \"file:///etc/passwd\" }\n", ":1:23:", "E102", "http"},
		{"channel ops { webhook \"http://u:p@h/\" }\n", ":1:23:", "E102", "password"},
		{"channel ops { webhook \"http://h/\"; secret_file \"key\" }\n", ":1:48:", "E102",
			"absolute"},
		{"channel { webhook \"http://h/\" }\n", ":1:1:", "E102", "name"},
		{"channel ops\n", ":1:1:", "E102", "block"},
		{"channel ops { webhook \"http://h/\" }\nchannel ops { webhook \"http://g/\" }\n",
			":2:9:", "E206", "second"},
		{"channel ops { webhook \"http://h/\" }\nnotify opps\n", ":2:8:", "E205", "opps"},
		{"channel ops { webhook \"http://h/\"\n", ":1:13:", "E103", "closing"},
		{"}\n", ":1:1:", "E102", ""},
		{"listen 127.0.0.1:80 }\n", ":1:21:", "E102", ""},
		{"base_url https://x\n", ":1:", "E", ""},
		{"action a { timeout 1s }\n", ":1:1:", "E102", "command"},
		{"action a { command \"true\" }\n", ":1:12:", "E102", "absolute"},
		{"action a { command \"/bin/x\" \"$1\" }\n", ":1:12:", "E209", "pattern"},
		{"action a { command \"/bin/x\"; argument \"a\" }\n", ":1:30:", "E209", "stand"},
		{"action a { command \"/bin/x\" \"$1\"; argument \"(\" }\n", ":1:44:", "E102", "regular"},
		{"action a { command \"/bin/x\"; timeout 2h }\n", ":1:38:", "E407", "3600"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		GString *report = g_string_new(NULL);
		AUTO(config) config = parse(cases[i].text, report);
		if (config || !strstr(report->str, cases[i].place) || !strstr(report->str, cases[i].code) ||
			!strstr(report->str, cases[i].word)) {
			fail_msg("case %zu: %s gave: %s", i, cases[i].text, report->str);
		}
		if (strstr(strstr(report->str, " error: ") + 1, " error: ")) {
			fail_msg(
				"case %zu: %s gave more than one complaint: %s", i, cases[i].text, report->str);
		}
		g_string_free(report, TRUE);
	}
}

static void all_complaints_come_in_one_run(void **state UNUSED)
{
	GString *report = g_string_new(NULL);
	AUTO(config)
	config = parse("intervall 10s\nlayout big\nchannel a { emial \"x\" }\nlisten\n", report);
	assert_null(config);
	assert_non_null(strstr(report->str, ":1:1:"));
	assert_non_null(strstr(report->str, ":2:8:"));
	assert_non_null(strstr(report->str, ":3:13:"));
	assert_non_null(strstr(report->str, ":4:7:"));
	g_string_free(report, TRUE);
}

/* hostile 36 */
static void deep_nesting_and_endless_lists_end(void **state UNUSED)
{
	GString *text = g_string_new(NULL);
	GString *report = g_string_new(NULL);
	for (int i = 0; i < 10000; i++) {
		g_string_append(text, "smtp {\n");
	}
	AUTO(config) config = parse(text->str, report);
	assert_null(config);
	g_string_assign(text, "notify");
	for (int i = 0; i < 3000; i++) {
		g_string_append(text, " a");
	}
	AUTO(config) second = parse(text->str, report);
	assert_null(second);
	g_string_free(text, TRUE);
	g_string_free(report, TRUE);
}

/* hostile 37 */
static void the_same_lines_end_in_the_same_values(void **state UNUSED)
{
	AUTO(config) a = parse_good("host db1\r\ninterval 30s\r\n");
	AUTO(config) b = parse_good("\xef\xbb\xbfhost\tdb1\n\n#x\ninterval 30s");
	assert_string_equal(a->host_name, b->host_name);
	assert_int_equal(a->interval_s, b->interval_s);
}

/* -- files -- */

static void put(const char *dir, const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	assert_true(g_file_set_contents(path, text, -1, NULL));
	assert_int_equal(chmod(path, 0644), 0);
}

static void rule_files_are_read_in_order_beside_the_configuration(void **state UNUSED)
{
	char *dir = test_directory();
	g_autofree char *rules = g_build_filename(dir, "rules.d", NULL);
	g_autofree char *conf = g_build_filename(dir, "any.conf", NULL);
	assert_int_equal(mkdir(rules, 0755), 0);
	put(dir, "any.conf", "interval 20s\n");
	put(rules, "b.magpie", "b");
	put(rules, "a.magpie", "a");
	put(rules, ".hidden.magpie", "no");
	put(rules, "a.magpie.bak", "no");
	AUTO(bundle) bundle = config_files_read(conf, NULL);
	assert_non_null(bundle);
	assert_int_equal(bundle_count(bundle), 3);
	assert_string_equal(bundle_at(bundle, 0)->name, CONFIG_MAIN_FILE);
	assert_string_equal(bundle_at(bundle, 1)->name, "rules.d/a.magpie");
	assert_string_equal(bundle_at(bundle, 2)->name, "rules.d/b.magpie");
	test_directory_remove(dir);
}

static void the_rules_directory_may_be_named_and_then_has_to_be_there(void **state UNUSED)
{
	char *dir = test_directory();
	g_autofree char *rules = g_build_filename(dir, "r", NULL);
	g_autofree char *conf = g_build_filename(dir, "magpie.conf", NULL);
	put(dir, "magpie.conf", "this is wrong in every way {\nrules r\n");
	put(dir, "magpie.conf", "rules \"r\"\nintervall 3\n");
	struct error err = {.kind = ERR_NONE};
	assert_null(config_files_read(conf, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(mkdir(rules, 0755), 0);
	put(rules, "x.magpie", "x");
	AUTO(bundle) bundle = config_files_read(conf, NULL);
	assert_non_null(bundle_find(bundle, "r/x.magpie"));
	test_directory_remove(dir);
}

/* hostile 36 */
static void what_is_no_plain_file_is_refused_and_never_waited_for(void **state UNUSED)
{
	char *dir = test_directory();
	g_autofree char *rules = g_build_filename(dir, "rules.d", NULL);
	g_autofree char *conf = g_build_filename(dir, "magpie.conf", NULL);
	g_autofree char *odd = g_build_filename(rules, "odd.magpie", NULL);
	assert_int_equal(mkdir(rules, 0755), 0);
	put(dir, "magpie.conf", "");
	for (int i = 0; i < 4; i++) {
		struct error err = {.kind = ERR_NONE};
		int made = i == 0   ? mkfifo(odd, 0644)
				   : i == 1 ? mkdir(odd, 0755)
				   : i == 2 ? symlink("odd.magpie", odd)
							: symlink("/dev/zero", odd);
		assert_int_equal(made, 0);
		assert_null(config_files_read(conf, &err));
		assert_int_not_equal(err.kind, ERR_NONE);
		assert_int_equal(remove(odd), 0);
	}
	struct error err = {.kind = ERR_NONE};
	assert_null(config_files_read(rules, &err)); /* a directory as configuration */
	assert_null(config_files_read("/nonexistent/magpie.conf", &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	test_directory_remove(dir);
}

/* hostile 43 */
static void a_configuration_that_everybody_may_write_is_refused(void **state UNUSED)
{
	static const char *const parts[] = {"magpie.conf", "rules.d", "rules.d/a.magpie"};
	char *dir = test_directory();
	g_autofree char *conf = g_build_filename(dir, "magpie.conf", NULL);
	g_autofree char *rules = g_build_filename(dir, "rules.d", NULL);
	assert_int_equal(mkdir(rules, 0755), 0);
	put(dir, "magpie.conf", "");
	put(rules, "a.magpie", "");
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		g_autofree char *part = g_build_filename(dir, parts[i], NULL);
		struct error err = {.kind = ERR_NONE};
		AUTO(bundle) good = config_files_read(conf, NULL);
		assert_non_null(good);
		assert_int_equal(chmod(part, i == 1 ? 0777 : 0666), 0);
		assert_null(config_files_read(conf, &err));
		assert_int_equal(err.kind, ERR_DENIED);
		assert_int_equal(chmod(part, i == 1 ? 0755 : 0644), 0);
	}
	test_directory_remove(dir);
}

static void no_path_means_no_files(void **state UNUSED)
{
	AUTO(bundle) bundle = config_files_read(NULL, NULL);
	assert_int_equal(bundle_count(bundle), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_file_all_defaults_hold),
		cmocka_unit_test(links_lead_to_the_address_that_is_listened_on),
		cmocka_unit_test(every_setting_is_read),
		cmocka_unit_test(all_channels_are_told_where_notify_is_not_set),
		cmocka_unit_test(what_is_wrong_is_named_with_its_place),
		cmocka_unit_test(all_complaints_come_in_one_run),
		cmocka_unit_test(deep_nesting_and_endless_lists_end),
		cmocka_unit_test(the_same_lines_end_in_the_same_values),
		cmocka_unit_test(rule_files_are_read_in_order_beside_the_configuration),
		cmocka_unit_test(the_rules_directory_may_be_named_and_then_has_to_be_there),
		cmocka_unit_test(what_is_no_plain_file_is_refused_and_never_waited_for),
		cmocka_unit_test(a_configuration_that_everybody_may_write_is_refused),
		cmocka_unit_test(no_path_means_no_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
