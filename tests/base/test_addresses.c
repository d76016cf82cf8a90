#include "base/stream.h"

#include "tests/support/name_server.h"
#include "tests/support/talk.h"

/* A stream and a name of several addresses, 127.0.0.2 and the following. */
struct street {
	struct talk talk;
	struct name_server names;
	int listeners[2], fillers[8];
	uint16_t port;
};

static int listen_at(uint32_t address, uint16_t *port, int backlog)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_port = htons(*port), .sin_addr = {htonl(address)}};
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	getsockname(fd, (struct sockaddr *)&at, &length);
	*port = ntohs(at.sin_port);
	return fd;
}

/* The first address takes no connection any more, as a dead machine does. */
static void street_begin(struct street *s, unsigned addresses)
{
	memset(s, 0, sizeof(*s));
	talk_begin(&s->talk);
	name_server_begin(&s->names, s->talk.loop, s->talk.resolver);
	s->names.address = 0x7f000002;
	s->names.addresses = addresses;
	s->listeners[0] = listen_at(0x7f000002, &s->port, 0);
	s->listeners[1] = listen_at(0x7f000003, &s->port, 5);
	for (size_t i = 0; i < ARRAY_LENGTH(s->fillers); i++) {
		struct sockaddr_in at = {
			.sin_family = AF_INET, .sin_port = htons(s->port), .sin_addr = {htonl(0x7f000002)}};
		s->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(s->fillers[i], (struct sockaddr *)&at, sizeof(at));
	}
}

static void street_finish(struct street *s)
{
	for (size_t i = 0; i < ARRAY_LENGTH(s->fillers); i++) {
		close(s->fillers[i]);
	}
	close(s->listeners[0]);
	close(s->listeners[1]);
	name_server_finish(&s->names);
	talk_finish(&s->talk);
}

static void start(struct street *s, bool anywhere, int64_t deadline_ms)
{
	struct stream_target target = {.host = "street.example",
		.port = s->port,
		.anywhere = anywhere,
		.deadline_ms = deadline_ms,
		.input_max = 1000};
	s->talk.stream =
		stream_connect(s->talk.loop, s->talk.resolver, &target, &talk_handlers, &s->talk, NULL);
	assert_non_null(s->talk.stream);
}

static void a_dead_address_costs_a_third_while_there_are_others(void **state UNUSED)
{
	struct street s;
	street_begin(&s, 2);
	struct mono begin = mono_now();
	start(&s, true, 1500);
	talk_until(&s.talk, s.talk.opened || s.talk.closed);
	assert_int_equal(s.talk.opened, 1);
	int64_t took = mono_now().ms - begin.ms;
	assert_true(took < 1000);
	assert_non_null(strstr(stream_address(s.talk.stream), "127.0.0.3:"));
	struct stream_times times = stream_times(s.talk.stream);
	assert_true(times.resolved_us > 0 && times.connected_us >= times.resolved_us);
	assert_int_equal(times.open_us, times.connected_us);
	street_finish(&s);
}

static void with_no_address_left_the_last_one_is_told(void **state UNUSED)
{
	struct street s;
	street_begin(&s, 4); /* the others refuse */
	close(s.listeners[1]);
	s.listeners[1] = -1;
	start(&s, true, 900);
	talk_until(&s.talk, s.talk.closed);
	assert_int_equal(s.talk.error.kind, ERR_UNREACHABLE);
	assert_non_null(strstr(s.talk.error.text, "(the last of 4 addresses)"));
	assert_int_equal(stream_stage(s.talk.stream), STREAM_CONNECT);
	street_finish(&s);
}

/* hostile 30 */
static void a_name_that_changes_to_an_inside_address_is_refused(void **state UNUSED)
{
	struct street s;
	street_begin(&s, 2);
	start(&s, false, 900);
	talk_until(&s.talk, s.talk.closed);
	assert_int_equal(s.talk.error.kind, ERR_DENIED);
	assert_int_equal(s.talk.opened, 0);
	street_finish(&s);
}

/* hostile 30 */
static void a_name_that_is_not_there_fails_at_resolve(void **state UNUSED)
{
	struct street s;
	street_begin(&s, 1);
	s.names.absent = true;
	start(&s, true, 900);
	talk_until(&s.talk, s.talk.closed);
	assert_int_equal(s.talk.error.kind, ERR_NOT_FOUND);
	assert_int_equal(stream_stage(s.talk.stream), STREAM_RESOLVE);
	street_finish(&s);
}

/* hostile 30 */
static void a_silent_name_server_costs_the_deadline_at_resolve(void **state UNUSED)
{
	struct street s;
	street_begin(&s, 1);
	s.names.silent = true;
	start(&s, true, 200);
	talk_until(&s.talk, s.talk.closed);
	assert_int_equal(s.talk.error.kind, ERR_TIMEOUT);
	assert_int_equal(stream_stage(s.talk.stream), STREAM_RESOLVE);
	assert_non_null(strstr(s.talk.error.text, "street.example: no name server answered"));
	street_finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dead_address_costs_a_third_while_there_are_others),
		cmocka_unit_test(with_no_address_left_the_last_one_is_told),
		cmocka_unit_test(a_name_that_changes_to_an_inside_address_is_refused),
		cmocka_unit_test(a_name_that_is_not_there_fails_at_resolve),
		cmocka_unit_test(a_silent_name_server_costs_the_deadline_at_resolve),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
