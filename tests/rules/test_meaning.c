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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ties_do_not_depend_on_the_order_of_files),
		cmocka_unit_test(of_globs_the_one_with_more_letters_counts),
		cmocka_unit_test(computed_numbers_are_in_the_fields_own_scale),
		cmocka_unit_test(tags_of_the_rule_come_before_those_of_its_file),
		cmocka_unit_test(nothing_is_accepted_and_ignored),
		cmocka_unit_test(a_window_at_a_step_of_a_second_is_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
