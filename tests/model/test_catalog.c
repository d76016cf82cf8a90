#include "model/catalog.h"
#include "tests/support/test.h"

static int enter(void **state)
{
	*state = catalog_create();
	return 0;
}

static int leave(void **state)
{
	catalog_destroy(*state);
	return 0;
}

/* A declaration of fields given by one letter each. */
static struct service *declaration(const char *host, const char *name, const char *fields)
{
	struct service *s = service_create("group", host, name, 10);
	for (; *fields; fields++) {
		char field[2] = {*fields, '\0'};
		service_add_field(s, field, field, FIELD_GAUGE);
	}
	return s;
}

static void what_is_declared_is_found(void **state)
{
	struct catalog *c = *state;
	bool changed = false;
	struct service *s = catalog_declare(c, declaration("h1", "cpu", "ab"), &changed);
	assert_true(changed);
	assert_int_equal(s->id, 1);
	assert_ptr_equal(catalog_service(c, "h1", "cpu"), s);
	assert_ptr_equal(catalog_service_by_id(c, s->id), s);
	assert_ptr_equal(s->host, catalog_host(c, "h1"));
	assert_ptr_equal(catalog_find(c, "h1:cpu:b"), service_field(s, 1));
	static const char *const missing[] = {"h1:cpu:c", "h1:load:a", "h2:cpu:a", "h1:cpu", "", "::"};
	for (size_t i = 0; i < ARRAY_LENGTH(missing); i++) {
		assert_null(catalog_find(c, missing[i]));
	}
	assert_null(catalog_service(c, "h2", "cpu"));
	assert_null(catalog_host(c, "h2"));
	assert_null(catalog_service_by_id(c, 0));
	assert_null(catalog_service_by_id(c, 99));
}

static void repeating_changes_nothing(void **state)
{
	struct catalog *c = *state;
	bool changed;
	struct service *s = catalog_declare(c, declaration("h1", "cpu", "ab"), NULL);
	catalog_number(c, service_field(s, 0), 5);
	uint64_t version = catalog_version(c);
	assert_ptr_equal(catalog_declare(c, declaration("h1", "cpu", "ab"), &changed), s);
	assert_false(changed);
	assert_int_equal(catalog_version(c), version);
	assert_int_equal(service_field(s, 0)->series_id, 5);
}

static void words_on_a_value_are_no_new_version(void **state)
{
	AUTO(catalog) catalog = catalog_create();
	static const struct {
		const char *extinfo, *unit;
		enum catalog_difference difference;
	} cases[] = {{NULL, NULL, CATALOG_DIFFERS}, {NULL, NULL, CATALOG_SAME},
		{"refused", NULL, CATALOG_WORDS}, {"refused", NULL, CATALOG_SAME},
		{"late", NULL, CATALOG_WORDS}, {NULL, NULL, CATALOG_WORDS}, {"late", "s", CATALOG_DIFFERS},
		{"late", "s", CATALOG_SAME}};
	uint64_t version = catalog_version(catalog);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct service *s = service_create("g", "web1", "probe", 10);
		struct field *up = service_add_field(s, "up", "up", FIELD_GAUGE);
		if (cases[i].extinfo) {
			assert_true(
				attributes_set(&up->attributes, ATTRIBUTES_FIELD, "extinfo", cases[i].extinfo));
		}
		if (cases[i].unit) {
			assert_true(attributes_set(&up->attributes, ATTRIBUTES_FIELD, "unit", cases[i].unit));
		}
		assert_int_equal(catalog_compare(catalog, s), cases[i].difference);
		bool changed;
		s = catalog_declare(catalog, s, &changed);
		assert_int_equal(changed, cases[i].difference != CATALOG_SAME);
		version += cases[i].difference == CATALOG_DIFFERS;
		assert_int_equal(catalog_version(catalog), version);
		assert_int_equal(catalog_host(catalog, "web1")->version, version);
		const char *now = attributes_get(&service_field(s, 0)->attributes, "extinfo");
		assert_string_equal(now ? now : "", cases[i].extinfo ? cases[i].extinfo : "");
	}
}

static void series_are_counted_while_they_live(void **state)
{
	AUTO(catalog) catalog = catalog_create();
	struct service *s = service_create("g", "web1", "cpu", 10);
	service_add_field(s, "a", "a", FIELD_GAUGE);
	service_add_field(s, "b", "b", FIELD_GAUGE);
	s = catalog_declare(catalog, s, NULL);
	assert_int_equal(catalog_series_count(catalog), 0); /* no numbers yet */
	catalog_number(catalog, service_field(s, 0), 1);
	catalog_number(catalog, service_field(s, 1), 2);
	assert_int_equal(catalog_series_count(catalog), 2);
	struct service *less = service_create("g", "web1", "cpu", 10);
	service_add_field(less, "b", "b", FIELD_GAUGE);
	catalog_declare(catalog, less, NULL);
	assert_int_equal(catalog_series_count(catalog), 1);
	struct service *more = service_create("g", "web1", "cpu", 10);
	service_add_field(more, "a", "a", FIELD_GAUGE);
	service_add_field(more, "b", "b", FIELD_GAUGE);
	catalog_declare(catalog, more, NULL);
	assert_int_equal(catalog_series_count(catalog), 2);
	struct service *copied = service_create("g", "web2", "cpu", 10);
	service_add_field(copied, "a", "a", FIELD_GAUGE)->series_id = 7;
	catalog_declare(catalog, copied, NULL);
	assert_int_equal(catalog_series_count(catalog), 3);
}

static void fields_keep_their_place_and_number(void **state)
{
	struct catalog *c = *state;
	bool changed;
	struct service *s = catalog_declare(c, declaration("h1", "df", "ab"), NULL);
	struct field *a = service_field(s, 0);
	struct field *b = service_field(s, 1);
	catalog_number(c, a, 11);
	catalog_number(c, b, 12);
	assert_int_equal(catalog_series_count(c), 2);

	catalog_declare(c, declaration("h1", "df", "cb"), &changed); /* a is unmounted, c is mounted */
	assert_true(changed);
	assert_int_equal(service_field_count(s), 3);
	assert_ptr_equal(service_field(s, 0), a);
	assert_ptr_equal(service_field(s, 1), b);
	assert_string_equal(service_field(s, 2)->name, "c");
	assert_true(a->gone && !b->gone && !service_field(s, 2)->gone);
	assert_int_equal(a->series_id, 11);
	assert_int_equal(catalog_series_count(c), 1); /* c has no number yet, a is gone */

	catalog_declare(c, declaration("h1", "df", "cb"), &changed);
	assert_false(changed); /* the same with a gone one in between */
	catalog_declare(c, declaration("h1", "df", "abc"), &changed);
	assert_true(changed);
	assert_false(a->gone);
	assert_int_equal(service_field_count(s), 3);
	assert_ptr_equal(catalog_series(c, 11), a);
	assert_int_equal(catalog_series_limit(c), 13);
}

static void a_new_declaration_replaces_what_it_says(void **state)
{
	struct catalog *c = *state;
	struct service *s = catalog_declare(c, declaration("h1", "cpu", "a"), NULL);
	struct service *next = declaration("h1", "cpu", "a");
	next->step_s = 60;
	assert_true(attributes_set(&next->attributes, ATTRIBUTES_GRAPH, "graph_title", "T"));
	struct field *field = service_field(next, 0);
	field->type = FIELD_DERIVE;
	field->min = 0;
	field->max = 100;
	assert_true(attributes_set(&field->attributes, ATTRIBUTES_FIELD, "colour", "ff0000"));
	uint64_t version = catalog_version(c);
	bool changed;
	assert_ptr_equal(catalog_declare(c, next, &changed), s);
	assert_true(changed);
	assert_true(catalog_version(c) > version);
	assert_int_equal(s->step_s, 60);
	assert_string_equal(attributes_get(&s->attributes, "graph_title"), "T");
	assert_int_equal(service_field(s, 0)->type, FIELD_DERIVE);
	assert_near(service_field(s, 0)->max, 100, 0);
	assert_string_equal(attributes_get(&service_field(s, 0)->attributes, "colour"), "ff0000");
}

/* What rrd and web do: ids and numbers are the engine's. */
static void a_copy_keeps_the_originals_numbers(void **state)
{
	struct catalog *c = *state;
	struct service *told = declaration("h1", "cpu", "ab");
	told->id = 40;
	service_field(told, 0)->series_id = 7;
	struct service *s = catalog_declare(c, told, NULL);
	assert_int_equal(s->id, 40);
	assert_ptr_equal(catalog_service_by_id(c, 40), s);
	assert_ptr_equal(catalog_series(c, 7), service_field(s, 0));
	told = declaration("h1", "cpu", "ab"); /* the second field is numbered later */
	told->id = 40;
	service_field(told, 0)->series_id = 7;
	service_field(told, 1)->series_id = 8;
	catalog_declare(c, told, NULL);
	assert_ptr_equal(catalog_series(c, 8), service_field(s, 1));
	assert_null(catalog_series(c, 9));
	assert_null(catalog_series(c, 0));
}

static void hosts_are_sorted_by_group_then_name(void **state)
{
	struct catalog *c = *state;
	static const struct {
		const char *group, *host;
	} hosts[] = {{"b", "h1"}, {"a", "h3"}, {"b", "h0"}, {"a", "h2"}};
	for (size_t i = 0; i < ARRAY_LENGTH(hosts); i++) {
		catalog_declare(c, service_create(hosts[i].group, hosts[i].host, "cpu", 10), NULL);
	}
	static const char *const order[] = {"h2", "h3", "h0", "h1"};
	const GPtrArray *sorted = catalog_hosts(c);
	assert_int_equal(sorted->len, 4);
	for (guint i = 0; i < 4; i++) {
		assert_string_equal(((const struct host *)sorted->pdata[i])->name, order[i]);
	}
	catalog_declare(c, service_create("z", "h2", "cpu", 10), NULL); /* moves to another group */
	assert_string_equal(((const struct host *)catalog_hosts(c)->pdata[3])->name, "h2");
	assert_string_equal(catalog_host(c, "h2")->group, "z");
}

static void services_of_a_host_are_sorted(void **state)
{
	struct catalog *c = *state;
	static const char *const names[] = {"memory", "cpu", "swap", "df", "cpu2"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		catalog_declare(c, declaration("h1", names[i], "a"), NULL);
	}
	const GPtrArray *services = catalog_host(c, "h1")->services;
	assert_int_equal(services->len, 5);
	for (guint i = 1; i < services->len; i++) {
		const struct service *a = services->pdata[i - 1];
		const struct service *b = services->pdata[i];
		assert_true(strcmp(a->name, b->name) < 0);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		assert_string_equal(catalog_service(c, "h1", names[i])->name, names[i]);
	}
}

int main(void)
{
#define WITH_CATALOG(t) cmocka_unit_test_setup_teardown(t, enter, leave)
	const struct CMUnitTest tests[] = {
		WITH_CATALOG(what_is_declared_is_found),
		WITH_CATALOG(repeating_changes_nothing),
		cmocka_unit_test(words_on_a_value_are_no_new_version),
		cmocka_unit_test(series_are_counted_while_they_live),
		WITH_CATALOG(fields_keep_their_place_and_number),
		WITH_CATALOG(a_new_declaration_replaces_what_it_says),
		WITH_CATALOG(a_copy_keeps_the_originals_numbers),
		WITH_CATALOG(hosts_are_sorted_by_group_then_name),
		WITH_CATALOG(services_of_a_host_are_sorted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
