#include "tests/support/fake_node.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/stream.h"

#include "base/banned.h"

/* See the header. Connections live until the peer closes or the node is destroyed. */
enum { FAKE_LIFE_MS = 60000, FAKE_INPUT_MAX = 65536, FAKE_DRIBBLE_MS = 10 };

struct fake_connection {
	struct fake_node *node;
	struct stream *stream;
	struct loop_timer *timer;
	const char *dribble; /* what is left of it */
	bool secured, hung;
};

struct fake_node {
	struct loop *loop;
	const struct fake_script *script;
	int fd;
	struct loop_watch *watch;
	char address[128];
	unsigned connections;
	GPtrArray *open; /* struct fake_connection * */
	GString *heard;
};

static void connection_free(gpointer data)
{
	struct fake_connection *c = data;
	stream_destroy(c->stream);
	loop_timer_destroy(c->timer);
	g_free(c);
}

static void dribble(void *owner)
{
	struct fake_connection *c = owner;
	if (*c->dribble) {
		stream_send(c->stream, c->dribble++, 1);
		loop_timer_after(c->timer, FAKE_DRIBBLE_MS);
	}
}

/* False: the connection is gone. */
static bool say(struct fake_connection *c, const char *text, size_t length, enum fake_manner manner)
{
	if (manner == FAKE_DRIBBLE) {
		c->dribble = text;
		dribble(c);
	} else if (manner != FAKE_SILENT && manner != FAKE_DROP) {
		stream_send(c->stream, text, length);
	}
	c->hung = c->hung || manner == FAKE_SILENT;
	if (manner == FAKE_CLOSE) {
		g_ptr_array_remove(c->node->open, c);
		return false;
	}
	if (manner == FAKE_FINISH) {
		stream_finish(c->stream);
	}
	return true;
}

static const struct fake_reply *find(const struct fake_script *script, const char *line)
{
	static const struct fake_reply unknown = {.reply = "# Unknown command. Try something else\n"};
	for (const struct fake_reply *r = script->replies; r && r->command; r++) {
		size_t length = strlen(r->command);
		bool prefix = length && r->command[length - 1] == '*';
		if (prefix ? !strncmp(line, r->command, length - 1) : !strcmp(line, r->command)) {
			return r;
		}
	}
	return &unknown;
}

static bool answer(struct fake_connection *c, const char *line)
{
	if (!strcmp(line, "quit")) {
		g_ptr_array_remove(c->node->open, c);
		return false;
	}
	g_string_append(c->node->heard, line);
	g_string_append_c(c->node->heard, '\n');
	if (c->hung) {
		return true;
	}
	const struct fake_reply *reply = find(c->node->script, line);
	size_t length = reply->length ? reply->length : strlen(reply->reply);
	if (!say(c, reply->reply, length, reply->manner)) {
		return false;
	}
	if (reply->manner == FAKE_TLS) {
		c->secured = true;
		if (!stream_start_tls(c->stream, c->node->script->tls, NULL)) {
			g_ptr_array_remove(c->node->open, c);
		}
		return false;
	}
	return true;
}

static void on_open(void *owner)
{
	struct fake_connection *c = owner;
	const struct fake_script *script = c->node->script;
	const char *banner = script->banner ? script->banner : "# munin node at web1\n";
	if (!c->secured) {
		(void)say(c, banner, strlen(banner), script->banner_manner);
	}
}

static void on_data(void *owner)
{
	struct fake_connection *c = owner;
	size_t length;
	const char *line;
	bool only = c->node->script->one_per_read;
	while ((line = stream_line(c->stream, &length, NULL))) {
		g_autofree char *copy = g_strndup(line, length);
		if (only) {
			size_t rest;
			stream_peek(c->stream, &rest);
			stream_take(c->stream, rest);
		}
		if (!answer(c, copy)) {
			return;
		}
	}
}

static void on_closed(void *owner, const struct error *why G_GNUC_UNUSED)
{
	struct fake_connection *c = owner;
	g_ptr_array_remove(c->node->open, c);
}

static void serve(struct fake_node *node, int fd)
{
	static const struct stream_handlers handlers = {
		.open = on_open, .data = on_data, .closed = on_closed};
	struct fake_connection *c = g_new0(struct fake_connection, 1);
	struct stream_target target = {.deadline_ms = FAKE_LIFE_MS, .input_max = FAKE_INPUT_MAX};
	c->node = node;
	c->timer = loop_timer_create(node->loop, dribble, c);
	c->stream = stream_adopt(node->loop, fd, &target, &handlers, c, NULL);
	g_ptr_array_add(node->open, c);
	node->connections++;
}

static void on_accept(void *owner, int fd, unsigned events G_GNUC_UNUSED)
{
	int got = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	if (got >= 0) {
		serve(owner, got);
	}
}

struct fake_node *fake_node_create(struct loop *loop, const struct fake_script *script)
{
	static unsigned number;
	struct fake_node *node = g_new0(struct fake_node, 1);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
		"magpie-fake-node-%d-%u", (int)getpid(), number++);
	node->loop = loop;
	node->script = script;
	node->open = g_ptr_array_new_with_free_func(connection_free);
	node->heard = g_string_new(NULL);
	node->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(node->address, sizeof(node->address), "unix:@%s", address.sun_path + 1);
	if (bind(node->fd, (struct sockaddr *)&address,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) < 0 ||
		listen(node->fd, 16) < 0) {
		abort();
	}
	node->watch = loop_watch_add(loop, node->fd, LOOP_READABLE, on_accept, node, NULL);
	return node;
}

void fake_node_destroy(struct fake_node *node)
{
	loop_watch_remove(node->watch);
	close(node->fd);
	g_ptr_array_unref(node->open);
	g_string_free(node->heard, TRUE);
	g_free(node);
}

const char *fake_node_address(const struct fake_node *node)
{
	return node->address;
}

unsigned fake_node_connections(const struct fake_node *node)
{
	return node->connections;
}

char *fake_node_heard(struct fake_node *node)
{
	char *heard = g_strdup(node->heard->str);
	g_string_truncate(node->heard, 0);
	return heard;
}

int fake_node_pair(struct fake_node *node)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		abort();
	}
	serve(node, ends[0]);
	return ends[1];
}
