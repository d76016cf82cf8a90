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

#include "model/mark.h"
#include "model/message.h"

#include "base/banned.h"

/* What graphs are marked with: told by the engine, asked for by span, drawn, noted by people. */
static struct harness h;

enum { T = 1760000000 };

static void send_mark(
	uint64_t id, unsigned kind, const char *host, const char *service, int64_t from_s)
{
	struct mark mark = {.id = id,
		.kind = (uint8_t)kind,
		.level = kind == MARK_EPISODE ? 3 : 0,
		.from = {from_s * 1000},
		.to = {kind == MARK_EPISODE ? (from_s + 600) * 1000 : 0},
		.host = (char *)host,
		.service = (char *)service,
		.about = (char *)"traffic",
		.text = (char *)"<b>full</b>",
		.instance = (char *)"traffic web1"};
	mark_put(h.w, &mark);
	harness_send(&h, h.engine);
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

static void say_marks(void)
{
	picture_sync(&h, 0);
	picture_service(&h, 1, "web1", "if_eth0", "network", 1);
	picture_service(&h, 2, "web1", "diskstats_iops.vda", "disk", 3);
	picture_host(&h, "web1", wall_now().ms);
	send_mark(1, MARK_EPISODE, "web1", "if_eth0", T - 3000);
	send_mark(2, MARK_EPISODE, "web1", "diskstats_iops.vda", T - 3000);
	send_mark(3, MARK_NOTE, "web1", "", T - 2000);
	send_mark(4, MARK_NOTE, "", "", T - 1000);
	send_mark(5, MARK_EPISODE, "web1", "if_eth0", T - 90000);
	send_mark(6, MARK_NOTE, "other", "", T - 1000);
	send_mark(7, MARK_NOTE, "web1", "if_eth0", T - 500);
	mark_gone_put(h.w, 7);
	harness_send(&h, h.engine);
	picture_sync(&h, 1);
}

/* Ids of the marks answered, by blanks; waits for `expected`. */
static void assert_marks(const char *target, const char *expected)
{
	GString *ids = g_string_new(NULL);
	for (int i = 0; i < 400; i++) {
		struct answer a = http_get(&h, target, NULL);
		assert_int_equal(a.status, 200);
		json_t *body = json_loadb(a.body->str, a.body->len, 0, NULL);
		size_t index;
		json_t *mark;
		g_string_truncate(ids, 0);
		json_array_foreach(json_object_get(body, "marks"), index, mark)
		{
			g_string_append_printf(ids, "%s%lld", index ? " " : "",
				(long long)json_integer_value(json_object_get(mark, "id")));
		}
		json_decref(body);
		answer_finish(&a);
		if (!strcmp(ids->str, expected)) {
			break;
		}
		usleep(5000);
	}
	assert_string_equal(ids->str, expected);
	g_string_free(ids, TRUE);
}

static void marks_are_asked_for_by_place_and_span(void **state)
{
	say_marks();
	g_autofree char *hour = g_strdup_printf("from=%d&to=%d", T - 3600, T);
	static const struct {
		const char *place, *ids;
	} rows[] = {{"host=web1&service=if_eth0&", "1 3 4"}, {"host=web1&", "1 2 3 4"}, {"", "4"}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		g_autofree char *target = g_strdup_printf("/api/v1/marks?%s%s", rows[i].place, hour);
		assert_marks(target, rows[i].ids);
	}
	g_autofree char *days = g_strdup_printf(
		"/api/v1/marks?host=web1&service=if_eth0&from=%d&to=%d", T - 200000, T - 80000);
	assert_marks(days, "5");
}

static void wrong_places_are_told(void **state)
{
	static const struct {
		const char *target;
		unsigned status;
	} rows[] = {{"/api/v1/marks?host=nobody", 404}, {"/api/v1/marks?host=web1&service=no", 404},
		{"/api/v1/marks?service=if_eth0", 400}, {"/api/v1/marks?from=now&to=-1d", 400},
		{"/api/v1/marks?x=1", 400}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer a = http_get(&h, rows[i].target, NULL);
		assert_int_equal(a.status, rows[i].status);
		answer_finish(&a);
	}
}

static int ask(const char *method, const char *target, const char *head, const char *body)
{
	g_autofree char *text = g_strdup_printf("%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: "
											"close\r\n%sContent-Length: %zu\r\n\r\n%s",
		method, target, head, strlen(body), body);
	int fd = http_connect(&h);
	http_send(fd, text, strlen(text));
	return fd;
}

static void a_picture_is_asked_for_with_its_marks(void **state)
{
	say_marks();
	g_autofree char *marks = g_strdup_printf("/api/v1/marks?host=web1&from=%d&to=%d", T - 3600, T);
	assert_marks(marks, "1 2 3 4");
	g_autofree char *target = g_strdup_printf("/graph/web1/if_eth0.png?from=%d&to=%d", T - 3600, T);
	int fd = ask("GET", target, "", "");
	struct frame frame = harness_receive(&h, h.rrd, MESSAGE_GRAPH);
	struct frame_reader r = frame_read(&frame);
	(void)frame_get_bytes(&r, 4 + 4 + 8 + 8 + 2 + 2 + 1 + 1 + 1 + 1 + 8 + 8);
	g_free(frame_get_text(&r));
	unsigned limits = frame_get_u16(&r);
	(void)frame_get_bytes(&r, limits * 9);
	assert_int_equal(frame_get_u16(&r), 1); /* its own episode, not the other graph's */
	assert_int_equal(frame_get_i64(&r), T - 3000);
	assert_int_equal(frame_get_i64(&r), T - 2400);
	assert_int_equal(frame_get_u8(&r), 3);
	assert_int_equal(frame_get_u16(&r), 2);
	close(fd);
}

#define TOKEN "Authorization: Bearer mgp_admin_1\r\n"
#define JSON  "Content-Type: application/json\r\n"

static void wrong_annotations_never_reach_the_engine(void **state)
{
	static const struct {
		const char *head, *body;
		const char *status;
	} rows[] = {{JSON, "{\"text\":\"x\"}", "401"}, {TOKEN, "{\"text\":\"x\"}", "415"},
		{TOKEN JSON, "{", "400"}, {TOKEN JSON, "[]", "400"}, {TOKEN JSON, "{}", "400"},
		{TOKEN JSON, "{\"text\":7}", "400"},
		{TOKEN JSON, "{\"text\":\"x\",\"at\":\"soon\"}", "400"},
		{TOKEN JSON, "{\"text\":\"x\",\"at\":-5}", "400"},
		{TOKEN JSON, "{\"text\":\"x\",\"y\":1}", "400"},
		{TOKEN JSON "Origin: http://evil.example\r\n", "{\"text\":\"x\"}", "403"}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = ask("POST", "/api/v1/annotations", rows[i].head, rows[i].body);
		GString *answer = http_read(fd, NULL);
		assert_true(g_str_has_prefix(answer->str + strlen("HTTP/1.1 "), rows[i].status));
		g_string_free(answer, TRUE);
		close(fd);
	}
}

static void answer_engine(const char *verb, const char *json, const char *expected)
{
	struct frame frame = harness_receive(&h, h.engine, MESSAGE_ASK);
	struct frame_reader r = frame_read(&frame);
	uint32_t number = frame_get_u32(&r);
	g_autofree char *token = frame_get_text(&r);
	g_autofree char *asked = frame_get_text(&r);
	g_autofree char *argument = frame_get_text(&r);
	assert_string_equal(token, "mgp_admin_1");
	assert_string_equal(asked, verb);
	assert_non_null(strstr(argument, expected));
	message_start(h.w, MESSAGE_ANSWER);
	frame_put_u32(h.w, number);
	frame_put_u8(h.w, MESSAGE_OK);
	frame_put_text(h.w, json);
	harness_send(&h, h.engine);
}

static void annotations_are_the_engines_to_make(void **state)
{
	int fd = ask("POST", "/api/v1/annotations", TOKEN JSON,
		"{\"text\":\"deployed\",\"host\":\"web1\",\"at\":\"2026-01-01T00:00:00Z\"}");
	answer_engine("annotation.add", "{\"id\":12}", "\"at\":1767225600000");
	GString *answer = http_read(fd, NULL);
	assert_true(g_str_has_prefix(answer->str, "HTTP/1.1 201"));
	assert_non_null(strstr(answer->str, "{\"id\":12}"));
	g_string_free(answer, TRUE);
	close(fd);
	fd = ask("DELETE", "/api/v1/annotations/12", TOKEN, "");
	answer_engine("annotation.remove", "{}", "\"id\":12");
	answer = http_read(fd, NULL);
	assert_true(g_str_has_prefix(answer->str, "HTTP/1.1 200"));
	g_string_free(answer, TRUE);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks_are_asked_for_by_place_and_span),
		cmocka_unit_test(wrong_places_are_told),
		cmocka_unit_test(a_picture_is_asked_for_with_its_marks),
		cmocka_unit_test(wrong_annotations_never_reach_the_engine),
		cmocka_unit_test(annotations_are_the_engines_to_make),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
