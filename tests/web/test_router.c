#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>
#include <zlib.h>

#include "model/config.h"
#include "web/asset.h"
#include "web/router.h"

#include "base/banned.h"

static void patterns_match_whole_paths(void **state)
{
	static const struct {
		const char *pattern, *target;
		bool matches;
		const char *variable; /* the last one */
	} cases[] = {
		{"/", "/", true, NULL},
		{"/", "/a", false, NULL},
		{"/a", "/a", true, NULL},
		{"/a", "/", false, NULL},
		{"/a", "/a/b", false, NULL},
		{"/a", "/ab", false, NULL},
		{"/ab", "/a", false, NULL},
		{"/a/{x}", "/a/b", true, "b"},
		{"/a/{x}", "/a", false, NULL},
		{"/a/{x}", "/a/b/c", false, NULL},
		{"/a/{x}/c", "/a/b/c", true, "b"},
		{"/a/{x}/c", "/a/b/d", false, NULL},
		{"/{x}/{y}", "/a/b", true, "b"},
		{"/a/{x...}", "/a/b/c/d", true, "b"},
		{"/a/{x...}", "/a/b", true, "b"},
		{"/a/{x...}", "/a", false, NULL},
		{"/r:check", "/r:check", true, NULL},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct request r = {0};
		assert_true(request_parse_target(&r, cases[i].target, NULL));
		if (router_matches(cases[i].pattern, &r) != cases[i].matches) {
			fail_msg("%s with %s", cases[i].pattern, cases[i].target);
		}
		if (cases[i].variable) {
			const char *last = r.variable[1] ? r.variable[1] : r.variable[0];
			assert_string_equal(last, cases[i].variable);
		}
		request_finish(&r);
	}
}

static json_t *embedded_description(void)
{
	const struct asset *asset = asset_find("/api/v1/openapi.json");
	static char text[1 << 20];
	z_stream z = {0};
	assert_non_null(asset);
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	z.next_in = (Bytef *)asset->bytes;
	z.avail_in = (uInt)asset->length;
	z.next_out = (Bytef *)text;
	z.avail_out = sizeof(text);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	json_t *value = json_loadb(text, z.total_out, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(value);
	inflateEnd(&z);
	return value;
}

static bool is_described(const struct route *route)
{
	static const char *const prefixes[] = {
		"/api/", "/graph/", "/munin/", "/healthz", "/readyz", "/metrics", "/render", "/prom/"};
	for (size_t i = 0; i < ARRAY_LENGTH(prefixes); i++) {
		if (g_str_has_prefix(route->path, prefixes[i])) {
			return true;
		}
	}
	return false;
}

static const char *verb_name(enum verb verb)
{
	return verb == VERB_GET ? "get" : verb == VERB_POST ? "post" : "delete";
}

/* "{path...}" is written "{path}" there. */
static json_t *operation_of(json_t *paths, const struct route *route)
{
	GString *path = g_string_new(route->path);
	char *dots = strstr(path->str, "...");
	if (dots) {
		g_string_erase(path, dots - path->str, 3);
	}
	json_t *found = json_object_get(json_object_get(paths, path->str), verb_name(route->verb));
	g_string_free(path, TRUE);
	return found;
}

static bool names_query(json_t *operation, const char *name)
{
	size_t index;
	json_t *parameter;
	json_array_foreach(json_object_get(operation, "parameters"), index, parameter)
	{
		if (!strcmp(json_string_value(json_object_get(parameter, "in")), "query") &&
			!strcmp(json_string_value(json_object_get(parameter, "name")), name)) {
			return true;
		}
	}
	return false;
}

static void every_route_and_parameter_is_described(void **state)
{
	json_t *description = embedded_description();
	json_t *paths = json_object_get(description, "paths");
	for (size_t i = 0; i < router_count(); i++) {
		const struct route *route = router_at(i);
		if (!is_described(route)) {
			continue;
		}
		json_t *operation = operation_of(paths, route);
		if (!operation) {
			fail_msg("%s is not described", route->path);
		}
		g_auto(GStrv) names = g_strsplit(route->parameters, " ", 0);
		for (size_t n = 0; names[n]; n++) {
			if (*names[n] && !names_query(operation, names[n])) {
				fail_msg("%s: parameter %s is not described", route->path, names[n]);
			}
		}
	}
	json_decref(description);
}

static void all_that_is_described_is_there(void **state)
{
	json_t *description = embedded_description();
	const char *path;
	json_t *operations;
	json_object_foreach(json_object_get(description, "paths"), path, operations)
	{
		const char *verb;
		json_t *operation;
		json_object_foreach(operations, verb, operation)
		{
			unsigned status = 0;
			struct request r = {.verb = !strcmp(verb, "get")      ? VERB_GET
										: !strcmp(verb, "delete") ? VERB_DELETE
																  : VERB_POST};
			g_autofree char *target = g_strdup(path);
			g_strdelimit(target, "{}", '_');
			assert_true(request_parse_target(&r, target, NULL));
			if (!router_find(&r, &status)) {
				fail_msg("%s %s: %u", verb, path, status);
			}
			request_finish(&r);
		}
	}
	json_decref(description);
}

static void wrong_method_is_not_missing_path(void **state)
{
	unsigned status = 0;
	struct request r = {.verb = VERB_POST};
	assert_true(request_parse_target(&r, "/healthz", NULL));
	assert_null(router_find(&r, &status));
	assert_int_equal(status, 405);
	request_finish(&r);
	r.verb = VERB_GET;
	assert_true(request_parse_target(&r, "/healthy", NULL));
	assert_null(router_find(&r, &status));
	assert_int_equal(status, 404);
	request_finish(&r);
}

static void names_of_others_are_not_ours(void **state)
{
	struct config config = {.base_url = (char *)"https://mon.example.org:8443/x",
		.host_name = (char *)"web1.example.org"};
	static const struct {
		const char *host;
		bool ours;
	} cases[] = {
		{NULL, true},
		{"localhost:8080", true},
		{"app.localhost", true},
		{"127.0.0.1:8080", true},
		{"[::1]:8080", true},
		{"192.168.1.5", true},
		{"mon", true},
		{"mon.example.org", true},
		{"MON.example.org:8443", true},
		{"web1.example.org:8080", true},
		{"evil.example:8080", false},
		{"127.0.0.1.evil.example", false},
		{"localhost.evil.example", false},
		{"xmon.example.org", false},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		if (router_host_is_ours(&config, cases[i].host) != cases[i].ours) {
			fail_msg("%s", cases[i].host);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_whole_paths),
		cmocka_unit_test(every_route_and_parameter_is_described),
		cmocka_unit_test(all_that_is_described_is_there),
		cmocka_unit_test(names_of_others_are_not_ours),
		cmocka_unit_test(wrong_method_is_not_missing_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
