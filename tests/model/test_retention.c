#include "model/retention.h"
#include "model/config.h"

#include "tests/support/test.h"

#include <string.h>

#include "base/diag.h"

#include "base/banned.h"

static struct config *parse(const char *text)
{
	AUTO(bundle) bundle = bundle_create();
	AUTO(diag_list) diags = diag_list_create();
	bundle_add(bundle, CONFIG_MAIN_FILE, text, strlen(text));
	struct config *config = config_parse(bundle, diags);
	assert_non_null(config);
	return config;
}

static const char *const text = "layout compact\n"
								"group shop { layout normal }\n"
								"group \"shop/db\" { layout \"custom 2d, 5m for 1y\" }\n"
								"host db1 { group \"shop/db\"; munin \"127.0.0.1\"; layout huge }\n"
								"archive {\n"
								"  retention \"*:disk*\" { layout default }\n"
								"  retention \"web*:disk:root\" { layout \"custom 10d\" }\n"
								"}\n";

static void the_most_exact_word_counts(void **state UNUSED)
{
	static const struct {
		const char *group, *host, *service, *field, *layout;
	} cases[] = {
		{"other", "x", "cpu", "user", "compact"},
		{"shop", "x", "cpu", "user", "normal"},
		{"shop/web", "x", "cpu", "user", "normal"},
		{"shopping", "x", "cpu", "user", "compact"},
		{"shop/db", "x", "cpu", "user", "custom 2d, 5m for 1y"},
		{"shop/db/a", "x", "cpu", "user", "custom 2d, 5m for 1y"},
		{"shop/db", "db1", "cpu", "user", "huge"},
		{"shop/db", "db1", "diskstats", "x", "default"},
		{"shop", "web1", "disk", "root", "custom 10d"},
		{"shop", "web1", "disk", "home", "default"},
	};
	AUTO(config) config = parse(text);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		AUTO(service)
		service = service_create(cases[i].group, cases[i].host, cases[i].service, 60);
		assert_string_equal(
			retention_find(config->retention, service, cases[i].field), cases[i].layout);
	}
}

/* what a node says can fill a disk */
static void a_plugins_wish_counts_where_nobody_said_anything(void **state UNUSED)
{
	static const struct {
		const char *config, *wish, *layout;
	} cases[] = {
		{"", "huge", "huge"},
		{"", "custom 1d, 5m for 1w", "custom 1d, 5m for 1w"},
		{"", "debug", "default"},
		{"", "custom 100y", "default"},
		{"layout compact\n", "huge", "huge"}, /* the wish is more exact than the word for all */
		{"group g { layout normal }\n", "huge", "normal"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		AUTO(config) config = parse(cases[i].config);
		AUTO(service) service = service_create("g", "h", "s", 60);
		assert_true(attributes_set(
			&service->attributes, ATTRIBUTES_GRAPH, "graph_data_size", cases[i].wish));
		assert_string_equal(retention_find(config->retention, service, "f"), cases[i].layout);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_exact_word_counts),
		cmocka_unit_test(a_plugins_wish_counts_where_nobody_said_anything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
