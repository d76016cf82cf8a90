#include "bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rules/retire.h"

#include "base/banned.h"

/* A sample measured `age_s` ago arrives now. */
static void push_old(struct bed *bed, uint32_t id, double value, int64_t age_s)
{
	struct wall now = bed->now;
	bed->now.ms -= age_s * 1000;
	window_push(bed->window, id, 60, bed->now, value);
	bed->now = now;
	bed_step(bed, id);
}

static void spooled_samples_raise_no_alarm_and_end_none(void **state)
{
	/* hostile 32 */
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule a { value df:*; warn > 90% for 5m; clear for 60s }\n");
	uint32_t id = bed_service(&bed, "web1", "df", "x", 60);
	for (int64_t age_s = 90 * 86400; age_s > 3600; age_s -= 3600) {
		push_old(&bed, id, 99, age_s);
	}
	assert_string_equal(bed_log(&bed), "");
	for (int i = 0; i <= 5; i++) {
		bed_push(&bed, id, 99); /* the condition is true since the first sample of now */
		assert_string_equal(bed_level(&bed, "a web1 field=x"), i < 5 ? "ok" : "warning");
		bed_wait(&bed, 60);
	}
	(void)bed_log(&bed);
	bed_wait(&bed, 7200); /* the node was away and gives what it kept */
	for (int64_t age_s = 7200; age_s > 900; age_s -= 60) {
		push_old(&bed, id, 1, age_s);
	}
	assert_string_equal(bed_log(&bed), "");
	bed_push(&bed, id, 1);
	bed_wait(&bed, 60);
	bed_push(&bed, id, 1);
	assert_string_equal(bed_level(&bed, "a web1 field=x"), "ok");
	bed_finish(&bed);
}

static void a_node_that_is_asked_seldom_is_judged(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule a { value df:*; warn > 90% }\n");
	uint32_t id = bed_service(&bed, "web1", "df", "x", 60);
	push_old(&bed, id, 99, 300); /* a spool that is emptied every five minutes */
	assert_string_equal(bed_level(&bed, "a web1 field=x"), "warning");
	bed_finish(&bed);
}

static void what_nobody_watches_any_more_ends_and_stays_quiet(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule down { value node:age; crit > 3m; clear < 1m }\n"
				   "rule full { value df:*; warn > 90%; missing unknown after 2m }\n");
	uint32_t id = bed_service(&bed, "web1", "df", "x", 10);
	ruleset_host_seen(bed.set, "web1", bed.now);
	bed_push(&bed, id, 99);
	bed_ticks(&bed, 400);
	assert_string_equal(bed_level(&bed, "down web1"), "critical");
	assert_string_equal(bed_level(&bed, "full web1 field=x"), "unknown");
	(void)bed_log(&bed);
	bed_retire(&bed, "web1", NULL);
	assert_string_equal(bed_level(&bed, "down web1"), "ok");
	assert_string_equal(bed_level(&bed, "full web1 field=x"), "ok");
	(void)bed_log(&bed);
	bed_retire(&bed, "web1", NULL);
	bed_ticks(&bed, 2000);
	assert_string_equal(bed_log(&bed), "");
	/* watched again: silent since then, not since long ago */
	ruleset_employ(bed.set, "web1");
	bed_ticks(&bed, 170);
	assert_string_equal(bed_log(&bed), "");
	bed_ticks(&bed, 20);
	assert_string_equal(bed_level(&bed, "down web1"), "critical");
	bed_push(&bed, id, 99);
	assert_string_equal(bed_level(&bed, "full web1 field=x"), "warning");
	bed_finish(&bed);
}

static void one_service_can_end_alone(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule full { value df:*; warn > 90% }\nrule hot { value temp:*; warn > 50 }\n");
	uint32_t df = bed_service(&bed, "web1", "df", "x", 10);
	uint32_t temp = bed_service(&bed, "web1", "temp", "y", 10);
	bed_push(&bed, df, 99);
	bed_push(&bed, temp, 60);
	bed_retire(&bed, "web1", "temp");
	assert_string_equal(bed_level(&bed, "full web1 field=x"), "warning");
	assert_string_equal(bed_level(&bed, "hot web1 field=y"), "ok");
	bed_wait(&bed, 10);
	bed_push(&bed, temp, 60); /* there again */
	assert_string_equal(bed_level(&bed, "hot web1 field=y"), "warning");
	bed_finish(&bed);
}

static void a_text_says_what_the_source_said(void **state)
{
	(void)state;
	static const struct {
		const char *extinfo, *text;
	} cases[] = {{NULL, "nginx on web1 is down"},
		{"connect: refused", "nginx on web1 is down: connect: refused"},
		{"${host} $(id)", "nginx on web1 is down: ${host} $(id)"}};
	struct bed bed;
	bed_init(&bed, "rule a { value probe_nginx:up; warn < 1; summary \"nginx on ${host} is down: "
				   "${extinfo}\" }\n");
	uint32_t id = bed_service(&bed, "web1", "probe_nginx", "up", 10);
	bed_push(&bed, id, 0);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct service *s = service_create("prod/web", "web1", "probe_nginx", 10);
		struct field *up = service_add_field(s, "up", "up", FIELD_GAUGE);
		if (cases[i].extinfo) {
			assert_true(
				attributes_set(&up->attributes, ATTRIBUTES_FIELD, "extinfo", cases[i].extinfo));
		}
		(void)catalog_declare(bed.catalog, s, NULL);
		GString *text = g_string_new(NULL);
		instance_summary(bed_instance(&bed, "a web1"), text);
		assert_string_equal(text->str, cases[i].text);
		g_string_free(text, TRUE);
	}
	bed_finish(&bed);
}

/* The states of all instances go over to rules that are bound already. */
static void states_are_carried_to_a_new_rule_set(void **state)
{
	(void)state;
	struct bed bed;
	const char *rules = "rule a { value df:*; warn > 90% }\n";
	bed_init(&bed, rules);
	uint32_t id = bed_service(&bed, "web1", "df", "x", 10);
	uint32_t other = bed_service(&bed, "web2", "df", "x", 10);
	bed_push(&bed, id, 99);
	bed_push(&bed, other, 99);
	bed_retire(&bed, "web2", NULL);
	struct ruleset *next = bed_load(rules);
	ruleset_bind(next, bed.catalog);
	ruleset_carry(bed.set, next);
	ruleset_destroy(bed.set);
	bed.set = next;
	assert_string_equal(bed_level(&bed, "a web1 field=x"), "warning");
	assert_string_equal(bed_level(&bed, "a web2 field=x"), "ok");
	bed_ticks(&bed, 300);
	assert_string_equal(bed_level(&bed, "a web2 field=x"), "ok");
	bed_finish(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spooled_samples_raise_no_alarm_and_end_none),
		cmocka_unit_test(a_node_that_is_asked_seldom_is_judged),
		cmocka_unit_test(what_nobody_watches_any_more_ends_and_stays_quiet),
		cmocka_unit_test(one_service_can_end_alone),
		cmocka_unit_test(a_text_says_what_the_source_said),
		cmocka_unit_test(states_are_carried_to_a_new_rule_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
