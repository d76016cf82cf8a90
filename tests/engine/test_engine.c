#include "engine/engine.h"

#include "tests/engine/fake.h"

static int64_t now_s(void)
{
	return wall_s(wall_now());
}

static uint32_t series_id(struct fake *fake, const char *name)
{
	const struct field *field = catalog_find(fake->engine->catalog, name);
	return field ? field->series_id : 0;
}

static double last_value(struct fake *fake, const char *name)
{
	struct sample sample = {.value = NAN};
	(void)window_last(fake->engine->window, series_id(fake, name), &sample);
	return sample.value;
}

static void samples_go_the_whole_way(void **state)
{
	struct fake *fake = *state;
	struct fake_peer *web = fake_join(fake, ROLE_WEB);
	struct fake_peer *rrd = fake_join(fake, ROLE_RRD);
	fake_join(fake, ROLE_COLLECTOR);
	fake_ready(fake, 0);
	fake_wait(fake, fake_count(web, MESSAGE_SYNC) == 2);
	fake_declare(fake, "web1", "cpu", 3, 77);
	int64_t t_ms = (now_s() - 10) * 1000;
	fake_sample(fake, 77, 3, t_ms, 1.5);
	fake_sample(fake, 77, 3, t_ms + 5000, 2.5);
	fake_seen(fake, "web1", t_ms, true);
	fake_wait(fake, last_value(fake, "web1:cpu:f2") == 2.5);
	fake_wait(fake, fake_count(web, MESSAGE_LIVE) > 0);
	fake_wait(fake, fake_count(web, MESSAGE_HOST) > 0);
	fake_wait(fake, last_value(fake, "web1:node:cpus") == 4);
	uint32_t id = series_id(fake, "web1:cpu:f0");
	assert_true(id > 0);
	fake_wait(fake, fake_fed(rrd, id, NULL) == 2); /* when it is durable */
	assert_true(fake_count(rrd, MESSAGE_SERVICE) >= 2);
	assert_int_equal(fake_count(web, MESSAGE_SERVICE), fake_count(rrd, MESSAGE_SERVICE));
	assert_true(fake_type(web, 0) == MESSAGE_SYNC);
}

static void everything_is_there_again_after_a_kill(void **state)
{
	struct fake *fake = *state;
	struct fake_peer *rrd;
	fake_join(fake, ROLE_COLLECTOR);
	fake_declare(fake, "web1", "cpu", 3, 77);
	int64_t t_ms = (now_s() - 30) * 1000;
	fake_sample(fake, 77, 3, t_ms, 1.5);
	fake_sample(fake, 77, 3, t_ms + 10000, 2.5);
	fake_wait(fake, last_value(fake, "web1:cpu:f2") == 2.5);
	uint32_t id = series_id(fake, "web1:cpu:f2");
	fake_restart(fake, false);
	assert_int_equal(series_id(fake, "web1:cpu:f2"), id);
	assert_near(last_value(fake, "web1:cpu:f2"), 2.5, 0);
	rrd = fake_join(fake, ROLE_RRD);
	fake_join(fake, ROLE_COLLECTOR);
	fake_ready(fake, 0);
	fake_declare(fake, "web1", "disk", 1, 1);
	fake_declare(fake, "web1", "cpu", 3, 2);
	fake_sample(fake, 2, 3, t_ms + 10000, 99); /* the same instant again */
	fake_sample(fake, 2, 3, t_ms + 20000, 3.5);
	fake_wait(fake, last_value(fake, "web1:cpu:f2") == 3.5);
	fake_wait(fake, fake_fed(rrd, id, NULL) == 3);
	assert_int_equal(series_id(fake, "web1:cpu:f2"), id);
	assert_true(series_id(fake, "web1:disk:f0") > id);
}

static void instants_outside_the_gate_do_not_count(void **state)
{
	/* hostile 19 and 22 */
	struct fake *fake = *state;
	fake_join(fake, ROLE_COLLECTOR);
	fake_declare(fake, "web1", "cpu", 1, 7);
	int64_t now_ms = now_s() * 1000;
	static const int64_t wrong_ms[] = {
		0, -5, 1, 4000000000000LL, INT64_MAX, INT64_MIN, 99999999999999LL};
	fake_sample(fake, 7, 1, now_ms, 1);
	for (size_t i = 0; i < ARRAY_LENGTH(wrong_ms); i++) {
		fake_sample(fake, 7, 1, wrong_ms[i], 1000);
	}
	fake_sample(fake, 7, 1, now_ms, 1000);
	fake_sample(fake, 7, 1, now_ms - 1000, 1000);
	fake_sample(fake, 7, 1, now_ms + 90000, 1000);
	fake_sample(fake, 7, 1, now_ms + 1000, 2);
	fake_wait(fake, last_value(fake, "web1:cpu:f0") == 2);
	struct sample samples[8];
	assert_int_equal(window_copy(fake->engine->window, series_id(fake, "web1:cpu:f0"),
						 (struct wall){0}, (struct wall){now_ms + 1000000}, samples, 8),
		2);
	assert_int_equal(intake_counts(fake->engine->intake).refused, ARRAY_LENGTH(wrong_ms) + 3);
}

static void a_web_role_that_comes_back_gets_everything_again(void **state)
{
	struct fake *fake = *state;
	fake_join(fake, ROLE_COLLECTOR);
	for (uint32_t i = 0; i < 50; i++) {
		char host[16];
		snprintf(host, sizeof(host), "web%u", i);
		fake_declare(fake, host, "cpu", 20, i);
		fake_seen(fake, host, now_s() * 1000, true);
		fake_sample(fake, i, 20, now_s() * 1000, i);
	}
	fake_wait(fake, last_value(fake, "web49:cpu:f19") == 49);
	for (int round = 0; round < 2; round++) {
		struct fake_peer *web = fake_join(fake, ROLE_WEB);
		fake_wait(fake, fake_count(web, MESSAGE_SYNC) == 2);
		assert_int_equal(fake_count(web, MESSAGE_SERVICE), 100); /* with node */
		assert_int_equal(fake_count(web, MESSAGE_HOST), 50);
		assert_true(fake_count(web, MESSAGE_LIVE) > 0);
	}
}

static void too_many_new_series_are_left_out(void **state)
{
	/* hostile 24 */
	struct fake *fake = *state;
	struct fake_peer *web = fake_join(fake, ROLE_WEB);
	fake_join(fake, ROLE_COLLECTOR);
	for (uint32_t i = 0; i < 60; i++) {
		char name[16];
		snprintf(name, sizeof(name), "s%u", i);
		fake_declare(fake, "web1", name, 100, i);
	}
	fake_declare(fake, "web2", "cpu", 1, 100);
	fake_sample(fake, 100, 1, now_s() * 1000, 5);
	fake_wait(fake, last_value(fake, "web2:cpu:f0") == 5);
	assert_int_equal(catalog_series_count(fake->engine->catalog), INVENTORY_NEW_PER_HOUR + 1);
	fake_wait(fake, fake_count(web, MESSAGE_EVENT) > 0);
}

static void a_collector_that_breaks_the_rules_is_dropped_alone(void **state)
{
	struct fake *fake = *state;
	struct fake_peer *collector = fake_join(fake, ROLE_COLLECTOR);
	struct fake_peer *web = fake_join(fake, ROLE_WEB);
	message_start(fake->w, MESSAGE_SAMPLES);
	frame_put_u32(fake->w, 1);
	frame_put_i64(fake->w, 1);
	frame_put_u16(fake->w, 1000); /* and nothing behind it */
	assert_true(channel_send(collector->channel, fake->w, NULL));
	fake_wait(fake, collector->closed);
	fake_wait(fake, fake_count(web, MESSAGE_STATUS) > 1);
	fake_join(fake, ROLE_COLLECTOR);
	fake_declare(fake, "web1", "node", 1, 1); /* the engine's own name */
	fake_declare(fake, "web1", "cpu", 1, 2);
	fake_sample(fake, 1, 1, now_s() * 1000, 5);
	fake_sample(fake, 2, 1, now_s() * 1000, 5);
	fake_sample(fake, 3, 1, now_s() * 1000, 5); /* never declared */
	fake_wait(fake, last_value(fake, "web1:cpu:f0") == 5);
	assert_int_equal(series_id(fake, "web1:node:f0"), 0);
	assert_int_equal(intake_counts(fake->engine->intake).unknown, 2);
}

static void an_rrd_role_cannot_use_up_the_sequences(void **state)
{
	struct fake *fake = *state;
	struct fake_peer *rrd = fake_join(fake, ROLE_RRD);
	fake_ready(fake, UINT64_MAX);
	fake_wait(fake, rrd->closed);
	rrd = fake_join(fake, ROLE_RRD);
	fake_ready(fake, 0);
	message_start(fake->w, MESSAGE_RRD_CHECKPOINT);
	frame_put_u64(fake->w, UINT64_MAX); /* of what it was never given */
	assert_true(channel_send(rrd->channel, fake->w, NULL));
	fake_join(fake, ROLE_COLLECTOR);
	fake_declare(fake, "web1", "cpu", 1, 1);
	fake_sample(fake, 1, 1, now_s() * 1000, 5);
	fake_wait(fake, last_value(fake, "web1:cpu:f0") == 5);
	assert_in_range(journal_written(fake->engine->journal), 1, 1000);
	assert_in_range(feed_checkpoint(fake->engine->feed), 0, 1000);
}

static void the_runner_is_kept_and_may_come_back(void **state)
{
	struct fake *fake = *state;
	struct fake_peer *web = fake_join(fake, ROLE_WEB);
	for (int i = 0; i < 2; i++) {
		struct fake_peer *runner = fake_join(fake, ROLE_RUNNER);
		message_start(fake->w, MESSAGE_RAN);
		frame_put_u64(fake->w, 9); /* ordered by an engine that is gone */
		frame_put_u8(fake->w, 1);
		frame_put_u32(fake->w, 0);
		frame_put_u8(fake->w, 0);
		frame_put_u8(fake->w, 0);
		frame_put_text(fake->w, "");
		assert_true(channel_send(runner->channel, fake->w, NULL));
		size_t before = fake_count(web, MESSAGE_STATUS);
		fake_wait(fake, fake_count(web, MESSAGE_STATUS) > before + 1);
		assert_false(runner->closed);
	}
}

#define HERE(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HERE(samples_go_the_whole_way),
		HERE(everything_is_there_again_after_a_kill),
		HERE(instants_outside_the_gate_do_not_count),
		HERE(a_web_role_that_comes_back_gets_everything_again),
		HERE(too_many_new_series_are_left_out),
		HERE(a_collector_that_breaks_the_rules_is_dropped_alone),
		HERE(an_rrd_role_cannot_use_up_the_sequences),
		HERE(the_runner_is_kept_and_may_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
