#include "model/service.h"
#include "tests/support/test.h"

static struct service *example(void)
{
	struct service *s = service_create("example.com", "web1.example.com", "cpu", 10);
	service_add_field(s, "system", "system time", FIELD_DERIVE)->min = 0;
	service_add_field(s, "user", "user", FIELD_DERIVE)->max = 800;
	assert_true(attributes_set(&s->attributes, ATTRIBUTES_GRAPH, "graph_title", "CPU usage"));
	return s;
}

static void fields_are_found_by_name_and_place(void **state)
{
	(void)state;
	AUTO(service) s = example();
	assert_int_equal(service_field_count(s), 2);
	const struct field *user = service_find_field(s, "user");
	assert_ptr_equal(user, service_field(s, 1));
	assert_int_equal(user->index, 1);
	assert_ptr_equal(user->service, s);
	assert_true(isnan(user->min) && user->max == 800); /* limits start as none */
	assert_null(service_find_field(s, "idle"));
	assert_null(service_field(s, 2));
	char name[IDENT_SERIES_MAX + 1];
	assert_string_equal(field_series_name(user, name), "web1.example.com:cpu:user");
}

static void the_longest_names_fit(void **state)
{
	(void)state;
	char host[IDENT_HOST_MAX + 1];
	char service[IDENT_SERVICE_MAX + 1];
	char field[IDENT_FIELD_MAX + 1];
	memset(host, 'h', sizeof(host));
	memset(service, 's', sizeof(service));
	memset(field, 'f', sizeof(field));
	host[IDENT_HOST_MAX] = service[IDENT_SERVICE_MAX] = field[IDENT_FIELD_MAX] = '\0';
	AUTO(service) s = service_create("g", host, service, 1);
	char name[IDENT_SERIES_MAX + 1];
	field_series_name(service_add_field(s, field, "", FIELD_GAUGE), name);
	assert_int_equal(strlen(name), IDENT_SERIES_MAX);
	char h[IDENT_HOST_MAX + 1];
	char sv[IDENT_SERVICE_MAX + 1];
	char f[IDENT_FIELD_MAX + 1];
	assert_true(ident_split_series(name, h, sv, f));
	assert_string_equal(f, field);
}

static void rename_service(struct service *s)
{
	g_free(s->name);
	s->name = g_strdup("load");
}
static void other_group(struct service *s)
{
	g_free(s->group);
	s->group = g_strdup("other");
}
static void other_step(struct service *s)
{
	s->step_s = 60;
}
static void other_title(struct service *s)
{
	assert_true(attributes_set(&s->attributes, ATTRIBUTES_GRAPH, "graph_title", "x"));
}
static void another_field(struct service *s)
{
	service_add_field(s, "idle", "idle", FIELD_DERIVE);
}
static void other_type(struct service *s)
{
	service_field(s, 0)->type = FIELD_GAUGE;
}
static void other_min(struct service *s)
{
	service_field(s, 0)->min = NAN;
}
static void other_max(struct service *s)
{
	service_field(s, 1)->max = 900;
}
static void gone(struct service *s)
{
	service_field(s, 1)->gone = true;
}
static void other_label(struct service *s)
{
	struct field *field = service_field(s, 1);
	g_free(field->label);
	field->label = g_strdup("x");
}
static void other_cdef(struct service *s)
{
	assert_true(
		attributes_set(&service_field(s, 1)->attributes, ATTRIBUTES_FIELD, "cdef", "user,8,*"));
}

static void sameness_looks_at_everything_but_ids(void **state)
{
	(void)state;
	static void (*const changes[])(struct service *) = {rename_service, other_group, other_step,
		other_title, another_field, other_type, other_min, other_max, gone, other_label,
		other_cdef};
	for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
		AUTO(service) a = example();
		AUTO(service) b = example();
		b->id = 77;
		service_field(b, 0)->series_id = 78;
		assert_true(service_same(a, b));
		changes[i](b);
		if (service_same(a, b) || service_same(b, a)) {
			fail_msg("change %zu was not seen", i);
		}
	}
}

static void types_have_munins_names(void **state)
{
	(void)state;
	for (int type = 0; type < FIELD_TYPES; type++) {
		assert_int_equal(field_type_parse(field_type_name((enum field_type)type)), type);
	}
	assert_int_equal(field_type_parse("gauge"), FIELD_GAUGE);
	assert_int_equal(field_type_parse("EVIL"), FIELD_TYPES); /* hostile 17 */
	assert_int_equal(field_type_parse(""), FIELD_TYPES);
	assert_string_equal(field_type_name(FIELD_TYPES), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_found_by_name_and_place),
		cmocka_unit_test(the_longest_names_fit),
		cmocka_unit_test(sameness_looks_at_everything_but_ids),
		cmocka_unit_test(types_have_munins_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
