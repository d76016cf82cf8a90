#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "picture.h"

#include "model/message.h"

#include "base/banned.h"

static void answers_and_carries_the_security_headers(void **state)
{
	struct harness h;
	harness_start(&h, false, false);
	struct answer a = http_get(&h, "/healthz", NULL);
	assert_int_equal(a.status, 200);
	assert_string_equal(a.body->str, "{\"status\":\"ok\"}");
	assert_non_null(
		strstr(a.head, "Content-Security-Policy: default-src 'none'; script-src 'self'"));
	assert_non_null(strstr(a.head, "X-Content-Type-Options: nosniff"));
	answer_finish(&a);
	harness_stop(&h);
}

static void refuses_what_it_does_not_know(void **state)
{
	static const struct {
		const char *method, *target;
		unsigned status;
	} cases[] = {
		{"GET", "/nothing", 404},
		{"GET", "/healthz/", 400},
		{"GET", "//healthz", 400},
		{"GET", "/x/../healthz", 400},
		{"GET", "/%2e%2e%2fhealthz", 400},
		{"GET", "/healthz%00", 400},
		{"GET", "/healthz;a", 400},
		{"GET", "/%c0%af", 400},
		{"GET", "/healthz?a=1", 400},
		{"GET", "/healthz?a=1&a=2", 400},
		{"POST", "/healthz", 405},
		{"DELETE", "/healthz", 405},
		{"HEAD", "/healthz", 200},
	};
	struct harness h;
	harness_start(&h, false, false);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer a = http_request(&h, cases[i].method, cases[i].target, NULL, NULL);
		if (a.status != cases[i].status) {
			fail_msg("%s %s: %u", cases[i].method, cases[i].target, a.status);
		}
		if (a.status >= 400) {
			assert_non_null(strstr(a.head, "application/problem+json"));
		}
		answer_finish(&a);
	}
	harness_stop(&h);
}

/* hostile 46: refused before the HTTP library sees it */
static void refuses_bare_line_feeds(void **state)
{
	struct harness h;
	harness_start(&h, false, false);
	int fd = http_connect(&h);
	static const char text[] = "GET /healthz HTTP/1.1\nHost: a\n\n";
	http_send(fd, text, strlen(text));
	GString *all = http_read(fd, NULL);
	assert_int_equal(strncmp(all->str, "HTTP/1.1 400 ", 13), 0);
	assert_non_null(strstr(all->str, "Content-Security-Policy"));
	g_string_free(all, TRUE);
	close(fd);
	harness_stop(&h);
}

static void keeps_a_connection_for_further_requests(void **state)
{
	struct harness h;
	harness_start(&h, false, false);
	int fd = http_connect(&h);
	static const char text[] = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
	for (int i = 0; i < 3; i++) {
		http_send(fd, text, strlen(text));
		GString *all = http_read(fd, "{\"status\":\"ok\"}");
		assert_int_equal(strncmp(all->str, "HTTP/1.1 200 ", 13), 0);
		g_string_free(all, TRUE);
		usleep(20000);
	}
	static const char bad[] = "GET /healthz HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n";
	http_send(fd, bad, strlen(bad));
	GString *all = http_read(fd, NULL);
	assert_int_equal(strncmp(all->str, "HTTP/1.1 400 ", 13), 0);
	g_string_free(all, TRUE);
	close(fd);
	harness_stop(&h);
}

/* Streams, questions to the archive and texts under examination are open when the role is told to
 * stop. */
static void ends_cleanly_in_the_middle_of_everything(void **state)
{
	static const char stream[] = "GET /api/v1/events?host=web1 HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char data[] =
		"GET /api/v1/data?series=web1:if_eth0:up HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char graph[] = "GET /graph/web1/if_eth0.png HTTP/1.1\r\nHost: a\r\n\r\n";
	struct harness h;
	int fds[5];
	harness_start(&h, true, true);
	picture_send(&h);
	for (size_t i = 0; i < 5; i++) {
		fds[i] = http_connect(&h);
	}
	http_send(fds[0], stream, strlen(stream));
	g_string_free(http_read(fds[0], "event: hello"), TRUE);
	http_send(fds[1], data, strlen(data));
	harness_receive(&h, h.rrd, MESSAGE_FETCH);
	http_send(fds[2], graph, strlen(graph));
	harness_receive(&h, h.rrd, MESSAGE_GRAPH);
	GString *check = g_string_new("POST /api/v1/rules:check HTTP/1.1\r\nHost: a\r\nContent-Type: "
								  "text/plain\r\nContent-Length: 100000\r\n\r\n");
	for (int i = 0; i < 100000; i++) {
		g_string_append_c(check, '}');
	}
	http_send(fds[3], check->str, check->len);
	g_string_free(check, TRUE);
	http_send(fds[4], "GET /half", 9);
	harness_stop(&h);
	for (size_t i = 0; i < 5; i++) {
		close(fds[i]);
	}
}

/* A picture that cannot be followed any more is not shown as if it were fresh for ever. */
static void ends_when_the_engine_breaks_its_promise(void **state)
{
	struct harness h;
	int status = 0;
	harness_start(&h, true, false);
	picture_send(&h);
	picture_sync(&h, 2);
	assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
	assert_true(WIFEXITED(status));
	close(h.control);
	close(h.engine);
	g_free(h.w);
	g_free(h.packet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_and_carries_the_security_headers),
		cmocka_unit_test(refuses_what_it_does_not_know),
		cmocka_unit_test(refuses_bare_line_feeds),
		cmocka_unit_test(ends_cleanly_in_the_middle_of_everything),
		cmocka_unit_test(ends_when_the_engine_breaks_its_promise),
		cmocka_unit_test(keeps_a_connection_for_further_requests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
