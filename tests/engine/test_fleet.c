#include "engine/engine.h"
#include "engine/reload.h"

#include "tests/engine/fake.h"

/* Sources and hosts from the collector's frame to the web role's, over restarts. */
static int64_t now_s(void)
{
	return wall_s(wall_now());
}

static const struct field *field_of(struct fake *fake, const char *name)
{
	return catalog_find(fake->engine->catalog, name);
}

static bool has_value(struct fake *fake, const char *name, double value)
{
	struct sample sample = {.value = NAN};
	const struct field *field = field_of(fake, name);
	return field && window_last(fake->engine->window, field->series_id, &sample) &&
		   sample.value == value;
}

static void say_source(struct fake *fake, const char *id, enum source_condition condition)
{
	struct source_state state = {.id = (char *)id,
		.group = (char *)"example.com",
		.host = (char *)"web1",
		.kind = (char *)"munin",
		.name = (char *)"munin",
		.where = (char *)"web1:4949",
		.state = (uint8_t)condition,
		.since = wall_now(),
		.next = {wall_now().ms + 60000},
		.step_s = 60,
		.error = (char *)(condition == SOURCE_FAILING ? "connect: refused" : "")};
	source_state_put(fake->w, &state);
	assert_true(channel_send(fake->peers[ROLE_COLLECTOR].channel, fake->w, NULL));
}

/* The latest SOURCE frame of that id the web role got; its state, or -1. */
static int shown(struct fake_peer *web, const char *id)
{
	int found = -1;
	for (size_t i = 0; i < web->frames->len; i++) {
		const GByteArray *bytes = web->frames->pdata[i];
		struct frame frame = {.type = MESSAGE_SOURCE,
			.version = 1,
			.length = bytes->len - 2,
			.payload = bytes->data + 2};
		struct source_state state;
		if (fake_type(web, i) == MESSAGE_SOURCE && source_state_read(&state, &frame, NULL)) {
			found = strcmp(state.id, id) ? found : state.state;
			source_state_finish(&state);
		}
	}
	return found;
}

static size_t events(struct fake_peer *web, const char *kind)
{
	size_t count = 0;
	for (size_t i = 0; i < web->frames->len; i++) {
		if (fake_type(web, i) == MESSAGE_EVENT) {
			struct frame_reader r = fake_reader(web, i);
			(void)frame_get_i64(&r);
			g_autofree char *text = frame_get_text(&r);
			count += !strcmp(text, kind);
		}
	}
	return count;
}

static void a_source_goes_the_whole_way(void **state)
{
	struct fake *fake = *state;
	struct fake_peer *web = fake_join(fake, ROLE_WEB);
	struct fake_peer *collector = fake_join(fake, ROLE_COLLECTOR);
	fake_wait(fake, fake_count(web, MESSAGE_SYNC) == 2);
	say_source(fake, "web1/munin/munin", SOURCE_OK);
	fake_wait(fake, shown(web, "web1/munin/munin") == SOURCE_OK);
	for (int i = 0; i < 100; i++) {
		say_source(fake, "web1/munin/munin", SOURCE_FAILING);
	}
	fake_wait(fake, shown(web, "web1/munin/munin") == SOURCE_FAILING);
	assert_int_equal(events(web, "source.failing"), 1);
	assert_in_range(fake_count(web, MESSAGE_SOURCE), 2, 5); /* once a second at most */
	say_source(fake, "web1/munin/munin", SOURCE_OK);
	fake_wait(fake, events(web, "source.ok") == 1);
	source_gone_put(fake->w, "web1/munin/munin");
	assert_true(channel_send(collector->channel, fake->w, NULL));
	fake_wait(fake, fake_count(web, MESSAGE_SOURCE_GONE) == 1);
}

static void a_web_role_that_comes_back_gets_all_sources(void **state)
{
	struct fake *fake = *state;
	fake_join(fake, ROLE_COLLECTOR);
	say_source(fake, "web1/munin/munin", SOURCE_OK);
	say_source(fake, "web1/check/site", SOURCE_COMPLAINING);
	fake_wait(fake, sources_count(fake->engine->sources) == 2);
	struct fake_peer *web = fake_join(fake, ROLE_WEB);
	fake_wait(fake, fake_count(web, MESSAGE_SYNC) == 2);
	assert_int_equal(shown(web, "web1/munin/munin"), SOURCE_OK);
	assert_int_equal(shown(web, "web1/check/site"), SOURCE_COMPLAINING);
}

static void without_its_collector_a_source_is_stale(void **state)
{
	struct fake *fake = *state;
	struct fake_peer *web = fake_join(fake, ROLE_WEB);
	fake_join(fake, ROLE_COLLECTOR);
	say_source(fake, "web1/munin/munin", SOURCE_OK);
	fake_wait(fake, shown(web, "web1/munin/munin") == SOURCE_OK);
	fake_leave(fake, ROLE_COLLECTOR);
	fake_wait(fake, shown(web, "web1/munin/munin") == SOURCE_STALE);
	fake_join(fake, ROLE_COLLECTOR);
	say_source(fake, "web1/munin/munin", SOURCE_OK);
	fake_wait(fake, shown(web, "web1/munin/munin") == SOURCE_OK);
}

static void a_source_that_is_not_as_promised_ends_its_collector(void **state)
{
	struct fake *fake = *state;
	struct fake_peer *collector = fake_join(fake, ROLE_COLLECTOR);
	message_start(fake->w, MESSAGE_SOURCE);
	for (int i = 0; i < 60; i++) {
		frame_put_u16(fake->w, 0xffff);
	}
	assert_true(channel_send(collector->channel, fake->w, NULL));
	fake_wait(fake, collector->closed);
}

static void sources_and_spans_outlive_a_clean_stop(void **state)
{
	struct fake *fake = *state;
	fake_join(fake, ROLE_COLLECTOR);
	fake_declare(fake, "web1", "cpu", 2, 7);
	int64_t t_ms = now_s() * 1000;
	fake_sample(fake, 7, 2, t_ms, 5);
	say_source(fake, "web1/munin/munin", SOURCE_FAILING);
	fake_wait(fake, has_value(fake, "web1:cpu:f1", 5));
	fake_wait(fake, sources_count(fake->engine->sources) == 1);
	uint32_t id = field_of(fake, "web1:cpu:f1")->series_id;
	struct seen_span before = seen_of(fake->engine->seen, id);
	assert_in_range(before.first_s, now_s() - 30, now_s());
	assert_int_equal(before.last_s, t_ms / 1000);
	fake_restart(fake, true);
	struct seen_span after = seen_of(fake->engine->seen, id);
	assert_int_equal(after.first_s, before.first_s);
	assert_int_equal(after.last_s, before.last_s);
	struct fake_peer *web = fake_join(fake, ROLE_WEB);
	fake_wait(fake, fake_count(web, MESSAGE_SYNC) == 2);
	assert_int_equal(shown(web, "web1/munin/munin"), SOURCE_STALE);
	assert_true(fake_count(web, MESSAGE_SEEN) > 0);
}

/* Within a second of its first sample; what came after is taken from the journal. */
static void spans_outlive_a_kill(void **state)
{
	struct fake *fake = *state;
	fake_join(fake, ROLE_COLLECTOR);
	fake_declare(fake, "web1", "cpu", 1, 7);
	int64_t t_ms = now_s() * 1000;
	fake_sample(fake, 7, 1, t_ms - 20000, 4);
	fake_wait(fake, has_value(fake, "web1:cpu:f0", 4));
	uint32_t id = field_of(fake, "web1:cpu:f0")->series_id;
	uint32_t first_s = seen_of(fake->engine->seen, id).first_s;
	fake_wait(fake, !g_hash_table_size(fake->engine->fleet.unsaved));
	uint64_t generation = keeper_generation(fake->engine->keeper);
	keeper_hurry(fake->engine->keeper);
	fake_wait(fake, keeper_stored(fake->engine->keeper) >= generation);
	fake_sample(fake, 7, 1, t_ms - 10000, 5);
	fake_wait(fake, has_value(fake, "web1:cpu:f0", 5));
	fake_restart(fake, false);
	struct seen_span span = seen_of(fake->engine->seen, id);
	assert_int_equal(span.first_s, first_s);
	assert_int_equal(span.last_s, t_ms / 1000 - 10);
}

static void a_fleet_that_changes_at_once_is_told_in_few_words(void **state)
{
	struct fake *fake = *state;
	struct fake_peer *web = fake_join(fake, ROLE_WEB);
	fake_join(fake, ROLE_COLLECTOR);
	for (int i = 0; i < 500; i++) {
		char id[64];
		snprintf(id, sizeof(id), "web1/check/c%d", i);
		say_source(fake, id, SOURCE_FAILING);
	}
	fake_wait(fake, sources_count(fake->engine->sources) == 500);
	fake_wait(fake, shown(web, "web1/check/c499") == SOURCE_FAILING);
	assert_in_range(events(web, "source.failing"), FLEET_EVENTS_PER_MINUTE,
		2 * FLEET_EVENTS_PER_MINUTE); /* a minute may have passed */
}

static void propose(struct fake *fake, const char *conf)
{
	static const char rules[] = "rule too_much { value demo:*; warn > 50 }\n";
	AUTO(bundle) bundle = bundle_create();
	g_autofree char *report = NULL;
	bundle_add(bundle, CONFIG_MAIN_FILE, conf, strlen(conf));
	bundle_add(bundle, "a.magpie", rules, strlen(rules));
	if (!reload_propose(fake->engine, bundle, &report)) {
		fail_msg("%s", report);
	}
}

/* Sanitizers keep what was freed: there memory says nothing. */
#if defined(__has_feature)
#define MEMORY_TELLS !(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_TELLS false
#else
#define MEMORY_TELLS true
#endif

static double resident_mb(void)
{
	double pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*f %lf", &pages), 1);
	fclose(file);
	return pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static void a_spool_of_a_million_lines_raises_nothing_and_stays_small(void **state)
{
	/* hostile 32 */
	enum { FIELDS = 1000, ROUNDS = 1000, STEP_S = 600, AT_ONCE = 50 };
	struct fake *fake = *state;
	propose(fake, "default_rules no\n");
	struct fake_peer *web = fake_join(fake, ROLE_WEB);
	fake_join(fake, ROLE_COLLECTOR);
	fake_declare(fake, "web1", "demo", FIELDS, 1);
	int64_t t_s = now_s() - 3600 - (int64_t)ROUNDS * STEP_S;
	double before = 0;
	for (int round = 1; round <= ROUNDS; round++) {
		fake_sample(fake, 1, FIELDS, (t_s + (int64_t)round * STEP_S) * 1000, 1000 + round);
		if (round % AT_ONCE == 0) {
			fake_wait(fake, has_value(fake, "web1:demo:f999", 1000 + round));
			fake_clear(web);
		}
		before = round == ROUNDS / 2 ? resident_mb() : before;
	}
	assert_int_equal(intake_counts(fake->engine->intake).late, FIELDS * ROUNDS);
	assert_true(!MEMORY_TELLS || resident_mb() - before < 30);
	assert_true(window_bytes(fake->engine->window) < 2 << 20);
	fake_wait(fake, fake_count(web, MESSAGE_STATUS) > 1);
	assert_int_equal(fake_count(web, MESSAGE_ALERT), 0);
	fake_sample(fake, 1, 1, now_s() * 1000, 99);
	fake_wait(fake, fake_count(web, MESSAGE_ALERT) == 1);
}

/* The last word on the first alert: shown, gone, or nothing yet. */
static unsigned last_word(const struct fake_peer *web)
{
	unsigned word = 0;
	for (size_t i = 0; i < web->frames->len; i++) {
		uint16_t type = fake_type(web, i);
		word = type == MESSAGE_ALERT || type == MESSAGE_ALERT_GONE ? type : word;
	}
	return word;
}

static void a_host_that_leaves_the_configuration_ends_its_problems(void **state)
{
	struct fake *fake = *state;
	propose(fake, "default_rules no\nhost \"web1\" { munin \"127.0.0.1\" }\n");
	struct fake_peer *web = fake_join(fake, ROLE_WEB);
	fake_join(fake, ROLE_COLLECTOR);
	fake_declare(fake, "web1", "demo", 1, 1);
	fake_sample(fake, 1, 1, now_s() * 1000 - 20000, 99);
	fake_wait(fake, last_word(web) == MESSAGE_ALERT);
	assert_true(fleet_is_watched(fake->engine, "web1"));
	propose(fake, "default_rules no\n");
	fake_wait(fake, last_word(web) == MESSAGE_ALERT_GONE);
	assert_non_null(catalog_host(fake->engine->catalog, "web1"));
	propose(fake, "default_rules no\nhost \"web1\" { munin \"127.0.0.1\" }\n");
	fake_sample(fake, 1, 1, now_s() * 1000 + 5000, 99);
	fake_wait(fake, last_word(web) == MESSAGE_ALERT);
}

static void a_service_whose_source_went_ends_its_problems(void **state)
{
	struct fake *fake = *state;
	propose(fake, "default_rules no\nhost \"web1\" { munin \"127.0.0.1\" }\n");
	struct fake_peer *web = fake_join(fake, ROLE_WEB);
	struct fake_peer *collector = fake_join(fake, ROLE_COLLECTOR);
	say_source(fake, "web1/check/demo", SOURCE_OK);
	fake_declare(fake, "web1", "demo", 1, 1);
	fake_sample(fake, 1, 1, now_s() * 1000, 99);
	fake_wait(fake, last_word(web) == MESSAGE_ALERT);
	fake_declare(fake, "web1", "demo", 0, 1);
	source_gone_put(fake->w, "web1/check/demo");
	assert_true(channel_send(collector->channel, fake->w, NULL));
	fake_wait(fake, last_word(web) == MESSAGE_ALERT_GONE);
}

#define HERE(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)

static void say_found(struct fake *fake, const char *id, const char *where, struct wall found)
{
	struct source_state state = {.id = (char *)id,
		.group = (char *)"example.com",
		.host = (char *)"web1",
		.kind = (char *)"service",
		.name = strrchr(id, '/') + 1,
		.where = (char *)where,
		.state = SOURCE_OK,
		.step_s = 10,
		.found = found};
	source_state_put(fake->w, &state);
	assert_true(channel_send(fake->peers[ROLE_COLLECTOR].channel, fake->w, NULL));
}

/* What a collector that joined was told first; the caller's. */
static GPtrArray *known_of(struct fake *fake, struct fake_peer *collector)
{
	fake_wait(fake, fake_count(collector, MESSAGE_KNOWN_SOURCES) == 1);
	const GByteArray *bytes = collector->frames->pdata[0];
	struct frame frame = {.type = MESSAGE_KNOWN_SOURCES,
		.version = 1,
		.length = bytes->len - 2,
		.payload = bytes->data + 2};
	assert_int_equal(fake_type(collector, 0), MESSAGE_KNOWN_SOURCES);
	GPtrArray *known = source_known_read(&frame, NULL);
	assert_non_null(known);
	return known;
}

static void assert_knows_nginx(struct fake *fake, struct fake_peer *collector, struct wall found)
{
	g_autoptr(GPtrArray) known = known_of(fake, collector);
	assert_int_equal(known->len, 1);
	const struct source_state *nginx = known->pdata[0];
	assert_string_equal(nginx->host, "web1");
	assert_string_equal(nginx->name, "nginx");
	assert_string_equal(nginx->where, "127.0.0.1:80");
	assert_int_equal(nginx->found.ms, found.ms);
}

/* Neither what was written in the configuration nor other kinds of sources. */
static void a_collector_is_told_first_which_services_were_found_before_it(void **state)
{
	struct fake *fake = *state;
	struct wall found = {wall_now().ms - 5000};
	struct fake_peer *collector = fake_join(fake, ROLE_COLLECTOR);
	g_autoptr(GPtrArray) none = known_of(fake, collector);
	assert_int_equal(none->len, 0);
	say_found(fake, "web1/service/nginx", "127.0.0.1:80", found);
	say_found(fake, "web1/service/redis", "127.0.0.1:6379", (struct wall){0});
	say_source(fake, "web1/munin/munin", SOURCE_OK);
	fake_wait(fake, sources_count(fake->engine->sources) == 3);
	fake_leave(fake, ROLE_COLLECTOR); /* the collector alone was killed */
	assert_knows_nginx(fake, fake_join(fake, ROLE_COLLECTOR), found);
	fake_restart(fake, true);
	assert_knows_nginx(fake, fake_join(fake, ROLE_COLLECTOR), found);
}

static void what_is_not_watched_any_more_is_not_told_to_a_new_collector(void **state)
{
	struct fake *fake = *state;
	struct fake_peer *collector = fake_join(fake, ROLE_COLLECTOR);
	say_found(fake, "web1/service/nginx", "127.0.0.1:80", wall_now());
	source_gone_put(fake->w, "web1/service/nginx");
	assert_true(channel_send(collector->channel, fake->w, NULL));
	say_source(fake, "web1/munin/munin", SOURCE_OK);
	fake_wait(fake, sources_write(fake->engine->sources, "web1/munin/munin", wall_now(), fake->w));
	fake_leave(fake, ROLE_COLLECTOR);
	g_autoptr(GPtrArray) known = known_of(fake, fake_join(fake, ROLE_COLLECTOR));
	assert_int_equal(known->len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HERE(a_source_goes_the_whole_way),
		HERE(a_web_role_that_comes_back_gets_all_sources),
		HERE(without_its_collector_a_source_is_stale),
		HERE(a_source_that_is_not_as_promised_ends_its_collector),
		HERE(sources_and_spans_outlive_a_clean_stop),
		HERE(a_collector_is_told_first_which_services_were_found_before_it),
		HERE(what_is_not_watched_any_more_is_not_told_to_a_new_collector),
		HERE(spans_outlive_a_kill),
		HERE(a_fleet_that_changes_at_once_is_told_in_few_words),
		HERE(a_spool_of_a_million_lines_raises_nothing_and_stays_small),
		HERE(a_host_that_leaves_the_configuration_ends_its_problems),
		HERE(a_service_whose_source_went_ends_its_problems),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
