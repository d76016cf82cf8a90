#include "collector/services/address.h"
#include "collector/services/nginx_text.h"
#include "tests/support/test.h"

#include "base/banned.h"

/* What services say and how people write where they are: pure readers. */

static void addresses_of_services_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text, *host, *path;
		unsigned port;
	} cases[] = {
		{"web1", "web1", "", 0},
		{"web1.example.org:8080", "web1.example.org", "", 8080},
		{"192.0.2.1", "192.0.2.1", "", 0},
		{"192.0.2.1:80", "192.0.2.1", "", 80},
		{"[2001:db8::1]:80", "2001:db8::1", "", 80},
		{"[2001:db8::1]", "2001:db8::1", "", 0},
		{"2001:db8::1", "2001:db8::1", "", 0},
		{"::1", "::1", "", 0},
		{"unix:///run/x.sock", "", "/run/x.sock", 0},
		{"unix:@abstract", "", "@abstract", 0},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct service_address address;
		struct error err = {0};
		if (!service_address_parse(cases[i].text, &address, &err)) {
			fail_msg("%s: %s", cases[i].text, err.text);
		}
		assert_string_equal(address.host, cases[i].host);
		assert_string_equal(address.path, cases[i].path);
		assert_int_equal(address.port, cases[i].port);
	}
	static const char *const wrong[] = {"", ":80", "web1:0", "web1:99999", "web1:http", "a b",
		"unix://", "unix://relative", "unix:/", "[::1", "web1:80:", "http://web1/"};
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		struct service_address address;
		if (service_address_parse(wrong[i], &address, NULL)) {
			fail_msg("\"%s\" was taken for an address", wrong[i]);
		}
	}
}

static void stub_status_is_read_and_nothing_else(void **state)
{
	(void)state;
	static const char page[] =
		"Active connections: 291 \nserver accepts handled requests\n "
		"16630948 16630947 31070465 \nReading: 6 Writing: 179 Waiting: 106 \n";
	struct nginx_status s;
	assert_true(nginx_status_parse(page, strlen(page), &s));
	assert_near(s.active, 291, 0);
	assert_near(s.accepted, 16630948, 0);
	assert_near(s.handled, 16630947, 0);
	assert_near(s.requests, 31070465, 0);
	assert_near(s.reading, 6, 0);
	assert_near(s.writing, 179, 0);
	assert_near(s.waiting, 106, 0);
	for (size_t cut = 0; cut + 6 < strlen(page); cut++) {
		assert_false(nginx_status_parse(page, cut, &s));
	}
	/* hostile 18: numbers that are none */
	static const char *const wrong[] = {"<html>Active connections: many</html>",
		"Active connections: -1 \nserver accepts handled requests\n 1 1 1 \nReading: 6 Writing: 1 "
		"Waiting: 1 \n",
		"Active connections: 1 \nserver accepts handled requests\n 1 1 \nReading: 6 Writing: 1 "
		"Waiting: 1 \n",
		"Active connections: nan \nserver accepts handled requests\n 1 1 1 \nReading: 6 Writing: 1 "
		"Waiting: 1 \n"};
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		assert_false(nginx_status_parse(wrong[i], strlen(wrong[i]), &s));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_of_services_are_read),
		cmocka_unit_test(stub_status_is_read_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
