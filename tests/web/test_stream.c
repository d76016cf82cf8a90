#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "picture.h"

#include "base/clock.h"
#include "model/message.h"

#include "base/banned.h"

/* The event stream, from the engine's frames to a client's socket. */
static struct harness h;

static int setup(void **state)
{
	harness_start(&h, true, false);
	picture_send(&h);
	return 0;
}

static int teardown(void **state)
{
	harness_stop(&h);
	return 0;
}

static int open_stream(const char *query, const char *extra)
{
	int fd = http_connect(&h);
	GString *out = g_string_new(NULL);
	g_string_printf(
		out, "GET /api/v1/events%s HTTP/1.1\r\nHost: a\r\n%s\r\n", query, extra ? extra : "");
	http_send(fd, out->str, out->len);
	g_string_free(out, TRUE);
	return fd;
}

/* What was read behind the last text that was waited for, by descriptor. */
static GString *left[1024];

static void forget(int fd)
{
	if (left[fd]) {
		g_string_free(left[fd], TRUE);
		left[fd] = NULL;
	}
	close(fd);
}

/* Reads until the text came; returns all up to its end. */
static GString *expect(int fd, const char *text)
{
	GString *all = left[fd] ? left[fd] : g_string_new(NULL);
	left[fd] = NULL;
	while (!strstr(all->str, text)) {
		GString *more = http_read(fd, "\n");
		if (!more->len) {
			fail_msg("\"%s\" did not come: %s", text, all->str);
		}
		g_string_append_len(all, more->str, (gssize)more->len);
		g_string_free(more, TRUE);
	}
	size_t end = (size_t)(strstr(all->str, text) - all->str) + strlen(text);
	left[fd] = g_string_new(all->str + end);
	g_string_truncate(all, end);
	return all;
}

static void expect_only(int fd, const char *text)
{
	g_string_free(expect(fd, text), TRUE);
}

static void greets_and_tells_alerts_as_they_change(void **state)
{
	int fd = open_stream("", NULL);
	GString *hello = expect(fd, "event: hello\ndata: {\"boot\":\"");
	assert_non_null(strstr(hello->str, "Content-Type: text/event-stream"));
	assert_non_null(strstr(hello->str, "Cache-Control: no-store"));
	assert_non_null(strstr(hello->str, "X-Accel-Buffering: no"));
	g_string_free(hello, TRUE);
	struct mono begin = mono_now();
	picture_alert(&h, 8, 2, 1, "web1", "");
	GString *alert = expect(fd, "event: alert\ndata: {\"id\":8,");
	assert_true(mono_now().ms - begin.ms < 250);
	g_string_free(alert, TRUE);
	expect_only(fd, "event: host\ndata: {\"host\":\"web1\"");
	message_start(h.w, MESSAGE_ALERT_GONE);
	frame_put_u32(h.w, 8);
	harness_send(&h, h.engine);
	expect_only(fd, "event: alert_gone\ndata: {\"id\":8}");
	forget(fd);
}

/* Bytes behind the head of an answer to HEAD are the beginning of the next answer to everybody
 * else.
 */
static void head_has_no_bytes_behind_it(void **state)
{
	static const char asked[] = "HEAD /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
	int fd = http_connect(&h);
	http_send(fd, asked, strlen(asked));
	GString *answer = http_read(fd, NULL);
	assert_true(g_str_has_prefix(answer->str, "HTTP/1.1 200 "));
	assert_non_null(strstr(answer->str, "Content-Type: text/event-stream"));
	assert_null(strstr(answer->str, "chunked"));
	assert_string_equal(strstr(answer->str, "\r\n\r\n"), "\r\n\r\n");
	g_string_free(answer, TRUE);
	close(fd);
}

static void sends_live_values_of_what_is_wanted_only(void **state)
{
	int fd = open_stream("?series=web1:if_eth0:up,web1:none:x", NULL);
	int host = open_stream("?host=web1", NULL);
	expect_only(fd, "event: hello");
	expect_only(host, "event: hello");
	picture_live(&h, 1, PICTURE_T * 1000LL + 10000, 5);
	picture_live(&h, 2, PICTURE_T * 1000LL + 10000, 7);
	GString *live = expect(fd, "\"v\":{\"web1:if_eth0:up\":7}}");
	assert_non_null(strstr(live->str, "event: live\ndata: {\"t\":1800000010,"));
	assert_null(strstr(live->str, "down"));
	g_string_free(live, TRUE);
	expect_only(host, "\"v\":{\"web1:if_eth0:down\":5,\"web1:if_eth0:up\":7}}");
	forget(fd);
	forget(host);
}

static void sends_sources_to_whom_they_matter(void **state)
{
	int wants = open_stream("?sources=1", NULL);
	int not = open_stream("", NULL);
	expect_only(wants, "event: hello");
	expect_only(not, "event: hello");
	picture_source(&h, "web1/munin/munin", SOURCE_FAILING);
	GString *all = expect(wants, "\"state\":\"failing\"");
	assert_non_null(
		strstr(all->str, "event: sources\ndata: {\"sources\":[{\"id\":\"web1/munin/munin\""));
	g_string_free(all, TRUE);
	source_gone_put(h.w, "web1/munin/munin");
	harness_send(&h, h.engine);
	expect_only(wants, "{\"sources\":[],\"gone\":[\"web1/munin/munin\"]}");
	for (int i = 0; i < 300; i++) {
		char id[40];
		snprintf(id, sizeof(id), "web1/check/c%d", i);
		picture_source(&h, id, SOURCE_OK);
	}
	expect_only(wants, "event: sources\ndata: {\"all\":true}");
	picture_alert(&h, 21, 1, 1, "web1", "");
	GString *other = expect(not, "data: {\"id\":21,");
	assert_null(strstr(other->str, "sources"));
	g_string_free(other, TRUE);
	forget(wants);
	forget(not );
}

/* A client that comes back gets what it missed, or is told that this is not possible. */
static void replays_from_the_ring_or_says_resync(void **state)
{
	int fd = open_stream("", NULL);
	expect_only(fd, "event: hello");
	picture_alert(&h, 9, 1, 1, "web1", "");
	GString *all = expect(fd, "data: {\"id\":9,");
	const char *id = NULL;
	for (const char *at = all->str; (at = strstr(at, "id: ")); at += 4) {
		id = at + 4;
	}
	assert_non_null(id);
	g_autofree char *last = g_strndup(id, strcspn(id, "\n"));
	g_string_free(all, TRUE);
	forget(fd);
	picture_alert(&h, 10, 1, 1, "web1", "");
	struct answer a = http_get(&h, "/api/v1/alerts", NULL); /* the role took it */
	answer_finish(&a);
	g_autofree char *header = g_strdup_printf("Last-Event-ID: %s\r\n", last);
	fd = open_stream("", header);
	all = expect(fd, "data: {\"id\":10,");
	assert_null(strstr(all->str, "resync"));
	assert_null(strstr(all->str, "data: {\"id\":9,"));
	g_string_free(all, TRUE);
	forget(fd);

	static const char *const foreign[] = {
		"1-1", "x", "", "-", "99999999999999999999-1", "18446744073709551615"};
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		g_autofree char *line = g_strdup_printf("Last-Event-ID: %s\r\n", foreign[i]);
		fd = open_stream("", *foreign[i] ? line : "Last-Event-ID: ?\r\n");
		expect_only(fd, "event: resync\ndata: {}");
		forget(fd);
	}
	g_autofree char *future = g_strdup_printf("Last-Event-ID: %s99\r\n", last);
	fd = open_stream("", future);
	expect_only(fd, "event: resync");
	forget(fd);
}

static void tells_when_the_engine_is_lost_and_back(void **state)
{
	int fd = open_stream("", NULL);
	expect_only(fd, "event: hello");
	close(h.engine);
	expect_only(fd, "event: stale\ndata: {\"stale\":true,\"since\":\"20");
	h.engine = harness_peer(&h, ROLE_ENGINE);
	picture_send(&h);
	GString *all = expect(fd, "event: stale\ndata: {\"stale\":false,\"since\":null}");
	assert_non_null(strstr(all->str, "event: resync"));
	g_string_free(all, TRUE);
	forget(fd);
}

static unsigned clients(void)
{
	struct answer a = http_get(&h, "/metrics", NULL);
	const char *at = strstr(a.body->str, "\nmagpie_web_stream_clients ");
	unsigned n = at ? (unsigned)strtoul(at + 27, NULL, 10) : 999;
	answer_finish(&a);
	return n;
}

/* hostile 51 */
static void drops_a_client_that_does_not_read(void **state)
{
	int deaf = http_connect(&h);
	int small = 4096;
	setsockopt(deaf, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	static const char text[] = "GET /api/v1/events HTTP/1.1\r\nHost: a\r\n\r\n";
	http_send(deaf, text, strlen(text));
	expect_only(deaf, "event: hello");
	g_autofree char *long_text = g_strnfill(60000, 'x');
	for (int i = 0; i < 5000; i++) {
		message_start(h.w, MESSAGE_EVENT);
		frame_put_i64(h.w, PICTURE_T * 1000LL + i);
		frame_put_text(h.w, "flood");
		frame_put_text(h.w, "test");
		frame_put_text(h.w, long_text);
		harness_send(&h, h.engine);
	}
	for (int i = 0; i < 500 && clients() > 0; i++) {
		usleep(10000);
	}
	assert_int_equal(clients(), 0);
	forget(deaf);
}

static void parameters_are_checked(void **state)
{
	struct answer a = http_get(&h, "/api/v1/events?foo=1", NULL);
	assert_int_equal(a.status, 400);
	answer_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(greets_and_tells_alerts_as_they_change),
		cmocka_unit_test(head_has_no_bytes_behind_it),
		cmocka_unit_test(sends_live_values_of_what_is_wanted_only),
		cmocka_unit_test(sends_sources_to_whom_they_matter),
		cmocka_unit_test(replays_from_the_ring_or_says_resync),
		cmocka_unit_test(tells_when_the_engine_is_lost_and_back),
		cmocka_unit_test(parameters_are_checked),
		cmocka_unit_test(drops_a_client_that_does_not_read),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
