#include "tests/support/peer.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

/* Connections are kept until the peer is destroyed or the other side closes; all writes are small
 * or dropped on EAGAIN. */

struct peer {
	struct loop *loop;
	struct peer_script script;
	int fd;
	uint16_t port;
	struct loop_watch *watch;
	GPtrArray *connections; /* struct peer_connection *, owned */
	unsigned accepted;
	GString *received, *message;
};

struct peer_connection {
	struct peer *peer;
	int fd;
	struct loop_watch *watch;
	GString *input;
	size_t flood_left;
	bool in_data;
};

static void peer_drop(void *p)
{
	struct peer_connection *c = p;
	loop_watch_remove(c->watch);
	close(c->fd);
	g_string_free(c->input, TRUE);
	g_free(c);
}

static void peer_say(struct peer_connection *c, const char *text)
{
	ssize_t n = send(c->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)n;
}

/* False: the connection is over and gone. */
static bool peer_flood(struct peer_connection *c)
{
	static const char block[16384] = {[0 ... 16383] = 'x'};
	while (c->flood_left) {
		size_t want = MIN(c->flood_left, sizeof(block));
		ssize_t n = send(c->fd, block, want, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0) {
			loop_watch_change(c->watch, LOOP_READABLE | LOOP_WRITABLE);
			return true;
		}
		c->flood_left -= (size_t)n;
	}
	loop_watch_change(c->watch, LOOP_READABLE);
	return true;
}

static bool peer_http(struct peer_connection *c)
{
	const char *end = strstr(c->input->str, "\r\n\r\n");
	if (!end || !c->peer->script.answer) {
		return true;
	}
	const char *length = strcasestr(c->input->str, "content-length:");
	size_t body = length && length < end ? strtoul(length + 15, NULL, 10) : 0;
	if (c->input->len < (size_t)(end + 4 - c->input->str) + body) {
		return true;
	}
	g_string_truncate(c->input, 0);
	peer_say(c, c->peer->script.answer);
	c->flood_left = c->peer->script.flood_bytes;
	if (c->flood_left) {
		return peer_flood(c);
	}
	return false; /* the answer's end is the connection's end */
}

static const char *peer_reply_to(const struct peer *peer, const char *line)
{
	static const struct peer_reply ordinary[] = {
		{"EHLO", "250-peer\r\n250-8BITMIME\r\n250 SIZE 1000000\r\n"},
		{"HELO", "250 peer\r\n"},
		{"MAIL", "250 ok\r\n"},
		{"RCPT", "250 ok\r\n"},
		{"DATA", "354 go ahead\r\n"},
		{".", "250 taken\r\n"},
		{"QUIT", "221 bye\r\n"},
		{NULL, NULL},
	};
	const struct peer_reply *const tables[] = {peer->script.replies, ordinary};
	for (size_t t = 0; t < 2; t++) {
		for (const struct peer_reply *r = tables[t]; r && r->command; r++) {
			if (strncasecmp(line, r->command, strlen(r->command)) == 0) {
				return r->reply;
			}
		}
	}
	return "500 what\r\n";
}

static bool peer_answer(struct peer_connection *c, const char *line)
{
	const char *reply = peer_reply_to(c->peer, line);
	if (!reply) {
		return true;
	}
	peer_say(c, reply);
	if (strncasecmp(line, "DATA", 4) == 0 && strncmp(reply, "354", 3) == 0) {
		c->in_data = true;
	}
	return *reply != '\0';
}

static bool peer_smtp(struct peer_connection *c)
{
	for (;;) {
		if (c->in_data) {
			const char *end = g_str_has_prefix(c->input->str, ".\r\n")
								  ? c->input->str
								  : strstr(c->input->str, "\r\n.\r\n");
			if (!end) {
				return true;
			}
			size_t length = end == c->input->str ? 0 : (size_t)(end + 2 - c->input->str);
			g_string_truncate(c->peer->message, 0);
			g_string_append_len(c->peer->message, c->input->str, (gssize)length);
			g_string_erase(c->input, 0, (gssize)(length + 3));
			c->in_data = false;
			if (!peer_answer(c, ".")) {
				return false;
			}
		}
		char *end = strstr(c->input->str, "\r\n");
		if (!end) {
			return true;
		}
		g_autofree char *line = g_strndup(c->input->str, (gsize)(end - c->input->str));
		g_string_erase(c->input, 0, end + 2 - c->input->str);
		if (!peer_answer(c, line)) {
			return false;
		}
	}
}

static void peer_on_data(void *owner, int fd, unsigned events)
{
	struct peer_connection *c = owner;
	struct peer *peer = c->peer;
	char buffer[4096];
	bool alive = true;
	if (events & LOOP_WRITABLE) {
		alive = peer_flood(c);
	}
	if (events & LOOP_READABLE) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
		if (n > 0) {
			g_string_append_len(peer->received, buffer, n);
			g_string_append_len(c->input, buffer, n);
			alive = peer->script.smtp ? peer_smtp(c) : peer_http(c);
		} else {
			alive = false;
		}
	}
	if (!alive) {
		g_ptr_array_remove(peer->connections, c);
	}
}

static void peer_on_accept(void *owner, int fd, unsigned events UNUSED)
{
	struct peer *peer = owner;
	int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (connection < 0) {
		return;
	}
	struct peer_connection *c = g_new0(struct peer_connection, 1);
	peer->accepted++;
	c->peer = peer;
	c->fd = connection;
	c->input = g_string_new(NULL);
	c->watch = loop_watch_add(peer->loop, connection, LOOP_READABLE, peer_on_data, c, NULL);
	assert(c->watch);
	g_ptr_array_add(peer->connections, c);
	if (peer->script.smtp) {
		peer_say(c, peer->script.greeting ? peer->script.greeting : "220 peer ESMTP\r\n");
		c->flood_left = peer->script.flood_bytes;
		peer_flood(c);
	}
}

struct peer *peer_create(struct loop *loop, const struct peer_script *script)
{
	struct peer *peer = g_new0(struct peer, 1);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	peer->loop = loop;
	peer->script = *script;
	peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool listening =
		peer->fd >= 0 && !bind(peer->fd, (const struct sockaddr *)&address, sizeof(address)) &&
		!listen(peer->fd, 64) && !getsockname(peer->fd, (struct sockaddr *)&address, &length);
	assert(listening);
	peer->port = ntohs(address.sin_port);
	peer->connections = g_ptr_array_new_with_free_func(peer_drop);
	peer->received = g_string_new(NULL);
	peer->message = g_string_new(NULL);
	peer->watch = loop_watch_add(loop, peer->fd, LOOP_READABLE, peer_on_accept, peer, NULL);
	assert(peer->watch);
	return peer;
}

void peer_destroy(struct peer *peer)
{
	if (!peer) {
		return;
	}
	g_ptr_array_free(peer->connections, TRUE);
	loop_watch_remove(peer->watch);
	close(peer->fd);
	g_string_free(peer->received, TRUE);
	g_string_free(peer->message, TRUE);
	g_free(peer);
}

uint16_t peer_port(const struct peer *peer)
{
	return peer->port;
}

unsigned peer_connections(const struct peer *peer)
{
	return peer->accepted;
}

const char *peer_received(const struct peer *peer)
{
	return peer->received->str;
}

const char *peer_message(const struct peer *peer)
{
	return peer->message->str;
}
