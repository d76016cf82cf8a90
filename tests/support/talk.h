#pragma once
#include "base/stream.h"
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <glib.h>

/* A stream under test and what its handlers were told. */
struct talk {
	struct loop *loop;
	struct resolver *resolver;
	struct stream *stream;
	unsigned opened, data, closed;
	struct error error;
	bool take; /* whether data() takes what is there into `got` */
	GString *got;
	enum { TALK_NEVER, TALK_IN_OPEN, TALK_IN_DATA, TALK_IN_CLOSED } destroy_in;
	struct loop_timer *guard;
	bool late;
};

static inline void talk_on_guard(void *owner)
{
	struct talk *t = owner;
	t->late = true;
	loop_stop(t->loop);
}

static inline void talk_begin(struct talk *t)
{
	memset(t, 0, sizeof(*t));
	t->loop = loop_create();
	t->resolver = resolver_create(t->loop);
	t->got = g_string_new(NULL);
	t->take = true;
	t->guard = loop_timer_create(t->loop, talk_on_guard, t);
}

static inline void talk_finish(struct talk *t)
{
	stream_destroy(t->stream);
	resolver_destroy(t->resolver);
	loop_timer_destroy(t->guard);
	loop_destroy(t->loop);
	g_string_free(t->got, TRUE);
}

static inline void talk_maybe_destroy(struct talk *t, int here)
{
	if ((int)t->destroy_in == here) {
		stream_destroy(t->stream);
		t->stream = NULL;
	}
	loop_stop(t->loop);
}

static inline void talk_open(void *owner)
{
	struct talk *t = owner;
	t->opened++;
	talk_maybe_destroy(t, TALK_IN_OPEN);
}

static inline void talk_data(void *owner)
{
	struct talk *t = owner;
	size_t length;
	t->data++;
	const char *bytes = stream_peek(t->stream, &length);
	if (t->take) {
		g_string_append_len(t->got, bytes, (gssize)length);
		stream_take(t->stream, length);
	}
	talk_maybe_destroy(t, TALK_IN_DATA);
}

static inline void talk_closed(void *owner, const struct error *why)
{
	struct talk *t = owner;
	t->closed++;
	t->error = *why;
	talk_maybe_destroy(t, TALK_IN_CLOSED);
}

static const struct stream_handlers talk_handlers = {talk_open, talk_data, talk_closed};

/* Runs the loop until `condition` holds; fails after 10 s. */
#define talk_until(t, condition)                                                                   \
	do {                                                                                           \
		loop_timer_after((t)->guard, 10000);                                                       \
		while (!(condition)) {                                                                     \
			loop_run((t)->loop);                                                                   \
			if ((t)->late) {                                                                       \
				fail_msg("did not come: %s", #condition);                                          \
			}                                                                                      \
		}                                                                                          \
		loop_timer_stop((t)->guard);                                                               \
	} while (0)

static inline void talk_rest_over(void *owner)
{
	loop_stop(((struct talk *)owner)->loop);
}

/* Lets the loop run for a short while. */
static inline void talk_rest(struct talk *t, int64_t ms)
{
	struct loop_timer *timer = loop_timer_create(t->loop, talk_rest_over, t);
	struct mono begin = mono_now();
	while (mono_now().ms - begin.ms < ms) {
		loop_timer_after(timer, begin.ms + ms - mono_now().ms);
		loop_run(t->loop);
	}
	loop_timer_destroy(timer);
}

/* A listening socket on 127.0.0.1; its port. */
static inline int talk_listen(uint16_t *port, int backlog)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t length = sizeof(address);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	*port = ntohs(address.sin_port);
	return fd;
}
