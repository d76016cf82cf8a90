#include "collector/poller.h"
#include "base/diag.h"
#include "model/declare.h"
#include "model/message.h"
#include "model/source_state.h"
#include "tests/support/test.h"

#include <netinet/in.h>
#include <sys/socket.h>

/*
 * A poller with real sources: this machine, and an exporter on a port where nobody listens. The
 * engine's end of the channel keeps what it is told until a condition holds.
 */
struct fixture {
	struct loop *loop;
	struct world world;
	struct outbox *outbox;
	struct poller *poller;
	struct channel *collector, *engine;
	struct loop_timer *limit;
	GHashTable *states; /* id -> condition as number + 1 */
	GHashTable *errors; /* id -> text */
	GHashTable *gone;   /* ids */
	GHashTable *up;     /* host -> up + 1 */
	unsigned sections, declared, emptied, said, downs;
	struct declare_reader reader;
	bool (*until)(struct fixture *f);
};

static void note_samples(struct fixture *f, const struct frame *frame)
{
	struct frame_reader r = frame_read(frame);
	while (frame_left(&r)) {
		(void)frame_get_u32(&r);
		assert_true(frame_get_i64(&r) > 0);
		for (unsigned n = frame_get_u16(&r); n > 0; n--) {
			(void)frame_get_u16(&r);
			(void)frame_get_f64(&r);
		}
		f->sections++;
	}
	assert_true(frame_read_done(&r));
}

static void note_seen(struct fixture *f, const struct frame *frame)
{
	struct frame_reader r = frame_read(frame);
	(void)frame_get_i64(&r);
	unsigned up = frame_get_u8(&r);
	for (int i = 0; i < 3; i++) {
		(void)frame_get_u32(&r);
	}
	g_free(frame_get_text(&r));
	f->downs += !up;
	g_hash_table_insert(f->up, frame_get_text(&r), GUINT_TO_POINTER(up + 1));
}

static void note_state(struct fixture *f, const struct frame *frame)
{
	struct source_state state;
	assert_true(source_state_read(&state, frame, NULL));
	f->said++;
	g_hash_table_insert(f->states, g_strdup(state.id), GUINT_TO_POINTER(state.state + 1U));
	g_hash_table_insert(f->errors, g_strdup(state.id), g_strdup(state.error));
	source_state_finish(&state);
}

static void engine_frame(void *owner, const struct frame *frame, int fd)
{
	struct fixture *f = owner;
	struct service *service = NULL;
	assert_int_equal(fd, -1);
	switch (frame->type) {
	case MESSAGE_SAMPLES: note_samples(f, frame); break;
	case MESSAGE_HOST_SEEN: note_seen(f, frame); break;
	case MESSAGE_SOURCE: note_state(f, frame); break;
	case MESSAGE_SOURCE_GONE: g_hash_table_add(f->gone, source_gone_read(frame, NULL)); break;
	default:
		assert_true(declare_read(&f->reader, frame, &service, NULL));
		f->declared += service != NULL;
		f->emptied += service && service_field_count(service) == 0;
		service_destroy(service);
	}
	if (f->until && f->until(f)) {
		loop_stop(f->loop);
	}
}

static void closed(void *owner UNUSED, const struct error *why)
{
	fail_msg("closed: %s", why->text);
}

static void collector_frame(void *owner UNUSED, const struct frame *frame UNUSED, int fd UNUSED)
{
	fail();
}

static void collector_drained(void *owner)
{
	poller_push(((struct fixture *)owner)->poller);
}

static void too_long(void *owner UNUSED)
{
	fail_msg("the condition did not come true");
}

static void run_until(struct fixture *f, bool (*until)(struct fixture *f))
{
	f->until = until;
	if (!until(f)) {
		loop_timer_after(f->limit, 20000);
		loop_run(f->loop);
		loop_timer_stop(f->limit);
	}
}

static void configure(struct fixture *f, const char *text)
{
	AUTO(bundle) bundle = bundle_create();
	AUTO(diag_list) diags = diag_list_create();
	bundle_add(bundle, CONFIG_MAIN_FILE, text, strlen(text));
	struct config *config = config_parse(bundle, diags);
	assert_non_null(config);
	poller_configure(f->poller, config);
}

static void connect_engine(struct fixture *f)
{
	static const struct channel_handlers to_engine = {collector_frame, closed, collector_drained};
	static const struct channel_handlers from_collector = {engine_frame, closed, NULL};
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	f->collector = channel_create(f->loop, &message_table, ROLE_COLLECTOR, ROLE_ENGINE,
		OUTBOX_QUEUE_BYTES, &to_engine, f, fds[0]);
	f->engine = channel_create(
		f->loop, &message_table, ROLE_ENGINE, ROLE_COLLECTOR, 1 << 20, &from_collector, f, fds[1]);
	poller_connect(f->poller, f->collector);
}

static void begin(struct fixture *f)
{
	*f = (struct fixture){.loop = loop_create()};
	f->world = (struct world){.loop = f->loop,
		.resolver = resolver_create(f->loop),
		.http = httpclient_create(f->loop),
		.claims = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
	f->outbox = outbox_create();
	f->poller = poller_create(&f->world, f->outbox);
	f->states = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	f->errors = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	f->gone = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	f->up = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	f->limit = loop_timer_create(f->loop, too_long, f);
}

static void end(struct fixture *f)
{
	loop_timer_destroy(f->limit);
	channel_destroy(f->collector);
	channel_destroy(f->engine);
	declare_reader_finish(&f->reader);
	poller_destroy(f->poller);
	outbox_destroy(f->outbox);
	httpclient_destroy(f->world.http);
	resolver_destroy(f->world.resolver);
	assert_int_equal(g_hash_table_size(f->world.claims), 0);
	g_hash_table_destroy(f->world.claims);
	g_hash_table_destroy(f->states);
	g_hash_table_destroy(f->errors);
	g_hash_table_destroy(f->gone);
	g_hash_table_destroy(f->up);
	loop_destroy(f->loop);
}

static bool is_state(struct fixture *f, const char *id, enum source_condition condition)
{
	return g_hash_table_lookup(f->states, id) == GUINT_TO_POINTER(condition + 1U);
}

static bool is_up(struct fixture *f, const char *host, unsigned up)
{
	return g_hash_table_lookup(f->up, host) == GUINT_TO_POINTER(up + 1);
}

#define DEAD "host dead { exporter e { interval 1s; url \"http://127.0.0.1:1/metrics\" } }\n"

static bool both_are_told(struct fixture *f)
{
	return is_state(f, "own/host/host", SOURCE_OK) && is_up(f, "own", 1) &&
		   is_state(f, "dead/exporter/e", SOURCE_FAILING) && is_up(f, "dead", 0) &&
		   f->sections > 10;
}

static void a_dead_source_is_told_and_disturbs_no_other(void **state UNUSED)
{
	struct fixture f;
	begin(&f);
	configure(&f, "host own; interval 1s\n" DEAD);
	connect_engine(&f);
	run_until(&f, both_are_told);
	assert_true(f.declared > 10);
	const char *error = g_hash_table_lookup(f.errors, "dead/exporter/e");
	if (!*error) {
		fail_msg("no reason is given");
	}
	end(&f);
}

static bool dead_is_gone(struct fixture *f)
{
	return g_hash_table_contains(f->gone, "dead/exporter/e");
}

static void what_is_watched_no_more_is_told_as_gone(void **state UNUSED)
{
	struct fixture f;
	begin(&f);
	configure(&f, "host own; interval 1s\n" DEAD);
	connect_engine(&f);
	run_until(&f, both_are_told);
	unsigned declared = f.declared;
	configure(&f, "host own; interval 1s\nlisten 127.0.0.1:9\n");
	run_until(&f, dead_is_gone);
	assert_false(g_hash_table_contains(f.gone, "own/host/host"));
	/* the one that stayed was not begun anew */
	assert_int_equal(f.declared, declared);
	assert_int_equal(f.emptied, 0);
	assert_int_equal(poller_state(f.poller).sources, 1);
	end(&f);
}

static bool all_but_one_answer(struct fixture *f)
{
	return is_state(f, "mixed/check/door", SOURCE_OK) && is_up(f, "mixed", 1) &&
		   is_state(f, "mixed/check/shut", SOURCE_FAILING);
}

/* More than two steps of the one that fails; the other one is not due again before. */
static bool six_more_rounds(struct fixture *f)
{
	return f->said >= 6;
}

static void what_fails_often_does_not_silence_a_host_that_answers_seldom(void **state UNUSED)
{
	struct fixture f;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	socklen_t length = sizeof(at);
	int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(door, (struct sockaddr *)&at, length), 0);
	assert_int_equal(listen(door, 16), 0);
	assert_int_equal(getsockname(door, (struct sockaddr *)&at, &length), 0);
	char text[400];
	snprintf(text, sizeof(text),
		"host own; interval 300s\nhost mixed {\n"
		"check door { interval 60s; tcp \"127.0.0.1:%u\" }\n"
		"check shut { interval 1s; tcp \"127.0.0.1:1\" } }\n",
		ntohs(at.sin_port));
	begin(&f);
	configure(&f, text);
	connect_engine(&f);
	run_until(&f, all_but_one_answer);
	f.said = 0;
	run_until(&f, six_more_rounds);
	assert_int_equal(f.downs, 0);
	assert_true(is_up(&f, "mixed", 1));
	end(&f);
	close(door);
}

static bool the_last_host_is_told(struct fixture *f)
{
	return dead_is_gone(f) && is_state(f, "h6/exporter/e", SOURCE_FAILING);
}

/* Each time another host comes or goes and a source has rounds under way. */
static void a_thousand_reloads_leave_alone_what_did_not_change(void **state UNUSED)
{
	struct fixture f;
	begin(&f);
	configure(&f, "host own; interval 1s\n" DEAD);
	connect_engine(&f);
	run_until(&f, both_are_told);
	unsigned declared = f.declared;
	for (int i = 0; i < 1000; i++) {
		char text[400];
		snprintf(text, sizeof(text),
			"host own; interval 1s\n" DEAD
			"host h%d { exporter e { interval 1s; url \"http://127.0.0.1:1/metrics\" } }\n",
			i % 7);
		configure(&f, text);
		assert_int_equal(poller_state(f.poller).sources, 3);
	}
	configure(&f, "host own; interval 1s\nhost h6 { exporter e { interval 1s; url "
				  "\"http://127.0.0.1:1/metrics\" } }\n");
	run_until(&f, the_last_host_is_told);
	assert_int_equal(f.declared, declared + f.emptied + 1); /* the dead one's end, the last one */
	assert_int_equal(poller_state(f.poller).sources, 2);
	assert_true(poller_state(f.poller).busy <= 2);
	end(&f);
}

static bool all_is_said(struct fixture *f)
{
	return is_state(f, "own/host/host", SOURCE_OK) && f->declared > 10 && f->sections > 10;
}

static void a_new_engine_is_told_everything_again(void **state UNUSED)
{
	struct fixture f;
	begin(&f);
	configure(&f, "host own; interval 1s\n");
	connect_engine(&f);
	run_until(&f, all_is_said);
	poller_connect(f.poller, NULL);
	channel_destroy(f.collector);
	channel_destroy(f.engine);
	g_hash_table_remove_all(f.states);
	f.declared = f.sections = 0;
	connect_engine(&f);
	run_until(&f, all_is_said);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dead_source_is_told_and_disturbs_no_other),
		cmocka_unit_test(what_is_watched_no_more_is_told_as_gone),
		cmocka_unit_test(a_new_engine_is_told_everything_again),
		cmocka_unit_test(what_fails_often_does_not_silence_a_host_that_answers_seldom),
		cmocka_unit_test(a_thousand_reloads_leave_alone_what_did_not_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
