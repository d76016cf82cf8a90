/*
 * What is accepted means exactly what the language says; what cannot is refused.
 */
#include "bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

/* Overrides in any order of the file give the same. */
static void ties_do_not_depend_on_the_order_of_files(void **state)
{
	(void)state;
	static const char *const overrides[] = {"override a for host web* { warn > 10% }\n",
		"override a for df:* { warn > 20% }\n", "override a for host web1 { warn > 30% }\n"};
	static const unsigned orders[][3] = {
		{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		GString *text = g_string_new("rule a { value df:*; warn > 50% }\n");
		for (size_t k = 0; k < 3; k++) {
			g_string_append(text, overrides[orders[i][k]]);
		}
		struct bed bed;
		bed_init(&bed, text->str);
		(void)bed_service(&bed, "web1", "df", "x", 10);
		assert_int_equal(diag_errors(ruleset_complaints(bed.set)), 1);
		GString *limit = g_string_new(NULL);
		instance_threshold_text(bed_instance(&bed, "a web1 field=x"), limit);
		assert_string_equal(limit->str, "> 50 %");
		g_string_free(limit, TRUE);
		g_string_free(text, TRUE);
		bed_finish(&bed);
	}
}

static void of_globs_the_one_with_more_letters_counts(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule a { value df:*; warn > 50% }\n"
				   "override a for df:_dev_* { warn > 60% }\n"
				   "override a for df*:_dev_sda1 { warn > 70% }\n");
	(void)bed_service(&bed, "h", "df", "_dev_sda1 _dev_sdb1", 10);
	GString *limit = g_string_new(NULL);
	instance_threshold_text(bed_instance(&bed, "a h field=_dev_sda1"), limit);
	instance_threshold_text(bed_instance(&bed, "a h field=_dev_sdb1"), limit);
	assert_string_equal(limit->str, "> 70 %> 60 %");
	g_string_free(limit, TRUE);
	bed_finish(&bed);
}

static void computed_numbers_are_in_the_fields_own_scale(void **state)
{
	(void)state;
	static const char *const rules[] = {"rule a { value df:*; warn > 90 + 2; clear for 10s }",
		"rule a { value df:*; let top = 46; warn > 2 * top; clear for 10s }",
		"rule a { value df:* / 2; warn > 46; clear for 10s }",
		"rule a { value 2 * df:*; warn > 2 * 90 + 4; clear for 10s }",
		"rule a { value df:*; warn when df:* > 100 - 8; clear for 10s }"};
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct bed bed;
		bed_init(&bed, rules[i]);
		uint32_t id = bed_service(&bed, "h", "df", "x", 10);
		bed_push(&bed, id, 91.9);
		assert_string_equal(bed_log(&bed), "");
		bed_wait(&bed, 10);
		bed_push(&bed, id, 92.1);
		assert_string_equal(bed_log(&bed), "a h field=x ok>warning\n");
		bed_finish(&bed);
	}
	assert_null(bed_load("rule a { value df:*; warn > if(load:load > 5, 90, 95) }"));
	struct ruleset *set = bed_load("rule a { value df:*; warn > if(load:load > 5, 90%, 95%) }");
	assert_non_null(set);
	ruleset_destroy(set);
}

static void tags_of_the_rule_come_before_those_of_its_file(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "defaults { tag team = \"web\"; tag rack = \"r1\" }\n"
				   "rule a { value df:*; warn > 50%; tag rack = \"r2\"\n"
				   "summary \"${tag.team} ${tag.rack} ${tag.none}\" }\n");
	(void)bed_service(&bed, "h", "df", "x", 10);
	GString *text = g_string_new(NULL);
	instance_summary(bed_instance(&bed, "a h field=x"), text);
	assert_string_equal(text->str, "web r2 ?");
	g_string_free(text, TRUE);
	bed_finish(&bed);
}

/* What cannot be done as the language says is refused, not done in part. */
static void nothing_is_accepted_and_ignored(void **state)
{
	(void)state;
	static const char *const rules[] = {
		"rule a { value df:*; warn > 1; hosts @prod* }",
		"rule a { value df:*; warn > 1 }\noverride a for group prod* { warn off }",
		"rule a { value df:*; warn > 1 }\noverride a for host x { tag t = \"y\" }",
		"rule a { value df:*; warn > 1; tag t = \"x\"; tag t = \"y\" }",
		"rule a { value df:*; warn > 1; notify ops at warn; notify boss }",
		"rule a { value df:*; warn > 1; notify ops; notify boss at warn }",
		"rule a { value web1:df:x - web2:df:x; warn > 1% }",
	};
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		assert_null(bed_load(rules[i]));
	}
	struct ruleset *set = bed_load("rule a { value df:*; warn > 1; notify ops; notify boss }");
	assert_non_null(set);
	ruleset_destroy(set);
}

static void a_window_at_a_step_of_a_second_is_whole(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule a { value max(df:*, 10m); warn > 90%; clear for 1s }");
	uint32_t id = bed_service(&bed, "h", "df", "x", 1);
	bed_push(&bed, id, 95);
	assert_string_equal(bed_log(&bed), "a h field=x ok>warning\n");
	for (int i = 1; i < 600; i++) {
		bed_wait(&bed, 1);
		bed_push(&bed, id, 10);
	}
	assert_string_equal(bed_log(&bed), "");
	bed_wait(&bed, 1);
	bed_push(&bed, id, 10);
	assert_string_equal(bed_log(&bed), "a h field=x warning>warning (ok)\n");
	bed_finish(&bed);
}

static void declare_step(struct bed *bed, uint32_t id, uint32_t step_s)
{
	const struct field *f = catalog_series(bed->catalog, id);
	struct service *s = service_create("prod/web", "h", f->service->name, step_s);
	(void)service_add_field(s, f->name, f->name, (enum field_type)f->type);
	(void)catalog_declare(bed->catalog, s, NULL);
	ruleset_bind(bed->set, bed->catalog);
}

static void another_interval_is_no_silence(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule a { value df:*; warn > 90% for 2 of 3 samples; clear for 10s }");
	uint32_t id = bed_service(&bed, "h", "df", "x", 10);
	bed_push(&bed, id, 50);
	bed_ticks(&bed, 10);
	bed_push(&bed, id, 50);
	declare_step(&bed, id, 60);
	for (int i = 0; i < 5; i++) {
		bed_ticks(&bed, 60);
		bed_push(&bed, id, 50);
	}
	assert_string_equal(bed_log(&bed), "");
	bed_ticks(&bed, 240);
	assert_string_equal(bed_log(&bed), "a h field=x ok>unknown\n");
	bed_finish(&bed);
}

static void a_lost_sample_takes_nothing_from_an_increase(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule a { value increase(x:n, 1m); warn >= 600; clear for 10s }\n"
				   "rule b { value rate(x:n, 1m); warn > 12/s; clear for 10s }\n");
	struct service *s = service_create("prod/web", "h", "x", 10);
	(void)service_add_field(s, "n", "n", FIELD_DERIVE);
	s = catalog_declare(bed.catalog, s, NULL);
	catalog_number(bed.catalog, service_field(s, 0), 1);
	ruleset_bind(bed.set, bed.catalog);
	for (int i = 0; i < 6; i++) {
		if (i != 3) { /* the rate after it is that of 20 s */
			bed_push(&bed, 1, i == 4 ? 15 : 5);
		}
		bed_wait(&bed, 10);
	}
	assert_string_equal(bed_log(&bed), "");
	GString *text = g_string_new(NULL);
	instance_value_text(bed_instance(&bed, "a h"), text);
	g_string_append_c(text, ' ');
	instance_value_text(bed_instance(&bed, "b h"), text);
	assert_string_equal(text->str, "500 8.33");
	g_string_free(text, TRUE);
	bed_finish(&bed);
}

static void settle_is_that_of_the_parent_that_is_over(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule p { value p:x; warn > 1; clear for 10s }\n"
				   "rule q { value q:x; warn > 1; clear for 10s }\n"
				   "rule c { value c:x; warn > 1; unless p settle 20s; unless q settle 1h }\n");
	uint32_t p = bed_service(&bed, "h", "p", "x", 10);
	(void)bed_service(&bed, "h", "q", "x", 10);
	uint32_t c = bed_service(&bed, "h", "c", "x", 10);
	bed_push2(&bed, p, 2, c, 2);
	assert_string_equal(instance_view(bed_instance(&bed, "c h")).suppressed_by, "p");
	bed_ticks(&bed, 10);
	bed_push2(&bed, p, 0, c, 2);
	bed_ticks(&bed, 10);
	bed_push2(&bed, p, 0, c, 2);
	bed_ticks(&bed, 22);
	assert_string_equal(instance_view(bed_instance(&bed, "c h")).suppressed_by, "");
	bed_finish(&bed);
}

static void samples_are_counted_by_steps_where_seconds_are_judged(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule a { crit when absent(df:x) for 3 of 3 samples; clear for 10s }");
	uint32_t id = bed_service(&bed, "h", "df", "x", 10);
	bed_push(&bed, id, 1);
	bed_ticks(&bed, 45); /* absent for 14 s: in two steps */
	assert_string_equal(bed_log(&bed), "a h ok>ok (critical)\n");
	bed_ticks(&bed, 20);
	assert_string_equal(bed_log(&bed), "a h ok>critical\n");
	bed_finish(&bed);
}

static void a_condition_on_an_age_does_not_hide_silence(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule a { value df:*; warn > 90%; clear for 10s; only when age(df:*) < 1h }\n"
				   "rule b { value df:*; warn > 90%; missing crit after 15s\n"
				   "only when age(df:*) < 1h }\n");
	uint32_t id = bed_service(&bed, "h", "df", "x", 10);
	bed_push(&bed, id, 95);
	assert_string_equal(bed_log(&bed), "a h field=x ok>warning\nb h field=x ok>warning\n");
	bed_ticks(&bed, 14);
	assert_string_equal(bed_log(&bed), "");
	bed_ticks(&bed, 15);
	assert_string_equal(bed_log(&bed), "b h field=x warning>critical\n");
	bed_ticks(&bed, 30);
	assert_string_equal(bed_log(&bed), "a h field=x warning>unknown\n");
	bed_push(&bed, id, 95);
	assert_string_equal(
		bed_log(&bed), "a h field=x unknown>warning\nb h field=x critical>warning\n");
	bed_ticks(&bed, 60);
	assert_string_equal(
		bed_log(&bed), "b h field=x warning>critical\na h field=x warning>unknown\n");
	bed_finish(&bed);
}

static void a_pause_of_our_own_is_not_in_an_age(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule a { value age(df:x); crit > 5m; clear for 1s }");
	uint32_t id = bed_service(&bed, "h", "df", "x", 10);
	bed_push(&bed, id, 1);
	bed_ticks(&bed, 100);
	for (int i = 0; i < 40; i++) { /* more than are kept */
		bed_wait(&bed, 7);
		bed_ticks(&bed, 1);
	}
	bed_push(&bed, id, 1);
	bed_ticks(&bed, 100);
	bed_wait(&bed, 3600);
	bed_ticks(&bed, 100);
	bed_wait(&bed, 600);
	bed_ticks(&bed, 90);
	assert_string_equal(bed_log(&bed), "");
	bed_ticks(&bed, 20);
	assert_string_equal(bed_log(&bed), "a h ok>critical\n");
	bed_finish(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ties_do_not_depend_on_the_order_of_files),
		cmocka_unit_test(of_globs_the_one_with_more_letters_counts),
		cmocka_unit_test(computed_numbers_are_in_the_fields_own_scale),
		cmocka_unit_test(tags_of_the_rule_come_before_those_of_its_file),
		cmocka_unit_test(nothing_is_accepted_and_ignored),
		cmocka_unit_test(a_window_at_a_step_of_a_second_is_whole),
		cmocka_unit_test(another_interval_is_no_silence),
		cmocka_unit_test(a_lost_sample_takes_nothing_from_an_increase),
		cmocka_unit_test(settle_is_that_of_the_parent_that_is_over),
		cmocka_unit_test(samples_are_counted_by_steps_where_seconds_are_judged),
		cmocka_unit_test(a_condition_on_an_age_does_not_hide_silence),
		cmocka_unit_test(a_pause_of_our_own_is_not_in_an_age),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
