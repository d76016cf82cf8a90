#include "engine/feed.h"

#include "tests/support/test.h"

#include "base/frame.h"
#include "model/message.h"

#include <sys/socket.h>

/* Three writers, which this test plays through raw sockets. */
enum { WRITERS = 3, RECORDS = 20, TURN_MS = 20, WAIT_MS = 5000 };

struct place {
	char *directory;
	struct loop *loop;
	struct catalog *catalog;
	struct journal *journal;
	struct feed *feed;
	int fd[WRITERS];
	unsigned events;
	struct frame_writer w;
	unsigned char packet[FRAME_MAX];
};

static void on_event(void *owner, const char *kind, const char *object, const char *text)
{
	((struct place *)owner)->events++;
}

static void stop(void *owner)
{
	loop_stop(((struct place *)owner)->loop);
}

static void turn(struct place *p)
{
	struct loop_timer *timer = loop_timer_create(p->loop, stop, p);
	loop_timer_after(timer, TURN_MS);
	loop_run(p->loop);
	loop_timer_destroy(timer);
}

static int setup(void **state)
{
	static const struct feed_handlers handlers = {.event = on_event};
	struct place *p = g_new0(struct place, 1);
	p->directory = test_directory();
	p->loop = loop_create();
	p->catalog = catalog_create();
	struct journal_options options = {
		.directory = p->directory, .segment_bytes = JOURNAL_SEGMENT_LEAST};
	p->journal = journal_open(&options, NULL);
	assert_non_null(p->journal);
	struct feed_parts parts = {p->loop, p->catalog, p->journal};
	p->feed = feed_create(&parts, &handlers, p);
	unsigned char payload[ENTRY_TICK_LENGTH];
	for (int i = 0; i < RECORDS; i++) {
		uint64_t sequence;
		entry_tick_write(payload, wall_from_s(1700000000 + i));
		assert_true(
			journal_append(p->journal, ENTRY_TICK, payload, sizeof(payload), &sequence, NULL));
	}
	assert_true(journal_sync(p->journal, NULL));
	for (unsigned i = 0; i < WRITERS; i++) {
		p->fd[i] = -1;
	}
	*state = p;
	return 0;
}

static void disconnect(struct place *p, unsigned writer)
{
	if (p->fd[writer] >= 0) {
		close(p->fd[writer]);
		p->fd[writer] = -1;
	}
}

static int teardown(void **state)
{
	struct place *p = *state;
	feed_destroy(p->feed);
	for (unsigned i = 0; i < WRITERS; i++) {
		disconnect(p, i);
	}
	journal_close(p->journal);
	catalog_destroy(p->catalog);
	loop_destroy(p->loop);
	test_directory_remove(p->directory);
	g_free(p);
	return 0;
}

static void say(struct place *p, unsigned writer, enum message_type type, uint64_t sequence)
{
	message_start(&p->w, type);
	frame_put_u64(&p->w, sequence);
	frame_finish(&p->w);
	assert_true(send(p->fd[writer], p->w.packet, p->w.length, MSG_NOSIGNAL) > 0);
	turn(p);
}

static void connect_writer(struct place *p, unsigned writer, uint64_t sequence)
{
	int pair[2];
	disconnect(p, writer);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	p->fd[writer] = pair[0];
	feed_peer(p->feed, writer, pair[1]);
	say(p, writer, MESSAGE_RRD_READY, sequence);
}

/* First and last sequence that came; how many. */
static unsigned received(struct place *p, unsigned writer, uint64_t *first, uint64_t *last)
{
	unsigned count = 0;
	for (;;) {
		struct frame frame;
		const char *why;
		ssize_t n = recv(p->fd[writer], p->packet, sizeof(p->packet), MSG_DONTWAIT);
		if (n <= 0) {
			return count;
		}
		assert_true(frame_decode(
			&message_table, ROLE_ENGINE, ROLE_RRD, p->packet, (size_t)n, &frame, &why));
		if (frame.type == MESSAGE_RRD_FEED) {
			struct frame_reader r = frame_read(&frame);
			*last = frame_get_u64(&r);
			*first = count++ ? *first : *last;
		}
	}
}

static void each_writer_is_fed_from_where_it_stands(void **state)
{
	struct place *p = *state;
	static const uint64_t stands[WRITERS] = {0, 7, RECORDS};
	feed_expect(p->feed, WRITERS);
	for (unsigned i = 0; i < WRITERS; i++) {
		uint64_t first = 0;
		uint64_t last = 0;
		connect_writer(p, i, stands[i]);
		assert_int_equal(received(p, i, &first, &last), RECORDS - stands[i]);
		assert_int_equal(first, stands[i] == RECORDS ? 0 : stands[i] + 1);
		assert_int_equal(last, stands[i] == RECORDS ? 0 : RECORDS);
	}
	assert_true(feed_is_done(p->feed));
	assert_int_equal(p->events, 0);
}

/* Whatever one of them has not safely must stay in the journal. */
static void the_journal_is_kept_for_the_last_of_them(void **state)
{
	struct place *p = *state;
	feed_expect(p->feed, WRITERS);
	assert_int_equal(feed_checkpoint(p->feed), 0);
	connect_writer(p, 0, 15);
	connect_writer(p, 1, 12);
	assert_int_equal(feed_checkpoint(p->feed), 0); /* the third was not heard of */
	connect_writer(p, 2, 5);
	assert_int_equal(feed_checkpoint(p->feed), 5);
	say(p, 2, MESSAGE_RRD_CHECKPOINT, 18);
	assert_int_equal(feed_checkpoint(p->feed), 12);
	/* one that is away goes on holding it back */
	disconnect(p, 1);
	turn(p);
	say(p, 0, MESSAGE_RRD_CHECKPOINT, RECORDS);
	assert_int_equal(feed_checkpoint(p->feed), 12);
	/* it cannot have what it was not given */
	connect_writer(p, 1, 12);
	say(p, 1, MESSAGE_RRD_CHECKPOINT, RECORDS + 100);
	assert_int_equal(feed_checkpoint(p->feed), 18);
	assert_int_equal(feed_roles(p->feed), WRITERS);
}

static void figures_are_told_for_each_and_for_all(void **state)
{
	struct place *p = *state;
	struct feed_counts counts;
	feed_expect(p->feed, 2);
	connect_writer(p, 0, 1);
	connect_writer(p, 1, 1);
	for (unsigned i = 0; i < 2; i++) {
		message_start(&p->w, MESSAGE_RRD_APPLIED);
		frame_put_u64(&p->w, 10 + i);
		frame_put_u64(&p->w, 100 + i);
		frame_put_u64(&p->w, 20 + i);
		frame_put_u64(&p->w, i);
		frame_finish(&p->w);
		assert_true(send(p->fd[i], p->w.packet, p->w.length, MSG_NOSIGNAL) > 0);
	}
	turn(p);
	counts = feed_counts(p->feed);
	assert_int_equal(counts.peers, 2);
	assert_int_equal(counts.applied, 10);
	assert_int_equal(counts.values, 201);
	assert_int_equal(counts.touched, 41);
	assert_int_equal(counts.failures, 1);
	disconnect(p, 1);
	turn(p);
	assert_true(feed_instance_counts(p->feed, 1, &counts));
	assert_int_equal(counts.peers, 0);
	assert_int_equal(counts.values, 101);
	assert_false(feed_instance_counts(p->feed, 2, &counts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_writer_is_fed_from_where_it_stands, setup, teardown),
		cmocka_unit_test_setup_teardown(the_journal_is_kept_for_the_last_of_them, setup, teardown),
		cmocka_unit_test_setup_teardown(figures_are_told_for_each_and_for_all, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
