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
#include "web/archive.h"

#include "model/message.h"

#include <math.h>

#include "base/banned.h"

/* Everything the API says from the engine's picture and the archive's answers. */
static struct harness h;

static json_t *get_json(const char *target, unsigned status)
{
	json_error_t why;
	struct answer a = http_get(&h, target, NULL);
	if (a.status != status) {
		fail_msg("%s: %u %s", target, a.status, a.body->str);
	}
	json_t *value = json_loadb(a.body->str, a.body->len, JSON_REJECT_DUPLICATES, &why);
	if (!value) {
		fail_msg("%s: %s", target, why.text);
	}
	answer_finish(&a);
	return value;
}

static const char *text_at(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	if (!text) {
		fail_msg("no text %s", key);
	}
	return text;
}

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

static void wall_has_a_letter_per_category(void **state)
{
	json_t *wall = get_json("/api/v1/wall", 200);
	json_t *host = json_array_get(json_object_get(wall, "hosts"), 0);
	json_t *categories = json_object_get(wall, "categories");
	assert_int_equal(json_array_size(categories), 2);
	assert_string_equal(json_string_value(json_array_get(categories, 0)), "disk");
	assert_string_equal(text_at(host, "cells"), "oc");
	assert_string_equal(text_at(host, "state"), "critical");
	assert_string_equal(text_at(host, "strip"), "oooooooooooooooooooooowc");
	json_t *totals = json_object_get(wall, "totals");
	assert_int_equal(json_integer_value(json_object_get(totals, "services")), 2);
	assert_int_equal(json_integer_value(json_object_get(totals, "series")), 4);
	json_decref(wall);
}

static void host_lists_services_fields_limits_and_last_values(void **state)
{
	json_t *host = get_json("/api/v1/hosts/web1", 200);
	json_t *services = json_object_get(host, "services");
	assert_int_equal(json_array_size(services), 2);
	json_t *service = json_array_get(services, 1);
	assert_string_equal(text_at(service, "service"), "if_eth0");
	assert_string_equal(text_at(service, "title"), "Traffic <b>");
	assert_string_equal(text_at(service, "state"), "critical");
	json_t *down = json_array_get(json_object_get(service, "fields"), 0);
	assert_string_equal(text_at(down, "id"), "web1:if_eth0:down");
	assert_string_equal(text_at(down, "cdef"), "down,8,*");
	assert_true(json_is_false(json_object_get(down, "graph")));
	json_t *last = json_object_get(down, "last");
	assert_int_equal(json_integer_value(json_object_get(last, "t")), PICTURE_T);
	assert_true(json_number_value(json_object_get(last, "v")) == 1.5);
	json_t *limit = json_array_get(json_object_get(down, "limits"), 0);
	assert_string_equal(text_at(limit, "level"), "critical");
	json_t *up = json_array_get(json_object_get(service, "fields"), 1);
	assert_string_equal(text_at(up, "extinfo"), "<i>late</i>");
	json_t *tag = json_array_get(json_object_get(host, "tags"), 0);
	assert_string_equal(json_string_value(tag), "prod");
	json_decref(host);
	json_decref(get_json("/api/v1/hosts/nobody", 404));
}

static void series_are_selected_by_globs(void **state)
{
	static const struct {
		const char *target;
		size_t count;
	} cases[] = {
		{"/api/v1/series", 4},
		{"/api/v1/series?match=*", 4},
		{"/api/v1/series?match=web1:if_*", 2},
		{"/api/v1/series?match=*:*:up", 2},
		{"/api/v1/series?match=*:if_eth0:up,*:diskstats*:down", 2},
		{"/api/v1/series?match=web2", 0},
		{"/api/v1/series?limit=1", 1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *list = get_json(cases[i].target, 200);
		size_t count = json_array_size(json_object_get(list, "series"));
		if (count != cases[i].count) {
			fail_msg("%s: %zu", cases[i].target, count);
		}
		json_decref(list);
	}
	json_decref(get_json("/api/v1/series?match=a:b:c:d", 400));
	json_decref(get_json("/api/v1/series?match=", 400));
}

static void alert_says_value_limit_and_titles(void **state)
{
	json_t *alerts = get_json("/api/v1/alerts", 200);
	json_t *a = json_array_get(json_object_get(alerts, "alerts"), 0);
	assert_string_equal(text_at(a, "level"), "critical");
	assert_string_equal(text_at(a, "state"), "firing");
	assert_string_equal(text_at(a, "since"), "2027-01-15T08:00:00Z");
	assert_string_equal(text_at(a, "value_text"), "97.5 Mbit/s");
	assert_string_equal(text_at(a, "title"), "Traffic <b>");
	assert_true(json_number_value(json_object_get(a, "threshold")) == 90);
	assert_true(json_is_null(json_object_get(a, "suppressed_by")));
	json_decref(alerts);
}

static void status_shows_what_was_refused_and_events(void **state)
{
	json_t *status = get_json("/api/v1/status", 200);
	assert_string_equal(text_at(status, "version"), MAGPIE_VERSION);
	assert_true(json_is_false(json_object_get(status, "stale")));
	assert_string_equal(text_at(status, "rules_error"), "a.magpie:1:1: error[E101]: no\n  <b>");
	assert_int_equal(json_array_size(json_object_get(status, "events")), 1);
	json_decref(status);
}

static void metrics_are_prometheus_text(void **state)
{
	struct answer a = http_get(&h, "/metrics", NULL);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body->str, "\nmagpie_series 4\n"));
	assert_non_null(strstr(a.body->str, "\nmagpie_engine_evaluations_total 42\n"));
	assert_non_null(strstr(a.body->str, "\nmagpie_alerts{level=\"critical\"} 1\n"));
	answer_finish(&a);
}

/* hostile 14, 55 */
static void pages_show_hostile_text_as_text(void **state)
{
	static const char *const targets[] = {
		"/plain", "/api/v1/alerts", "/api/v1/hosts/web1", "/api/v1/status"};
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		struct answer a = http_get(&h, targets[i], NULL);
		assert_int_equal(a.status, 200);
		assert_null(strstr(a.body->str, "<script"));
		assert_null(strstr(a.body->str, "<b>"));
		answer_finish(&a);
	}
	struct answer a = http_get(&h, "/no/<such", NULL);
	assert_int_equal(a.status, 400);
	answer_finish(&a);
	a = http_get(&h, "/no/%3Cscript%3E", "Accept: text/html\r\n");
	assert_int_equal(a.status, 404);
	assert_non_null(strstr(a.head, "text/html"));
	assert_null(strstr(a.body->str, "<script"));
	answer_finish(&a);
}

/* -- the archive -- */

/* Sends a GET, then answers the question it causes; returns the connection. */
static int ask(const char *target)
{
	int fd = http_connect(&h);
	GString *out = g_string_new(NULL);
	g_string_printf(out, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", target);
	http_send(fd, out->str, out->len);
	g_string_free(out, TRUE);
	return fd;
}

static GString *finish(int fd, unsigned status)
{
	unsigned got = 0;
	GString *all = http_read(fd, NULL);
	close(fd);
	if (sscanf(all->str, "HTTP/1.1 %u", &got) != 1 || got != status) {
		fail_msg("%u instead of %u: %s", got, status, all->str);
	}
	return all;
}

static void send_values(
	uint32_t request, bool last, uint32_t series, const double *values, uint32_t n)
{
	message_start(h.w, MESSAGE_FETCHED);
	frame_put_u32(h.w, request);
	frame_put_u8(h.w, 0);
	frame_put_u8(h.w, last);
	frame_put_u32(h.w, series);
	frame_put_i64(h.w, 1000);
	frame_put_i64(h.w, 10);
	frame_put_u32(h.w, 0);
	frame_put_u32(h.w, n);
	for (uint32_t i = 0; i < n; i++) {
		frame_put_f64(h.w, values[i]);
	}
	harness_send(&h, h.rrd);
}

struct question {
	uint32_t number, series[8];
	int64_t from_s, to_s, step_s;
	unsigned cf, count;
};

static struct question receive_fetch(void)
{
	struct frame frame = harness_receive(&h, h.rrd, MESSAGE_FETCH);
	struct frame_reader r = frame_read(&frame);
	struct question q = {.number = frame_get_u32(&r)};
	q.from_s = frame_get_i64(&r);
	q.to_s = frame_get_i64(&r);
	q.step_s = frame_get_i64(&r);
	q.cf = frame_get_u8(&r);
	q.count = frame_get_u16(&r);
	assert_true(q.count <= 8);
	for (unsigned i = 0; i < q.count; i++) {
		q.series[i] = frame_get_u32(&r);
	}
	assert_true(frame_read_done(&r));
	return q;
}

static const double some[] = {1, NAN, 2.5};

static void data_comes_as_columns(void **state)
{
	int fd = ask("/api/v1/data?series=web1:if_eth0:down,web1:if_eth0:up&from=1000&to=1030&cf=max");
	struct question q = receive_fetch();
	assert_int_equal(q.from_s, 1000);
	assert_int_equal(q.to_s, 1030);
	assert_int_equal(q.cf, 2);
	assert_int_equal(q.count, 2);
	send_values(q.number, false, 1, some, 3);
	send_values(q.number, true, 2, some, 1);
	GString *all = finish(fd, 200);
	assert_non_null(
		strstr(all->str, "{\"t0\":1000,\"step\":10,\"series\":{\"web1:if_eth0:down\":[1,null,2.5],"
						 "\"web1:if_eth0:up\":[1,null,null]}}"));
	g_string_free(all, TRUE);
}

static void graphed_data_has_the_cdef_applied(void **state)
{
	int fd = ask("/api/v1/data?series=web1:if_eth0:down&from=1000&to=1030&graphed=1");
	struct question q = receive_fetch();
	assert_int_equal(q.count, 1);
	send_values(q.number, true, 1, some, 3);
	GString *all = finish(fd, 200);
	assert_non_null(strstr(all->str, "\"web1:if_eth0:down\":[8,null,20]"));
	g_string_free(all, TRUE);
}

/* hostile 55 */
static void csv_is_safe_for_spreadsheets(void **state)
{
	int fd = ask("/graph/web1/if_eth0.csv?from=1000&to=1030&graphed=0");
	struct question q = receive_fetch();
	send_values(q.number, false, 1, some, 3);
	send_values(q.number, true, 2, some, 3);
	GString *all = finish(fd, 200);
	assert_non_null(strstr(all->str, "\"time\",\"epoch\",\"down\",\"up\"\r\n"
									 "1970-01-01T00:16:50Z,1010,1,1\r\n"
									 "1970-01-01T00:17:00Z,1020,,\r\n"));
	assert_non_null(strstr(all->str, "filename=\"web1-if_eth0.csv\""));
	g_string_free(all, TRUE);
}

static void archive_errors_become_problems(void **state)
{
	int fd = ask("/api/v1/data?series=web1:if_eth0:up&from=1000&to=1030");
	struct question q = receive_fetch();
	message_start(h.w, MESSAGE_FETCHED);
	frame_put_u32(h.w, q.number);
	frame_put_u8(h.w, 5); /* not found */
	frame_put_u8(h.w, 1);
	frame_put_u32(h.w, 0);
	frame_put_i64(h.w, 0);
	frame_put_i64(h.w, 0);
	frame_put_u32(h.w, 0);
	frame_put_u32(h.w, 0);
	frame_put_text(h.w, "no data yet");
	harness_send(&h, h.rrd);
	GString *all = finish(fd, 404);
	assert_non_null(strstr(all->str, "\"detail\":\"no data yet\""));
	g_string_free(all, TRUE);
}

/* hostile 52, 53 */
static void impossible_ranges_are_refused(void **state)
{
	static const char *const bad[] = {
		"/api/v1/data",
		"/api/v1/data?series=",
		"/api/v1/data?series=web1:if_eth0:up&from=2000&to=1000",
		"/api/v1/data?series=web1:if_eth0:up&from=1000&to=1000",
		"/api/v1/data?series=web1:if_eth0:up&from=1000000000000000000",
		"/api/v1/data?series=web1:if_eth0:up&from=-1",
		"/api/v1/data?series=web1:if_eth0:up&from=nan",
		"/api/v1/data?series=web1:if_eth0:up&step=-1",
		"/api/v1/data?series=web1:if_eth0:up&step=1e9",
		"/api/v1/data?series=web1:if_eth0:up&cf=last",
		"/api/v1/data?series=web1:if_eth0:up&graphed=maybe",
		"/api/v1/data?series=web1:if_eth0:up&series=web1:if_eth0:up",
		"/api/v1/data?series=web1:if_eth0:up&unknown=1",
		"/graph/web1/if_eth0.png?width=1000000000",
		"/graph/web1/if_eth0.png?width=99",
		"/graph/web1/if_eth0.png?height=-5",
		"/graph/web1/if_eth0.png?theme=pink",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_decref(get_json(bad[i], 400));
	}
	json_decref(get_json("/api/v1/data?series=web1:if_eth0:none", 404));
	json_decref(get_json("/graph/web1/if_eth0.exe", 404));
	json_decref(get_json("/graph/web1/none.png", 404));
	json_decref(get_json("/graph/web1/if_eth0", 404));
}

static void a_wide_range_is_clamped(void **state)
{
	int fd = ask("/api/v1/data?series=web1:if_eth0:up&from=0&to=99999999999&step=1");
	struct question q = receive_fetch();
	assert_true(q.to_s < 99999999999);
	assert_true((q.to_s - q.from_s) / q.step_s <= 10000);
	send_values(q.number, true, 2, some, 3);
	g_string_free(finish(fd, 200), TRUE);
}

static void rules_are_listed_with_their_source(void **state)
{
	json_t *answer = get_json("/api/v1/rules", 200);
	json_t *rules = json_object_get(answer, "rules");
	assert_true(json_array_size(rules) > 0); /* those that come with Magpie */
	json_t *rule = json_array_get(rules, 0);
	assert_non_null(strstr(text_at(rule, "source"), text_at(rule, "name")));
	json_decref(answer);
}

static struct answer check_rules(const char *type, const char *body)
{
	g_autofree char *header = g_strdup_printf("Content-Type: %s\r\n", type);
	return http_request(&h, "POST", "/api/v1/rules:check", header, body);
}

static void rule_texts_are_checked_without_effect(void **state)
{
	static const struct {
		const char *type, *body, *expected;
	} cases[] = {
		{"text/plain", "rule a { value x:y:z\n warn > 1 }", "{\"diagnostics\":["},
		{"text/plain; charset=utf-8", "rule a { valeu x:y:z\n warn > 1 }",
			"\"file\":\"rules.magpie\",\"line\":1,\"column\":10,"},
		{"application/json", "{\"files\":[{\"name\":\"d/a.magpie\",\"text\":\"nonsense\"}]}",
			"\"file\":\"d/a.magpie\",\"line\":1,\"column\":1,"},
		{"application/json", "{\"files\":[]}", "{\"diagnostics\":["},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer a = check_rules(cases[i].type, cases[i].body);
		if (a.status != 200 || !strstr(a.body->str, cases[i].expected)) {
			fail_msg("%s: %u %s", cases[i].body, a.status, a.body->str);
		}
		answer_finish(&a);
	}
}

/* hostile 54, 56 */
static void hostile_bodies_are_refused_fast(void **state)
{
	GString *deep = g_string_new(NULL);
	GString *nested = g_string_new(NULL);
	GString *digits = g_string_new("{\"files\":");
	for (int i = 0; i < 10000; i++) {
		g_string_append_c(deep, '[');
	}
	for (int i = 0; i < 150000; i++) {
		g_string_append(nested, "{\"a\":");
		g_string_append(digits, "9999");
	}
	g_string_append(digits, "}");
	const struct {
		const char *type, *body;
		unsigned status;
	} cases[] = {
		{"application/json", deep->str, 400},
		{"application/json", nested->str, 400},
		{"application/json", digits->str, 400},
		{"application/json", "{\"files\":[],\"files\":[]}", 400},
		{"application/json", "{\"files\":[]} x", 400},
		{"application/json", "{\"files\":[{\"name\":\"a.magpie\",\"text\":\"\\ud800\"}]}", 400},
		{"application/json", "{\"files\":[{\"name\":\"a.magpie\",\"text\":\"\\u0000\"}]}", 400},
		{"application/json", "{\"files\":[{\"name\":\"a.txt\",\"text\":\"\"}]}", 400},
		{"application/json", "{\"files\":[{\"name\":1,\"text\":\"\"}]}", 400},
		{"application/json", "[]", 400},
		{"application/json", "", 400},
		{"application/x-www-form-urlencoded", "a=b", 415},
		{"text/plain\r\nOrigin: null", "rule", 403},
		{"text/plain\r\nOrigin: http://evil.example", "rule", 403},
		{"text/plain\r\nSec-Fetch-Site: cross-site", "rule", 403},
		{"text/plain\r\nOrigin: http://localhost\r\nSec-Fetch-Site: same-origin", "rule", 200},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer a = check_rules(cases[i].type, cases[i].body);
		if (a.status != cases[i].status) {
			fail_msg("%.60s: %u %s", cases[i].body, a.status, a.body->str);
		}
		answer_finish(&a);
	}
	g_string_free(deep, TRUE);
	g_string_free(nested, TRUE);
	g_string_free(digits, TRUE);
}

static void a_lost_archive_is_503_with_retry_after(void **state)
{
	int fd = ask("/api/v1/data?series=web1:if_eth0:up&from=1000&to=1030");
	receive_fetch();
	close(h.rrd);
	GString *all = finish(fd, 503);
	assert_non_null(strstr(all->str, "Retry-After: "));
	g_string_free(all, TRUE);
	json_decref(get_json("/api/v1/data?series=web1:if_eth0:up", 503));
	json_decref(get_json("/readyz", 503));
	h.rrd = harness_peer(&h, ROLE_RRD);
	for (int i = 0; i < 1000; i++) {
		struct answer a = http_get(&h, "/readyz", NULL);
		unsigned status = a.status;
		answer_finish(&a);
		if (status == 200) {
			return;
		}
		usleep(5000);
	}
	fail_msg("not ready again");
}

static void a_lost_engine_is_told_as_stale(void **state)
{
	close(h.engine);
	for (int i = 0; i < 1000; i++) {
		json_t *status = get_json("/api/v1/status", 200);
		bool stale = json_is_true(json_object_get(status, "stale"));
		json_decref(status);
		if (stale) {
			break;
		}
		usleep(5000);
	}
	json_t *status = get_json("/api/v1/status", 200);
	assert_true(json_is_true(json_object_get(status, "stale")));
	assert_true(json_is_string(json_object_get(status, "stale_since")));
	json_decref(status);
	json_decref(get_json("/api/v1/hosts/web1", 200)); /* the copy stays */
	h.engine = harness_peer(&h, ROLE_ENGINE);
	picture_send(&h);
	json_decref(get_json("/readyz", 200));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wall_has_a_letter_per_category),
		cmocka_unit_test(host_lists_services_fields_limits_and_last_values),
		cmocka_unit_test(series_are_selected_by_globs),
		cmocka_unit_test(alert_says_value_limit_and_titles),
		cmocka_unit_test(status_shows_what_was_refused_and_events),
		cmocka_unit_test(metrics_are_prometheus_text),
		cmocka_unit_test(pages_show_hostile_text_as_text),
		cmocka_unit_test(data_comes_as_columns),
		cmocka_unit_test(graphed_data_has_the_cdef_applied),
		cmocka_unit_test(csv_is_safe_for_spreadsheets),
		cmocka_unit_test(archive_errors_become_problems),
		cmocka_unit_test(impossible_ranges_are_refused),
		cmocka_unit_test(a_wide_range_is_clamped),
		cmocka_unit_test(rules_are_listed_with_their_source),
		cmocka_unit_test(rule_texts_are_checked_without_effect),
		cmocka_unit_test(hostile_bodies_are_refused_fast),
		cmocka_unit_test(a_lost_archive_is_503_with_retry_after),
		cmocka_unit_test(a_lost_engine_is_told_as_stale),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
