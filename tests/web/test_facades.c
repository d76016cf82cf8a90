#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "picture.h"

#include "model/message.h"

#include <math.h>

#include "base/banned.h"

/* The interfaces of other programs, as the whole role answers them. */
static struct harness h;

static int setup(void **state)
{
	harness_start(&h, true, true);
	picture_send(&h);
	return 0;
}

static int teardown(void **state)
{
	harness_stop(&h);
	return 0;
}

static const char form[] = "Content-Type: application/x-www-form-urlencoded\r\n";

/* Answers that need no archive: body and status. */
static void expect(const char *target, const char *body, unsigned status, const char *answer)
{
	struct answer a = http_request(&h, body ? "POST" : "GET", target, body ? form : NULL, body);
	if (a.status != status || !strstr(a.body->str, answer)) {
		fail_msg("%s: %u %s", target, a.status, a.body->str);
	}
	answer_finish(&a);
}

/* -- with the archive -- */

static int ask(const char *target, const char *body)
{
	int fd = http_connect(&h);
	GString *out = g_string_new(NULL);
	g_string_printf(
		out, "%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", body ? "POST" : "GET", target);
	if (body) {
		g_string_append_printf(out, "%sContent-Length: %zu\r\n", form, strlen(body));
	}
	g_string_append_printf(out, "\r\n%s", body ? body : "");
	http_send(fd, out->str, out->len);
	g_string_free(out, TRUE);
	return fd;
}

/* Answers one question of the role: series N has 1*N, 2*N, unknown, from 1000 on, each 10 s. */
static void answer_fetch(unsigned series, int64_t *from_s, int64_t *step_s)
{
	struct frame frame = harness_receive(&h, h.rrd, MESSAGE_FETCH);
	struct frame_reader r = frame_read(&frame);
	uint32_t number = frame_get_u32(&r);
	*from_s = frame_get_i64(&r);
	frame_get_i64(&r);
	*step_s = frame_get_i64(&r);
	frame_get_u8(&r);
	unsigned count = frame_get_u16(&r);
	uint32_t ids[8];
	assert_int_equal(count, series);
	for (unsigned i = 0; i < count; i++) {
		ids[i] = frame_get_u32(&r);
	}
	for (unsigned i = 0; i < count; i++) {
		const double values[] = {1.0 * ids[i], 2.0 * ids[i], NAN};
		message_start(h.w, MESSAGE_FETCHED);
		frame_put_u32(h.w, number);
		frame_put_u8(h.w, 0);
		frame_put_u8(h.w, i + 1 == count);
		frame_put_u32(h.w, ids[i]);
		frame_put_i64(h.w, 1000);
		frame_put_i64(h.w, 10);
		frame_put_u32(h.w, 0);
		frame_put_u32(h.w, 3);
		for (unsigned v = 0; v < 3; v++) {
			frame_put_f64(h.w, values[v]);
		}
		harness_send(&h, h.rrd);
	}
}

static void finish(int fd, unsigned status, const char *answer)
{
	unsigned got = 0;
	GString *all = http_read(fd, NULL);
	close(fd);
	if (sscanf(all->str, "HTTP/1.1 %u", &got) != 1 || got != status || !strstr(all->str, answer)) {
		fail_msg("%u: %s", got, all->str);
	}
	g_string_free(all, TRUE);
}

/* -- Graphite -- */

static void graphite_finds_what_there_is(void **state)
{
	expect("/metrics/find?query=*", NULL, 200,
		"[{\"text\":\"example_org\",\"id\":\"example_org\",\"leaf\":0,\"expandable\":1,"
		"\"allowChildren\":1,\"context\":{}}]");
	expect("/metrics/find?query=example_org.*.if_eth0.*&format=treejson", NULL, 200,
		"[{\"text\":\"down\",\"id\":\"example_org.*.if_eth0.down\",\"leaf\":1,\"expandable\":0,"
		"\"allowChildren\":0,\"context\":{}},{\"text\":\"up\"");
	expect("/metrics/find", "query=example_org.web1.&format=completer", 200,
		"{\"metrics\":[{\"path\":\"example_org.web1.diskstats_iops.\",\"name\":\"diskstats_iops\","
		"\"is_leaf\":\"0\"},{\"path\":\"example_org.web1.if_eth0.\"");
	expect("/metrics/expand?query=example_org.*.if_eth0.*", NULL, 200,
		"{\"results\":[\"example_org.web1.if_eth0.down\",\"example_org.web1.if_eth0.up\"]}");
	expect("/metrics/index.json", NULL, 200, "\"example_org.web1.diskstats_iops.vda.down\"");
	expect("/metrics/find?query=nothing", NULL, 200, "[]");
	expect("/metrics/find?query=a%5B", NULL, 400, "bracket");
	expect("/version", NULL, 200, "\"1.1.8\"");
	expect("/functions", NULL, 200, "{}");
	expect("/events/get_data?from=-1h&until=now", NULL, 200, "[]");
	expect("/tags/autoComplete/tags?limit=10", NULL, 200, "[]");
	expect("/tags/autoComplete/values?tag=x", NULL, 200, "[]");
}

static void graphite_renders_values(void **state)
{
	static const char *const targets =
		"target=example_org.web1.if_eth0.down&target=alias(scale(example_org.web1.if_eth0.up%2C10)"
		"%2C%22x%0Ay%22)&from=1000&until=1030&maxDataPoints=100&format=";
	int64_t from_s = 0;
	int64_t step_s = 0;
	g_autofree char *json = g_strdup_printf("%sjson", targets);
	int fd = ask("/render", json);
	answer_fetch(2, &from_s, &step_s);
	assert_int_equal(from_s, 1000);
	assert_int_equal(step_s, 1);
	finish(fd, 200,
		"[{\"target\":\"example_org.web1.if_eth0.down\",\"tags\":{\"name\":"
		"\"example_org.web1.if_eth0.down\",\"field\":\"down\",\"group\":\"example.org\",\"host\":"
		"\"web1\",\"service\":\"if_eth0\"},\"datapoints\":[[1,1010],[2,1020],[null,1030]]}");
	g_autofree char *csv = g_strdup_printf("/render?tz=UTC&%scsv", targets);
	fd = ask(csv, NULL);
	answer_fetch(2, &from_s, &step_s);
	finish(fd, 200, "\"example_org.web1.if_eth0.down\",1970-01-01 00:16:50,1\r\n");
	g_autofree char *raw = g_strdup_printf("/render?%sraw", targets);
	fd = ask(raw, NULL);
	answer_fetch(2, &from_s, &step_s);
	finish(fd, 200, "example_org.web1.if_eth0.down,1010,1040,10|1,2,None\n");
}

/* hostile 52, 53, 56 */
static void graphite_refuses_what_is_wrong(void **state)
{
	expect("/render?target=a.b", NULL, 501, "format=svg");
	expect("/render?target=a.b&format=exe", NULL, 400, "format is");
	expect("/render?target=a.b&format=json&from=soon", NULL, 400, "from is to be a time");
	expect("/render?target=a.b&format=json&from=now&until=-1h", NULL, 400, "before until");
	expect("/render?target=a.b&format=json&maxDataPoints=0", NULL, 400, "maxDataPoints");
	expect("/render?target=a.b&format=json&tz=no/where", NULL, 400, "time zone");
	expect("/render?target=nope(a.b)&format=json", NULL, 400, "no function nope");
	expect("/render?target=a.b&format=json&format=json", NULL, 400, "given twice");
	expect("/render?target=a.b&jsonp=f", NULL, 400, "unknown parameter");
	expect("/render", "target=a.b&format=json&evil=1", 400, "unknown parameter");
	expect("/render?format=json", NULL, 200, "[]");
	expect("/render?target=no.such&format=json", NULL, 200, "[]");
	struct answer a = http_request(
		&h, "POST", "/render", "Content-Type: text/plain\r\n", "target=a.b&format=json");
	assert_int_equal(a.status, 400);
	answer_finish(&a);
	a = http_request(&h, "POST", "/render",
		"Content-Type: application/x-www-form-urlencoded\r\nOrigin: https://evil.example\r\n",
		"target=a.b&format=json");
	assert_int_equal(a.status, 403);
	answer_finish(&a);
}

static void graphite_says_when_the_archive_fails(void **state)
{
	int fd =
		ask("/render?target=example_org.web1.if_eth0.*&format=json&from=1000&until=1030", NULL);
	struct frame frame = harness_receive(&h, h.rrd, MESSAGE_FETCH);
	struct frame_reader r = frame_read(&frame);
	uint32_t number = frame_get_u32(&r);
	message_start(h.w, MESSAGE_FETCHED);
	frame_put_u32(h.w, number);
	frame_put_u8(h.w, 8);
	frame_put_u8(h.w, 1);
	frame_put_u32(h.w, 0);
	frame_put_i64(h.w, 0);
	frame_put_i64(h.w, 0);
	frame_put_u32(h.w, 0);
	frame_put_u32(h.w, 0);
	frame_put_text(h.w, "the disk is on fire");
	harness_send(&h, h.rrd);
	finish(fd, 500, "the disk is on fire");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(graphite_finds_what_there_is, setup, teardown),
		cmocka_unit_test_setup_teardown(graphite_renders_values, setup, teardown),
		cmocka_unit_test_setup_teardown(graphite_refuses_what_is_wrong, setup, teardown),
		cmocka_unit_test_setup_teardown(graphite_says_when_the_archive_fails, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
