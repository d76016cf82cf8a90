#include "bed.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

static const char disk[] = "rule disk_full {\n"
						   "  value df:*\n"
						   "  warn > 92% for 10m\n"
						   "  crit > 98% for 5m\n"
						   "  clear < 90% for 5m\n"
						   "  summary \"${host} ${label}: ${value} used (limit ${threshold})\"\n"
						   "}\n";

static void push_all(struct bed *bed, uint32_t id, const double *v, size_t n, int64_t step_s)
{
	for (size_t i = 0; i < n; i++) {
		bed_push(bed, id, v[i]);
		bed_wait(bed, step_s);
	}
}

static void a_disk_fills_holds_and_recovers_with_hysteresis(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, disk);
	uint32_t id = bed_service(&bed, "web1", "df", "_dev_sda1", 300);
	static const double before[] = {80, 80, 80, 93, 93};
	push_all(&bed, id, before, 5, 300);
	assert_string_equal(bed_log(&bed), "disk_full web1 field=_dev_sda1 ok>ok (warning)\n");
	bed_push(&bed, id, 93); /* 25m: held for 10m */
	assert_string_equal(bed_log(&bed), "disk_full web1 field=_dev_sda1 ok>warning\n");
	GString *text = g_string_new(NULL);
	instance_summary(bed_instance(&bed, "disk_full web1 field=_dev_sda1"), text);
	assert_string_equal(text->str, "web1 _dev_sda1: 93 % used (limit > 92 % for 10m)");
	g_string_free(text, TRUE);
	bed_wait(&bed, 300);
	static const double after[] = {93, 91, 91};
	push_all(&bed, id, after, 3, 300);
	assert_string_equal(bed_log(&bed), ""); /* between 90 and 92 nothing changes */
	bed_push(&bed, id, 89);
	assert_string_equal(bed_log(&bed), "disk_full web1 field=_dev_sda1 warning>warning (ok)\n");
	bed_wait(&bed, 300);
	bed_push(&bed, id, 89);
	assert_string_equal(bed_log(&bed), "disk_full web1 field=_dev_sda1 warning>ok\n");
	bed_finish(&bed);
}

static void exactly_the_threshold_is_no_alarm(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule a { value df:*; warn > 92%; clear for 10s }\n"
				   "rule b { value df:*; warn > 92; clear for 10s }\n");
	uint32_t id = bed_service(&bed, "h", "df", "x", 10);
	bed_push(&bed, id, 92);
	assert_string_equal(bed_log(&bed), "");
	bed_wait(&bed, 10);
	bed_push(&bed, id, 92.0001);
	assert_string_equal(bed_log(&bed), "a h field=x ok>warning\nb h field=x ok>warning\n");
	bed_finish(&bed);
}

static void crit_does_not_drop_to_warn_on_the_way_down(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, disk);
	uint32_t id = bed_service(&bed, "h", "df", "x", 300);
	static const double v[] = {99, 99, 99, 95, 95, 95};
	push_all(&bed, id, v, 6, 300);
	assert_string_equal(bed_log(&bed), "disk_full h field=x ok>ok (critical)\n"
									   "disk_full h field=x ok>critical\n");
	assert_string_equal(bed_level(&bed, "disk_full h field=x"), "critical");
	static const double down[] = {89, 89};
	push_all(&bed, id, down, 2, 300);
	assert_string_equal(bed_level(&bed, "disk_full h field=x"), "ok");
	bed_finish(&bed);
}

static void own_clear_of_a_level_leaves_it_alone(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule memory_low {\n  value memory:available / memory:total\n"
				   "  warn < 10% for 20s\n  crit < 5% for 20s, clear > 8%\n  clear for 10s\n}\n");
	uint32_t a = bed_service(&bed, "h", "memory", "available total", 10);
	double v[] = {4, 4, 4, 7, 7, 9, 9, 12, 12};
	for (size_t i = 0; i < 9; i++) {
		bed_push2(&bed, a, v[i], a + 1, 100);
		bed_wait(&bed, 10);
	}
	assert_string_equal(bed_log(&bed), "memory_low h ok>ok (critical)\n"
									   "memory_low h ok>critical\n"
									   "memory_low h critical>critical (ok)\n"
									   "memory_low h critical>warning\n"
									   "memory_low h warning>warning (ok)\n"
									   "memory_low h warning>ok\n");
	bed_finish(&bed);
}

static void m_of_n_counts_samples(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule fan { value fan:a; warn < 900 for 3 of 5 samples; clear for 20s }\n");
	uint32_t id = bed_service(&bed, "h", "fan", "a", 10);
	static const double v[] = {800, 1000, 800, 1000, 1000, 1000, 800, 1000, 800};
	push_all(&bed, id, v, 9, 10);
	assert_string_equal(bed_level(&bed, "fan h"), "ok");
	bed_push(&bed, id, 800);
	assert_string_equal(bed_level(&bed, "fan h"), "warning");
	static const double good[] = {1000, 1000, 1000};
	bed_wait(&bed, 10);
	push_all(&bed, id, good, 3, 10);
	assert_string_equal(bed_level(&bed, "fan h"), "ok");
	bed_finish(&bed);
}

static void missing_keeps_the_level_then_says_unknown_then_returns(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule load { value load:load; warn > 8; clear for 10s }\n");
	uint32_t id = bed_service(&bed, "h", "load", "load", 10);
	bed_push(&bed, id, 9);
	assert_string_equal(bed_log(&bed), "load h ok>warning\n");
	bed_ticks(&bed, 30);
	assert_string_equal(bed_log(&bed), ""); /* three samples are allowed to be missing */
	bed_ticks(&bed, 10);
	assert_string_equal(bed_log(&bed), "load h warning>unknown\n");
	bed_ticks(&bed, 300);
	assert_string_equal(bed_log(&bed), "");
	bed_push(&bed, id, 9);
	assert_string_equal(bed_log(&bed), "load h unknown>warning\n");
	bed_finish(&bed);
}

static void unknown_samples_are_missing_too(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule load { value load:load; warn > 8 for 20s; missing crit after 1m }\n");
	uint32_t id = bed_service(&bed, "h", "load", "load", 10);
	static const double v[] = {9, NAN, 9};
	push_all(&bed, id, v, 3, 10);
	assert_string_equal(bed_level(&bed, "load h"), "warning"); /* the run survives the gap */
	bed_ticks(&bed, 1);
	for (int i = 0; i < 4; i++) {
		bed_push(&bed, id, NAN);
		bed_ticks(&bed, 10);
	}
	assert_string_equal(bed_level(&bed, "load h"), "warning");
	bed_ticks(&bed, 20);
	assert_string_equal(bed_level(&bed, "load h"), "critical");
	bed_finish(&bed);
}

static void a_series_that_never_spoke_is_no_alarm(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule load { value load:load; warn > 8; missing crit after 20s }\n");
	uint32_t id = bed_service(&bed, "h", "load", "load", 10);
	bed_push(&bed, id, NAN);
	bed_ticks(&bed, 100);
	assert_string_equal(bed_log(&bed), "");
	bed_finish(&bed);
}

static void division_by_zero_never_alarms(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule r { value a:x / a:y; warn > 1; crit > 9; clear for 10s }\n");
	uint32_t id = bed_service(&bed, "h", "a", "x y", 10);
	bed_push2(&bed, id, 5, id + 1, 0);
	bed_ticks(&bed, 25);
	assert_string_equal(bed_log(&bed), "");
	bed_push2(&bed, id, 5, id + 1, 1);
	assert_string_equal(bed_log(&bed), "r h ok>warning\n");
	bed_finish(&bed);
}

static void only_when_false_is_ok_at_once(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule r { value a:x; warn > 1; only when a:on == 1; clear for 1h }\n");
	uint32_t id = bed_service(&bed, "h", "a", "x on", 10);
	bed_push2(&bed, id, 5, id + 1, 1);
	assert_string_equal(bed_log(&bed), "r h ok>warning\n");
	bed_wait(&bed, 10);
	bed_push2(&bed, id, 5, id + 1, NAN);
	assert_string_equal(bed_log(&bed), ""); /* unknown: it stays as it is */
	bed_wait(&bed, 10);
	bed_push2(&bed, id, 5, id + 1, 0);
	assert_string_equal(bed_log(&bed), "r h warning>ok\n");
	bed_finish(&bed);
}

static void only_when_false_is_ok_even_without_data(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule r { value a:x; warn > 1; only when b:on == 1; missing crit after 1m }\n");
	uint32_t x = bed_service(&bed, "h", "a", "x", 10);
	uint32_t on = bed_service(&bed, "h", "b", "on", 10);
	bed_push2(&bed, x, 0, on, 0);
	for (int i = 0; i < 9; i++) {
		bed_ticks(&bed, 10);
		bed_push(&bed, on, 0); /* x is silent for 90 s */
	}
	assert_string_equal(bed_log(&bed), "");
	bed_push(&bed, on, 1);
	for (int i = 0; i < 9; i++) {
		bed_ticks(&bed, 10);
		bed_push(&bed, on, 1);
	}
	assert_string_equal(bed_log(&bed), "r h ok>critical\n");
	bed_finish(&bed);
}

static void captures_join_two_plugins(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule e {\n  value if_err_{dev}:rcvd / if_{dev}:packets\n  warn > 1%\n"
				   "  summary \"${dev} on ${host}\"\n}\n");
	uint32_t e0 = bed_service(&bed, "h", "if_err_eth0", "rcvd", 10);
	uint32_t p1 = bed_service(&bed, "h", "if_eth1", "packets", 10);
	assert_string_equal(bed_level(&bed, "e h dev=eth0"), "none"); /* no partner yet */
	uint32_t p0 = bed_service(&bed, "h", "if_eth0", "packets", 10);
	assert_string_equal(bed_level(&bed, "e h dev=eth0"), "ok");
	assert_string_equal(bed_level(&bed, "e h dev=eth1"), "none");
	bed_push(&bed, e0, 5);
	assert_string_equal(bed_log(&bed), "");
	bed_push(&bed, p0, 100);
	bed_push(&bed, p1, 1);
	assert_string_equal(bed_log(&bed), "e h dev=eth0 ok>warning\n");
	GString *text = g_string_new(NULL);
	instance_summary(bed_instance(&bed, "e h dev=eth0"), text);
	assert_string_equal(text->str, "eth0 on h");
	g_string_free(text, TRUE);
	bed_finish(&bed);
}

static void silent_host_warns_and_hides_its_services(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule up { value web:up; crit == 0; missing crit after 1m; unless host_down "
				   "settle 20s }\n"
				   "rule host_down { value node:age; warn > 30s; crit > 2m; clear for 5s }\n");
	uint32_t id = bed_service(&bed, "h", "web", "up", 10);
	ruleset_host_seen(bed.set, "h", bed.now);
	bed_push(&bed, id, 1);
	bed_ticks(&bed, 59);
	assert_string_equal(bed_log(&bed), "host_down h ok>warning\n");
	bed_ticks(&bed, 10);
	assert_string_equal(bed_log(&bed), "up h ok>critical by host_down\n");
	bed_ticks(&bed, 60);
	assert_string_equal(bed_log(&bed), "host_down h warning>critical\n");
	ruleset_host_seen(bed.set, "h", bed.now);
	bed_ticks(&bed, 6);
	assert_string_equal(
		bed_log(&bed), "host_down h critical>critical (ok)\nhost_down h critical>ok\n");
	bed_ticks(&bed, 22);
	assert_string_equal(bed_log(&bed), "up h critical>critical\n"); /* hidden no longer */
	bed_finish(&bed);
}

static void overrides_go_by_specificity_not_by_order(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "override disk for db3:df:data { warn > 50% }\n"
				   "override disk for host db3 { warn > 70%; summary \"exact\" }\n"
				   "override disk for host db* { warn > 60%; summary \"glob\" }\n"
				   "override disk for group prod { warn > 55% }\n"
				   "override d* for host lab1 { disabled \"lab\" }\n"
				   "override disk for host off1 { warn off }\n"
				   "rule disk { value df:*; warn > 90%; clear for 10s }\n");
	static const struct {
		const char *host, *field;
		double value;
		const char *level;
	} cases[] = {
		{"db3", "data", 51, "warning"},
		{"db3", "root", 65, "ok"},
		{"db3", "swap", 71, "warning"},
		{"db4", "root", 61, "warning"},
		{"db5", "root", 59, "ok"},
		{"web1", "root", 56, "warning"},
		{"lab1", "root", 99, "none"},
		{"off1", "root", 99, "ok"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char *fields = g_strdup(cases[i].field);
		char *service = g_strdup("df");
		struct service *before = catalog_service(bed.catalog, cases[i].host, "df");
		uint32_t id;
		if (before) {
			struct service *s = service_create("prod/web", cases[i].host, "df", 10);
			for (size_t k = 0; k < service_field_count(before); k++) {
				const char *name = service_field(before, k)->name;
				(void)service_add_field(s, name, name, FIELD_GAUGE);
			}
			struct field *f = service_add_field(s, cases[i].field, "", FIELD_GAUGE);
			(void)f;
			s = catalog_declare(bed.catalog, s, NULL);
			id = ++bed.last_id;
			catalog_number(bed.catalog, service_find_field(s, cases[i].field), id);
			ruleset_bind(bed.set, bed.catalog);
		} else {
			id = bed_service(&bed, cases[i].host, service, fields, 10);
		}
		bed_push(&bed, id, cases[i].value);
		char *key = g_strdup_printf("disk %s field=%s", cases[i].host, cases[i].field);
		assert_string_equal(bed_level(&bed, key), cases[i].level);
		g_free(key);
		g_free(fields);
		g_free(service);
	}
	assert_int_equal(diag_errors(ruleset_complaints(bed.set)), 0);
	bed_finish(&bed);
}

static void overrides_that_tie_are_told_and_do_not_count(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule disk { value df:*; warn > 90% }\n"
				   "override disk for host db* { warn > 50% }\n"
				   "override disk for df:data { warn > 40% }\n");
	uint32_t id = bed_service(&bed, "db1", "df", "data", 10);
	bed_push(&bed, id, 60);
	assert_string_equal(bed_level(&bed, "disk db1 field=data"), "ok");
	struct diag_list *list = ruleset_complaints(bed.set);
	assert_int_equal(diag_count(list), 1);
	assert_string_equal(diag_at(list, 0)->code, "E310");
	assert_int_equal(diag_at(list, 0)->place.line, 2);
	bed_finish(&bed);
}

static void own_rule_takes_the_place_of_a_shipped_one(void **state)
{
	(void)state;
	AUTO(bundle) bundle = bundle_create();
	AUTO(diag_list) diags = diag_list_create();
	AUTO(ruleset) shipped = ruleset_load(bundle, true, NULL, diags);
	assert_non_null(shipped);
	static const char text[] = "rule disk_full { value df:*; warn > 50% }";
	bundle_add(bundle, "own.magpie", text, sizeof(text) - 1);
	AUTO(ruleset) own = ruleset_load(bundle, true, NULL, diags);
	assert_non_null(own);
	assert_int_equal(diag_count(diags), 0);
	assert_int_equal(ruleset_rule_count(own), ruleset_rule_count(shipped));
	assert_string_equal(ruleset_rule(own, 0).source, text);
}

static void contacts_are_checked_against_the_configuration(void **state)
{
	(void)state;
	static const char *const contacts[] = {"ops", "dba"};
	struct ruleset_names names = {contacts, 2};
	AUTO(bundle) bundle = bundle_create();
	AUTO(diag_list) diags = diag_list_create();
	static const char text[] = "rule a { value df:*; warn > 50%; notify dab at warn }";
	bundle_add(bundle, "own.magpie", text, sizeof(text) - 1);
	assert_null(ruleset_load(bundle, false, &names, diags));
	assert_string_equal(diag_at(diags, 0)->code, "E205");
	assert_int_equal(diag_at(diags, 0)->place.column, 41);
}

struct rows {
	GHashTable *states;
};

static void keep_row(void *owner, const char *key, const void *bytes, size_t length)
{
	struct rows *rows = owner;
	g_hash_table_replace(rows->states, g_strdup(key), g_bytes_new(bytes, length));
}

static void timers_go_on_over_a_restart(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, disk);
	uint32_t id = bed_service(&bed, "h", "df", "x", 300);
	bed_push(&bed, id, 95);
	bed_wait(&bed, 300);
	bed_push(&bed, id, 95);
	struct rows rows = {
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref)};
	ruleset_save(bed.set, false, keep_row, &rows);
	assert_int_equal(g_hash_table_size(rows.states), 1);
	ruleset_destroy(bed.set);

	bed.set = bed_load(disk);
	GHashTableIter iter;
	void *key;
	void *value;
	g_hash_table_iter_init(&iter, rows.states);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		size_t length;
		const void *bytes = g_bytes_get_data(value, &length);
		ruleset_restore(bed.set, key, bytes, length);
		ruleset_restore(bed.set, "disk_full h field=gone", bytes, length);
		ruleset_restore(bed.set, "disk_full h field=odd", bytes, 3);
	}
	g_hash_table_unref(rows.states);
	(void)bed_log(&bed);
	ruleset_bind(bed.set, bed.catalog);
	bed_wait(&bed, 300);
	bed_push(&bed, id, 95);
	assert_string_equal(bed_log(&bed), "disk_full h field=x ok>warning\n");
	bed_finish(&bed);
}

static void a_silent_host_stays_silent_over_a_restart(void **state)
{
	(void)state;
	static const char rule[] = "rule down { value node:age; crit > 2m; clear < 1m for 5s }\n";
	struct bed bed;
	bed_init(&bed, rule);
	(void)bed_service(&bed, "h", "load", "load", 10);
	ruleset_host_seen(bed.set, "h", bed.now);
	bed_ticks(&bed, 200);
	assert_string_equal(bed_log(&bed), "down h ok>critical\n");
	struct rows rows = {
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref)};
	ruleset_save(bed.set, false, keep_row, &rows);
	ruleset_destroy(bed.set);
	bed.set = bed_load(rule);
	size_t length;
	const void *bytes = g_bytes_get_data(g_hash_table_lookup(rows.states, "down h"), &length);
	ruleset_restore(bed.set, "down h", bytes, length);
	g_hash_table_unref(rows.states);
	ruleset_bind(bed.set, bed.catalog);
	bed_wait(&bed, 3600); /* nobody listened meanwhile */
	bed_ticks(&bed, 100);
	assert_string_equal(bed_log(&bed), "");
	ruleset_host_seen(bed.set, "h", bed.now);
	bed_ticks(&bed, 10);
	assert_string_equal(bed_log(&bed), "down h critical>critical (ok)\ndown h critical>ok\n");
	bed_finish(&bed);
}

static void a_pause_of_our_own_is_nobodys_silence(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule down { value node:age; crit > 2m; clear < 1m for 5s }\n"
				   "rule up { value web:up; crit == 0; missing crit after 1m }\n");
	uint32_t id = bed_service(&bed, "h", "web", "up", 10);
	ruleset_host_seen(bed.set, "h", bed.now);
	bed_push(&bed, id, 1);
	bed_ticks(&bed, 30);
	bed_wait(&bed, 3600); /* no tick meanwhile */
	bed_ticks(&bed, 59);
	assert_string_equal(bed_log(&bed), "");
	bed_ticks(&bed, 3);
	assert_string_equal(bed_log(&bed), "up h ok>critical\n");
	bed_ticks(&bed, 25);
	assert_string_equal(bed_log(&bed), "");
	bed_ticks(&bed, 10); /* 30 s before the pause and 91 s after it */
	assert_string_equal(bed_log(&bed), "down h ok>critical\n");
	bed_finish(&bed);
}

static void what_did_not_change_is_not_saved(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, disk);
	uint32_t id = bed_service(&bed, "h", "df", "x", 300);
	bed_push(&bed, id, 50);
	struct rows rows = {
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref)};
	ruleset_save(bed.set, false, keep_row, &rows);
	g_hash_table_remove_all(rows.states);
	bed_wait(&bed, 300);
	bed_push(&bed, id, 51);
	ruleset_save(bed.set, false, keep_row, &rows);
	assert_int_equal(g_hash_table_size(rows.states), 0);
	ruleset_save(bed.set, true, keep_row, &rows);
	assert_int_equal(g_hash_table_size(rows.states), 1);
	g_hash_table_unref(rows.states);
	bed_finish(&bed);
}

static void limits_are_in_the_fields_own_scale(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule a { value df:*; warn > 92%; crit > 98 }\n"
				   "rule b { value df:x; warn outside 10% .. 20% }\n"
				   "rule c { value df:x / df:y; warn > 1 }\n");
	uint32_t id = bed_service(&bed, "h", "df", "x y", 10);
	struct ruleset_limit limits[8];
	assert_int_equal(ruleset_limits(bed.set, id, limits, 8), 4);
	static const double expected[] = {92, 98, 10, 20};
	static const bool below[] = {false, false, true, false};
	for (size_t i = 0; i < 4; i++) {
		assert_true(fabs(limits[i].value - expected[i]) < 1e-9);
		assert_int_equal(limits[i].below, below[i]);
	}
	assert_int_equal(limits[1].level, LEVEL_CRIT);
	bed_finish(&bed);
}

static void units_that_do_not_fit_are_told_when_series_appear(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule a { value q:x; warn > 5MB }\n");
	struct service *s = service_create("g", "h", "q", 10);
	struct field *f = service_add_field(s, "x", "x", FIELD_GAUGE);
	assert_true(attributes_set(&f->attributes, ATTRIBUTES_FIELD, "unit", "%"));
	s = catalog_declare(bed.catalog, s, NULL);
	catalog_number(bed.catalog, service_field(s, 0), ++bed.last_id);
	ruleset_bind(bed.set, bed.catalog);
	assert_string_equal(bed_level(&bed, "a h"), "none");
	assert_int_equal(diag_count(ruleset_complaints(bed.set)), 1);
	assert_string_equal(diag_at(ruleset_complaints(bed.set), 0)->code, "E401");
	bed_finish(&bed);
}

static void late_samples_take_nothing_back(void **state)
{
	(void)state;
	struct bed bed;
	bed_init(&bed, "rule a { value q:x; warn > 5 }\n");
	uint32_t id = bed_service(&bed, "h", "q", "x", 10);
	bed_push(&bed, id, 6);
	assert_string_equal(bed_log(&bed), "a h ok>warning\n");
	bed_wait(&bed, -10);
	bed_push(&bed, id, 1);
	bed_push(&bed, id, 1);
	assert_string_equal(bed_log(&bed), "");
	bed_finish(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_disk_fills_holds_and_recovers_with_hysteresis),
		cmocka_unit_test(exactly_the_threshold_is_no_alarm),
		cmocka_unit_test(crit_does_not_drop_to_warn_on_the_way_down),
		cmocka_unit_test(own_clear_of_a_level_leaves_it_alone),
		cmocka_unit_test(m_of_n_counts_samples),
		cmocka_unit_test(missing_keeps_the_level_then_says_unknown_then_returns),
		cmocka_unit_test(unknown_samples_are_missing_too),
		cmocka_unit_test(a_series_that_never_spoke_is_no_alarm),
		cmocka_unit_test(division_by_zero_never_alarms),
		cmocka_unit_test(only_when_false_is_ok_at_once),
		cmocka_unit_test(only_when_false_is_ok_even_without_data),
		cmocka_unit_test(captures_join_two_plugins),
		cmocka_unit_test(silent_host_warns_and_hides_its_services),
		cmocka_unit_test(overrides_go_by_specificity_not_by_order),
		cmocka_unit_test(overrides_that_tie_are_told_and_do_not_count),
		cmocka_unit_test(own_rule_takes_the_place_of_a_shipped_one),
		cmocka_unit_test(contacts_are_checked_against_the_configuration),
		cmocka_unit_test(timers_go_on_over_a_restart),
		cmocka_unit_test(a_silent_host_stays_silent_over_a_restart),
		cmocka_unit_test(a_pause_of_our_own_is_nobodys_silence),
		cmocka_unit_test(what_did_not_change_is_not_saved),
		cmocka_unit_test(limits_are_in_the_fields_own_scale),
		cmocka_unit_test(units_that_do_not_fit_are_told_when_series_appear),
		cmocka_unit_test(late_samples_take_nothing_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
