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

/* hostile 55 */
static void graphite_draws_what_is_inert(void **state)
{
	int64_t from_s = 0;
	int64_t step_s = 0;
	int fd =
		ask("/render?target=alias(example_org.web1.if_eth0.up,%27%3Cscript%3Ex%3C/script%3E%27)&"
			"target=constantLine(3)&from=1000&until=1030&format=svg&width=400&title=%3Cb%3E&tz=UTC",
			NULL);
	answer_fetch(1, &from_s, &step_s);
	GString *all = http_read(fd, NULL);
	close(fd);
	assert_non_null(strstr(all->str, "Content-Type: image/svg+xml"));
	assert_null(strstr(all->str, "<script"));
	assert_null(strstr(all->str, "<b>"));
	assert_non_null(strstr(all->str, "&lt;script&gt;x&lt;/script&gt;</text>"));
	assert_non_null(strstr(all->str, ">00:16:50</text>"));
	assert_non_null(strstr(all->str, "<path fill=\"none\""));
	assert_true(g_str_has_suffix(all->str, "</svg>\n"));
	g_string_free(all, TRUE);
	expect("/render?target=no.such&format=svg", NULL, 200, "</svg>");
	expect("/render?format=svg&width=99", NULL, 400, "width");
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

/* -- Prometheus -- */

static void prometheus_answers_without_the_archive(void **state)
{
	expect("/prom/api/v1/query?query=1%2B1&time=1800000000.5", NULL, 200,
		"{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[1800000000.500,"
		"\"2\"]}}");
	expect("/prom/api/v1/query", "query=1%2B1", 200, "\"2\"");
	expect("/prom/api/v1/query?query='x'&time=5", NULL, 200,
		"\"resultType\":\"string\",\"result\":[5,\"x\"]");
	expect("/prom/api/v1/query?query=if_eth0:down&time=1800000003", NULL, 200,
		"{\"resultType\":\"vector\",\"result\":[{\"metric\":{\"__name__\":\"if_eth0:down\","
		"\"field\":\"down\",\"group\":\"example.org\",\"host\":\"web1\",\"service\":\"if_eth0\"},"
		"\"value\":[1800000003,\"1.5\"]}]}");
	expect("/prom/api/v1/query?query=if_eth0:down&time=1800000100", NULL, 200, "\"result\":[]");
	expect("/prom/api/v1/labels", NULL, 200,
		"[\"__name__\",\"field\",\"group\",\"host\",\"service\"]");
	expect("/prom/api/v1/labels", "match%5B%5D=if_eth0:up&start=1", 200, "\"host\"");
	expect("/prom/api/v1/label/__name__/values", NULL, 200,
		"[\"diskstats_iops_vda:down\",\"diskstats_iops_vda:up\",\"if_eth0:down\",\"if_eth0:up\"]");
	expect("/prom/api/v1/label/host/values?match%5B%5D=no:thing", NULL, 200, "\"data\":[]");
	expect("/prom/api/v1/label/job/values", NULL, 200, "\"data\":[]");
	expect("/prom/api/v1/label/service/values?limit=1", NULL, 200, "truncated");
	expect("/prom/api/v1/series?match%5B%5D=if_eth0:up&match%5B%5D={field%3D%22up%22}", NULL, 200,
		"[{\"__name__\":\"if_eth0:up\"");
	expect("/prom/api/v1/metadata?metric=if_eth0:up", NULL, 200,
		"{\"if_eth0:up\":[{\"type\":\"gauge\",\"help\":\"Traffic");
	expect("/prom/api/v1/status/buildinfo", NULL, 200, "\"application\":\"Magpie\"");
	expect("/prom/api/v1/rules", NULL, 200, "\"groups\":[{");
	expect("/prom/api/v1/rules?type=record", NULL, 200, "\"groups\":[]");
	expect("/prom/api/v1/alerts", NULL, 200,
		"{\"alertname\":\"traffic\",\"field\":\"down\",\"group\":\"example.org\",\"host\":\"web1\","
		"\"service\":\"if_eth0\",\"severity\":\"critical\"}");
}

static void prometheus_reads_ranges_from_the_archive(void **state)
{
	int64_t from_s = 0;
	int64_t step_s = 0;
	int fd = ask("/prom/api/v1/query_range",
		"query=sum%20by%20(host)%20({service%3D%22if_eth0%22})&start=1010&end=1040&step=10s");
	answer_fetch(2, &from_s, &step_s);
	assert_int_equal(step_s, 10);
	finish(fd, 200,
		"{\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"host\":\"web1\"},\"values\":"
		"[[1010,\"3\"],[1020,\"6\"],[1030,\"6\"],[1040,\"6\"]]}]}");
	fd = ask("/prom/api/v1/query?query=if_eth0:up[1m]&time=1025", NULL);
	answer_fetch(1, &from_s, &step_s);
	finish(fd, 200, "\"values\":[[1010,\"2\"],[1020,\"4\"]]");
	fd = ask("/prom/api/v1/query?query=rate(if_eth0:down[1m])&time=1025", NULL);
	answer_fetch(1, &from_s, &step_s);
	finish(fd, 200, "\"value\":[1025,\"1.5\"]");
}

/* hostile 52, 53 */
static void prometheus_refuses_in_its_own_form(void **state)
{
	expect("/prom/api/v1/query", NULL, 400,
		"{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"query is missing\"}");
	expect("/prom/api/v1/query?query=1%2B", NULL, 400, "\"bad_data\"");
	expect("/prom/api/v1/query?query=1&query=2", NULL, 400, "given twice");
	expect("/prom/api/v1/query?query=1&time=soon", NULL, 400, "time is to be");
	expect("/prom/api/v1/query?query=1&evil=1", NULL, 400, "unknown parameter");
	expect("/prom/api/v1/query?query=histogram_quantile(0.9,x)", NULL, 422, "\"execution\"");
	expect("/prom/api/v1/query?query=rate(if_eth0:up[5m])", NULL, 422, "gauge");
	expect("/prom/api/v1/query_range?query=1", NULL, 400, "step is missing");
	expect("/prom/api/v1/query_range?query=1&start=0&end=1&step=0", NULL, 400, "more than 0");
	expect("/prom/api/v1/query_range?query=1&start=2&end=1&step=1", NULL, 400, "not behind");
	expect("/prom/api/v1/query_range?query=1&start=0&end=1e9&step=1", NULL, 400, "resolution");
	expect("/prom/api/v1/query_range?query=x[5m]&start=0&end=1&step=1", NULL, 400, "a number or");
	expect("/prom/api/v1/series", NULL, 400, "match[]");
	expect("/prom/api/v1/series?match%5B%5D={}", NULL, 400, "empty text");
	expect("/prom/api/v1/nothing", NULL, 404, "nothing");
}

static void newest_values_are_exported_as_text(void **state)
{
	expect("/api/v1/export/prometheus?timestamps=1", NULL, 200,
		"# HELP if_eth0:down Traffic <b>: down\n# TYPE if_eth0:down gauge\n"
		"if_eth0:down{field=\"down\",group=\"example.org\",host=\"web1\",service=\"if_eth0\"} 1.5 "
		"1800000000000\n# HELP if_eth0:up");
	expect("/api/v1/export/prometheus?match%5B%5D=if_eth0:up", NULL, 200,
		"# HELP if_eth0:up Traffic <b>: up. =cmd|'x'\n# TYPE if_eth0:up gauge\n");
	expect("/api/v1/export/prometheus?match%5B%5D={", NULL, 400, "match[]");
	struct answer a = http_get(&h, "/api/v1/export/prometheus?timestamps=1",
		"Accept: application/openmetrics-text; version=1.0.0\r\n");
	assert_non_null(strstr(a.head, "application/openmetrics-text; version=1.0.0"));
	assert_non_null(strstr(a.body->str, "} 1.5 1800000000.000\n"));
	assert_true(g_str_has_suffix(a.body->str, "\n# EOF\n"));
	answer_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(graphite_finds_what_there_is, setup, teardown),
		cmocka_unit_test_setup_teardown(graphite_renders_values, setup, teardown),
		cmocka_unit_test_setup_teardown(graphite_draws_what_is_inert, setup, teardown),
		cmocka_unit_test_setup_teardown(graphite_refuses_what_is_wrong, setup, teardown),
		cmocka_unit_test_setup_teardown(graphite_says_when_the_archive_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(prometheus_answers_without_the_archive, setup, teardown),
		cmocka_unit_test_setup_teardown(prometheus_reads_ranges_from_the_archive, setup, teardown),
		cmocka_unit_test_setup_teardown(prometheus_refuses_in_its_own_form, setup, teardown),
		cmocka_unit_test_setup_teardown(newest_values_are_exported_as_text, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
