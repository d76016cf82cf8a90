#include "rrd/layout.h"
#include "rrd/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

static struct layout_plan plan_of(const char *name, uint32_t step_s)
{
	struct layout_plan plan;
	const struct layout *layout = layout_find(name);
	assert_non_null(layout);
	layout_plan(layout, step_s, &plan);
	return plan;
}

static void sizes_are_as_promised(void **state UNUSED)
{
	static const struct {
		const char *layout;
		uint32_t step_s;
		uint64_t least, most;
	} cases[] = {
		{"normal", 300, 50824, 50824},
		{"normal", 10, 50824, 50824}, /* Munin ignores the rate of the plugin */
		{"default", 10, 600000, 640000},
		{"default", 60, 500000, 640000},
		{"default", 300, 500000, 640000},
		{"compact", 10, 80000, 120000},
		{"compact", 60, 80000, 120000},
		{"compact", 300, 80000, 120000},
		{"default", 1, 1000000, 1500000},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct layout_plan plan = plan_of(cases[i].layout, cases[i].step_s);
		assert_in_range(layout_bytes(&plan), cases[i].least, cases[i].most);
	}
}

static void normal_is_munins(void **state UNUSED)
{
	static const uint32_t rows[][2] = {{1, 576}, {6, 432}, {24, 540}, {288, 450}};
	struct layout_plan plan = plan_of("normal", 60);
	assert_int_equal(plan.step_s, 300);
	assert_int_equal(plan.heartbeat_s, 600);
	assert_int_equal(plan.count, 12);
	for (size_t i = 0; i < plan.count; i++) {
		assert_int_equal(plan.archives[i].steps_per_row, rows[i / 3][0]);
		assert_int_equal(plan.archives[i].rows, rows[i / 3][1]);
		assert_int_equal(plan.archives[i].cf, i % 3);
	}
	assert_int_equal(header_length(1, 5), 1416);
	assert_int_equal(header_length(1, 12), 2872);
}

/* the tables of Munin's own notation: steps per row and rows, then bytes */
static void custom_is_as_munin_counts(void **state UNUSED)
{
	static const struct {
		const char *text;
		uint32_t step_s, archives[4][2];
		uint64_t bytes;
	} cases[] = {
		{"custom 1d, 1m for 1w, 5m for 1t, 15m for 1y", 60,
			{{1, 1584}, {1, 11088}, {5, 9820}, {15, 38544}}, 1467736},
		{"CUSTOM 1D,1M FOR 1W,5m for 1t,15m for 1Y", 60,
			{{1, 1584}, {1, 11088}, {5, 9820}, {15, 38544}}, 1467736},
		{"custom 576, 6 432, 24 540, 288 450", 300, {{1, 576}, {6, 432}, {24, 540}, {288, 450}},
			50824},
		{"custom 5m", 300, {{1, 2}}, 0}, /* one row, and at least one more */
		{"custom 100", 10, {{1, 100}}, 0},
		{"custom 1h, 10s for 1d", 60, {{1, 66}, {1, 9504}}, 0}, /* never less than one step */
		{"huge", 60, {{1, 115200}}, 2765800},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct layout_plan plan;
		struct error err = {.kind = ERR_NONE};
		AUTO(layout) layout = layout_parse(cases[i].text, &err);
		assert_non_null(layout);
		layout_plan(layout, cases[i].step_s, &plan);
		for (size_t a = 0; a < plan.count; a++) {
			assert_int_equal(plan.archives[a].steps_per_row, cases[i].archives[a / 3][0]);
			assert_int_equal(plan.archives[a].rows, cases[i].archives[a / 3][1]);
			assert_int_equal(plan.archives[a].cf, a % 3);
		}
		assert_true(plan.count == 12 || !cases[i].archives[plan.count / 3][0]);
		assert_true(!cases[i].bytes || layout_bytes(&plan) == cases[i].bytes);
		uint64_t rows = 0;
		for (size_t a = 0; a < plan.count; a++) {
			rows += plan.archives[a].rows;
		}
		assert_int_equal(layout_bytes(&plan), header_length(1, plan.count) + 8 * rows);
	}
}

static void what_is_no_layout_is_refused(void **state UNUSED)
{
	static const char *const texts[] = {"", "tiny", "custom", "custom ", "custom 1d,", "custom 0",
		"custom 1d, 5m", "custom 1d, 5m for", "custom 1d, for 1w", "custom 5m for 1w",
		"custom 1d, 1w for 5m", "custom 1d, 1 2 3", "custom 1d, 0 5", "custom -1d", "custom 1x",
		"custom 99999999999999999999d", "custom 101y", "custom 60000000", "custom 1d; rm",
		"custom "
		"1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1,1 1"};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		struct error err = {.kind = ERR_NONE};
		AUTO(layout) layout = layout_parse(texts[i], &err);
		assert_null(layout);
		assert_int_equal(err.kind, ERR_CONFIG);
	}
}

static void five_minutes_are_kept_for_62_days_at_any_step(void **state UNUSED)
{
	static const uint32_t steps[] = {1, 5, 10, 30, 60, 100, 300};
	for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
		struct layout_plan plan = plan_of("default", steps[i]);
		unsigned found = 0;
		for (size_t a = 0; a < plan.count; a++) {
			if (plan.archives[a].steps_per_row * steps[i] == 300) {
				assert_true(plan.archives[a].rows * 300ULL >= 62 * 86400);
				found |= 1U << plan.archives[a].cf;
			}
		}
		assert_int_equal(found, 7);
		assert_int_equal(plan.heartbeat_s, 2 * steps[i]);
	}
}

static void a_slow_service_has_no_archive_twice(void **state UNUSED)
{
	static const uint32_t steps[] = {300, 600, 3600, 7200, 86400};
	for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
		struct layout_plan plan = plan_of("default", steps[i]);
		assert_true(plan.count >= 3);
		for (size_t a = 0; a < plan.count; a++) {
			for (size_t b = 0; b < a; b++) {
				assert_false(plan.archives[a].cf == plan.archives[b].cf &&
							 plan.archives[a].steps_per_row == plan.archives[b].steps_per_row);
			}
		}
	}
}

static void paths_are_munins(void **state UNUSED)
{
	static const struct {
		struct layout_name name;
		const char *path;
	} cases[] = {
		{{"Grp/Sub", "node1.example.com", "cpu", "user", FIELD_DERIVE},
			"Grp/Sub/node1.example.com-cpu-user-d.rrd"},
		{{"Grp/Sub", "node1.example.com", "diskstats_iops.vda", "rdio", FIELD_GAUGE},
			"Grp/Sub/node1.example.com-diskstats_iops-vda-rdio-g.rrd"},
		{{"g", "h", "t_top.sub_1.deep", "b", FIELD_COUNTER}, "g/h-t_top-sub_1-deep-b-c.rrd"},
		{{"g", "h", "s", "f", FIELD_ABSOLUTE}, "g/h-s-f-a.rrd"},
	};
	char path[LAYOUT_PATH_MAX];
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		layout_path(&cases[i].name, false, path);
		assert_string_equal(path, cases[i].path);
	}
}

/* hostile 7, 8 */
static void long_and_doubled_names_end_in_a_stable_hash(void **state UNUSED)
{
	char host[IDENT_HOST_MAX + 1];
	char service[IDENT_SERVICE_MAX + 1];
	char field[IDENT_FIELD_MAX + 1];
	memset(host, 'h', IDENT_HOST_MAX);
	memset(service, 's', IDENT_SERVICE_MAX);
	memset(field, 'f', IDENT_FIELD_MAX);
	host[IDENT_HOST_MAX] = service[IDENT_SERVICE_MAX] = field[IDENT_FIELD_MAX] = '\0';
	struct layout_name name = {"g", host, service, field, FIELD_GAUGE};
	char a[LAYOUT_PATH_MAX];
	char b[LAYOUT_PATH_MAX];
	layout_path(&name, false, a);
	field[0] = 'g';
	layout_path(&name, false, b);
	assert_true(strlen(a) <= strlen("g/") + LAYOUT_NAME_MAX);
	assert_string_not_equal(a, b);

	struct layout_name one = {"g", "h-a", "b", "f", FIELD_GAUGE};
	struct layout_name two = {"g", "h", "a-b", "f", FIELD_GAUGE};
	layout_path(&one, false, a);
	layout_path(&two, false, b);
	assert_string_equal(a, b);
	layout_path(&two, true, b);
	assert_string_not_equal(a, b);
	layout_path(&two, true, a);
	assert_string_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_as_promised),
		cmocka_unit_test(normal_is_munins),
		cmocka_unit_test(custom_is_as_munin_counts),
		cmocka_unit_test(what_is_no_layout_is_refused),
		cmocka_unit_test(five_minutes_are_kept_for_62_days_at_any_step),
		cmocka_unit_test(a_slow_service_has_no_archive_twice),
		cmocka_unit_test(paths_are_munins),
		cmocka_unit_test(long_and_doubled_names_end_in_a_stable_hash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
