#include "web/gate.h"
#include "base/log.h"
#include "web/head.h"
#include "web/reply.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * Life of a connection:
 *
 *   HEAD ──good head──> ANSWER <──> BODY
 *    │                   │ ^
 *    │ bad, late         v │ next head looked at
 *    └──> LINGER        IDLE          each of the last three ends by gate_left()
 *
 * I1: in HEAD nothing is ever read, only peeked; so the library finds the whole head. While it is
 * incomplete, SO_RCVLOWAT keeps the socket from reporting readable for what was seen already.
 * I2: a further request on the same connection is looked at in gate_inspect(), before the library
 * can read it. Where that failed (bytes arrived while the library was at work, or only a part of
 * the head was there), the request is marked as not seen and its connection ends behind it: what a
 * smuggler put behind is never read.
 * I3: from LINGER on we have answered; what still comes is thrown away until the client closes or
 * half a second is over, because closing with unread bytes would reset the connection and lose the
 * answer.
 */
enum { SWEEP_MS = 250, LINGER_MS = 500, PAUSE_MS = 100, ACCEPT_BATCH = 64 };

enum state { STATE_HEAD, STATE_LINGER, STATE_IDLE, STATE_BODY, STATE_ANSWER };

struct address {
	unsigned char bytes[8]; /* IPv4 mapped into the last four, or the first 64 bits of IPv6 */
};

struct gate_connection {
	struct gate *gate;
	struct gate_connection *next, **link;
	struct loop_watch *watch; /* HEAD and LINGER only */
	int fd;                   /* ours in HEAD and LINGER, else the library's */
	enum state state;
	bool seen; /* the head of the request that comes next passed the check */
	bool dead; /* refused while the library had it */
	struct mono since;
	size_t peeked;
	struct address address;
};

struct gate {
	struct loop *loop;
	struct gate_limits limits;
	struct gate_handlers handlers;
	void *owner;
	int fd;
	struct loop_watch *watch;
	struct loop_timer *sweep, *pause;
	struct gate_connection *connections;
	struct gate_counters counters;
	char peek[HEAD_MAX_BYTES];
};

const struct gate_limits gate_default_limits = {
	.per_address = 50, .total = 1000, .head_ms = 9000, .body_ms = 30000, .idle_ms = 15000};

const struct gate_counters *gate_count(const struct gate *gate)
{
	return &gate->counters;
}

static void enter(struct gate_connection *c, enum state state)
{
	c->state = state;
	c->since = mono_now();
}

static void forget(struct gate_connection *c)
{
	c->gate->counters.open--;
	*c->link = c->next;
	if (c->next) {
		c->next->link = c->link;
	}
	loop_watch_remove(c->watch);
	g_free(c);
}

static void close_ours(struct gate_connection *c)
{
	int fd = c->fd;
	forget(c);
	close(fd);
}

static void send_refusal(int fd, unsigned status, const char *detail)
{
	GString *out = g_string_new(NULL);
	struct reply reply = {0};
	reply_problem(&reply, status, "%s", detail);
	g_string_append_printf(out,
		"HTTP/1.1 %u %s\r\nConnection: close\r\nCache-Control: no-store\r\n"
		"Content-Type: %s\r\nContent-Length: %zu\r\n",
		status, reply_reason(status), reply.type, reply.body->len);
	for (const struct reply_header *h = reply_security_headers; h->name; h++) {
		g_string_append_printf(out, "%s: %s\r\n", h->name, h->value);
	}
	g_string_append(out, "\r\n");
	g_string_append_len(out, reply.body->str, (gssize)reply.body->len);
	/* The socket's buffer is empty, so this fits; if not, the client has no interest. */
	ssize_t sent = send(fd, out->str, out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)sent;
	shutdown(fd, SHUT_WR);
	reply_finish(&reply);
	g_string_free(out, TRUE);
}

static void linger(struct gate_connection *c)
{
	char thrown[4096];
	for (unsigned i = 0; i < 64; i++) {
		ssize_t n = recv(c->fd, thrown, sizeof(thrown), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			close_ours(c);
			return;
		}
		if (n < 0) {
			return;
		}
	}
}

static void want_bytes(const struct gate_connection *c, size_t count)
{
	int low = (int)count;
	setsockopt(c->fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low));
}

static void refuse(struct gate_connection *c, unsigned status, const char *detail)
{
	send_refusal(c->fd, status, detail);
	want_bytes(c, 1);
	enter(c, STATE_LINGER);
	linger(c);
}

static void hand_on(struct gate_connection *c)
{
	struct gate *gate = c->gate;
	want_bytes(c, 1);
	loop_watch_remove(c->watch);
	c->watch = NULL;
	c->seen = true;
	enter(c, STATE_ANSWER);
	gate->counters.handed++;
	gate->handlers.hand(gate->owner, c, c->fd);
}

static bool hung_up(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};
	return poll(&p, 1, 0) > 0;
}

static void look_at_head(struct gate_connection *c)
{
	struct gate *gate = c->gate;
	ssize_t n = recv(c->fd, gate->peek, sizeof(gate->peek), MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (n > 0 && (size_t)n == c->peeked && !hung_up(c->fd)) {
		return;
	}
	if (n <= 0 || (size_t)n == c->peeked) {
		close_ours(c); /* closed by the client before its head was whole */
		return;
	}
	struct head head;
	switch (head_check(gate->peek, (size_t)n, &head)) {
	case HEAD_WHOLE: hand_on(c); break;
	case HEAD_BAD:
		gate->counters.refused++;
		refuse(c, head.status, head.reason);
		break;
	case HEAD_PARTIAL:
		c->peeked = (size_t)n;
		want_bytes(c, (size_t)n + 1);
		break;
	}
}

static void on_socket(void *owner, int fd UNUSED, unsigned events UNUSED)
{
	struct gate_connection *c = owner;
	if (c->state == STATE_HEAD) {
		look_at_head(c);
	} else {
		linger(c);
	}
}

static void end_late_head(struct gate_connection *c)
{
	c->gate->counters.late++;
	if (c->peeked) {
		refuse(c, 408, "the head of the request was not complete in time");
	} else {
		close_ours(c);
	}
}

static void sweep_one(struct gate_connection *c, struct mono now)
{
	const struct gate_limits *limits = &c->gate->limits;
	int64_t age = now.ms - c->since.ms;
	if (c->dead) {
		return; /* the library sees its end in a moment */
	}
	switch (c->state) {
	case STATE_HEAD:
		if (age >= limits->head_ms) {
			end_late_head(c);
		}
		break;
	case STATE_LINGER:
		if (age >= LINGER_MS) {
			close_ours(c);
		}
		break;
	case STATE_IDLE:
		if (age >= limits->idle_ms) {
			gate_shut(c);
		}
		break;
	case STATE_BODY:
		if (age >= limits->body_ms) {
			c->gate->counters.late++;
			send_refusal(c->fd, 408, "the body of the request was not complete in time");
			gate_shut(c);
		}
		break;
	case STATE_ANSWER: break;
	}
}

static void sweep(void *owner)
{
	struct gate *gate = owner;
	struct mono now = mono_now();
	for (struct gate_connection *c = gate->connections, *next; c; c = next) {
		next = c->next;
		sweep_one(c, now);
	}
	if (gate->connections) {
		loop_timer_after(gate->sweep, SWEEP_MS);
	}
}

static struct address address_of(const struct sockaddr_storage *from)
{
	struct address a = {{0}};
	if (from->ss_family == AF_INET) {
		memcpy(a.bytes + 4, &((const struct sockaddr_in *)from)->sin_addr, 4);
	} else if (from->ss_family == AF_INET6) {
		const struct in6_addr *six = &((const struct sockaddr_in6 *)from)->sin6_addr;
		bool mapped = IN6_IS_ADDR_V4MAPPED(six);
		memcpy(a.bytes + (mapped ? 4 : 0), six->s6_addr + (mapped ? 12 : 0), mapped ? 4 : 8);
	}
	return a;
}

static bool crowded(const struct gate *gate, const struct address *address)
{
	unsigned same = 0;
	if (gate->counters.open >= gate->limits.total) {
		return true;
	}
	for (const struct gate_connection *c = gate->connections; c; c = c->next) {
		same += !memcmp(&c->address, address, sizeof(*address));
	}
	return same >= gate->limits.per_address;
}

static void admit(struct gate *gate, int fd, const struct sockaddr_storage *from)
{
	struct address address = address_of(from);
	gate->counters.accepted++;
	if (crowded(gate, &address)) {
		gate->counters.crowded++;
		close(fd);
		return;
	}
	struct gate_connection *c = g_new0(struct gate_connection, 1);
	c->watch = loop_watch_add(gate->loop, fd, LOOP_READABLE, on_socket, c, NULL);
	if (!c->watch) {
		g_free(c);
		close(fd);
		return;
	}
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->gate = gate;
	c->fd = fd;
	c->address = address;
	c->next = gate->connections;
	c->link = &gate->connections;
	if (c->next) {
		c->next->link = &c->next;
	} else {
		loop_timer_after(gate->sweep, SWEEP_MS);
	}
	gate->connections = c;
	gate->counters.open++;
	enter(c, STATE_HEAD);
	look_at_head(c); /* often it is there already */
}

static void resume_accepting(void *owner)
{
	struct gate *gate = owner;
	if (gate->watch) {
		loop_watch_change(gate->watch, LOOP_READABLE);
	}
}

static void on_listen(void *owner, int fd, unsigned events UNUSED)
{
	struct gate *gate = owner;
	for (unsigned i = 0; i < ACCEPT_BATCH; i++) {
		struct sockaddr_storage from = {0};
		socklen_t length = sizeof(from);
		int client = accept4(fd, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client >= 0) {
			admit(gate, client, &from);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			/* The waiting connection would be reported again at once, for ever: look away. */
			log_warn("web.accept", "error=\"%s\" retry_ms=%d", g_strerror(errno), PAUSE_MS);
			loop_watch_change(gate->watch, 0);
			loop_timer_after(gate->pause, PAUSE_MS);
			return;
		} else if (errno != ECONNABORTED && errno != EINTR && errno != EPROTO) {
			return;
		}
	}
}

struct gate *gate_create(struct loop *loop, const struct gate_limits *limits,
	const struct gate_handlers *handlers, void *owner)
{
	struct gate *gate = g_new0(struct gate, 1);
	gate->loop = loop;
	gate->limits = *limits;
	gate->handlers = *handlers;
	gate->owner = owner;
	gate->fd = -1;
	gate->sweep = loop_timer_create(loop, sweep, gate);
	gate->pause = loop_timer_create(loop, resume_accepting, gate);
	return gate;
}

void gate_close(struct gate *gate)
{
	loop_watch_remove(gate->watch);
	gate->watch = NULL;
	if (gate->fd >= 0) {
		close(gate->fd);
		gate->fd = -1;
	}
}

void gate_listen(struct gate *gate, int fd)
{
	struct error err;
	gate_close(gate);
	gate->fd = fd;
	gate->watch = loop_watch_add(gate->loop, fd, LOOP_READABLE, on_listen, gate, &err);
	if (!gate->watch) {
		log_error("web.listen", "error=\"%s\"", log_safe(err.text));
	}
}

void gate_destroy(struct gate *gate)
{
	if (!gate) {
		return;
	}
	gate_close(gate);
	while (gate->connections) {
		close_ours(gate->connections);
	}
	loop_timer_destroy(gate->sweep);
	loop_timer_destroy(gate->pause);
	g_free(gate);
}

enum gate_pass gate_request(struct gate_connection *connection, bool has_body)
{
	bool seen = connection->seen;
	connection->seen = false;
	enter(connection, has_body ? STATE_BODY : STATE_ANSWER);
	return connection->dead ? GATE_DEAD : seen ? GATE_SEEN : GATE_UNSEEN;
}

void gate_body_done(struct gate_connection *connection)
{
	enter(connection, STATE_ANSWER);
}

void gate_answered(struct gate_connection *connection)
{
	enter(connection, STATE_IDLE);
}

void gate_left(struct gate_connection *connection)
{
	forget(connection);
}

void gate_shut(struct gate_connection *connection)
{
	connection->dead = true;
	shutdown(connection->fd, SHUT_RDWR);
}

static void inspect_one(struct gate_connection *c)
{
	struct gate *gate = c->gate;
	ssize_t n = recv(c->fd, gate->peek, sizeof(gate->peek), MSG_PEEK | MSG_DONTWAIT);
	if (n <= 0) {
		return;
	}
	struct head head;
	switch (head_check(gate->peek, (size_t)n, &head)) {
	case HEAD_WHOLE:
		/* More than this head: a second one behind it would not be looked at. */
		c->seen = head.has_body || head.length == (size_t)n;
		break;
	case HEAD_BAD:
		gate->counters.refused++;
		send_refusal(c->fd, head.status, head.reason);
		gate_shut(c);
		break;
	case HEAD_PARTIAL: break; /* see I2 */
	}
}

void gate_inspect(struct gate *gate)
{
	for (struct gate_connection *c = gate->connections; c; c = c->next) {
		if (c->state == STATE_IDLE && !c->seen) {
			inspect_one(c);
		}
	}
}
