#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "harness.h"

#include "base/attr.h"
#include "base/bundle.h"
#include "base/role.h"
#include "model/message.h"
#include "web/webd.h"

#include "base/banned.h"

enum { WAIT_MS = 10000 };

static void send_with_fd(struct harness *h, int socket_fd, int fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	memset(&control, 0, sizeof(control));
	frame_finish(h->w);
	struct iovec part = {.iov_base = h->w->packet, .iov_len = h->w->length};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	assert_true(sendmsg(socket_fd, &message, MSG_NOSIGNAL) > 0);
}

void harness_send(struct harness *h, int fd)
{
	frame_finish(h->w);
	assert_false(h->w->overflow);
	assert_true(send(fd, h->w->packet, h->w->length, MSG_NOSIGNAL) > 0);
}

static void wait_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n = poll(&p, 1, WAIT_MS);
	if (n <= 0) {
		fail_msg("nothing came within %d ms", WAIT_MS);
	}
}

struct frame harness_receive(struct harness *h, int fd, unsigned type)
{
	for (;;) {
		struct frame frame;
		wait_readable(fd);
		ssize_t n = recv(fd, h->packet, FRAME_MAX, 0);
		assert_true(n >= FRAME_HEADER);
		memcpy(&frame.type, h->packet, 2);
		memcpy(&frame.version, h->packet + 2, 2);
		memcpy(&frame.length, h->packet + 4, 4);
		frame.payload = h->packet + FRAME_HEADER;
		if (frame.type == type) {
			return frame;
		}
	}
}

static int listen_on_loopback(int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 256), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &length), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

int harness_peer(struct harness *h, unsigned role)
{
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	message_start(h->w, MESSAGE_CONTROL_PEER);
	frame_put_u8(h->w, (uint8_t)role);
	frame_put_u8(h->w, 0);
	send_with_fd(h, h->control, pair[1]);
	close(pair[1]);
	return pair[0];
}

static void send_start(struct harness *h)
{
	struct bundle *bundle = bundle_create();
	int memory = bundle_to_fd(bundle, NULL);
	assert_true(memory >= 0);
	message_start(h->w, MESSAGE_CONTROL_START);
	frame_put_text(h->w, "/nonexistent");
	frame_put_u8(h->w, 0);
	frame_put_u64(h->w, 1);
	send_with_fd(h, h->control, memory);
	close(memory);
	bundle_destroy(bundle);
}

void harness_start(struct harness *h, bool engine, bool rrd)
{
	int pair[2];
	*h = (struct harness){.engine = -1, .rrd = -1};
	h->w = g_new0(struct frame_writer, 1);
	h->packet = g_malloc(FRAME_MAX);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	fflush(NULL);
	h->pid = fork();
	if (h->pid == 0) {
		dup2(pair[1], ROLE_CONTROL_FD);
		for (int fd = ROLE_CONTROL_FD + 1; fd < 256; fd++) {
			close(fd);
		}
		int code = web_role_main();
		g_free(h->w);
		g_free(h->packet);
		exit(code);
	}
	close(pair[1]);
	h->control = pair[0];
	send_start(h);
	int fd = listen_on_loopback(&h->port);
	message_start(h->w, MESSAGE_CONTROL_LISTEN);
	send_with_fd(h, h->control, fd);
	close(fd);
	h->engine = engine ? harness_peer(h, ROLE_ENGINE) : -1;
	h->rrd = rrd ? harness_peer(h, ROLE_RRD) : -1;
}

void harness_stop(struct harness *h)
{
	int status = 0;
	message_start(h->w, MESSAGE_CONTROL_STOP);
	harness_send(h, h->control);
	assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(h->control);
	if (h->engine >= 0) {
		close(h->engine);
	}
	if (h->rrd >= 0) {
		close(h->rrd);
	}
	g_free(h->w);
	g_free(h->packet);
}

/* -- HTTP -- */

int http_connect(const struct harness *h)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)h->port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

void http_send(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
		if (n <= 0) {
			return; /* refused in the middle; what it says is read by http_read() */
		}
		bytes += n;
		length -= (size_t)n;
	}
}

GString *http_read(int fd, const char *until)
{
	GString *all = g_string_new(NULL);
	char chunk[65536];
	while (!until || !strstr(all->str, until)) {
		wait_readable(fd);
		ssize_t n = recv(fd, chunk, sizeof(chunk), 0);
		if (n <= 0) {
			break;
		}
		g_string_append_len(all, chunk, n);
	}
	return all;
}

static GString *body_of(const GString *all, const char *head)
{
	const char *at = strstr(all->str, "\r\n\r\n");
	GString *body = g_string_new(NULL);
	if (!at) {
		return body;
	}
	at += 4;
	if (!strstr(head, "Transfer-Encoding: chunked")) {
		g_string_append_len(body, at, (gssize)(all->len - (size_t)(at - all->str)));
		return body;
	}
	for (;;) {
		char *end = NULL;
		unsigned long n = strtoul(at, &end, 16);
		if (!n || strncmp(end, "\r\n", 2)) {
			return body;
		}
		g_string_append_len(body, end + 2, (gssize)n);
		at = end + 2 + n + 2;
	}
}

struct answer http_request(const struct harness *h, const char *method, const char *target,
	const char *extra, const char *body)
{
	int fd = http_connect(h);
	GString *out = g_string_new(NULL);
	g_string_append_printf(out, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s",
		method, target, extra ? extra : "");
	if (body) {
		g_string_append_printf(out, "Content-Length: %zu\r\n", strlen(body));
	}
	g_string_append(out, "\r\n");
	g_string_append(out, body ? body : "");
	http_send(fd, out->str, out->len);
	g_string_free(out, TRUE);
	GString *all = http_read(fd, NULL);
	close(fd);
	struct answer a = {0};
	if (sscanf(all->str, "HTTP/1.1 %u", &a.status) != 1) {
		fail_msg("%s %s: no answer", method, target);
	}
	const char *end = strstr(all->str, "\r\n\r\n");
	a.head = g_strndup(all->str, end ? (gsize)(end - all->str) : all->len);
	a.body = body_of(all, a.head);
	g_string_free(all, TRUE);
	return a;
}

struct answer http_get(const struct harness *h, const char *target, const char *extra)
{
	return http_request(h, "GET", target, extra, NULL);
}

void answer_finish(struct answer *a)
{
	g_free(a->head);
	g_string_free(a->body, TRUE);
}
