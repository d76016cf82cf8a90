#include "collector/collectord.h"
#include "model/declare.h"
#include "model/message.h"
#include "model/source_state.h"
#include "tests/support/role.h"
#include "tests/support/test.h"

/* The real role in a process of its own; the test is supervisor and engine at once. */
struct fixture {
	struct test_role role;
	struct declare_reader reader;
	struct loop_timer *limit;
	unsigned declared, fields, samples, rounds, until;
	int64_t at_ms;
	uint32_t cpus, step_s;
	char group[64], host[64];
	const char *awaited; /* id of a source; NULL: none */
	int64_t found_ms;    /* of it, 0: not said yet */
	char where[64];
};

static void timed_out(void *owner)
{
	(void)owner;
	fail_msg("the round did not come");
}

static void on_declaration(struct fixture *f, const struct frame *frame)
{
	struct service *complete;
	struct error err;
	assert_true(declare_read(&f->reader, frame, &complete, &err));
	if (complete) {
		f->declared++;
		f->fields += (unsigned)service_field_count(complete);
		service_destroy(complete);
	}
}

static void on_samples(struct fixture *f, const struct frame *frame)
{
	struct frame_reader r = frame_read(frame);
	while (frame_left(&r)) {
		frame_get_u32(&r);
		f->at_ms = frame_get_i64(&r);
		unsigned n = frame_get_u16(&r);
		frame_get_bytes(&r, (size_t)n * 10);
		f->samples += n;
	}
	assert_true(frame_read_done(&r));
}

static void on_seen(struct fixture *f, const struct frame *frame)
{
	char error[64];
	struct frame_reader r = frame_read(frame);
	assert_int_equal(frame_get_i64(&r), f->at_ms);
	assert_int_equal(frame_get_u8(&r), 1);
	frame_get_u32(&r);
	f->step_s = frame_get_u32(&r);
	f->cpus = frame_get_u32(&r);
	frame_get_text_into(&r, f->group, sizeof(f->group));
	frame_get_text_into(&r, f->host, sizeof(f->host));
	frame_get_text_into(&r, error, sizeof(error));
	assert_true(frame_read_done(&r));
	assert_string_equal(error, "");
	if (++f->rounds == f->until) {
		loop_stop(f->role.loop);
	}
}

/* More of them in tests/collector/test_poller.c. */
static void on_source(struct fixture *f, const struct frame *frame)
{
	struct source_state state;
	assert_true(source_state_read(&state, frame, NULL));
	if (f->awaited && !strcmp(state.id, f->awaited)) {
		f->found_ms = state.found.ms;
		snprintf(f->where, sizeof(f->where), "%s", state.where);
		loop_stop(f->role.loop);
	}
	source_state_finish(&state);
}

static void on_frame(void *owner, const struct frame *frame, int fd)
{
	assert_int_equal(fd, -1);
	switch (frame->type) {
	case MESSAGE_SERVICE:
	case MESSAGE_FIELDS: on_declaration(owner, frame); break;
	case MESSAGE_SAMPLES: on_samples(owner, frame); break;
	case MESSAGE_SOURCE: on_source(owner, frame); break;
	case MESSAGE_SOURCE_GONE: break; /* tests/collector/test_poller.c */
	default: assert_int_equal(frame->type, MESSAGE_HOST_SEEN); on_seen(owner, frame);
	}
}

static void on_closed(void *owner UNUSED, const struct error *why)
{
	fail_msg("the role closed its channel: %s", why->text);
}

static const struct channel_handlers handlers = {.frame = on_frame, .closed = on_closed};

static void begin(struct fixture *f, const char *config)
{
	*f = (struct fixture){.until = 0};
	test_role_start(&f->role, collector_role_main, ROLE_COLLECTOR, config);
	f->limit = loop_timer_create(f->role.loop, timed_out, f);
	test_role_join(&f->role, ROLE_ENGINE, &handlers, f);
}

static void hear(struct fixture *f, unsigned rounds)
{
	f->declared = f->fields = f->samples = f->rounds = 0;
	f->until = rounds;
	loop_timer_after(f->limit, 20000);
	loop_run(f->role.loop);
	loop_timer_stop(f->limit);
}

static void finish(struct fixture *f)
{
	loop_timer_destroy(f->limit);
	declare_reader_finish(&f->reader);
	assert_int_equal(test_role_end(&f->role), 0);
}

static void the_first_round_is_whole_and_the_next_ones_follow(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, "host \"www.example.com\"\ninterval 1s\ndiscover no\n");
	hear(&f, 1);
	assert_true(f.declared >= 25);
	assert_int_equal(f.samples, f.fields); /* everything declared has a sample in the first round */
	assert_int_equal(f.step_s, 1);
	assert_true(f.cpus >= 1);
	assert_string_equal(f.host, "www.example.com");
	assert_string_equal(f.group, "example.com");
	int64_t first_ms = f.at_ms;
	hear(&f, 2);
	assert_true(f.samples > 100);
	assert_true(f.at_ms > first_ms);
	finish(&f);
}

static void a_new_engine_is_told_everything_again(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, "interval 300s\ndiscover no\n"); /* one round, and then nothing for a while */
	hear(&f, 1);
	unsigned declared = f.declared;
	unsigned samples = f.samples;
	int64_t first_ms = f.at_ms;
	declare_reader_finish(&f.reader);
	test_role_join(&f.role, ROLE_ENGINE, &handlers, &f);
	hear(&f, 1);
	assert_int_equal(f.declared, declared);
	assert_int_equal(f.samples, samples);
	assert_int_equal(f.at_ms, first_ms); /* with its own time */
	finish(&f);
}

static void a_new_interval_is_in_force_at_once(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, "interval 300s\ndiscover no\n");
	hear(&f, 1);
	test_role_apply(&f.role, "host \"db1\"\ngroup \"a/b\"\ninterval 2s\ndiscover no\n");
	hear(&f, 2);
	assert_int_equal(f.step_s, 2);
	assert_true(f.declared >= 25);
	assert_string_equal(f.host, "db1");
	assert_string_equal(f.group, "a/b");
	finish(&f);
}

/* What an engine remembers of this machine, and of another. */
static void say_known(struct fixture *f, struct wall found)
{
	static const char *const cases[][3] = {{"www.example.com", "nginx_1", "127.0.0.1:1"},
		{"db.example.com", "nginx_2", "127.0.0.1:2"}, {"www.example.com", "redis", "127.0.0.1:3"}};
	source_known_begin(f->role.writer);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct source_state known = {.host = (char *)cases[i][0],
			.name = (char *)cases[i][1],
			.where = (char *)cases[i][2],
			.found = found};
		assert_true(source_known_put(f->role.writer, &known));
	}
	assert_true(channel_send(f->role.peer, f->role.writer, NULL));
}

static void await(struct fixture *f, const char *id)
{
	f->awaited = id;
	f->found_ms = 0;
	loop_timer_after(f->limit, 20000);
	loop_run(f->role.loop);
	loop_timer_stop(f->limit);
	f->awaited = NULL;
}

static void services_found_before_are_asked_again(void **state)
{
	(void)state;
	struct fixture f;
	struct wall found = {wall_now().ms - 60000};
	begin(&f, "host \"www.example.com\"\nhost \"www.example.com\" {\n"
			  "service redis { address \"127.0.0.1:4\" }\n}\n");
	say_known(&f, found);
	await(&f, "www.example.com/service/nginx_1");
	assert_string_equal(f.where, "127.0.0.1:1");
	assert_in_range(f.found_ms, found.ms - 1000, found.ms + 1000);
	/* what is written counts, not what was found; found a second time it is not doubled */
	test_role_join(&f.role, ROLE_ENGINE, &handlers, &f);
	say_known(&f, wall_now());
	await(&f, "www.example.com/service/redis");
	assert_string_equal(f.where, "127.0.0.1:4");
	assert_int_equal(f.found_ms, 0);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_round_is_whole_and_the_next_ones_follow),
		cmocka_unit_test(a_new_engine_is_told_everything_again),
		cmocka_unit_test(a_new_interval_is_in_force_at_once),
		cmocka_unit_test(services_found_before_are_asked_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
