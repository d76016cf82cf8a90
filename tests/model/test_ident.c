#include "model/ident.h"
#include "tests/support/test.h"

/* hostile 7 */
static const char *const evil[] = {"", ".", "..", "../../../etc/x", "a/b", "/a", "a/", "-o", "a b",
	"a\nb", "a:b", "a*b", "\xe2\x80\xaexyz", "a\xc3\xa4", "$(id)", "a;b", "a\\b", "\x01"};

static void no_evil_name_is_a_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(evil); i++) {
		assert_false(ident_is_field(evil[i]));
		assert_false(ident_is_service(evil[i]));
		assert_false(ident_is_host(evil[i]));
		if (strcmp(evil[i], "a/b") != 0) {
			assert_false(ident_is_group(evil[i]));
		}
	}
}

static void whatever_comes_cleaning_gives_a_name_or_nothing(void **state)
{
	(void)state;
	char longer[6000];
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	char field[IDENT_FIELD_MAX + 1];
	char service[IDENT_SERVICE_MAX + 1];
	for (size_t i = 0; i <= ARRAY_LENGTH(evil); i++) {
		const char *raw = i < ARRAY_LENGTH(evil) ? evil[i] : longer;
		if (ident_clean_field(raw, field)) {
			assert_true(ident_is_field(field));
		} else {
			assert_string_equal(raw, "");
		}
		if (ident_clean_service(raw, service)) {
			assert_true(ident_is_service(service));
			assert_null(strchr(service, '/'));
		}
	}
	assert_int_equal(strlen(field), IDENT_FIELD_MAX);
	assert_int_equal(strlen(service), IDENT_SERVICE_MAX);
}

/* hostile 9; munin's own cleaning of field names */
static void fields_are_cleaned_as_munin_does(void **state)
{
	(void)state;
	static const struct {
		const char *raw, *clean;
	} cases[] = {
		{"user", "user"},
		{"_dev_vda1", "_dev_vda1"},
		{"/dev/vda1", "_dev_vda1"},
		{"1min", "_min"},
		{"a-b.c", "a_b_c"},
		{"__proto__", "__proto__"},
		{"constructor", "constructor"},
		{"9", "_"},
		{"\xc3\xa4", "__"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char out[IDENT_FIELD_MAX + 1];
		assert_true(ident_clean_field(cases[i].raw, out));
		assert_string_equal(out, cases[i].clean);
	}
}

static void services_hosts_and_groups_have_their_shapes(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool service, host, group;
	} cases[] = {
		{"cpu", true, true, true},
		{"if_eth0", true, true, true},
		{"diskstats_iops.vda", true, true, true},
		{"a.b.c.d.e.f.g.h", true, true, true},
		{"a.b.c.d.e.f.g.h.i", false, true, true}, /* nine levels */
		{"a..b", false, false, false},
		{".a", false, false, false},
		{"a.", false, true, true},
		{"a.-b", true, true, true},
		{"web-1.example.com", true, true, true},
		{"_x", true, true, true},
		{"0", true, true, true},
		{"europe/berlin", false, false, true},
		{"a//b", false, false, false},
		{"a/../b", false, false, false},
		{"a/.b", false, false, false},
		{"a/-b", false, false, false},
		{"a/b/c/d/e/f/g/h", false, false, true},
		{"a/b/c/d/e/f/g/h/i", false, false, false},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		if (ident_is_service(cases[i].name) != cases[i].service ||
			ident_is_host(cases[i].name) != cases[i].host ||
			ident_is_group(cases[i].name) != cases[i].group) {
			fail_msg("'%s'", cases[i].name);
		}
	}
}

static void lengths_are_exact(void **state)
{
	(void)state;
	char name[300];
	memset(name, 'x', sizeof(name));
	static const struct {
		bool (*is)(const char *);
		size_t most;
	} cases[] = {
		{ident_is_field, IDENT_FIELD_MAX},
		{ident_is_service, IDENT_SERVICE_MAX},
		{ident_is_host, IDENT_HOST_MAX},
		{ident_is_group, IDENT_GROUP_MAX},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		name[cases[i].most] = '\0';
		assert_true(cases[i].is(name));
		name[cases[i].most] = 'x';
		name[cases[i].most + 1] = '\0';
		assert_false(cases[i].is(name));
		name[cases[i].most + 1] = 'x';
	}
}

static void a_series_splits_into_its_three_names(void **state)
{
	(void)state;
	char host[IDENT_HOST_MAX + 1];
	char service[IDENT_SERVICE_MAX + 1];
	char field[IDENT_FIELD_MAX + 1];
	assert_true(
		ident_split_series("web1.example.com:diskstats_iops.vda:rdio", host, service, field));
	assert_string_equal(host, "web1.example.com");
	assert_string_equal(service, "diskstats_iops.vda");
	assert_string_equal(field, "rdio");
	static const char *const bad[] = {"", ":", "::", "a:b", "a:b:", ":b:c", "a::c", "a:b:c:d",
		"a:b:c-d", "../x:b:c", "a:b/c:d", "a:b:1"};
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		assert_false(ident_split_series(bad[i], host, service, field));
	}
	char longer[1000];
	memset(longer, 'x', sizeof(longer) - 1);
	longer[999] = '\0';
	assert_false(ident_split_series(longer, host, service, field));
	longer[500] = ':';
	longer[700] = ':';
	assert_false(ident_split_series(longer, host, service, field));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_evil_name_is_a_name),
		cmocka_unit_test(whatever_comes_cleaning_gives_a_name_or_nothing),
		cmocka_unit_test(fields_are_cleaned_as_munin_does),
		cmocka_unit_test(services_hosts_and_groups_have_their_shapes),
		cmocka_unit_test(lengths_are_exact),
		cmocka_unit_test(a_series_splits_into_its_three_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
