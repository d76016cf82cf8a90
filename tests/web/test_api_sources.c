#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "picture.h"

#include "base/banned.h"

/* What the API says of the inventory and of sources, from the engine's picture. */
static struct harness h;

static json_t *get_json(const char *target, unsigned status)
{
	json_error_t why;
	struct answer a = http_get(&h, target, NULL);
	if (a.status != status) {
		fail_msg("%s: %u %s", target, a.status, a.body->str);
	}
	json_t *value = json_loadb(a.body->str, a.body->len, JSON_REJECT_DUPLICATES, &why);
	if (!value) {
		fail_msg("%s: %s", target, why.text);
	}
	answer_finish(&a);
	return value;
}

static const char *text_at(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	if (!text) {
		fail_msg("no text %s", key);
	}
	return text;
}

static int setup(void **state)
{
	harness_start(&h, true, false);
	picture_send(&h);
	return 0;
}

static int teardown(void **state)
{
	harness_stop(&h);
	return 0;
}

/* From the first word of the engine on; the last known value is that of the live one. */
static void inventory_says_first_and_last_seen(void **state)
{
	json_t *host = get_json("/api/v1/hosts/web1", 200);
	json_t *service = json_array_get(json_object_get(host, "services"), 1);
	json_t *down = json_array_get(json_object_get(service, "fields"), 0);
	assert_string_equal(text_at(host, "first_seen"), text_at(service, "first_seen"));
	assert_string_equal(text_at(service, "first_seen"), "2027-01-15T07:00:00Z");
	assert_string_equal(text_at(service, "last_seen"), "2027-01-15T08:00:00Z");
	assert_string_equal(text_at(down, "first_seen"), "2027-01-15T07:00:00Z");
	assert_string_equal(text_at(down, "last_seen"), "2027-01-15T08:00:00Z");
	json_decref(host);
}

static void sources_are_listed_with_what_they_complain_about(void **state)
{
	json_t *list = get_json("/api/v1/sources", 200);
	json_t *sources = json_object_get(list, "sources");
	assert_int_equal(json_array_size(sources), 1);
	json_t *source = json_array_get(sources, 0);
	assert_string_equal(text_at(source, "id"), "web1/munin/munin");
	assert_string_equal(text_at(source, "state"), "complaining");
	assert_string_equal(text_at(source, "where"), "10.0.0.1:4949");
	assert_string_equal(text_at(source, "next"), "2027-01-15T08:01:00Z");
	assert_string_equal(text_at(source, "first_seen"), "2027-01-15T07:59:00Z");
	assert_int_equal(json_integer_value(json_object_get(source, "series")), 219);
	assert_true(json_real_value(json_object_get(source, "took_s")) == 0.31);
	json_t *complaint = json_array_get(json_object_get(source, "complaints"), 0);
	assert_string_equal(text_at(complaint, "plugin"), "if_<eth0>");
	assert_string_equal(text_at(complaint, "error"), "exit code 1");
	json_decref(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inventory_says_first_and_last_seen),
		cmocka_unit_test(sources_are_listed_with_what_they_complain_about),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
