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

/* What people read in answers: refusals that help, and alerts that agree with themselves. */
static struct harness h;

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

static void what_is_not_there_is_named_with_a_way_on(void **state)
{
	static const struct {
		const char *method, *target;
		unsigned status;
		const char *detail, *header;
	} cases[] = {
		{"GET", "/nonsense?x=1", 404, "there is nothing at /nonsense; pages are", ""},
		{"POST", "/api/v1/alerts", 405, "is to be asked by GET, HEAD", "\r\nAllow: GET, HEAD\r\n"},
		{"GET", "/api/v1/rules:check", 405, "is to be asked by POST", "\r\nAllow: POST\r\n"},
		{"GET", "/graph/web1/if_eth1.png", 404, "did you mean \\\"if_eth0\\\"?", ""},
		{"GET", "/graph/web1/none.png", 404, "host web1 has no graph \\\"none\\\"\"", ""},
		{"GET", "/graph/web9/cpu.png", 404, "there is no host \\\"web9\\\"", ""},
		{"GET", "/munin/x/y/z-decade.png", 404, "GROUP/HOST/SERVICE-day.png", ""},
		{"GET", "/hosts/", 400, "ends with a slash; leave that out", ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer a = http_request(&h, cases[i].method, cases[i].target, NULL, NULL);
		if (a.status != cases[i].status || !strstr(a.body->str, cases[i].detail) ||
			!strstr(a.head, cases[i].header)) {
			fail_msg("%s: %u\n%s\n%s", cases[i].target, a.status, a.head, a.body->str);
		}
		answer_finish(&a);
	}
}

static double number_of_alert(const char *key)
{
	struct answer answer = http_get(&h, "/api/v1/alerts", NULL);
	json_t *alerts = json_loadb(answer.body->str, answer.body->len, 0, NULL);
	json_t *a = json_array_get(json_object_get(alerts, "alerts"), 0);
	double value = json_number_value(json_object_get(a, key));
	json_decref(alerts);
	answer_finish(&answer);
	return value;
}

static void wait_for_last_value(const char *value)
{
	g_autofree char *wanted = g_strdup_printf("\"v\":%s}", value);
	for (int i = 0; i < 500; i++) {
		struct answer a = http_get(&h, "/api/v1/series?match=web1:if_eth0:down", NULL);
		bool there = strstr(a.body->str, wanted);
		answer_finish(&a);
		if (there) {
			return;
		}
		usleep(5000);
	}
	fail_msg("the value %s was not taken", value);
}

/* What a page shows in words and what a program reads may not be of two instants. */
static void value_of_an_alert_is_the_one_its_texts_were_made_of(void **state)
{
	assert_true(number_of_alert("value") == 1.5);
	picture_live(&h, 1, PICTURE_T * 1000LL + 10000, 99.5);
	wait_for_last_value("99.5");
	assert_true(number_of_alert("value") == 1.5);
	picture_alert(&h, 7, 3, 1, "web1", "");
	for (int i = 0; i < 500 && number_of_alert("value") != 99.5; i++) {
		usleep(5000);
	}
	assert_true(number_of_alert("value") == 99.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_there_is_named_with_a_way_on),
		cmocka_unit_test(value_of_an_alert_is_the_one_its_texts_were_made_of),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
