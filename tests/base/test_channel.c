#include "base/auto.h"
#include "base/channel.h"
#include "tests/support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Two ends in one loop: `left` is role 0, `right` role 1. */
enum { LEFT, RIGHT, WORD = 20, NUMBER = 21, QUEUE = 1 << 20 };

static const struct frame_rule rules[] = {
	{WORD, 1, 0, FRAME_PAYLOAD_MAX, 3, 3, "WORD"},
	{NUMBER, 1, 4, 4, 1U << LEFT, 1U << RIGHT, "NUMBER"},
};
static const struct frame_table table = {rules, ARRAY_LENGTH(rules)};

struct end {
	struct fixture *f;
	struct channel *channel;
	unsigned frames, closed, drained;
	uint32_t last;
	struct error why;
	bool destroy_in_frame, destroy_in_closed, pause_in_frame;
	unsigned stop_after; /* frames; 0: never */
	int fd;              /* the last one received */
};

struct fixture {
	struct loop *loop;
	struct loop_timer *limit;
	int raw[2];
	struct end ends[2];
	struct frame_writer w;
};

static void on_frame(void *owner, const struct frame *frame, int fd)
{
	struct end *end = owner;
	end->frames++;
	if (fd >= 0) {
		if (end->fd >= 0) {
			close(end->fd);
		}
		end->fd = fd;
	}
	struct frame_reader r = frame_read(frame);
	uint32_t number = frame_get_u32(&r);
	assert_true(number > end->last); /* order is kept */
	end->last = number;
	if (end->stop_after == end->frames) {
		loop_stop(end->f->loop);
	}
	if (end->pause_in_frame) {
		channel_pause(end->channel, true);
	}
	if (end->destroy_in_frame) {
		channel_destroy(end->channel);
		end->channel = NULL;
		loop_stop(end->f->loop);
	}
}

static void on_closed(void *owner, const struct error *why)
{
	struct end *end = owner;
	end->closed++;
	end->why = *why;
	if (end->destroy_in_closed) {
		channel_destroy(end->channel);
		end->channel = NULL;
	}
	loop_stop(end->f->loop);
}

static void on_drained(void *owner)
{
	struct end *end = owner;
	end->drained++;
	loop_stop(end->f->loop);
}

static const struct channel_handlers handlers = {
	.frame = on_frame, .closed = on_closed, .drained = on_drained};

static void too_late(void *owner)
{
	struct fixture *f = owner;
	loop_stop(f->loop);
}

static void open_end(struct fixture *f, unsigned side)
{
	f->ends[side].channel = channel_create(
		f->loop, &table, side, !side, QUEUE, &handlers, &f->ends[side], f->raw[side]);
	f->raw[side] = -1;
}

static int enter(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->loop = loop_create();
	f->limit = loop_timer_create(f->loop, too_late, f);
	for (unsigned i = 0; i < 2; i++) {
		f->ends[i].f = f;
		f->ends[i].fd = -1;
	}
	*state = f;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, f->raw);
}

static int leave(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < 2; i++) {
		channel_destroy(f->ends[i].channel);
		if (f->raw[i] >= 0) {
			close(f->raw[i]);
		}
		if (f->ends[i].fd >= 0) {
			close(f->ends[i].fd);
		}
	}
	loop_timer_destroy(f->limit);
	loop_destroy(f->loop);
	free(f);
	return 0;
}

/* Runs the loop until a handler stops it, at most 5 s. */
static void run(struct fixture *f)
{
	loop_timer_after(f->limit, 5000);
	loop_run(f->loop);
	loop_timer_stop(f->limit);
}

/* Runs the loop for what is there now and a bit. */
static void settle(struct fixture *f)
{
	loop_timer_after(f->limit, 30);
	loop_run(f->loop);
	loop_timer_stop(f->limit);
}

static bool send_number(struct fixture *f, unsigned side, uint32_t number, size_t padding)
{
	static const unsigned char zeros[FRAME_PAYLOAD_MAX];
	frame_start(&f->w, padding ? WORD : NUMBER, 1);
	frame_put_u32(&f->w, number);
	frame_put_bytes(&f->w, zeros, padding);
	struct error err = {.kind = ERR_NONE};
	bool sent = channel_send(f->ends[side].channel, &f->w, &err);
	assert_true(sent || err.kind == ERR_CONFLICT);
	return sent;
}

static void frames_arrive_whole_and_in_order(void **state)
{
	struct fixture *f = *state;
	open_end(f, LEFT);
	open_end(f, RIGHT);
	f->ends[RIGHT].stop_after = 500;
	for (uint32_t i = 1; i <= 500; i++) {
		assert_true(send_number(f, LEFT, i, i % 7 * 100));
	}
	run(f);
	assert_int_equal(f->ends[RIGHT].frames, 500);
	assert_int_equal(f->ends[RIGHT].last, 500);
	assert_int_equal(channel_queued(f->ends[LEFT].channel), 0);
}

static void a_full_queue_refuses_and_tells_when_it_is_empty(void **state)
{
	struct fixture *f = *state;
	open_end(f, LEFT);
	open_end(f, RIGHT);
	uint32_t sent = 0;
	while (send_number(f, LEFT, sent + 1, 60000)) {
		sent++;
		assert_true(channel_queued(f->ends[LEFT].channel) <= QUEUE);
	}
	assert_true(sent > QUEUE / 60012);
	assert_int_equal(f->ends[LEFT].drained, 0);
	run(f);
	assert_int_equal(f->ends[LEFT].drained, 1);
	settle(f);
	assert_int_equal(f->ends[RIGHT].frames, sent); /* none lost, none doubled */
	assert_true(send_number(f, LEFT, sent + 1, 60000));
	settle(f);
	assert_int_equal(f->ends[RIGHT].last, sent + 1);
	assert_int_equal(f->ends[LEFT].drained, 1); /* only after a refusal */
}

static void while_paused_the_peers_queue_fills(void **state)
{
	struct fixture *f = *state;
	open_end(f, LEFT);
	open_end(f, RIGHT);
	f->ends[RIGHT].pause_in_frame = true;
	for (uint32_t i = 1; i <= 5; i++) {
		send_number(f, LEFT, i, 0);
	}
	settle(f);
	assert_int_equal(f->ends[RIGHT].frames, 1);
	f->ends[RIGHT].pause_in_frame = false;
	channel_pause(f->ends[RIGHT].channel, false);
	settle(f);
	assert_int_equal(f->ends[RIGHT].frames, 5);
}

static void a_descriptor_travels_also_through_the_queue(void **state)
{
	struct fixture *f = *state;
	open_end(f, LEFT);
	open_end(f, RIGHT);
	AUTO_FD null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	uint32_t sent = 0;
	while (send_number(f, LEFT, sent + 1, 60000) && sent < 10) {
		sent++;
	}
	frame_start(&f->w, NUMBER, 1);
	frame_put_u32(&f->w, 1000);
	assert_true(channel_send_fd(f->ends[LEFT].channel, &f->w, null, NULL));
	assert_true(channel_queued(f->ends[LEFT].channel) > 0);
	settle(f);
	assert_int_equal(f->ends[RIGHT].last, 1000);
	struct stat given;
	struct stat got;
	assert_int_equal(fstat(null, &given), 0);
	assert_int_equal(fstat(f->ends[RIGHT].fd, &got), 0);
	assert_true(given.st_rdev == got.st_rdev);
	assert_int_equal(fcntl(f->ends[RIGHT].fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void a_frame_outside_the_table_ends_its_sender(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *bytes;
		size_t length;
	} cases[] = {
		{"\x63\x00\x01\x00\x00\x00\x00\x00", 8},     /* unknown type */
		{"\x15\x00\x01\x00\x04\x00\x00\x00xyz", 11}, /* cut */
		{"\x15\x00\x01\x00", 4},
		{"\x15\x00\x02\x00\x04\x00\x00\x00"
		 "abcd",
			12}, /* another version */
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		int pair[2];
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
		struct end end = {.f = f, .fd = -1};
		end.channel =
			channel_create(f->loop, &table, RIGHT, LEFT, QUEUE, &handlers, &end, pair[RIGHT]);
		assert_int_equal(send(pair[LEFT], cases[i].bytes, cases[i].length, 0), cases[i].length);
		assert_int_equal(send(pair[LEFT], cases[i].bytes, cases[i].length, 0), cases[i].length);
		run(f);
		settle(f);
		assert_int_equal(end.frames, 0);
		assert_int_equal(end.closed, 1); /* once, though there were two */
		assert_int_equal(end.why.kind, ERR_PROTOCOL);
		channel_destroy(end.channel);
		close(pair[LEFT]);
	}
}

static void a_packet_that_is_too_long_ends_its_sender(void **state)
{
	struct fixture *f = *state;
	open_end(f, RIGHT);
	unsigned char *packet = calloc(1, FRAME_MAX + 1);
	uint32_t length = FRAME_PAYLOAD_MAX;
	packet[0] = WORD;
	packet[2] = 1;
	memcpy(packet + 4, &length, 4);
	assert_int_equal(send(f->raw[LEFT], packet, FRAME_MAX + 1, 0), FRAME_MAX + 1);
	free(packet);
	run(f);
	assert_int_equal(f->ends[RIGHT].frames, 0);
	assert_int_equal(f->ends[RIGHT].why.kind, ERR_PROTOCOL);
}

static void many_descriptors_in_one_packet_do_not_leak(void **state)
{
	struct fixture *f = *state;
	open_end(f, RIGHT);
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(8 * sizeof(int))];
	} control = {0};
	unsigned char packet[12] = {NUMBER, 0, 1, 0, 4, 0, 0, 0, 1};
	struct iovec part = {packet, sizeof(packet)};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(8 * sizeof(int));
	for (size_t i = 0; i < 8; i++) {
		memcpy(CMSG_DATA(c) + i * sizeof(int), &f->raw[LEFT], sizeof(int));
	}
	AUTO_FD before = dup(f->raw[LEFT]);
	assert_int_equal(sendmsg(f->raw[LEFT], &message, 0), sizeof(packet));
	run(f);
	AUTO_FD after = dup(f->raw[LEFT]);
	assert_int_equal(f->ends[RIGHT].closed, 1); /* more than anybody sends: cut, so refused */
	assert_int_equal(after, before + 1);
}

static void a_peer_that_closes_is_told_once(void **state)
{
	struct fixture *f = *state;
	open_end(f, LEFT);
	open_end(f, RIGHT);
	send_number(f, LEFT, 1, 0);
	channel_destroy(f->ends[LEFT].channel);
	f->ends[LEFT].channel = NULL;
	run(f);
	settle(f);
	assert_int_equal(f->ends[RIGHT].frames, 1);
	assert_int_equal(f->ends[RIGHT].closed, 1);
	assert_int_equal(f->ends[RIGHT].why.kind, ERR_UNREACHABLE);
	struct error err;
	frame_start(&f->w, WORD, 1);
	assert_false(channel_send(f->ends[RIGHT].channel, &f->w, &err));
	assert_int_equal(err.kind, ERR_UNREACHABLE);
}

/* What a role said before it was killed counts, though it had not yet read what was said to it. */
static void frames_sent_before_the_peer_died_arrive(void **state)
{
	struct fixture *f = *state;
	open_end(f, RIGHT);
	pid_t child = fork();
	if (!child) {
		for (uint32_t i = 1; i <= 200; i++) { /* more than one turn takes */
			unsigned char packet[12] = {NUMBER, 0, 1, 0, 4, 0, 0, 0, (unsigned char)i};
			while (send(f->raw[LEFT], packet, sizeof(packet), 0) < 0 && errno == EAGAIN) {
			}
		}
		char go;
		while (recv(f->raw[LEFT], &go, 1, MSG_PEEK) < 0 && errno == EAGAIN) {
			usleep(1000);
		}
		_exit(0);
	}
	close(f->raw[LEFT]);
	f->raw[LEFT] = -1;
	frame_start(&f->w, WORD, 1);
	frame_put_u32(&f->w, 7);
	assert_true(channel_send(f->ends[RIGHT].channel, &f->w, NULL)); /* it dies with this unread */
	assert_int_equal(waitpid(child, NULL, 0), child);
	run(f);
	assert_int_equal(f->ends[RIGHT].frames, 200);
	assert_int_equal(f->ends[RIGHT].closed, 1);
}

static void a_channel_may_be_destroyed_in_its_callbacks(void **state)
{
	struct fixture *f = *state;
	open_end(f, LEFT);
	open_end(f, RIGHT);
	f->ends[RIGHT].destroy_in_frame = true;
	f->ends[LEFT].destroy_in_closed = true;
	send_number(f, LEFT, 1, 0);
	send_number(f, LEFT, 2, 0);
	run(f);
	assert_int_equal(f->ends[RIGHT].frames, 1);
	assert_null(f->ends[RIGHT].channel);
	run(f);
	assert_int_equal(f->ends[LEFT].closed, 1);
	assert_null(f->ends[LEFT].channel);
}

static void a_queue_with_descriptors_is_dropped_whole(void **state)
{
	struct fixture *f = *state;
	open_end(f, LEFT);
	uint32_t sent = 0;
	while (send_number(f, LEFT, sent + 1, 60000)) {
		sent++;
		frame_start(&f->w, WORD, 1);
		channel_send_fd(f->ends[LEFT].channel, &f->w, f->raw[RIGHT], NULL);
	}
	assert_true(channel_queued(f->ends[LEFT].channel) > 0);
	channel_destroy(f->ends[LEFT].channel); /* no leak, by the sanitizer and by the count below */
	f->ends[LEFT].channel = NULL;
	channel_destroy(NULL);
	assert_int_equal(channel_queued(NULL), 0);
	frame_start(&f->w, WORD, 1);
	assert_false(channel_send(NULL, &f->w, NULL));
}

int main(void)
{
#define WITH_PAIR(t) cmocka_unit_test_setup_teardown(t, enter, leave)
	const struct CMUnitTest tests[] = {
		WITH_PAIR(frames_arrive_whole_and_in_order),
		WITH_PAIR(a_full_queue_refuses_and_tells_when_it_is_empty),
		WITH_PAIR(while_paused_the_peers_queue_fills),
		WITH_PAIR(a_descriptor_travels_also_through_the_queue),
		WITH_PAIR(a_frame_outside_the_table_ends_its_sender),
		WITH_PAIR(a_packet_that_is_too_long_ends_its_sender),
		WITH_PAIR(many_descriptors_in_one_packet_do_not_leak),
		WITH_PAIR(a_peer_that_closes_is_told_once),
		WITH_PAIR(frames_sent_before_the_peer_died_arrive),
		WITH_PAIR(a_channel_may_be_destroyed_in_its_callbacks),
		WITH_PAIR(a_queue_with_descriptors_is_dropped_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
