#include "collector/outbox.h"
#include "model/declare.h"
#include "model/message.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/banned.h"

/*
 * The engine's end of the channel writes down what it is told, in the order in which it comes:
 * declarations as "D handle name(fields)", sections as "S handle t_ms n first-value", rounds as "H
 * t_ms".
 */
struct engine {
	struct loop *loop;
	struct channel *channel;
	struct declare_reader reader;
	GString *said;
	unsigned rounds, until;
};

static void engine_samples(struct engine *e, const struct frame *frame)
{
	struct frame_reader r = frame_read(frame);
	while (frame_left(&r)) {
		uint32_t handle = frame_get_u32(&r);
		int64_t t = frame_get_i64(&r);
		unsigned n = frame_get_u16(&r);
		double first = NAN;
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(frame_get_u16(&r), i);
			double v = frame_get_f64(&r);
			first = i ? first : v;
		}
		g_string_append_printf(e->said, "S %u %lld %u %g\n", handle, (long long)t, n, first);
	}
	assert_true(frame_read_done(&r));
}

static void engine_frame(void *owner, const struct frame *frame, int fd)
{
	struct engine *e = owner;
	struct error err;
	assert_int_equal(fd, -1);
	if (frame->type == MESSAGE_SERVICE || frame->type == MESSAGE_FIELDS) {
		struct service *complete;
		assert_true(declare_read(&e->reader, frame, &complete, &err));
		if (complete) {
			g_string_append_printf(e->said, "D %u %s(%zu)\n", complete->id, complete->name,
				service_field_count(complete));
			service_destroy(complete);
		}
	} else if (frame->type == MESSAGE_SAMPLES) {
		engine_samples(e, frame);
	} else {
		assert_int_equal(frame->type, MESSAGE_HOST_SEEN);
		struct frame_reader r = frame_read(frame);
		g_string_append_printf(e->said, "H %lld\n", (long long)frame_get_i64(&r));
		if (++e->rounds == e->until) {
			loop_stop(e->loop);
		}
	}
}

static void engine_closed(void *owner, const struct error *why)
{
	(void)owner;
	fail_msg("channel closed: %s", why->text);
}

static const struct channel_handlers engine_handlers = {engine_frame, engine_closed, NULL};

static void collector_frame(void *owner, const struct frame *frame, int fd)
{
	(void)owner;
	(void)frame;
	(void)fd;
	fail();
}

static void collector_closed(void *owner, const struct error *why)
{
	(void)owner;
	(void)why;
}

static void collector_drained(void *owner)
{
	(void)outbox_flush(owner);
}

struct fixture {
	struct engine engine;
	struct outbox *outbox;
	struct channel *channel; /* the collector's end */
	struct source source;
};

static void begin(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->engine.loop = loop_create();
	f->engine.said = g_string_new(NULL);
	f->outbox = outbox_create();
	source_init(&f->source, "example.com", "www.example.com", 10);
}

static void connect_engine(struct fixture *f, size_t queue_max)
{
	static const struct channel_handlers handlers = {
		collector_frame, collector_closed, collector_drained};
	int pair[2];
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	channel_destroy(f->channel);
	channel_destroy(f->engine.channel);
	f->channel = channel_create(f->engine.loop, &message_table, ROLE_COLLECTOR, ROLE_ENGINE,
		queue_max, &handlers, f->outbox, pair[0]);
	f->engine.channel = channel_create(f->engine.loop, &message_table, ROLE_ENGINE, ROLE_COLLECTOR,
		1 << 20, &engine_handlers, &f->engine, pair[1]);
	outbox_connect(f->outbox, f->channel);
}

static void disconnect(struct fixture *f)
{
	outbox_connect(f->outbox, NULL);
	channel_destroy(f->channel);
	channel_destroy(f->engine.channel);
	f->channel = NULL;
	f->engine.channel = NULL;
	declare_reader_finish(&f->engine.reader);
}

static void finish(struct fixture *f)
{
	disconnect(f);
	source_finish(&f->source);
	outbox_destroy(f->outbox);
	g_string_free(f->engine.said, TRUE);
	loop_destroy(f->engine.loop);
}

static struct feed *add(struct fixture *f, const char *name, unsigned fields)
{
	struct service *service = service_create(f->source.group, f->source.host, name, 10);
	for (unsigned i = 0; i < fields; i++) {
		char field[16];
		g_snprintf(field, sizeof(field), "f%u", i);
		service_add_field(service, field, field, FIELD_GAUGE);
	}
	return source_add(&f->source, NULL, service);
}

static void round_at(struct fixture *f, int64_t t_ms, double value)
{
	source_begin(&f->source);
	for (guint i = 0; i < f->source.feeds->len; i++) {
		struct feed *feed = f->source.feeds->pdata[i];
		for (size_t k = 0; k < feed_count(feed); k++) {
			feed->values[k] = value;
		}
		feed->fresh = true;
	}
	outbox_begin(f->outbox, (struct wall){t_ms});
	(void)outbox_put(f->outbox, &f->source, (struct wall){t_ms});
	outbox_end(f->outbox, &(struct outbox_seen){.at = {t_ms},
							  .up = true,
							  .step_s = 10,
							  .group = f->source.group,
							  .host = f->source.host});
	source_sweep(&f->source);
}

static void hear(struct fixture *f, unsigned rounds)
{
	f->engine.rounds = 0;
	f->engine.until = rounds;
	loop_run(f->engine.loop);
}

static void a_round_comes_after_its_declarations(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	add(&f, "cpu", 2);
	add(&f, "load", 1);
	connect_engine(&f, 1 << 20);
	round_at(&f, 10000, 1.5);
	round_at(&f, 20000, 2.5);
	assert_true(outbox_flush(f.outbox));
	hear(&f, 2);
	assert_string_equal(f.engine.said->str,
		"D 1 cpu(2)\nD 2 load(1)\nS 1 10000 2 1.5\nS 2 10000 1 1.5\nH 10000\n"
		"S 1 20000 2 2.5\nS 2 20000 1 2.5\nH 20000\n");
	assert_int_equal(outbox_state(f.outbox).rounds, 0);
	finish(&f);
}

static void rounds_wait_for_a_channel_and_keep_their_times(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	add(&f, "cpu", 1);
	round_at(&f, 10000, 1);
	round_at(&f, 20000, 2);
	assert_false(outbox_flush(f.outbox));
	assert_int_equal(outbox_state(f.outbox).rounds, 2);
	connect_engine(&f, 1 << 20);
	assert_true(outbox_flush(f.outbox));
	hear(&f, 2);
	assert_string_equal(
		f.engine.said->str, "D 1 cpu(1)\nS 1 10000 1 1\nH 10000\nS 1 20000 1 2\nH 20000\n");
	finish(&f);
}

static void a_new_channel_hears_declarations_and_late_rounds_again(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	add(&f, "cpu", 1);
	connect_engine(&f, 1 << 20);
	round_at(&f, 10000, 1);
	round_at(&f, 40000, 4);
	assert_true(outbox_flush(f.outbox));
	hear(&f, 2);
	disconnect(&f);
	g_string_truncate(f.engine.said, 0);
	round_at(&f, 50000, 5); /* 10000 is older than what is said again */
	connect_engine(&f, 1 << 20);
	assert_true(outbox_flush(f.outbox));
	hear(&f, 2);
	assert_string_equal(
		f.engine.said->str, "D 1 cpu(1)\nS 1 40000 1 4\nH 40000\nS 1 50000 1 5\nH 50000\n");
	finish(&f);
}

static void waiting_rounds_keep_the_fields_they_were_measured_with(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	struct feed *feed = add(&f, "df", 2);
	round_at(&f, 10000, 1);
	struct service *smaller = service_create(f.source.group, f.source.host, "df", 10);
	service_add_field(smaller, "f1", "f1", FIELD_GAUGE);
	source_redeclare(feed, smaller);
	round_at(&f, 20000, 2);
	source_end(feed);
	round_at(&f, 30000, 3);
	assert_int_equal(f.source.feeds->len, 0);
	connect_engine(&f, 1 << 20);
	assert_true(outbox_flush(f.outbox));
	hear(&f, 3);
	assert_string_equal(f.engine.said->str,
		"D 1 df(2)\nS 1 10000 2 1\nH 10000\nD 2 df(1)\nS 2 20000 1 2\nH 20000\n"
		"D 3 df(0)\nH 30000\n");
	finish(&f);
}

static void the_oldest_are_dropped_first(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	add(&f, "cpu", 1);
	for (int i = 0; i <= 70; i++) {
		round_at(&f, 10000 * i, i);
	}
	assert_int_equal(outbox_state(f.outbox).rounds, 61); /* ten minutes and the newest */
	assert_int_equal(outbox_state(f.outbox).dropped, 10);
	for (int i = 0; i < 2 * OUTBOX_ROUNDS_MAX; i++) {
		round_at(&f, 700001 + i, i);
	}
	assert_true(outbox_state(f.outbox).rounds <= OUTBOX_ROUNDS_MAX);
	assert_true(outbox_state(f.outbox).bytes <= OUTBOX_BYTES_MAX);
	finish(&f);
}

static void a_backlog_larger_than_the_queue_gets_through_whole(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	for (int i = 0; i < 40; i++) {
		char name[16];
		g_snprintf(name, sizeof(name), "s%d", i);
		add(&f, name, 400);
	}
	enum { ROUNDS = 30 };
	for (int i = 1; i <= ROUNDS; i++) {
		round_at(&f, 1000 * i, i);
	}
	connect_engine(&f, 2 << 20); /* a round has 162 kB, all of them nearly 5 MB */
	assert_false(outbox_flush(f.outbox));
	hear(&f, ROUNDS);
	unsigned sections = 0;
	for (const char *p = f.engine.said->str; (p = strstr(p, "S ")); p++) {
		sections++;
	}
	assert_in_range(sections, 40 * ROUNDS, 40 * (ROUNDS + 3)); /* a round cut short is said again */
	assert_int_equal(outbox_state(f.outbox).rounds, 0);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_round_comes_after_its_declarations),
		cmocka_unit_test(rounds_wait_for_a_channel_and_keep_their_times),
		cmocka_unit_test(a_new_channel_hears_declarations_and_late_rounds_again),
		cmocka_unit_test(waiting_rounds_keep_the_fields_they_were_measured_with),
		cmocka_unit_test(the_oldest_are_dropped_first),
		cmocka_unit_test(a_backlog_larger_than_the_queue_gets_through_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
