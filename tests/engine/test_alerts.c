/* From a sample to a message, over restarts: rules, outbox, store and web together. */
#include "engine/engine.h"
#include "engine/reload.h"

#include "tests/engine/fake.h"

static const char conf_text[] =
	"channel hook { webhook \"http://127.0.0.1:9/hook\" }\n"
	"channel late { webhook \"http://127.0.0.1:9/late\"; at critical }\n";
static const char rule_text[] = "rule hot {\n\tvalue demo:f0\n\twarn > 50\n\tcrit > 90\n"
								"\tclear < 40 for 10s\n\tnotify hook, late at warn\n"
								"\tsummary \"${host} is hot\"\n}\n";

static struct bundle *bundle_of(const char *conf, const char *rules)
{
	struct bundle *bundle = bundle_create();
	bundle_add(bundle, CONFIG_MAIN_FILE, conf, strlen(conf));
	bundle_add(bundle, "t.magpie", rules, strlen(rules));
	return bundle;
}

/* An engine with the rule above, and one host whose demo:f0 is told by say(). */
static int setup(void **state)
{
	fake_setup(state);
	struct fake *fake = *state;
	AUTO(bundle) bundle = bundle_of(conf_text, rule_text);
	char *report = NULL;
	bool good = reload_propose(fake->engine, bundle, &report);
	if (!good) {
		fail_msg("%s", report);
	}
	g_free(report);
	bundle_destroy(fake->bundle);
	fake->bundle = STEAL(bundle);
	fake->role.bundle = fake->bundle;
	return 0;
}

struct talk {
	struct fake *fake;
	int64_t t_ms;
};

static struct talk talk_begin(struct fake *fake, int64_t ago_s)
{
	fake_join(fake, ROLE_COLLECTOR);
	fake_declare(fake, "web1", "demo", 1, 1);
	return (struct talk){fake, (wall_s(wall_now()) - ago_s) * 1000};
}

static uint32_t demo_id(struct fake *fake)
{
	const struct field *field = catalog_find(fake->engine->catalog, "web1:demo:f0");
	return field ? field->series_id : 0;
}

static struct sample last(struct fake *fake)
{
	struct sample sample = {0};
	(void)window_last(fake->engine->window, demo_id(fake), &sample);
	return sample;
}

/* One sample, 10 s after the one before; returns when it was judged. */
static void say(struct talk *talk, double value)
{
	talk->t_ms += 10000;
	fake_sample(talk->fake, 1, 1, talk->t_ms, value);
	fake_wait(talk->fake, last(talk->fake).at.ms == talk->t_ms);
}

/* "kind level channel" of each DELIVER frame, in order. */
static char *delivered(const struct fake_peer *notify)
{
	GString *out = g_string_new("");
	for (size_t i = 0; i < notify->frames->len; i++) {
		struct frame_reader r = fake_reader(notify, i);
		(void)frame_get_bytes(&r, 20);
		g_autofree char *channel = frame_get_text(&r);
		g_autofree char *key = frame_get_text(&r);
		unsigned kind = frame_get_u8(&r);
		unsigned level = frame_get_u8(&r);
		g_string_append_printf(out, "%u %u %s;", kind, level, channel);
	}
	return g_string_free(out, FALSE);
}

static void assert_delivered(const struct fake_peer *notify, const char *expected)
{
	g_autofree char *seen = delivered(notify);
	assert_string_equal(seen, expected);
}

/* Value in words of the ALERT frame told last; "" if none was. */
static char *alert_told(const struct fake_peer *web)
{
	for (size_t i = web->frames->len; i-- > 0;) {
		if (fake_type(web, i) == MESSAGE_ALERT) {
			struct frame_reader r = fake_reader(web, i);
			(void)frame_get_bytes(&r, 4 + 4 + 1 + 1 + 8 + 8);
			for (unsigned t = 0; t < 4; t++) {
				g_autofree char *skipped = frame_get_text(&r);
			}
			return frame_get_text(&r);
		}
	}
	return g_strdup("");
}

static bool alert_says(const struct fake_peer *web, const char *value)
{
	g_autofree char *told = alert_told(web);
	return !strcmp(told, value);
}

/* The page's value would else be that of the moment at which the level changed, for days. */
static void an_alert_is_shown_again_when_its_value_changes(void **state)
{
	struct fake *fake = *state;
	struct fake_peer *web = fake_join(fake, ROLE_WEB);
	struct talk talk = talk_begin(fake, 300);
	say(&talk, 60);
	fake_wait(fake, alert_says(web, "60"));
	say(&talk, 71);
	fake_wait(fake, alert_says(web, "71"));
	size_t frames = fake_count(web, MESSAGE_ALERT);
	uint64_t turns = fake->engine->ticks;
	fake_wait(fake, fake->engine->ticks > turns + 2);
	assert_int_equal(fake_count(web, MESSAGE_ALERT), frames);
}

/* Says of each message that it was sent. */
static void confirm(struct fake_peer *notify, const struct frame *frame)
{
	static struct frame_writer w;
	struct frame_reader r = frame_read(frame);
	message_start(&w, MESSAGE_DELIVERED);
	frame_put_u64(&w, frame_get_u64(&r));
	frame_put_u8(&w, 0);
	frame_put_u16(&w, 200);
	frame_put_text(&w, "");
	assert_true(channel_send(notify->channel, &w, NULL));
}

static struct fake_peer *join_notify(struct fake *fake, bool confirming)
{
	struct fake_peer *notify = fake_join(fake, ROLE_NOTIFY);
	notify->answer = confirming ? confirm : NULL;
	return notify;
}

static uint64_t waiting(struct fake *fake)
{
	return dispatch_counts(fake->engine->dispatch).waiting;
}

static void a_problem_and_its_end_are_told_once(void **state)
{
	struct fake *fake = *state;
	struct fake_peer *notify = join_notify(fake, true);
	struct fake_peer *web = fake_join(fake, ROLE_WEB);
	struct talk talk = talk_begin(fake, 300);
	say(&talk, 10);
	say(&talk, 60);
	fake_wait(fake, notify->frames->len == 1);
	fake_wait(fake, fake_count(web, MESSAGE_ALERT) > 0);
	say(&talk, 61);
	say(&talk, 95);
	fake_wait(fake, notify->frames->len == 3);
	say(&talk, 62);
	say(&talk, 96);
	say(&talk, 10);
	say(&talk, 10);
	fake_wait(fake, fake_count(web, MESSAGE_ALERT_GONE) > 0);
	fake_wait(fake, notify->frames->len >= 5 && !waiting(fake));
	say(&talk, 11);
	assert_delivered(notify, "1 2 hook;1 3 hook;1 3 late;2 0 hook;2 0 late;");
}

static void after_a_kill_nothing_is_told_twice(void **state)
{
	struct fake *fake = *state;
	struct fake_peer *notify = join_notify(fake, true);
	struct talk talk = talk_begin(fake, 300);
	say(&talk, 60);
	fake_wait(fake, notify->frames->len == 1 && !waiting(fake));
	uint64_t generation = keeper_generation(fake->engine->keeper);
	fake_wait(fake, keeper_stored(fake->engine->keeper) + 1 >= generation);
	fake_restart(fake, false);
	notify = join_notify(fake, true);
	fake_join(fake, ROLE_COLLECTOR);
	fake_declare(fake, "web1", "demo", 1, 1);
	talk.fake = fake;
	say(&talk, 61);
	say(&talk, 62);
	assert_delivered(notify, "");
	struct fake_peer *web = fake_join(fake, ROLE_WEB);
	fake_wait(fake, fake_count(web, MESSAGE_SYNC) == 2);
	assert_int_equal(fake_count(web, MESSAGE_ALERT), 1);
	say(&talk, 10);
	say(&talk, 10);
	fake_wait(fake, notify->frames->len == 1);
	assert_delivered(notify, "2 0 hook;");
}

/* Adds the dedup keys of the problems among the messages; returns how many there are in all. */
static unsigned gather_problems(GHashTable *keys, const struct fake_peer *notify)
{
	for (size_t i = 0; i < notify->frames->len; i++) {
		struct frame_reader r = fake_reader(notify, i);
		(void)frame_get_bytes(&r, 20);
		g_autofree char *channel = frame_get_text(&r);
		char *key = frame_get_text(&r);
		if (frame_get_u8(&r) == 1) {
			g_hash_table_add(keys, key);
		} else {
			g_free(key);
		}
	}
	return g_hash_table_size(keys);
}

/* Killed at any moment between the sample and the answer of notify: told, and told the same. */
static void a_kill_at_any_moment_loses_no_message(void **state)
{
	struct fake *fake = *state;
	g_autoptr(GHashTable) keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (unsigned turns = 0; turns < 12; turns++) {
		struct talk talk = talk_begin(fake, 550 - (int)turns * 50);
		struct fake_peer *notify = join_notify(fake, true);
		say(&talk, 10);
		say(&talk, 60);
		for (unsigned i = 0; i < turns; i++) {
			fake_turn(fake);
		}
		assert_true(gather_problems(keys, notify) <= turns + 1);
		fake_restart(fake, false);
		notify = join_notify(fake, true);
		fake_join(fake, ROLE_COLLECTOR);
		fake_declare(fake, "web1", "demo", 1, 1);
		talk.fake = fake;
		say(&talk, 61);
		fake_wait(fake, gather_problems(keys, notify) == turns + 1);
		say(&talk, 10);
		say(&talk, 10);
		fake_wait(fake, !waiting(fake));
	}
}

static char *status_complaint(const struct fake_peer *web)
{
	for (size_t i = web->frames->len; i-- > 0;) {
		if (fake_type(web, i) == MESSAGE_STATUS) {
			struct frame_reader r = fake_reader(web, i);
			(void)frame_get_bytes(&r, 40);
			return frame_get_text(&r);
		}
	}
	return g_strdup("no status");
}

static void a_wrong_configuration_changes_nothing_and_is_shown(void **state)
{
	struct fake *fake = *state;
	struct fake_peer *web = fake_join(fake, ROLE_WEB);
	struct fake_peer *notify = join_notify(fake, true);
	AUTO(bundle) wrong = bundle_of(conf_text, "rule hot {\n\tvalue demo:f0\n\twarn > banana\n}\n");
	AUTO(bundle) unknown = bundle_of("", rule_text); /* hostile 38: contacts that are not there */
	const struct bundle *const bundles[] = {wrong, unknown};
	for (size_t i = 0; i < ARRAY_LENGTH(bundles); i++) {
		char *report = NULL;
		assert_false(reload_propose(fake->engine, bundles[i], &report));
		assert_non_null(strstr(report, "t.magpie:"));
		g_free(report);
		fake_clear(web);
		fake_wait(fake, fake_count(web, MESSAGE_STATUS) > 0);
		g_autofree char *complaint = status_complaint(web);
		assert_non_null(strstr(complaint, "t.magpie:"));
	}
	struct talk talk = talk_begin(fake, 300);
	say(&talk, 60); /* the old rule is in force */
	fake_wait(fake, notify->frames->len == 1);
	char *report = NULL;
	assert_true(reload_propose(fake->engine, fake->bundle, &report));
	g_free(report);
	fake_clear(web);
	fake_wait(fake, fake_count(web, MESSAGE_STATUS) > 0);
	g_autofree char *complaint = status_complaint(web);
	assert_string_equal(complaint, "");
}

static void a_reload_carries_states_over(void **state)
{
	/* hostile 44 */
	struct fake *fake = *state;
	struct fake_peer *notify = join_notify(fake, true);
	struct talk talk = talk_begin(fake, 300);
	say(&talk, 60);
	fake_wait(fake, notify->frames->len == 1);
	for (int i = 0; i < 100; i++) {
		char *report = NULL;
		assert_true(reload_propose(fake->engine, fake->bundle, &report));
		g_free(report);
	}
	say(&talk, 61);
	say(&talk, 10);
	say(&talk, 10);
	fake_wait(fake, notify->frames->len == 2);
	assert_delivered(notify, "1 2 hook;2 0 hook;");
}

static void a_removed_rule_ends_its_problem(void **state)
{
	/* hostile 45 */
	struct fake *fake = *state;
	struct fake_peer *notify = join_notify(fake, true);
	struct talk talk = talk_begin(fake, 300);
	say(&talk, 60);
	fake_wait(fake, notify->frames->len == 1 && !waiting(fake));
	AUTO(bundle)
	without = bundle_of(conf_text, "rule other {\n\tvalue demo:f0\n\twarn > 1000\n}\n");
	char *report = NULL;
	assert_true(reload_propose(fake->engine, without, &report));
	g_free(report);
	fake_wait(fake, notify->frames->len == 2);
	assert_delivered(notify, "1 2 hook;2 0 hook;");
}

static void a_start_with_broken_files_uses_the_accepted_ones(void **state)
{
	struct fake *fake = *state;
	AUTO(bundle) wrong = bundle_of("channel {", "rule {");
	fake_end(fake, false);
	fake->role.bundle = wrong;
	fake_start(fake);
	struct fake_peer *notify = join_notify(fake, true);
	struct talk talk = talk_begin(fake, 300);
	say(&talk, 60);
	fake_wait(fake, notify->frames->len == 1); /* by the accepted rule */
	fake_end(fake, false);
	g_autofree char *accepted = g_build_filename(fake->directory, "accepted.bundle", NULL);
	assert_int_equal(unlink(accepted), 0);
	fake_start(fake); /* and with the built-in ones it starts as well */
	assert_true(ruleset_rule_count(fake->engine->ruleset) > 3);
	assert_true(*fake->engine->complaint != '\0');
	fake->role.bundle = fake->bundle;
}

/* -- questions -- */

static void questions_are_answered_by_who_asks(void **state)
{
	/* hostile 60 and 61 */
	struct fake *fake = *state;
	struct fake_peer *notify = join_notify(fake, true);
	fake_join(fake, ROLE_WEB);
	g_autofree char *path = g_build_filename(fake->directory, "admin.token", NULL);
	g_autofree char *token = NULL;
	assert_true(g_file_get_contents(path, &token, NULL, NULL));
	g_strchomp(token);
	const struct {
		const char *token, *verb, *json;
		unsigned status;
	} rows[] = {
		{token, "auth.check", "", MESSAGE_OK},
		{"", "auth.check", "", ERR_DENIED},
		{"mgp_admin_00", "auth.check", "{}", ERR_DENIED},
		{token, "no.such", "{}", ERR_NOT_FOUND},
		{"", "test.notify", "{\"channel\":\"hook\"}", ERR_DENIED},
		{token, "test.notify", "{\"channel\":\"nobody\"}", ERR_NOT_FOUND},
		{token, "test.notify", "{\"channel\":7}", ERR_CONFIG},
		{token, "test.notify", "[1", ERR_CONFIG},
		{token, "test.notify", "", ERR_CONFIG},
		{token, "test.notify", "{\"channel\":\"hook\"}", MESSAGE_OK},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		g_autofree char *text = NULL;
		fake_ask(fake, rows[i].token, rows[i].verb, rows[i].json);
		assert_int_equal(fake_answer(fake, &text), rows[i].status);
		assert_true(*text != '\0');
	}
	fake_wait(fake, notify->frames->len == 1);
	assert_delivered(notify, "3 0 hook;");
}

/* -- marks -- */

/* "kind level begin-end text;" of all marks of the host, seconds from `begin`, "" where it goes on.
 */
static char *marks_told(struct fake *fake, int64_t begin_ms)
{
	GString *out = g_string_new("");
	const GPtrArray *marks = mark_table_of(marks_table(fake->engine->marks), "web1");
	for (guint i = 0; marks && i < marks->len; i++) {
		const struct mark *mark = marks->pdata[i];
		g_string_append_printf(out, "%u %u %lld-", mark->kind, mark->level,
			(long long)(mark->from.ms - begin_ms) / 1000);
		if (mark->to.ms) {
			g_string_append_printf(out, "%lld", (long long)(mark->to.ms - begin_ms) / 1000);
		}
		g_string_append_c(out, ';');
	}
	return g_string_free(out, FALSE);
}

static void assert_marks(struct fake *fake, int64_t begin_ms, const char *expected)
{
	g_autofree char *told = marks_told(fake, begin_ms);
	assert_string_equal(told, expected);
}

static void each_level_of_a_problem_is_an_episode(void **state)
{
	struct fake *fake = *state;
	struct talk talk = talk_begin(fake, 300);
	int64_t begin_ms = talk.t_ms;
	say(&talk, 10);
	say(&talk, 60);
	assert_marks(fake, begin_ms, "0 2 20-;");
	say(&talk, 95);
	assert_marks(fake, begin_ms, "0 2 20-30;0 3 30-;");
	uint64_t generation = keeper_generation(fake->engine->keeper);
	fake_wait(fake, keeper_stored(fake->engine->keeper) + 1 >= generation);
	fake_restart(fake, false);
	fake_join(fake, ROLE_COLLECTOR);
	fake_declare(fake, "web1", "demo", 1, 1);
	assert_marks(fake, begin_ms, "0 2 20-30;0 3 30-;");
	struct fake_peer *web = fake_join(fake, ROLE_WEB);
	fake_wait(fake, fake_count(web, MESSAGE_SYNC) == 2);
	assert_int_equal(fake_count(web, MESSAGE_MARK), 2);
	say(&talk, 10);
	say(&talk, 10);
	g_autofree char *told = marks_told(fake, begin_ms);
	assert_true(g_str_has_prefix(told, "0 2 20-30;0 3 30-"));
	assert_false(g_str_has_suffix(told, "-;"));
	fake_wait(fake, fake_count(web, MESSAGE_MARK) == 3);
}

static void the_episode_of_a_removed_rule_ends(void **state)
{
	struct fake *fake = *state;
	struct talk talk = talk_begin(fake, 300);
	say(&talk, 60);
	AUTO(bundle)
	without = bundle_of(conf_text, "rule other {\n\tvalue demo:f0\n\twarn > 1000\n}\n");
	char *report = NULL;
	assert_true(reload_propose(fake->engine, without, &report));
	g_free(report);
	const GPtrArray *marks = mark_table_of(marks_table(fake->engine->marks), "web1");
	assert_int_equal(marks->len, 1);
	assert_true(((const struct mark *)marks->pdata[0])->to.ms > 0);
}

static void old_marks_are_forgotten_open_ones_are_not(void **state)
{
	struct fake *fake = *state;
	struct talk talk = talk_begin(fake, 300);
	int64_t begin_ms = talk.t_ms;
	say(&talk, 60);
	say(&talk, 95);
	marks_forget(fake->engine, (struct wall){begin_ms + 449LL * 86400000});
	assert_marks(fake, begin_ms, "0 2 10-20;0 3 20-;");
	marks_forget(fake->engine, (struct wall){begin_ms + 451LL * 86400000});
	assert_marks(fake, begin_ms, "0 3 20-;");
}

static void annotations_are_made_and_taken_away(void **state)
{
	struct fake *fake = *state;
	struct talk talk = talk_begin(fake, 300);
	say(&talk, 1);
	fake_join(fake, ROLE_WEB);
	g_autofree char *path = g_build_filename(fake->directory, "admin.token", NULL);
	g_autofree char *token = NULL;
	assert_true(g_file_get_contents(path, &token, NULL, NULL));
	g_strchomp(token);
	const struct {
		const char *token, *verb, *json;
		unsigned status;
	} rows[] = {
		{"", "annotation.add", "{\"text\":\"x\"}", ERR_DENIED},
		{token, "annotation.add", "{\"host\":\"web1\"}", ERR_CONFIG},
		{token, "annotation.add", "{\"text\":\"x\",\"host\":\"nobody\"}", ERR_NOT_FOUND},
		{token, "annotation.add", "{\"text\":\"x\",\"host\":\"web1\",\"service\":\"no\"}",
			ERR_NOT_FOUND},
		{token, "annotation.add", "{\"text\":\"x\",\"at\":5000,\"to\":4000}", ERR_CONFIG},
		{token, "annotation.add", "{\"text\":\"deployed\",\"host\":\"web1\",\"service\":\"demo\"}",
			MESSAGE_OK},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		g_autofree char *text = NULL;
		fake_ask(fake, rows[i].token, rows[i].verb, rows[i].json);
		assert_int_equal(fake_answer(fake, &text), rows[i].status);
	}
	struct mark_table *table = marks_table(fake->engine->marks);
	const GPtrArray *marks = mark_table_of(table, "web1");
	assert_int_equal(marks->len, 1);
	const struct mark *mark = marks->pdata[0];
	assert_string_equal(mark->text, "deployed");
	assert_string_equal(mark->about, "admin");
	g_autofree char *json = g_strdup_printf("{\"id\":%llu}", (unsigned long long)mark->id);
	for (int i = 0; i < 2; i++) {
		g_autofree char *text = NULL;
		fake_ask(fake, token, "annotation.remove", json);
		assert_int_equal(fake_answer(fake, &text), i ? ERR_NOT_FOUND : MESSAGE_OK);
	}
	assert_int_equal(mark_table_count(table), 0);
}

#define HERE(f) cmocka_unit_test_setup_teardown(f, setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HERE(a_problem_and_its_end_are_told_once),
		HERE(an_alert_is_shown_again_when_its_value_changes),
		HERE(after_a_kill_nothing_is_told_twice),
		HERE(a_kill_at_any_moment_loses_no_message),
		HERE(a_wrong_configuration_changes_nothing_and_is_shown),
		HERE(a_reload_carries_states_over),
		HERE(a_removed_rule_ends_its_problem),
		HERE(a_start_with_broken_files_uses_the_accepted_ones),
		HERE(questions_are_answered_by_who_asks),
		HERE(each_level_of_a_problem_is_an_episode),
		HERE(the_episode_of_a_removed_rule_ends),
		HERE(old_marks_are_forgotten_open_ones_are_not),
		HERE(annotations_are_made_and_taken_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
