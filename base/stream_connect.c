#include "base/stream_own.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/text.h"

#include "base/banned.h"

/*
 * From a name to a connection: the resolver gives addresses, which are tried one after the other;
 * one that does not answer costs at most a third of the deadline while there are others. An address
 * of this machine or link is refused unless the target names that kind itself. A Unix socket whose
 * queue is full cannot be waited for by the kernel's means, so it is tried again every 50 ms.
 */
enum { RETRY_MS = 50, SHARE = 3 };

static void stream_connect_next(struct stream *stream);

static void stream_name(struct stream *stream, const struct sockaddr_storage *address)
{
	char text[INET6_ADDRSTRLEN] = "";
	if (address->ss_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, address, sizeof(v4));
		inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
		snprintf(
			stream->address, sizeof(stream->address), "%s:%u", text, (unsigned)ntohs(v4.sin_port));
	} else if (address->ss_family == AF_INET6) {
		struct sockaddr_in6 v6;
		memcpy(&v6, address, sizeof(v6));
		inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
		snprintf(stream->address, sizeof(stream->address), "[%s]:%u", text,
			(unsigned)ntohs(v6.sin6_port));
	} else {
		snprintf(stream->address, sizeof(stream->address), "local peer");
	}
}

void stream_name_peer(struct stream *stream)
{
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof(address);
	getpeername(stream->fd, (struct sockaddr *)&address, &length);
	stream_name(stream, &address);
}

static void stream_connect_drop(struct stream *stream)
{
	loop_watch_remove(STEAL(stream->watch));
	stream->watched = 0;
	stream->wake.ms = 0;
	if (stream->fd >= 0) {
		close(stream->fd);
		stream->fd = -1;
	}
}

/* An address is of no use; with none left that is the end. */
static void stream_connect_useless(struct stream *stream, enum error_kind kind, const char *why)
{
	stream_connect_drop(stream);
	if (stream->address_next < stream->address_count) {
		stream_connect_next(stream);
	} else if (stream->tried > 1) {
		stream_failf(stream, kind, "%s: %s (the last of %zu addresses)", stream->address, why,
			stream->tried);
	} else {
		stream_failf(stream, kind, "%s: %s", stream->address, why);
	}
}

/* Without a listener, a connection from a port to itself is possible: that is nobody. */
static bool stream_is_self(int fd)
{
	struct sockaddr_storage here = {0}, there = {0};
	socklen_t here_length = sizeof(here), there_length = sizeof(there);
	return getsockname(fd, (struct sockaddr *)&here, &here_length) == 0 &&
		   getpeername(fd, (struct sockaddr *)&there, &there_length) == 0 &&
		   here.ss_family != AF_UNIX && here_length == there_length &&
		   memcmp(&here, &there, here_length) == 0;
}

void stream_connect_writable(struct stream *stream)
{
	int number = 0;
	socklen_t length = sizeof(number);
	if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &number, &length) < 0) {
		number = errno;
	}
	struct sockaddr_storage peer;
	socklen_t room = sizeof(peer);
	if (number == 0 && getpeername(stream->fd, (struct sockaddr *)&peer, &room) != 0) {
		return; /* not decided yet */
	}
	if (number == 0 && stream_is_self(stream->fd)) {
		number = ECONNREFUSED;
	}
	if (number) {
		stream_connect_useless(stream, ERR_UNREACHABLE, g_strerror(number));
	} else {
		stream_connected(stream);
	}
}

/* -- TCP -- */

static bool stream_allows(const struct stream *stream, const struct sockaddr_storage *address)
{
	enum address_class class = address_classify((const struct sockaddr *)address);
	char host[ADDRESS_HOST_MAX + 1];
	text_copy(host, sizeof(host), stream->host);
	host[strcspn(host, "%")] = '\0'; /* a literal's zone */
	return class == ADDRESS_WIDE ||
		   (class != ADDRESS_NO_HOST && (stream->anywhere || class == address_class_of_host(host)));
}

static bool stream_bind(struct stream *stream, int family)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	if (family == AF_INET && inet_pton(AF_INET, stream->from, &v4.sin_addr) == 1) {
		return bind(stream->fd, (const struct sockaddr *)&v4, sizeof(v4)) == 0;
	}
	if (family == AF_INET6 && inet_pton(AF_INET6, stream->from, &v6.sin6_addr) == 1) {
		return bind(stream->fd, (const struct sockaddr *)&v6, sizeof(v6)) == 0;
	}
	errno = EAFNOSUPPORT;
	return false;
}

static void stream_keep_alive(int fd, unsigned silence_s)
{
	const struct {
		int level, name, value;
	} rows[] = {{SOL_SOCKET, SO_KEEPALIVE, 1}, {IPPROTO_TCP, TCP_KEEPIDLE, (int)silence_s},
		{IPPROTO_TCP, TCP_KEEPINTVL, 10}, {IPPROTO_TCP, TCP_KEEPCNT, 3},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, ((int)silence_s + 30) * 1000}};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		(void)setsockopt(fd, rows[i].level, rows[i].name, &rows[i].value, sizeof(int));
	}
}

/* Want of descriptors or memory is ours, not the peer's. */
static enum error_kind stream_kind(int number)
{
	bool ours = number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
	return ours ? ERR_STORAGE : ERR_UNREACHABLE;
}

static void stream_connect_try(struct stream *stream, struct sockaddr_storage *address)
{
	socklen_t length = sizeof(struct sockaddr_in);
	uint16_t port = htons(stream->port);
	if (address->ss_family == AF_INET6) {
		length = sizeof(struct sockaddr_in6);
		memcpy((char *)address + offsetof(struct sockaddr_in6, sin6_port), &port, sizeof(port));
	} else {
		memcpy((char *)address + offsetof(struct sockaddr_in, sin_port), &port, sizeof(port));
	}
	stream_name(stream, address);
	stream->tried++;
	if (!stream_allows(stream, address)) {
		stream_connect_useless(stream, ERR_DENIED,
			"the name leads to an address of this machine or link, which has to be named itself");
		return;
	}
	stream->fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (stream->fd < 0 || (stream->from && !stream_bind(stream, address->ss_family))) {
		stream_connect_useless(stream, stream_kind(errno), g_strerror(errno));
		return;
	}
	int yes = 1;
	setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (stream->keepalive_s) {
		stream_keep_alive(stream->fd, stream->keepalive_s);
	}
	if (connect(stream->fd, (const struct sockaddr *)address, length) == 0) {
		stream_connect_writable(stream);
	} else if (errno != EINPROGRESS) {
		stream_connect_useless(stream, ERR_UNREACHABLE, g_strerror(errno));
	} else {
		if (stream->address_next < stream->address_count) {
			stream->wake.ms = mono_now().ms + MAX(stream->whole_ms / SHARE, (int64_t)1);
		}
		stream_rewatch(stream);
	}
}

static void stream_connect_next(struct stream *stream)
{
	stream_connect_try(stream, &stream->addresses[stream->address_next++]);
}

static void stream_on_addresses(void *owner, const struct resolver_result *result)
{
	struct stream *stream = owner;
	stream->busy++;
	stream->query = NULL;
	if (result->error.kind != ERR_NONE) {
		stream_fail(stream, &result->error);
	} else {
		stream->times.resolved_us = stream_age_us(stream);
		stream->address_count = result->count;
		stream->addresses =
			g_memdup2(result->addresses, result->count * sizeof(result->addresses[0]));
		stream->stage = STREAM_CONNECT;
		stream_connect_next(stream);
	}
	stream_turn_over(stream);
}

/* -- Unix sockets -- */

static void stream_connect_path(struct stream *stream)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(stream->path);
	assert(length < sizeof(address.sun_path));
	memcpy(address.sun_path, stream->path, length);
	if (stream->path[0] == '@') {
		address.sun_path[0] = '\0';
	}
	snprintf(stream->address, sizeof(stream->address), "unix:%s", stream->path);
	stream->stage = STREAM_CONNECT;
	stream->tried = 1;
	stream->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (stream->fd < 0) {
		stream_connect_useless(stream, stream_kind(errno), g_strerror(errno));
		return;
	}
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length +
								 (stream->path[0] == '@' ? 0 : 1));
	if (connect(stream->fd, (const struct sockaddr *)&address, size) == 0) {
		stream_connected(stream);
	} else if (errno == EAGAIN) {
		stream_connect_drop(stream);
		stream->wake.ms = mono_now().ms + RETRY_MS;
	} else {
		stream_connect_useless(stream, ERR_UNREACHABLE, g_strerror(errno));
	}
}

/* -- what stream.c calls -- */

void stream_connect_begin(struct stream *stream)
{
	struct error why;
	if (stream->path) {
		stream_connect_path(stream);
		return;
	}
	stream->query =
		resolver_start(stream->resolver, stream->host, stream_on_addresses, stream, &why);
	if (!stream->query) {
		stream_fail(stream, &why);
	}
}

void stream_connect_woken(struct stream *stream)
{
	if (stream->path) {
		stream_connect_path(stream);
	} else {
		stream_connect_useless(stream, ERR_TIMEOUT, "no answer");
	}
}
