#include "engine/sources.h"

#include "tests/support/test.h"

#include "model/message.h"

/* The sources of one engine in invented time, and what they wanted to be told and stored. */
static struct frame_writer writer;
static struct sources *sources;
static unsigned changed, forgotten, saved;
static char last_id[SOURCE_ID_MAX];

static const struct wall start = {1700000000000};

static struct wall after_s(int64_t s)
{
	return (struct wall){start.ms + s * 1000};
}

static void on_changed(void *owner, const char *id)
{
	changed++;
	snprintf(last_id, sizeof(last_id), "%s", id);
}

static void on_forgotten(void *owner, const char *id)
{
	forgotten++;
}

static void on_save(void *owner, const char *id)
{
	saved++;
}

static const struct sources_look heard = {true, on_changed, on_forgotten, on_save, NULL};
static const struct sources_look deaf = {false, on_changed, on_forgotten, on_save, NULL};

static int setup(void **state)
{
	sources = sources_create();
	changed = forgotten = saved = 0;
	return 0;
}

static int teardown(void **state)
{
	sources_destroy(sources);
	return 0;
}

/* A collector's word of host "web1", the next round `step_s` later. */
static enum sources_news say(
	const char *id, enum source_condition condition, uint32_t step_s, struct wall now)
{
	struct source_state state = {.id = g_strdup(id),
		.group = g_strdup("g"),
		.host = g_strdup("web1"),
		.kind = g_strdup("munin"),
		.name = g_strdup("munin"),
		.where = g_strdup("web1:4949"),
		.state = (uint8_t)condition,
		.since = now,
		.last = condition == SOURCE_OK ? now : (struct wall){0},
		.next = {now.ms + step_s * 1000},
		.step_s = step_s,
		.version = g_strdup(condition == SOURCE_OK ? "munin-node 2.0.73" : ""),
		.error = g_strdup(condition == SOURCE_FAILING ? "connect: refused" : "")};
	enum sources_news news = sources_take(sources, 0, &state, now);
	assert_null(state.id);
	return news;
}

/* As people see it. */
static struct source_state seen(const char *id, struct wall now)
{
	struct source_state state;
	assert_true(sources_write(sources, id, now, &writer));
	frame_finish(&writer);
	struct frame frame = {.type = MESSAGE_SOURCE,
		.version = 1,
		.length = (uint32_t)(writer.length - FRAME_HEADER),
		.payload = writer.packet + FRAME_HEADER};
	assert_true(source_state_read(&state, &frame, NULL));
	return state;
}

static void assert_seen(const char *id, struct wall now, enum source_condition condition)
{
	struct source_state state = seen(id, now);
	assert_string_equal(source_condition_name(state.state), source_condition_name(condition));
	source_state_finish(&state);
}

static void a_source_that_begins_to_fail_is_told_once(void **state)
{
	static const struct {
		enum source_condition said;
		enum sources_news news;
	} cases[] = {{SOURCE_WAITING, SOURCES_SAME}, {SOURCE_OK, SOURCES_SAME},
		{SOURCE_FAILING, SOURCES_FAILED}, {SOURCE_FAILING, SOURCES_SAME},
		{SOURCE_WAITING, SOURCES_SAME}, {SOURCE_FAILING, SOURCES_SAME},
		{SOURCE_COMPLAINING, SOURCES_RECOVERED}, {SOURCE_OK, SOURCES_SAME}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_int_equal(say("web1/munin/munin", cases[i].said, 60, start), cases[i].news);
	}
}

static void a_change_is_shown_once_however_often_it_was_said(void **state)
{
	say("web1/munin/munin", SOURCE_OK, 60, start);
	say("web1/munin/munin", SOURCE_OK, 60, start);
	sources_look(sources, start, &heard);
	assert_int_equal(changed, 1);
	assert_string_equal(last_id, "web1/munin/munin");
	sources_look(sources, after_s(1), &heard);
	assert_int_equal(changed, 1);
}

static void a_source_of_a_collector_that_is_gone_is_stale_not_ok(void **state)
{
	say("web1/munin/munin", SOURCE_OK, 60, start);
	sources_lost(sources, 0, after_s(5));
	struct source_state stale = seen("web1/munin/munin", after_s(6));
	assert_int_equal(stale.state, SOURCE_STALE);
	assert_int_equal(stale.since.ms, after_s(5).ms);
	assert_int_equal(stale.last.ms, start.ms);
	source_state_finish(&stale);
	say("web1/munin/munin", SOURCE_OK, 60, after_s(70));
	assert_seen("web1/munin/munin", after_s(70), SOURCE_OK);
}

static void a_source_of_which_nothing_is_heard_when_it_is_due_is_stale(void **state)
{
	say("web1/munin/munin", SOURCE_OK, 60, start);
	int64_t late_s = 60 + 2 * 60 + SOURCES_GRACE_MS / 1000;
	sources_look(sources, after_s(late_s), &heard);
	assert_seen("web1/munin/munin", after_s(late_s), SOURCE_OK);
	sources_look(sources, after_s(late_s + 1), &heard);
	assert_seen("web1/munin/munin", after_s(late_s + 1), SOURCE_STALE);
}

static void a_collector_cannot_make_a_source_stale_by_itself(void **state)
{
	say("web1/munin/munin", SOURCE_STALE, 60, start);
	assert_seen("web1/munin/munin", start, SOURCE_WAITING);
}

static void what_no_collector_knows_any_more_is_forgotten(void **state)
{
	say("web1/munin/munin", SOURCE_OK, 60, start);
	sources_lost(sources, 0, start);
	int64_t patience_s = SOURCES_FORGET_MS / 1000;
	sources_look(sources, after_s(5 * patience_s), &deaf); /* nobody there who could say so */
	assert_int_equal(forgotten, 0);
	sources_look(sources, after_s(6 * patience_s), &heard);
	assert_int_equal(forgotten, 0);
	sources_look(sources, after_s(6 * patience_s + 1), &heard);
	assert_int_equal(forgotten, 1);
	assert_int_equal(sources_count(sources), 0);
	assert_int_equal(sources_of_host(sources, "web1"), 0);
}

static void a_source_that_is_gone_is_gone(void **state)
{
	say("web1/munin/munin", SOURCE_OK, 60, start);
	say("web1/check/site", SOURCE_OK, 60, start);
	assert_int_equal(sources_of_host(sources, "web1"), 2);
	assert_true(sources_gone(sources, "web1/munin/munin"));
	assert_false(sources_gone(sources, "web1/munin/munin"));
	assert_int_equal(sources_of_host(sources, "web1"), 1);
	assert_false(sources_write(sources, "web1/munin/munin", start, &writer));
}

static void what_a_new_collector_cannot_know_is_kept(void **state)
{
	say("web1/munin/munin", SOURCE_OK, 60, start);
	say("web1/munin/munin", SOURCE_FAILING, 60, after_s(100));
	struct source_state kept = seen("web1/munin/munin", after_s(100));
	assert_int_equal(kept.last.ms, start.ms);
	assert_int_equal(kept.first.ms, start.ms);
	assert_string_equal(kept.version, "munin-node 2.0.73");
	assert_string_equal(kept.error, "connect: refused");
	source_state_finish(&kept);
}

static void the_strip_keeps_the_worst_of_each_hour(void **state)
{
	say("web1/munin/munin", SOURCE_FAILING, 60, start);
	say("web1/munin/munin", SOURCE_OK, 60, start);
	say("web1/munin/munin", SOURCE_COMPLAINING, 60, after_s(3600));
	say("web1/munin/munin", SOURCE_OK, 60, after_s(2 * 3600));
	struct source_state shown = seen("web1/munin/munin", after_s(3 * 3600));
	assert_string_equal(shown.strip, "--------------------uwo-");
	source_state_finish(&shown);
}

static void a_short_pause_of_the_collector_leaves_no_mark_in_the_strip(void **state)
{
	static const struct {
		int64_t away_s;
		const char *strip;
	} cases[] = {{5, "-----------------------o"}, {179, "-----------------------o"},
		{180, "-----------------------u"}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct wall began = after_s(1600); /* an hour begins 1600 s after the start */
		say("web1/munin/munin", SOURCE_OK, 60, began);
		sources_lost(sources, 0, began);
		for (int64_t s = 0; s <= cases[i].away_s; s++) {
			sources_look(sources, after_s(1600 + s), s % 2 ? &heard : &deaf);
		}
		struct wall back = after_s(1600 + cases[i].away_s);
		assert_seen("web1/munin/munin", back, SOURCE_STALE);
		say("web1/munin/munin", SOURCE_OK, 60, back);
		struct source_state shown = seen("web1/munin/munin", back);
		assert_string_equal(shown.strip, cases[i].strip);
		source_state_finish(&shown);
	}
}

static void it_is_stored_when_it_changes_and_else_now_and_then(void **state)
{
	say("web1/munin/munin", SOURCE_OK, 60, start);
	sources_look(sources, start, &heard);
	assert_int_equal(saved, 1);
	for (int64_t s = 60; s < SOURCES_SAVE_S; s += 60) {
		say("web1/munin/munin", SOURCE_OK, 60, after_s(s));
		sources_look(sources, after_s(s), &heard);
	}
	assert_int_equal(saved, 1);
	say("web1/munin/munin", SOURCE_FAILING, 60, after_s(SOURCES_SAVE_S - 1));
	sources_look(sources, after_s(SOURCES_SAVE_S - 1), &heard);
	assert_int_equal(saved, 2);
	sources_save_all(sources, &heard);
	assert_int_equal(saved, 3);
}

static void what_was_stored_comes_back_as_stale(void **state)
{
	say("web1/munin/munin", SOURCE_FAILING, 60, start);
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	sources_pack(sources, "web1/munin/munin", &writer, bytes);
	sources_destroy(sources);
	sources = sources_create();
	assert_true(sources_restore(sources, bytes->data, bytes->len, after_s(10)));
	assert_false(sources_restore(sources, bytes->data, bytes->len, after_s(10)));
	struct source_state back = seen("web1/munin/munin", after_s(10));
	assert_int_equal(back.state, SOURCE_STALE);
	assert_int_equal(back.first.ms, start.ms);
	assert_string_equal(back.error, "connect: refused");
	assert_int_equal(back.strip[SOURCE_STRIP - 1], 'u'); /* as it was before */
	source_state_finish(&back);
	/* people know already */
	assert_int_equal(say("web1/munin/munin", SOURCE_FAILING, 60, after_s(20)), SOURCES_SAME);
	assert_int_equal(say("web1/munin/munin", SOURCE_OK, 60, after_s(30)), SOURCES_RECOVERED);
}

/* A state database of the version before: all but `found`. */
static void what_was_stored_before_services_were_remembered_comes_back(void **state)
{
	say("web1/munin/munin", SOURCE_OK, 60, start);
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	sources_pack(sources, "web1/munin/munin", &writer, bytes);
	bytes->data[0] = 1;
	g_byte_array_set_size(bytes, bytes->len - 8);
	struct sources *other = sources_create();
	assert_true(sources_restore(other, bytes->data, bytes->len, start));
	bytes->data[0] = 0;
	assert_false(sources_restore(other, bytes->data, bytes->len, start));
	bytes->data[0] = 3;
	assert_false(sources_restore(other, bytes->data, bytes->len, start));
	assert_int_equal(sources_count(other), 1);
	sources_destroy(other);
}

static void damaged_bytes_are_not_restored(void **state)
{
	say("web1/munin/munin", SOURCE_OK, 60, start);
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	sources_pack(sources, "web1/munin/munin", &writer, bytes);
	struct sources *other = sources_create();
	for (size_t length = 0; length < bytes->len; length++) {
		assert_false(sources_restore(other, bytes->data, length, start));
	}
	assert_int_equal(sources_count(other), 0);
	sources_destroy(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_source_that_begins_to_fail_is_told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_change_is_shown_once_however_often_it_was_said, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_source_of_a_collector_that_is_gone_is_stale_not_ok, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_source_of_which_nothing_is_heard_when_it_is_due_is_stale, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_collector_cannot_make_a_source_stale_by_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_no_collector_knows_any_more_is_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(a_source_that_is_gone_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_new_collector_cannot_know_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(the_strip_keeps_the_worst_of_each_hour, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_short_pause_of_the_collector_leaves_no_mark_in_the_strip, setup, teardown),
		cmocka_unit_test_setup_teardown(
			it_is_stored_when_it_changes_and_else_now_and_then, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_stored_comes_back_as_stale, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_was_stored_before_services_were_remembered_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_bytes_are_not_restored, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
