#include "base/stream.h"

#include "tests/support/talk.h"

#include <sys/resource.h>

static struct stream_target to(const char *host, uint16_t port)
{
	return (struct stream_target){
		.host = host, .port = port, .deadline_ms = 5000, .input_max = 65536};
}

static void start(struct talk *t, const struct stream_target *target)
{
	struct error err = {0};
	t->stream = stream_connect(t->loop, t->resolver, target, &talk_handlers, t, &err);
	if (!t->stream) {
		fail_msg("%s", err.text);
	}
}

/* One end is the stream's, the other is returned. */
static int adopt_with(struct talk *t, size_t input_max)
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	struct stream_target target = to(NULL, 0);
	target.input_max = input_max;
	t->stream = stream_adopt(t->loop, fds[0], &target, &talk_handlers, t, NULL);
	assert_non_null(t->stream);
	return fds[1];
}

static void reset(int fd)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void a_connection_opens_talks_and_closes(void **state UNUSED)
{
	struct talk t;
	uint16_t port;
	talk_begin(&t);
	int listener = talk_listen(&port, 5);
	struct stream_target target = to("127.0.0.1", port);
	start(&t, &target);
	assert_int_equal(t.opened, 0); /* nothing is told from inside the call */
	stream_send_text(t.stream, "hello ");
	talk_until(&t, t.opened);
	stream_send_text(t.stream, "world");
	int fd = accept(listener, NULL, NULL);
	char bytes[32] = "";
	assert_int_equal(recv(fd, bytes, 11, MSG_WAITALL), 11);
	assert_string_equal(bytes, "hello world");
	assert_int_equal(send(fd, "answer", 6, 0), 6);
	talk_until(&t, t.got->len == 6);
	assert_int_equal(stream_received(t.stream), 6);
	close(fd);
	talk_until(&t, t.closed);
	assert_int_equal(t.error.kind, ERR_NONE);
	assert_string_equal(t.got->str, "answer");
	char expected[64];
	snprintf(expected, sizeof(expected), "127.0.0.1:%u", (unsigned)port);
	assert_string_equal(stream_address(t.stream), expected);
	close(listener);
	talk_finish(&t);
}

static void a_closed_port_fails_at_connect_with_address_and_reason(void **state UNUSED)
{
	struct talk t;
	uint16_t port;
	talk_begin(&t);
	close(talk_listen(&port, 5));
	struct stream_target target = to("127.0.0.1", port);
	start(&t, &target);
	talk_until(&t, t.closed);
	assert_int_equal(t.error.kind, ERR_UNREACHABLE);
	assert_int_equal(stream_stage(t.stream), STREAM_CONNECT);
	assert_non_null(strstr(t.error.text, "127.0.0.1:"));
	assert_non_null(strstr(t.error.text, "Connection refused"));
	assert_int_equal(t.opened, 0);
	talk_finish(&t);
}

static void the_next_address_is_tried_when_one_refuses(void **state UNUSED)
{
	struct talk t;
	uint16_t port;
	talk_begin(&t);
	int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	socklen_t length = sizeof(here);
	int yes = 1;
	setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
	if (bind(listener, (struct sockaddr *)&here, sizeof(here)) != 0) {
		close(listener);
		talk_finish(&t);
		skip(); /* no IPv6 here */
	}
	listen(listener, 5);
	getsockname(listener, (struct sockaddr *)&here, &length);
	port = ntohs(here.sin6_port);
	struct stream_target target = to("localhost", port); /* 127.0.0.1 first, then ::1 */
	start(&t, &target);
	talk_until(&t, t.opened);
	assert_non_null(strstr(stream_address(t.stream), "[::1]:"));
	close(listener);
	talk_finish(&t);
}

static void a_dead_address_costs_the_deadline_and_says_so(void **state UNUSED)
{
	struct talk t;
	uint16_t port;
	talk_begin(&t);
	/* a full queue of connections answers nothing, as a dead machine does */
	int listener = talk_listen(&port, 0), fillers[8];
	for (size_t i = 0; i < ARRAY_LENGTH(fillers); i++) {
		struct sockaddr_in address = {
			.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		int ignored = connect(fillers[i], (struct sockaddr *)&address, sizeof(address));
		(void)ignored;
	}
	struct stream_target target = to("127.0.0.1", port);
	target.deadline_ms = 300;
	start(&t, &target);
	talk_until(&t, t.closed);
	assert_int_equal(t.error.kind, ERR_TIMEOUT);
	assert_int_equal(stream_stage(t.stream), STREAM_CONNECT);
	assert_non_null(strstr(t.error.text, "within 0.3 s"));
	for (size_t i = 0; i < ARRAY_LENGTH(fillers); i++) {
		close(fillers[i]);
	}
	close(listener);
	talk_finish(&t);
}

static void a_unix_socket_is_reached_by_path_and_in_the_abstract_space(void **state UNUSED)
{
	for (unsigned abstract = 0; abstract < 2; abstract++) {
		struct talk t;
		talk_begin(&t);
		char *dir = test_directory();
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		int n = snprintf(
			address.sun_path, sizeof(address.sun_path), "%s%s/socket", abstract ? "@" : "", dir);
		g_autofree char *path = g_strdup(address.sun_path);
		socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n);
		if (abstract) {
			address.sun_path[0] = '\0';
		}
		int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
		assert_int_equal(listen(listener, 5), 0);
		struct stream_target target = {.path = path, .deadline_ms = 5000, .input_max = 100};
		start(&t, &target);
		talk_until(&t, t.opened);
		close(listener);
		talk_finish(&t);
		test_directory_remove(dir);
	}
}

static void a_unix_socket_with_a_full_queue_is_waited_for(void **state UNUSED)
{
	struct talk t;
	talk_begin(&t);
	char *dir = test_directory();
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", dir);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 0), 0);
	int filler = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(filler, (struct sockaddr *)&address, sizeof(address)), 0);
	struct stream_target target = {.path = address.sun_path, .deadline_ms = 5000, .input_max = 100};
	start(&t, &target);
	talk_rest(&t, 80);
	assert_int_equal(t.opened + t.closed, 0);
	close(accept(listener, NULL, NULL));
	talk_until(&t, t.opened);
	close(filler);
	close(listener);
	talk_finish(&t);
	test_directory_remove(dir);
}

/* That we have no descriptor left says nothing about the peer. */
static void want_of_descriptors_is_no_fault_of_the_peer(void **state UNUSED)
{
	struct talk t;
	struct rlimit files;
	uint16_t port;
	talk_begin(&t);
	int listener = talk_listen(&port, 1);
	struct stream_target target = to("127.0.0.1", port);
	start(&t, &target);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	struct rlimit none = files;
	int next = dup(listener);
	close(next);
	none.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	talk_until(&t, t.closed);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	assert_int_equal(t.error.kind, ERR_STORAGE);
	assert_non_null(strstr(t.error.text, "Too many open files"));
	close(listener);
	talk_finish(&t);
}

static void targets_without_sense_are_refused(void **state UNUSED)
{
	struct talk t;
	talk_begin(&t);
	const struct stream_target cases[] = {
		{.host = "a", .port = 0, .deadline_ms = 1, .input_max = 1},
		{.host = "", .port = 1, .deadline_ms = 1, .input_max = 1},
		{.host = NULL, .port = 1, .deadline_ms = 1, .input_max = 1},
		{.host = "a", .port = 1, .deadline_ms = 0, .input_max = 1},
		{.host = "a", .port = 1, .deadline_ms = 1, .input_max = 0},
		{.path = "relative", .deadline_ms = 1, .input_max = 1},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct error err = {0};
		assert_null(stream_connect(t.loop, t.resolver, &cases[i], &talk_handlers, &t, &err));
		assert_int_equal(err.kind, ERR_CONFIG);
	}
	talk_finish(&t);
}

/* hostile 30 */
static void a_name_that_leads_inside_is_refused_unless_allowed(void **state UNUSED)
{
	struct talk t;
	uint16_t port;
	talk_begin(&t);
	int listener = talk_listen(&port, 5);
	struct stream_target target = to("127.1", port); /* another way to write 127.0.0.1 */
	start(&t, &target);
	talk_until(&t, t.closed);
	assert_int_equal(t.error.kind, ERR_DENIED);
	stream_destroy(t.stream);
	t.closed = 0;
	target.anywhere = true;
	start(&t, &target);
	talk_until(&t, t.opened);
	close(listener);
	talk_finish(&t);
}

static void lines_are_given_whole_and_without_their_ends(void **state UNUSED)
{
	struct talk t;
	talk_begin(&t);
	t.take = false;
	int peer = adopt_with(&t, 64);
	talk_until(&t, t.opened);
	size_t length;
	bool too_long = true;
	const char text[] = "one\ntwo\r\n\nrest\rwith";
	assert_int_equal(send(peer, text, strlen(text), 0), strlen(text));
	talk_until(&t, t.data);
	const char *const lines[] = {"one", "two", ""};
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
		const char *line = stream_line(t.stream, &length, NULL);
		assert_non_null(line);
		assert_int_equal(length, strlen(lines[i]));
		assert_string_equal(line, lines[i]);
	}
	assert_null(stream_line(t.stream, &length, &too_long));
	assert_false(too_long);
	unsigned before = t.data;
	assert_int_equal(send(peer, " end\n", 5, 0), 5);
	talk_until(&t, t.data > before);
	assert_string_equal(stream_line(t.stream, &length, NULL), "rest\rwith end");
	close(peer);
	talk_finish(&t);
}

/* hostile 2: a line without an end fills the buffer and no more */
static void a_line_longer_than_the_buffer_is_told(void **state UNUSED)
{
	struct talk t;
	talk_begin(&t);
	t.take = false;
	int peer = adopt_with(&t, 1000);
	static char flood[50000];
	memset(flood, 'x', sizeof(flood));
	assert_int_equal(send(peer, flood, sizeof(flood), 0), sizeof(flood));
	size_t length = 0;
	bool too_long = false;
	talk_until(&t, (stream_peek(t.stream, &length), length == 1000));
	talk_rest(&t, 20);
	assert_null(stream_line(t.stream, &length, &too_long));
	assert_true(too_long);
	stream_peek(t.stream, &length);
	assert_int_equal(length, 1000);
	stream_take(t.stream, 600); /* and with room it goes on */
	talk_until(&t, (stream_peek(t.stream, &length), length == 1000));
	close(peer);
	talk_finish(&t);
}

static void a_megabyte_of_lines_arrives_in_order(void **state UNUSED)
{
	struct talk t;
	talk_begin(&t);
	t.take = false;
	int peer = adopt_with(&t, 5000);
	fcntl(peer, F_SETFL, O_NONBLOCK);
	GString *all = g_string_new(NULL);
	for (unsigned i = 0; i < 100000; i++) {
		g_string_append_printf(all, "line %u\n", i);
	}
	size_t sent = 0, length;
	unsigned expected = 0;
	while (expected < 100000) {
		ssize_t n = send(peer, all->str + sent, all->len - sent, MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		unsigned before = t.data;
		talk_until(&t, t.data > before);
		for (const char *line; (line = stream_line(t.stream, &length, NULL));) {
			char text[32];
			snprintf(text, sizeof(text), "line %u", expected++);
			assert_string_equal(line, text);
		}
	}
	g_string_free(all, TRUE);
	close(peer);
	talk_finish(&t);
}

/* hostile 29 */
static void a_half_close_is_told_after_the_last_bytes(void **state UNUSED)
{
	struct talk t;
	talk_begin(&t);
	int peer = adopt_with(&t, 1000);
	assert_int_equal(send(peer, "last", 4, 0), 4);
	shutdown(peer, SHUT_WR);
	talk_until(&t, t.closed);
	assert_int_equal(t.error.kind, ERR_NONE);
	assert_string_equal(t.got->str, "last");
	stream_send_text(t.stream, "answer behind the end"); /* still goes out */
	char bytes[64] = "";
	assert_int_equal(recv(peer, bytes, sizeof(bytes), 0), 21);
	assert_string_equal(bytes, "answer behind the end");
	close(peer);
	talk_finish(&t);
}

/* hostile 29 */
static void a_reset_in_mid_line_is_a_failure(void **state UNUSED)
{
	struct talk t;
	uint16_t port;
	talk_begin(&t);
	int listener = talk_listen(&port, 5);
	struct stream_target target = to("127.0.0.1", port);
	start(&t, &target);
	talk_until(&t, t.opened);
	int fd = accept(listener, NULL, NULL);
	assert_int_equal(send(fd, "half a li", 9, 0), 9);
	talk_until(&t, t.got->len == 9);
	reset(fd);
	talk_until(&t, t.closed);
	assert_int_equal(t.error.kind, ERR_UNREACHABLE);
	assert_non_null(strstr(t.error.text, "reset"));
	close(listener);
	talk_finish(&t);
}

/* hostile 29 */
static void a_peer_that_reads_nothing_costs_the_deadline_and_bounded_memory(void **state UNUSED)
{
	struct talk t;
	talk_begin(&t);
	int peer = adopt_with(&t, 1000);
	talk_until(&t, t.opened);
	static char block[1 << 20];
	for (unsigned i = 0; i < 4; i++) {
		stream_send(t.stream, block, sizeof(block));
	}
	assert_true(stream_unsent(t.stream) > (2 << 20));
	stream_deadline(t.stream, 100);
	talk_until(&t, t.closed);
	assert_int_equal(t.error.kind, ERR_TIMEOUT);
	assert_int_equal(stream_stage(t.stream), STREAM_OPEN);
	stream_destroy(t.stream);
	close(peer);
	t.closed = 0;
	peer = adopt_with(&t, 1000);
	for (unsigned i = 0; i < 40; i++) {
		stream_send(t.stream, block, sizeof(block));
	}
	assert_true(stream_unsent(t.stream) < (20 << 20));
	talk_until(&t, t.closed);
	assert_int_equal(t.error.kind, ERR_PROTOCOL);
	close(peer);
	talk_finish(&t);
}

static void what_is_queued_goes_out_before_the_end(void **state UNUSED)
{
	struct talk t;
	talk_begin(&t);
	int peer = adopt_with(&t, 1000);
	fcntl(peer, F_SETFL, O_NONBLOCK);
	static char block[1 << 20], sink[1 << 16];
	stream_send(t.stream, block, sizeof(block));
	stream_finish(t.stream);
	stream_send_text(t.stream, "too late");
	size_t total = 0;
	bool end = false;
	for (unsigned turns = 0; turns < 1000 && !end; turns++) {
		ssize_t n = recv(peer, sink, sizeof(sink), 0);
		end = n == 0;
		total += n > 0 ? (size_t)n : 0;
		if (n < 0) {
			talk_rest(&t, 1);
		}
	}
	assert_true(end);
	assert_int_equal(total, sizeof(block));
	close(peer);
	talk_finish(&t);
}

static void a_paused_stream_reads_nothing(void **state UNUSED)
{
	struct talk t;
	talk_begin(&t);
	int peer = adopt_with(&t, 1000);
	talk_until(&t, t.opened);
	stream_pause(t.stream, true);
	assert_int_equal(send(peer, "x", 1, 0), 1);
	talk_rest(&t, 20);
	assert_int_equal(t.data, 0);
	stream_pause(t.stream, false);
	talk_until(&t, t.data);
	close(peer);
	talk_finish(&t);
}

static void a_stream_may_be_destroyed_in_each_handler(void **state UNUSED)
{
	for (int where = TALK_IN_OPEN; where <= TALK_IN_CLOSED; where++) {
		struct talk t;
		talk_begin(&t);
		t.destroy_in = where;
		int peer = adopt_with(&t, 1000);
		assert_int_equal(send(peer, "bytes", 5, 0), 5);
		shutdown(peer, SHUT_WR);
		talk_until(&t, t.stream == NULL);
		assert_int_equal(t.data > 0, where >= TALK_IN_DATA);
		assert_int_equal(t.closed, where == TALK_IN_CLOSED);
		char byte;
		assert_true(recv(peer, &byte, 1, 0) <= 0); /* the descriptor is freed */
		close(peer);
		talk_finish(&t);
	}
}

static void a_deadline_can_be_moved(void **state UNUSED)
{
	struct talk t;
	talk_begin(&t);
	int peer = adopt_with(&t, 1000);
	talk_until(&t, t.opened);
	stream_deadline(t.stream, 40);
	stream_deadline(t.stream, 150);
	struct mono begin = mono_now();
	talk_until(&t, t.closed);
	assert_int_equal(t.error.kind, ERR_TIMEOUT);
	assert_true(mono_now().ms - begin.ms >= 145);
	close(peer);
	talk_finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_opens_talks_and_closes),
		cmocka_unit_test(a_closed_port_fails_at_connect_with_address_and_reason),
		cmocka_unit_test(the_next_address_is_tried_when_one_refuses),
		cmocka_unit_test(a_dead_address_costs_the_deadline_and_says_so),
		cmocka_unit_test(a_unix_socket_is_reached_by_path_and_in_the_abstract_space),
		cmocka_unit_test(a_unix_socket_with_a_full_queue_is_waited_for),
		cmocka_unit_test(want_of_descriptors_is_no_fault_of_the_peer),
		cmocka_unit_test(targets_without_sense_are_refused),
		cmocka_unit_test(a_name_that_leads_inside_is_refused_unless_allowed),
		cmocka_unit_test(lines_are_given_whole_and_without_their_ends),
		cmocka_unit_test(a_line_longer_than_the_buffer_is_told),
		cmocka_unit_test(a_megabyte_of_lines_arrives_in_order),
		cmocka_unit_test(a_half_close_is_told_after_the_last_bytes),
		cmocka_unit_test(a_reset_in_mid_line_is_a_failure),
		cmocka_unit_test(a_peer_that_reads_nothing_costs_the_deadline_and_bounded_memory),
		cmocka_unit_test(what_is_queued_goes_out_before_the_end),
		cmocka_unit_test(a_paused_stream_reads_nothing),
		cmocka_unit_test(a_stream_may_be_destroyed_in_each_handler),
		cmocka_unit_test(a_deadline_can_be_moved),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
