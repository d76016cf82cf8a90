#include "magpie/listen.h"
#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/banned.h"

static void a_free_port_is_taken_and_told(void **state UNUSED)
{
	struct error err;
	char bound[LISTEN_TEXT];
	int fd = listen_open("127.0.0.1:0", false, bound, &err);
	assert_true(fd >= 0);
	assert_int_equal(strncmp(bound, "127.0.0.1:", 10), 0);
	assert_string_not_equal(bound + 10, "0");
	char again[LISTEN_TEXT];
	assert_int_equal(listen_open(bound, false, again, &err), -1);
	assert_int_equal(err.kind, ERR_UNREACHABLE);
	close(fd);
}

static void addresses_that_are_none_are_refused(void **state UNUSED)
{
	static const char *const wrong[] = {"", "8080", ":8080", "localhost:8080", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "1.2.3:80", "[::1:80", "::1:80", "[::1]",
		"127.0.0.1:80 "};
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		struct error err;
		char bound[LISTEN_TEXT];
		assert_int_equal(listen_open(wrong[i], true, bound, &err), -1);
		assert_int_equal(err.kind, ERR_CONFIG);
	}
}

static void plain_http_beyond_loopback_needs_a_word(void **state UNUSED)
{
	struct error err;
	char bound[LISTEN_TEXT];
	assert_int_equal(listen_open("0.0.0.0:0", false, bound, &err), -1);
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.text, "insecure_http"));
}

static void the_address_is_found_again_in_the_data_directory(void **state UNUSED)
{
	struct error err;
	char directory[] = "/tmp/magpie-listen-XXXXXX";
	char bound[LISTEN_TEXT];
	assert_non_null(mkdtemp(directory));
	assert_false(listen_recall(directory, bound, &err));
	assert_true(listen_remember(directory, "127.0.0.1:4711", &err));
	assert_true(listen_recall(directory, bound, &err));
	assert_string_equal(bound, "127.0.0.1:4711");
	char file[64];
	strncpy(file, directory, sizeof(file) - 1);
	strncat(file, "/listen", sizeof(file) - strlen(file) - 1);
	unlink(file);
	rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_free_port_is_taken_and_told),
		cmocka_unit_test(addresses_that_are_none_are_refused),
		cmocka_unit_test(plain_http_beyond_loopback_needs_a_word),
		cmocka_unit_test(the_address_is_found_again_in_the_data_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
