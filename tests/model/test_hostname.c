#include "model/hostname.h"
#include "tests/support/test.h"

#include "base/attr.h"

/* hosts(5) texts, and what they say of the name "www". */
static void the_first_name_of_the_line_qualifies(void **state)
{
	(void)state;
	static const struct {
		const char *hosts, *name; /* NULL: not qualified */
	} cases[] = {
		{"127.0.0.1 localhost\n127.0.1.1\twww.example.com www\n", "www.example.com"},
		{"127.0.1.1 www.example.com WWW # comment\n", "www.example.com"},
		{"127.0.1.1 www.example.com # www\n", NULL},
		{"127.0.1.1 www www.example.com\n", NULL}, /* its canonical name is the bare one */
		{"# 127.0.1.1 www.example.com www\n192.0.2.1 www2.example.com www2\n", NULL},
		{"127.0.1.1 bad..name www\n::1 www.example.org www", "www.example.org"},
		{"www\n127.0.1.1\n\n", NULL},
		{"", NULL},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char out[IDENT_HOST_MAX + 1] = "untouched";
		bool found = hostname_qualify(cases[i].hosts, strlen(cases[i].hosts), "www", out);
		assert_int_equal(found, cases[i].name != NULL);
		assert_string_equal(out, cases[i].name ? cases[i].name : "untouched");
	}
}

static void a_machine_always_has_a_valid_name(void **state)
{
	(void)state;
	char name[IDENT_HOST_MAX + 1];
	hostname_find(name);
	assert_true(ident_is_host(name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_name_of_the_line_qualifies),
		cmocka_unit_test(a_machine_always_has_a_valid_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
