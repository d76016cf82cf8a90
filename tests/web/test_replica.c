#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/message.h"
#include "web/replica.h"
#include "web/view.h"

#include "base/banned.h"

/* The replica fed with frames made here; no process, no socket. */
static struct frame_writer writer;
static struct replica *replica;
static unsigned told[CHANGE_STALE + 1];

static void on_change(void *owner, enum replica_change change, const void *object)
{
	told[change]++;
}

static int setup(void **state)
{
	replica = replica_create(on_change, NULL);
	memset(told, 0, sizeof(told));
	return 0;
}

static int teardown(void **state)
{
	replica_destroy(replica);
	return 0;
}

static bool take_cut(size_t missing)
{
	frame_finish(&writer);
	struct frame frame = {.payload = writer.packet + FRAME_HEADER};
	memcpy(&frame.type, writer.packet, sizeof(frame.type));
	frame.length = (uint32_t)(writer.length - FRAME_HEADER - missing);
	return replica_take(replica, &frame, NULL);
}

static void take(void)
{
	assert_true(take_cut(0));
}

static void sync_phase(unsigned phase)
{
	message_start(&writer, MESSAGE_SYNC);
	frame_put_u8(&writer, (uint8_t)phase);
}

static void service(uint32_t id, const char *host, const char *name, const char *category)
{
	char packed[100];
	size_t key = strlen("graph_category") + 1;
	memcpy(packed, "graph_category", key);
	size_t length = key + strlen(category) + 1;
	memcpy(packed + key, category, strlen(category) + 1);
	message_start(&writer, MESSAGE_SERVICE);
	frame_put_u32(&writer, id);
	frame_put_u32(&writer, 10);
	frame_put_u16(&writer, 0);
	frame_put_text(&writer, "g");
	frame_put_text(&writer, host);
	frame_put_text(&writer, name);
	frame_put_u32(&writer, (uint32_t)length);
	frame_put_bytes(&writer, packed, length);
}

static bool configured = true;

static void host(const char *name, int64_t last_seen_ms, const char *strip)
{
	message_start(&writer, MESSAGE_HOST);
	frame_put_text(&writer, name);
	frame_put_text(&writer, "g");
	frame_put_u8(&writer, 1);
	frame_put_i64(&writer, last_seen_ms);
	frame_put_u32(&writer, 10);
	frame_put_text(&writer, "");
	frame_put_text(&writer, strip);
	frame_put_u8(&writer, configured);
	frame_put_u16(&writer, 2);
	frame_put_text(&writer, "blue");
	frame_put_text(&writer, "prod");
}

struct alert_of {
	uint32_t id;
	unsigned level, state;
	const char *host, *service, *suppressed_by;
};

static void alert(struct alert_of a)
{
	message_start(&writer, MESSAGE_ALERT);
	frame_put_u32(&writer, a.id);
	frame_put_u32(&writer, 0);
	frame_put_u8(&writer, (uint8_t)a.level);
	frame_put_u8(&writer, (uint8_t)a.state);
	frame_put_i64(&writer, 1000 + a.id);
	frame_put_f64(&writer, 1);
	const char *texts[] = {"rule", a.host, a.service, "f", "", "", "", "", "", a.suppressed_by};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		frame_put_text(&writer, texts[i]);
	}
}

static void a_new_picture_is_shown_when_it_is_whole(void **state)
{
	assert_false(replica_complete(replica));
	sync_phase(0);
	take();
	service(1, "a", "s", "disk");
	take();
	assert_null(replica_host(replica, "a"));
	assert_int_equal(told[CHANGE_DECLARED], 0);
	sync_phase(1);
	take();
	assert_non_null(replica_host(replica, "a"));
	assert_true(replica_complete(replica));
	assert_false(replica_stale(replica, NULL));
	assert_int_equal(told[CHANGE_PICTURE], 1);
	sync_phase(0);
	take();
	service(1, "b", "s", "disk");
	take();
	assert_non_null(replica_host(replica, "a"));
	sync_phase(1);
	take();
	assert_null(replica_host(replica, "a"));
	assert_non_null(replica_host(replica, "b"));
}

static void a_picture_that_breaks_off_leaves_the_old_one(void **state)
{
	int64_t since_ms = 0;
	sync_phase(0);
	take();
	service(1, "a", "s", "disk");
	take();
	sync_phase(1);
	take();
	sync_phase(0);
	take();
	service(1, "b", "s", "disk");
	take();
	replica_lost(replica, (struct wall){5000});
	assert_true(replica_stale(replica, &since_ms));
	assert_int_equal(since_ms, 5000);
	assert_non_null(replica_host(replica, "a"));
	replica_lost(replica, (struct wall){9000});
	replica_stale(replica, &since_ms);
	assert_int_equal(since_ms, 5000);
	assert_int_equal(told[CHANGE_STALE], 2);
}

/* Every frame, cut at every byte: refused, nothing is read past the end. */
static void frames_that_are_cut_are_refused(void **state)
{
	for (int kind = 0; kind < 4; kind++) {
		for (size_t missing = 1;; missing++) {
			switch (kind) {
			case 0: host("a", 1, "oooooooooooooooooooooooo"); break;
			case 1: alert((struct alert_of){1, 1, 1, "h", "s", ""}); break;
			case 2: service(1, "a", "s", "disk"); break;
			default: sync_phase(0); break;
			}
			if (missing > writer.length - FRAME_HEADER) {
				break;
			}
			if (take_cut(missing)) {
				fail_msg("kind %d without %zu bytes was taken", kind, missing);
			}
		}
	}
}

static void impossible_contents_are_refused(void **state)
{
	host("a/../b", 1, "");
	assert_false(take_cut(0));
	host("a", 1, "ooo");
	assert_false(take_cut(0));
	host("a", 1, "ooooooooooooooooooooooo<");
	assert_false(take_cut(0));
	alert((struct alert_of){1, 5, 1, "h", "s", ""});
	assert_false(take_cut(0));
	alert((struct alert_of){1, 1, 3, "h", "s", ""});
	assert_false(take_cut(0));
	service(0, "a", "s", "disk");
	assert_false(take_cut(0));
	service(UINT32_MAX, "a", "s", "disk");
	assert_false(take_cut(0));
	sync_phase(2);
	assert_false(take_cut(0));
	message_start(&writer, MESSAGE_LIVE);
	frame_put_u32(&writer, UINT32_MAX);
	frame_put_i64(&writer, 1);
	frame_put_f64(&writer, 1);
	assert_false(take_cut(0));
	message_start(&writer, MESSAGE_STATISTIC);
	frame_put_text(&writer, "a b\n");
	frame_put_f64(&writer, 1);
	assert_false(take_cut(0));
}

static void alerts_are_sorted_worst_first(void **state)
{
	static const struct alert_of all[] = {
		{1, LEVEL_NOTICE, ALERT_FIRING, "a", "s", ""},
		{2, LEVEL_CRIT, ALERT_PENDING, "a", "s", ""},
		{3, LEVEL_WARN, ALERT_FIRING, "a", "s", ""},
		{4, LEVEL_CRIT, ALERT_FIRING, "a", "s", ""},
		{5, LEVEL_CRIT, ALERT_RECOVERING, "a", "s", ""},
		{6, LEVEL_UNKNOWN, ALERT_FIRING, "a", "s", ""},
	};
	static const uint32_t expected[] = {4, 5, 3, 6, 1, 2};
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
		alert(all[i]);
		take();
	}
	const GPtrArray *sorted = replica_alerts(replica);
	assert_int_equal(sorted->len, ARRAY_LENGTH(expected));
	for (guint i = 0; i < sorted->len; i++) {
		assert_int_equal(((const struct replica_alert *)sorted->pdata[i])->id, expected[i]);
	}
	alert((struct alert_of){4, LEVEL_NOTICE, ALERT_FIRING, "a", "s", ""}); /* the same again */
	take();
	assert_int_equal(replica_alerts(replica)->len, 6);
	message_start(&writer, MESSAGE_ALERT_GONE);
	frame_put_u32(&writer, 4);
	take();
	assert_int_equal(replica_alerts(replica)->len, 5);
	assert_int_equal(told[CHANGE_ALERT_GONE], 1);
}

static void newer_values_replace_older_ones_only(void **state)
{
	static const struct {
		int64_t t_ms;
		double value, expected;
	} steps[] = {{1000, 1, 1}, {2000, 2, 2}, {1500, 9, 2}, {2000, 9, 2}, {3000, 3, 3}};
	struct sample last;
	assert_false(replica_last(replica, 5, &last));
	for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
		message_start(&writer, MESSAGE_LIVE);
		frame_put_u32(&writer, 5);
		frame_put_i64(&writer, steps[i].t_ms);
		frame_put_f64(&writer, steps[i].value);
		take();
		assert_true(replica_last(replica, 5, &last));
		assert_true(last.value == steps[i].expected);
	}
}

static guint alerts_of(const char *name)
{
	const GPtrArray *list = replica_alerts_of(replica, name);
	return list ? list->len : 0;
}

static void alerts_are_found_by_their_host(void **state)
{
	for (uint32_t i = 1; i <= 3000; i++) {
		char name[16];
		snprintf(name, sizeof(name), "h%u", i % 1000);
		alert((struct alert_of){i, LEVEL_WARN, ALERT_FIRING, name, "s", ""});
		take();
	}
	assert_int_equal(alerts_of("h7"), 3);
	assert_int_equal(alerts_of("none"), 0);
	alert((struct alert_of){7, LEVEL_CRIT, ALERT_FIRING, "h7", "s", ""}); /* the same again */
	take();
	assert_int_equal(alerts_of("h7"), 3);
	alert((struct alert_of){7, LEVEL_CRIT, ALERT_FIRING, "h8", "s", ""});
	take();
	assert_int_equal(alerts_of("h7"), 2);
	assert_int_equal(alerts_of("h8"), 4);
	for (uint32_t i = 1; i <= 3000; i++) {
		message_start(&writer, MESSAGE_ALERT_GONE);
		frame_put_u32(&writer, i);
		take();
	}
	assert_int_equal(alerts_of("h8"), 0);
	assert_null(replica_alerts_of(replica, "h8"));
}

static void source(const char *id, const char *group, enum source_condition condition)
{
	struct source_state all = {.id = (char *)id,
		.group = (char *)group,
		.host = (char *)"a",
		.kind = (char *)"check",
		.name = (char *)"x",
		.state = (uint8_t)condition};
	source_state_put(&writer, &all);
}

static void sources_are_sorted_replaced_and_gone(void **state)
{
	source("b/check/x", "g2", SOURCE_OK);
	take();
	source("c/check/x", "g1", SOURCE_OK);
	take();
	source("a/check/x", "g2", SOURCE_OK);
	take();
	source("b/check/x", "g2", SOURCE_FAILING);
	take();
	const GPtrArray *all = replica_sources(replica);
	static const char *const expected[] = {"c/check/x", "a/check/x", "b/check/x"};
	assert_int_equal(all->len, ARRAY_LENGTH(expected));
	for (guint i = 0; i < all->len; i++) {
		assert_string_equal(((const struct source_state *)all->pdata[i])->id, expected[i]);
	}
	assert_int_equal(replica_source(replica, "b/check/x")->state, SOURCE_FAILING);
	assert_int_equal(told[CHANGE_SOURCE], 4);
	source_gone_put(&writer, "b/check/x");
	take();
	source_gone_put(&writer, "b/check/x");
	take();
	assert_null(replica_source(replica, "b/check/x"));
	assert_int_equal(replica_sources(replica)->len, 2);
	assert_int_equal(told[CHANGE_SOURCE_GONE], 1);
}

/* Unknown values are no sign of life of a series. */
static void a_series_was_seen_last_with_a_known_value(void **state)
{
	message_start(&writer, MESSAGE_SEEN);
	frame_put_u32(&writer, 5);
	frame_put_u32(&writer, 100);
	frame_put_u32(&writer, 200);
	take();
	static const struct {
		int64_t t_ms;
		double value;
		uint32_t last_s;
	} steps[] = {{150000, 1, 200}, {300000, NAN, 200}, {310000, 1, 310}};
	for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
		message_start(&writer, MESSAGE_LIVE);
		frame_put_u32(&writer, 5);
		frame_put_i64(&writer, steps[i].t_ms);
		frame_put_f64(&writer, steps[i].value);
		take();
		assert_int_equal(replica_span(replica, 5).first_s, 100);
		assert_int_equal(replica_span(replica, 5).last_s, steps[i].last_s);
	}
	assert_int_equal(replica_span(replica, 6).first_s, 0);
}

static void a_host_that_left_the_configuration_is_not_missed(void **state)
{
	static const struct {
		bool configured;
		int64_t age_ms;
		bool left;
	} cases[] = {{true, 0, false}, {true, 40000, false}, {false, 0, false}, {false, 40000, true}};
	struct wall now = {1000000000};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		configured = cases[i].configured;
		host("a", now.ms - cases[i].age_ms, "");
		take();
		assert_int_equal(view_host_left(replica_host(replica, "a"), now), cases[i].left);
	}
	configured = true;
}

/* What the wall shows for one host: cells of disk, network, zebra. */
static void cells_follow_alerts_suppression_and_silence(void **state)
{
	static const struct {
		struct alert_of alert;
		int64_t age_ms;
		const char *cells, *state;
	} cases[] = {
		{{0}, 0, "ooo", "ok"},
		{{0}, 30000, "ooo", "ok"},
		{{0}, 30001, "xxx", "unknown"},
		{{1, LEVEL_CRIT, ALERT_FIRING, "a", "df", ""}, 0, "coo", "critical"},
		{{1, LEVEL_WARN, ALERT_RECOVERING, "a", "if", ""}, 0, "owo", "warning"},
		{{1, LEVEL_WARN, ALERT_FIRING, "a", "if", ""}, 40000, "xwx", "warning"},
		{{1, LEVEL_CRIT, ALERT_PENDING, "a", "df", ""}, 0, "ooo", "ok"},
		{{1, LEVEL_CRIT, ALERT_FIRING, "a", "df", "silence 1"}, 0, "soo", "ok"},
		{{1, LEVEL_CRIT, ALERT_FIRING, "b", "df", ""}, 0, "ooo", "ok"},
		{{1, LEVEL_CRIT, ALERT_FIRING, "a", "none", ""}, 0, "ooo", "critical"},
	};
	struct view *view = view_create(replica);
	service(1, "a", "z", "Zebra");
	take();
	service(2, "a", "df", "disk");
	take();
	service(3, "a", "if", "network");
	take();
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		GString *out = g_string_new(NULL);
		struct jsonout j = jsonout_begin(out);
		struct wall now = {1000000000};
		message_start(&writer, MESSAGE_ALERT_GONE);
		frame_put_u32(&writer, 1);
		take();
		host("a", now.ms - cases[i].age_ms, "");
		take();
		if (cases[i].alert.id) {
			alert(cases[i].alert);
			take();
		}
		jsonout_open(&j, NULL, '{');
		view_host_members(view, &j, replica_host(replica, "a"), now, true);
		jsonout_close(&j);
		g_autofree char *cells = g_strdup_printf("\"cells\":\"%s\"", cases[i].cells);
		g_autofree char *level = g_strdup_printf("\"state\":\"%s\"", cases[i].state);
		if (!strstr(out->str, cells) || !strstr(out->str, level)) {
			fail_msg("case %zu: %s", i, out->str);
		}
		g_string_free(out, TRUE);
	}
	assert_string_equal(view_categories(view)->pdata[2], "zebra");
	view_destroy(view);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_picture_is_shown_when_it_is_whole),
		TEST(a_picture_that_breaks_off_leaves_the_old_one),
		TEST(frames_that_are_cut_are_refused),
		TEST(impossible_contents_are_refused),
		TEST(alerts_are_sorted_worst_first),
		TEST(newer_values_replace_older_ones_only),
		TEST(alerts_are_found_by_their_host),
		TEST(sources_are_sorted_replaced_and_gone),
		TEST(a_series_was_seen_last_with_a_known_value),
		TEST(a_host_that_left_the_configuration_is_not_missed),
		TEST(cells_follow_alerts_suppression_and_silence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
