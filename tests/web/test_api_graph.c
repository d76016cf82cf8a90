#include <math.h>
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

#include "base/banned.h"

/* Pictures at their own and at Munin's addresses: what the archive is asked, and when it is not. */
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

static uint32_t receive_graph(unsigned *width, unsigned *format, unsigned *dark, unsigned *limits)
{
	struct frame frame = harness_receive(&h, h.rrd, MESSAGE_GRAPH);
	struct frame_reader r = frame_read(&frame);
	uint32_t number = frame_get_u32(&r);
	assert_int_equal(frame_get_u32(&r), 1);
	frame_get_i64(&r);
	frame_get_i64(&r);
	*width = frame_get_u16(&r);
	frame_get_u16(&r);
	*format = frame_get_u8(&r);
	*dark = frame_get_u8(&r);
	assert_int_equal(frame_get_u8(&r), ARCHIVE_AS_MEASURED);
	assert_int_equal(frame_get_u8(&r), 0);
	assert_true(isnan(frame_get_f64(&r)));
	assert_true(isnan(frame_get_f64(&r)));
	g_free(frame_get_text(&r));
	*limits = frame_get_u16(&r);
	return number;
}

static void send_picture(uint32_t request, bool last, const char *bytes, uint32_t total)
{
	message_start(h.w, MESSAGE_GRAPHED);
	frame_put_u32(h.w, request);
	frame_put_u8(h.w, 0);
	frame_put_u8(h.w, last);
	frame_put_u32(h.w, total);
	frame_put_bytes(h.w, bytes, strlen(bytes));
	harness_send(&h, h.rrd);
}

/* A file of an archive of 100 rows of 60 s, as its writer describes it. */
static void describe_file(uint32_t request)
{
	static struct frame_writer w;
	frame_start(&w, 1, 1);
	frame_put_u32(&w, 60);
	frame_put_u32(&w, 600);
	frame_put_u8(&w, FIELD_GAUGE);
	frame_put_f64(&w, NAN);
	frame_put_f64(&w, NAN);
	frame_put_i64(&w, 100010);
	frame_put_text(&w, "g/web1-if_eth0-up-g.rrd");
	frame_put_u16(&w, 1);
	frame_put_u8(&w, 0);
	frame_put_u32(&w, 1);
	frame_put_u32(&w, 100);
	uint32_t length = (uint32_t)(w.length - FRAME_HEADER);
	message_start(h.w, MESSAGE_GRAPHED);
	frame_put_u32(h.w, request);
	frame_put_u8(h.w, 0);
	frame_put_u8(h.w, 1);
	frame_put_u32(h.w, length);
	frame_put_bytes(h.w, w.packet + FRAME_HEADER, length);
	harness_send(&h, h.rrd);
}

/* It was described, and another lies in its place when its rows are asked for. */
static void rows_that_do_not_come_are_asked_for_once(void **state)
{
	int fd = ask("/api/v1/export.tar.gz?match=web1:if_eth0:up");
	struct frame frame = harness_receive(&h, h.rrd, MESSAGE_FILE);
	struct frame_reader r = frame_read(&frame);
	describe_file(frame_get_u32(&r));
	frame = harness_receive(&h, h.rrd, MESSAGE_FETCH);
	r = frame_read(&frame);
	message_start(h.w, MESSAGE_FETCHED);
	frame_put_u32(h.w, frame_get_u32(&r));
	frame_put_u8(h.w, 0);
	frame_put_u8(h.w, 1);
	frame_put_u32(h.w, 1);
	frame_put_i64(h.w, 0);
	frame_put_i64(h.w, 1);
	frame_put_u32(h.w, 0);
	frame_put_u32(h.w, 0);
	harness_send(&h, h.rrd);
	g_string_free(finish(fd, 200), TRUE);
}

static void pictures_come_from_the_archive_once_per_step(void **state)
{
	unsigned width = 0;
	unsigned format = 0;
	unsigned dark = 0;
	unsigned limits = 0;
	int fd = ask("/graph/web1/if_eth0.svg?width=800&theme=dark");
	uint32_t number = receive_graph(&width, &format, &dark, &limits);
	assert_int_equal(width, 800);
	assert_int_equal(format, 1);
	assert_int_equal(dark, 1);
	assert_int_equal(limits, 1);
	send_picture(number, false, "<svg", 6);
	send_picture(number, true, "/>", 6);
	GString *all = finish(fd, 200);
	assert_non_null(strstr(all->str, "Content-Type: image/svg+xml"));
	assert_non_null(strstr(all->str, "\r\n\r\n<svg/>"));
	const char *etag = strstr(all->str, "ETag: ") + 6;
	g_autofree char *line = g_strdup_printf("If-None-Match: %.20s\r\n", etag);
	g_string_free(all, TRUE);
	struct answer again = http_get(&h, "/graph/web1/if_eth0.svg?width=800&theme=dark", line);
	assert_int_equal(again.status, 304);
	assert_non_null(strstr(again.head, "ETag: W/\""));
	answer_finish(&again);
	struct answer kept = http_get(&h, "/graph/web1/if_eth0.svg?width=800&theme=dark", NULL);
	assert_int_equal(kept.status, 200);
	assert_string_equal(kept.body->str, "<svg/>");
	answer_finish(&kept);
	struct answer head =
		http_request(&h, "HEAD", "/graph/web1/if_eth0.svg?width=800&theme=dark", NULL, NULL);
	assert_int_equal(head.status, 200);
	assert_non_null(strstr(head.head, "Content-Length: 6"));
	assert_int_equal(head.body->len, 0);
	answer_finish(&head);
}

/* What a GRAPH frame says behind the service. */
struct asked_graph {
	uint32_t number;
	int64_t from_s, to_s;
	unsigned width, height, format, theme, sum, flags;
	double lower, upper;
	char *title;
	unsigned limits;
};

static struct asked_graph receive_whole_graph(void)
{
	struct frame f = harness_receive(&h, h.rrd, MESSAGE_GRAPH);
	struct frame_reader r = frame_read(&f);
	struct asked_graph g = {.number = frame_get_u32(&r)};
	frame_get_u32(&r);
	g.from_s = frame_get_i64(&r);
	g.to_s = frame_get_i64(&r);
	g.width = frame_get_u16(&r);
	g.height = frame_get_u16(&r);
	g.format = frame_get_u8(&r);
	g.theme = frame_get_u8(&r);
	g.sum = frame_get_u8(&r);
	g.flags = frame_get_u8(&r);
	g.lower = frame_get_f64(&r);
	g.upper = frame_get_f64(&r);
	g.title = frame_get_text(&r);
	g.limits = frame_get_u16(&r);
	return g;
}

static struct asked_graph ask_graph(const char *target)
{
	int fd = ask(target);
	struct asked_graph g = receive_whole_graph();
	send_picture(g.number, true, "PNG", 3);
	g_string_free(finish(fd, 200), TRUE);
	return g;
}

static void parameters_of_pictures_reach_the_archive(void **state)
{
	struct asked_graph g = ask_graph("/graph/web1/if_eth0.png?theme=munin&sum=day&only_graph=1&"
									 "full_size=yes&lower=-1.5&upper=2e3&marks=0");
	assert_int_equal(g.theme, 2);
	assert_int_equal(g.sum, 2);
	assert_int_equal(g.flags, 3);
	assert_true(g.lower == -1.5);
	assert_true(g.upper == 2000);
	assert_int_equal(g.limits, 0);
	g_free(g.title);
	static const char *const wrong[] = {"theme=pink", "sum=week", "lower=abc", "upper=nan",
		"only_graph=maybe", "width=99", "height=4001", "marks=2"};
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		g_autofree char *target = g_strdup_printf("/graph/web1/if_eth0.png?%s", wrong[i]);
		json_decref(get_json(target, 400));
	}
}

static void munin_pictures_have_munins_spans_and_words(void **state)
{
	static const struct {
		const char *name, *title;
		int64_t span_s, round_s;
		unsigned sum;
	} cases[] = {
		{"if_eth0-day.png", "by day", 120000, 300, 0},
		{"if_eth0-week.png?x", "by week", 720000, 1500, 0},
		{"if_eth0-year.png", "by year", 400 * 86400, 86400, 0},
		{"if_eth0-week-sum.png", "by week", 720000, 1500, 1},
		{"if_eth0-year-sum.png", "by year", 400 * 86400, 86400, 2},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		g_autofree char *name = g_strndup(cases[i].name, strcspn(cases[i].name, "?"));
		g_autofree char *target =
			g_strdup_printf("/munin/example.org/web1/%s?no_cache=yes&size_x=500", name);
		struct asked_graph g = ask_graph(target);
		assert_string_equal(g.title, cases[i].title);
		assert_int_equal(g.to_s - g.from_s, cases[i].span_s);
		assert_int_equal(g.to_s % cases[i].round_s, 0);
		assert_int_equal(g.sum, cases[i].sum);
		assert_int_equal(g.theme, 2);
		assert_int_equal(g.limits, 0);
		assert_int_equal(g.width, 500);
		g_free(g.title);
	}
	struct asked_graph g = ask_graph("/munin/example.org/web1/if_eth0-pinpoint=1700000001,"
									 "1700003600.png?lower_limit=1&upper_limit=&only_graph=on");
	assert_int_equal(g.from_s, 1700000001);
	assert_int_equal(g.to_s, 1700003600);
	assert_true(g.lower == 1);
	assert_true(isnan(g.upper));
	assert_int_equal(g.flags, 1);
	assert_true(g_str_has_prefix(g.title, "from ") && strstr(g.title, " 2023 to "));
	g_free(g.title);
	json_decref(get_json("/munin/example.org/web1/if_eth0-pinpoint=5,4.png", 400));
	json_decref(get_json("/munin/example.org/web1/if_eth0-pinpoint=5.png", 404));
	json_decref(get_json("/munin/example.org/web1/if_eth0-pinpoint=a,b.png", 404));
	json_decref(get_json("/munin/example.org/web1/if_eth0-day.png?size_x=9999", 400));
}

static void munin_pictures_are_asked_for_conditionally(void **state)
{
	int fd = ask("/munin/example.org/web1/if_eth0-month.png");
	struct asked_graph g = receive_whole_graph();
	g_free(g.title);
	send_picture(g.number, true, "PNG", 3);
	GString *all = finish(fd, 200);
	const char *modified = strstr(all->str, "Last-Modified: ");
	assert_non_null(modified);
	assert_non_null(strstr(all->str, "Expires: "));
	g_autofree char *since =
		g_strdup_printf("If-Modified-Since: %.29s\r\n", modified + strlen("Last-Modified: "));
	struct answer again = http_get(&h, "/munin/example.org/web1/if_eth0-month.png", since);
	assert_int_equal(again.status, 304);
	answer_finish(&again);
	g_string_free(all, TRUE);
}

static void munin_addresses_give_the_same_pictures(void **state)
{
	unsigned unused = 0;
	unsigned format = 9;
	int fd = ask("/munin/example.org/web1/if_eth0-week.png");
	uint32_t number = receive_graph(&unused, &format, &unused, &unused);
	assert_int_equal(format, 0);
	send_picture(number, true, "PNG", 3);
	g_string_free(finish(fd, 200), TRUE);
	json_decref(get_json("/munin/example.org/web1/if_eth0-decade.png", 404));
	json_decref(get_json("/munin/other/web1/if_eth0-day.png", 404));
	json_decref(get_json("/munin/example.org/web1/-day.png", 404));
	json_decref(get_json("/munin/example.org", 404));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures_come_from_the_archive_once_per_step),
		cmocka_unit_test(rows_that_do_not_come_are_asked_for_once),
		cmocka_unit_test(munin_addresses_give_the_same_pictures),
		cmocka_unit_test(parameters_of_pictures_reach_the_archive),
		cmocka_unit_test(munin_pictures_have_munins_spans_and_words),
		cmocka_unit_test(munin_pictures_are_asked_for_conditionally),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
