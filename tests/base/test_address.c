#include "base/address.h"

#include <arpa/inet.h>

#include "tests/support/test.h"

static const char *const http_schemes[] = {"http", "https", NULL};

static void a_url_is_split_or_refused(void **state UNUSED)
{
	static const struct {
		const char *text, *host, *path;
		uint16_t port;
	} good[] = {
		{"http://example.org", "example.org", "", 0},
		{"HTTPS://example.org:8443/a/b?c=%20d", "example.org", "/a/b?c=%20d", 8443},
		{"http://[::1]:8080/x", "::1", "/x", 8080},
		{"http://10.0.0.1?x", "10.0.0.1", "?x", 0},
	};
	static const char *const bad[] = {"", "ftp://example.org/", "http:/example.org", "http://",
		"http://a b/", "http://a\r\nX: y/", "http://user@example.org/", "http://u:p@example.org/",
		"http://127.0.0.1:80\\@evil/", "http://[::1", "http://[zz]/", "http://example.org:0/",
		"http://example.org:65536/", "http://example.org:8a/", "http://example.org/%zz",
		"http://example.org/#x", "http://ex..org/", "http://-x/", "http://ex\xc3\xa4mple.org/",
		"http://example.org/\"", "file:///etc/passwd"};
	struct address_url url;
	for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
		assert_true(address_parse_url(good[i].text, http_schemes, &url, NULL));
		assert_string_equal(url.host, good[i].host);
		assert_string_equal(url.path, good[i].path);
		assert_int_equal(url.port, good[i].port);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		struct error err = {.kind = ERR_NONE};
		if (address_parse_url(bad[i], http_schemes, &url, &err)) {
			fail_msg("was taken: %s", bad[i]);
		}
		assert_int_equal(err.kind, ERR_CONFIG);
	}
}

/* hostile 66 */
static void a_mail_address_that_could_leave_its_command_is_refused(void **state UNUSED)
{
	static const char *const good[] = {"ops@example.org", "a.b+c@sub.example.org", "root@localhost",
		"ops@[127.0.0.1]", "o'neil@example.org"};
	static const char *const bad[] = {"", "ops", "@example.org", "ops@",
		"ops@example.org\r\nRCPT TO:<x@y>", "ops@example.org\n", "a@b>", "<a@b>", "Ops <a@b>",
		"a b@c", ".a@b", "a.@b", "a..b@c", "\"a b\"@c", "a@b c", "a@b@", "a@-b", "a,b@c", "a@b,c@d",
		"\xc3\xa4@b"};
	for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
		if (!address_check_mail(good[i], NULL)) {
			fail_msg("was refused: %s", good[i]);
		}
	}
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		if (address_check_mail(bad[i], NULL)) {
			fail_msg("was taken: %s", bad[i]);
		}
	}
}

static void an_endpoint_needs_host_and_port(void **state UNUSED)
{
	char host[ADDRESS_HOST_MAX + 1];
	uint16_t port;
	assert_true(address_parse_endpoint("127.0.0.1:8080", host, &port, NULL));
	assert_string_equal(host, "127.0.0.1");
	assert_int_equal(port, 8080);
	assert_true(address_parse_endpoint("[::1]:0", host, &port, NULL));
	assert_string_equal(host, "::1");
	static const char *const bad[] = {
		"", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "a:99999", "a b:1", "::1:80"};
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		assert_false(address_parse_endpoint(bad[i], host, &port, NULL));
	}
}

static enum address_class class_of(const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		return address_classify((const struct sockaddr *)&v4);
	}
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return address_classify((const struct sockaddr *)&v6);
}

static void inner_addresses_are_recognised_in_every_writing(void **state UNUSED)
{
	static const struct {
		const char *text;
		enum address_class class;
	} cases[] = {{"127.0.0.1", ADDRESS_LOOPBACK}, {"127.9.9.9", ADDRESS_LOOPBACK},
		{"0.0.0.0", ADDRESS_LOOPBACK}, {"::", ADDRESS_LOOPBACK}, {"::1", ADDRESS_LOOPBACK},
		{"::ffff:127.0.0.1", ADDRESS_LOOPBACK}, {"64:ff9b::7f00:1", ADDRESS_LOOPBACK},
		{"169.254.169.254", ADDRESS_LINK}, {"::ffff:169.254.169.254", ADDRESS_LINK},
		{"fe80::1", ADDRESS_LINK}, {"fd00:ec2::254", ADDRESS_LINK}, {"224.0.0.1", ADDRESS_NO_HOST},
		{"255.255.255.255", ADDRESS_NO_HOST}, {"ff02::1", ADDRESS_NO_HOST},
		{"10.0.0.1", ADDRESS_WIDE}, {"192.0.2.1", ADDRESS_WIDE}, {"2001:db8::1", ADDRESS_WIDE}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		if (class_of(cases[i].text) != cases[i].class) {
			fail_msg("%s: class %d", cases[i].text, (int)class_of(cases[i].text));
		}
	}
	assert_int_equal(address_class_of_host("localhost"), ADDRESS_LOOPBACK);
	assert_int_equal(address_class_of_host("a.LOCALHOST"), ADDRESS_LOOPBACK);
	assert_int_equal(address_class_of_host("127.1"), ADDRESS_WIDE); /* so that it reaches nothing */
	assert_int_equal(address_class_of_host("notlocalhost"), ADDRESS_WIDE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_is_split_or_refused),
		cmocka_unit_test(a_mail_address_that_could_leave_its_command_is_refused),
		cmocka_unit_test(an_endpoint_needs_host_and_port),
		cmocka_unit_test(inner_addresses_are_recognised_in_every_writing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
