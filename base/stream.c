#include "base/stream.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <glib.h>

#include "base/stream_own.h"
#include "base/tls_session.h"

#include "base/banned.h"

/*
 * A dialogue over bytes. All that happens to a stream happens in a *turn*: its descriptor, its
 * timer or the resolver calls, the bytes move, and then the owner is told (stream_tell). What the
 * owner calls only moves bytes and notes what is to be told; where that cannot wait for the
 * descriptor it asks for a turn (stream_soon).
 *
 * In: the kernel -> [TLS session] -> `in`, of at most input_max bytes; while it is full nothing is
 * read. Out: [TLS session] -> `out` -> the kernel; with an empty `out` bytes go to the kernel at
 * once.
 *
 * The end: when the peer sends no more, data() and then closed() are told as soon as all of `out`
 * is with the kernel. What the owner sends after that, it may have been asked for, still goes out.
 *
 * I1: handlers are called from stream_tell() only. I2: stream_destroy() inside a handler leaves the
 * struct to stream_turn_over(). I3: after an error nothing is read or written any more.
 */

/* -- failing and telling -- */

void stream_fail(struct stream *stream, const struct error *why)
{
	if (stream->error.kind == ERR_NONE && !stream->told_closed) {
		stream->error = *why;
		stream_soon(stream);
	}
}

void stream_failf(struct stream *stream, enum error_kind kind, const char *format, ...)
{
	struct error why = {.kind = kind};
	va_list list;
	va_start(list, format);
	vsnprintf(why.text, sizeof(why.text), format, list);
	va_end(list);
	stream_fail(stream, &why);
}

static bool stream_is_over(const struct stream *stream)
{
	return stream->dead || stream->error.kind != ERR_NONE;
}

/* When the timer has to call next. */
static void stream_arm(struct stream *stream)
{
	if (stream->dead) {
		return;
	}
	if (stream->soon) {
		loop_timer_after(stream->timer, 0);
		return;
	}
	if (stream->told_closed) {
		loop_timer_stop(stream->timer);
		return;
	}
	struct mono next = stream->deadline;
	if (stream->wake.ms && stream->wake.ms < next.ms) {
		next = stream->wake;
	}
	if (stream->stage == STREAM_HANDSHAKE && stream->tls_deadline.ms < next.ms) {
		next = stream->tls_deadline;
	}
	loop_timer_after(stream->timer, next.ms - mono_now().ms);
}

void stream_soon(struct stream *stream)
{
	if (!stream->soon && !stream->dead) {
		stream->soon = true;
		loop_timer_after(stream->timer, 0);
	}
}

static void stream_on_event(void *owner, int fd, unsigned events);

void stream_rewatch(struct stream *stream)
{
	unsigned events = 0;
	if (stream->fd < 0 || stream->dead) {
		return;
	}
	if (stream->error.kind == ERR_NONE) {
		bool may_read = stream->stage >= STREAM_HANDSHAKE && !stream->paused && !stream->ended &&
						!stream->raw_ended && stream->in.length < stream->input_max;
		events = (may_read ? LOOP_READABLE : 0U) |
				 (stream->stage == STREAM_CONNECT || (stream->out.length && !stream->unwritable)
						 ? LOOP_WRITABLE
						 : 0U);
	}
	if (!stream->watch && events) {
		struct error why;
		stream->watch =
			loop_watch_add(stream->loop, stream->fd, events, stream_on_event, stream, &why);
		if (!stream->watch) {
			stream_fail(stream, &why);
			return;
		}
	} else if (stream->watch && events != stream->watched) {
		loop_watch_change(stream->watch, events);
	}
	stream->watched = events;
}

static void stream_tell(struct stream *stream)
{
	if (stream->tell_open && !stream_is_over(stream)) {
		stream->tell_open = false;
		stream->handlers.open(stream->owner);
	}
	if (stream->tell_data && !stream_is_over(stream)) {
		stream->tell_data = false;
		stream->handlers.data(stream->owner);
	}
	if (stream->dead || stream->told_closed) {
		return;
	}
	bool in_order = stream->ended && (!stream->out.length || stream->unwritable) &&
					!stream->tell_data && !stream->tell_open;
	if (stream->error.kind != ERR_NONE || in_order) {
		stream->told_closed = true;
		stream->soon = false;
		struct error why = stream->error;
		stream->handlers.closed(stream->owner, &why);
	}
}

static void stream_free(struct stream *stream)
{
	g_free(stream->addresses);
	g_free(stream->host);
	g_free(stream->path);
	g_free(stream->from);
	g_free(stream->in.bytes);
	g_free(stream->out.bytes);
	g_free(stream);
}

/* The end of each turn, entered with busy counted up. */
void stream_turn_over(struct stream *stream)
{
	stream_tell(stream);
	stream->busy--;
	if (!stream->dead) {
		stream_rewatch(stream);
		stream_arm(stream);
	} else if (!stream->busy) {
		stream_free(stream); /* see I2 */
	}
}

/* -- moving bytes -- */

static void stream_read(struct stream *stream)
{
	size_t room;
	char *to = stream_buffer_room(&stream->in, stream->input_max, &room);
	if (!to) {
		return;
	}
	ssize_t n = recv(stream->fd, to, room, 0);
	if (n > 0) {
		stream->in.length += (size_t)n;
		stream->received += (uint64_t)n;
		stream->tell_data = true;
	} else if (n == 0) {
		stream->ended = true;
		stream->tell_data = true;
	} else if (errno != EAGAIN && errno != EINTR) {
		stream_failf(stream, ERR_UNREACHABLE, "%s: %s", stream->address, g_strerror(errno));
	}
}

void stream_flush(struct stream *stream)
{
	while (stream->out.length && !stream->unwritable) {
		ssize_t n = send(stream->fd, stream->out.bytes + stream->out.start, stream->out.length,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			stream_buffer_take(&stream->out, (size_t)n);
		} else if (errno == EAGAIN) {
			break;
		} else if (errno != EINTR) {
			stream->unwritable = true; /* reading tells why, and what the peer said before */
		}
	}
	if (stream->finishing && !stream->shut && !stream->out.length && stream->stage == STREAM_OPEN) {
		stream->shut = true;
		shutdown(stream->fd, SHUT_WR);
	}
}

static void stream_on_event(void *owner, int fd UNUSED, unsigned events)
{
	struct stream *stream = owner;
	stream->busy++;
	if (stream->stage == STREAM_CONNECT) {
		stream_connect_writable(stream);
	} else {
		if (events & LOOP_WRITABLE) {
			stream_flush(stream);
		}
		if (events & LOOP_READABLE && stream->watched & LOOP_READABLE) {
			if (stream->tls) {
				stream_tls_read(stream);
			} else {
				stream_read(stream);
			}
		}
	}
	stream_turn_over(stream);
}

static void stream_time_out(struct stream *stream)
{
	bool handshake = stream->stage == STREAM_HANDSHAKE;
	int64_t ms = stream->deadline_ms;
	if (handshake && stream->tls_deadline.ms < stream->deadline.ms) {
		ms = TLS_HANDSHAKE_MS;
	}
	static const char *const what[] = {[STREAM_RESOLVE] = "no name server answered",
		[STREAM_CONNECT] = "no answer to the wish to connect",
		[STREAM_HANDSHAKE] = "the TLS handshake did not end",
		[STREAM_OPEN] = "no answer"};
	const char *about =
		stream->stage == STREAM_RESOLVE && stream->host ? stream->host : stream->address;
	stream_failf(stream, ERR_TIMEOUT, "%s: %s within %lld.%lld s", about, what[stream->stage],
		(long long)(ms / 1000), (long long)(ms % 1000 / 100));
}

static void stream_on_time(void *owner)
{
	struct stream *stream = owner;
	stream->busy++;
	stream->soon = false;
	struct mono now = mono_now();
	if (!stream_is_over(stream) && !stream->told_closed) {
		bool handshake_over =
			stream->stage == STREAM_HANDSHAKE && now.ms >= stream->tls_deadline.ms;
		if (now.ms >= stream->deadline.ms || handshake_over) {
			stream_time_out(stream);
		} else if (!stream->begun) {
			stream->begun = true;
			stream_connect_begin(stream);
		} else if (stream->wake.ms && now.ms >= stream->wake.ms) {
			stream->wake.ms = 0;
			stream_connect_woken(stream);
		} else if (stream->tls && !stream->paused) {
			stream_tls_decrypt(stream);
		}
	}
	stream_turn_over(stream);
}

int64_t stream_age_us(const struct stream *stream)
{
	return MAX(g_get_monotonic_time() - stream->created_us, (int64_t)1);
}

void stream_connected(struct stream *stream)
{
	stream->wake.ms = 0;
	if (!stream->times.connected_us) {
		stream->times.connected_us = stream_age_us(stream);
	}
	if (stream->tls) {
		stream->stage = STREAM_HANDSHAKE;
		stream->tls_deadline.ms = mono_now().ms + TLS_HANDSHAKE_MS;
		stream_tls_decrypt(stream);
		return;
	}
	stream->stage = STREAM_OPEN;
	stream->times.open_us = stream->times.connected_us;
	stream->tell_open = true;
	stream_flush(stream);
}

/* -- life -- */

static struct stream *stream_create(struct loop *loop, const struct stream_target *target,
	const struct stream_handlers *handlers, void *owner, struct error *err)
{
	assert(handlers->open && handlers->data && handlers->closed);
	if (target->deadline_ms <= 0 || target->input_max == 0) {
		error_set(err, ERR_CONFIG, "a dialogue needs a deadline and a buffer");
		return NULL;
	}
	struct stream *stream = g_new0(struct stream, 1);
	*stream = (struct stream){.loop = loop, .handlers = *handlers, .owner = owner, .fd = -1};
	stream->created_us = g_get_monotonic_time();
	stream->input_max = target->input_max;
	stream->deadline_ms = stream->whole_ms = target->deadline_ms;
	stream->deadline.ms = mono_now().ms + target->deadline_ms;
	stream->host = g_strdup(target->host);
	stream->port = target->port;
	stream->path = g_strdup(target->path);
	stream->from = g_strdup(target->from);
	stream->anywhere = target->anywhere;
	stream->keepalive_s = target->keepalive_s;
	stream->timer = loop_timer_create(loop, stream_on_time, stream);
	if (target->tls && !stream_tls_begin(stream, target->tls, err)) {
		stream_destroy(stream);
		return NULL;
	}
	return stream;
}

static bool stream_check_target(const struct stream_target *target, struct error *err)
{
	if (target->path) {
		size_t length = strlen(target->path);
		if (length < 2 || length >= sizeof(((struct sockaddr_un *)NULL)->sun_path) ||
			(target->path[0] != '/' && target->path[0] != '@')) {
			return error_set(err, ERR_CONFIG,
				"the path of a Unix socket begins with \"/\" and is shorter than 108 bytes");
		}
		return true;
	}
	if (!target->host || !target->host[0] || !target->port) {
		return error_set(err, ERR_CONFIG, "a connection needs a host and a port");
	}
	return true;
}

struct stream *stream_connect(struct loop *loop, struct resolver *resolver,
	const struct stream_target *target, const struct stream_handlers *handlers, void *owner,
	struct error *err)
{
	if (!stream_check_target(target, err)) {
		return NULL;
	}
	struct stream *stream = stream_create(loop, target, handlers, owner, err);
	if (stream) {
		stream->resolver = resolver;
		stream_soon(stream);
	}
	return stream;
}

struct stream *stream_adopt(struct loop *loop, int fd, const struct stream_target *target,
	const struct stream_handlers *handlers, void *owner, struct error *err)
{
	struct stream *stream = stream_create(loop, target, handlers, owner, err);
	if (!stream) {
		close(fd);
		return NULL;
	}
	stream->fd = fd;
	stream->begun = true;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		error_errno(err, ERR_STORAGE, errno, "descriptor %d", fd);
		stream_destroy(stream);
		return NULL;
	}
	stream_name_peer(stream);
	stream_connected(stream);
	stream_soon(stream);
	return stream;
}

void stream_destroy(struct stream *stream)
{
	if (!stream) {
		return;
	}
	stream->dead = true;
	resolver_cancel(STEAL(stream->query));
	loop_watch_remove(STEAL(stream->watch));
	loop_timer_destroy(STEAL(stream->timer));
	tls_session_destroy(STEAL(stream->tls));
	if (stream->pending) {
		g_byte_array_free(STEAL(stream->pending), TRUE);
	}
	if (stream->fd >= 0) {
		close(stream->fd);
		stream->fd = -1;
	}
	if (!stream->busy) {
		stream_free(stream);
	}
}

void stream_hand_on(struct stream *stream, const struct stream_handlers *handlers, void *owner)
{
	stream->handlers = *handlers;
	stream->owner = owner;
	stream->tell_open = true;
	stream->tell_data = stream->tell_data || stream->in.length > 0;
	stream_soon(stream);
}

bool stream_start_tls(struct stream *stream, const struct tls_settings *tls, struct error *err)
{
	if (stream->stage != STREAM_OPEN || stream->tls || stream_is_over(stream) || stream->ended) {
		return error_set(err, ERR_CONFLICT, "TLS can begin on an open connection only, and once");
	}
	if (stream->in.length && !tls->server) {
		return error_set(err, ERR_PROTOCOL, "%s: %zu bytes came in clear before the TLS handshake",
			stream->address, stream->in.length);
	}
	if (!stream_tls_begin(stream, tls, err)) {
		return false;
	}
	/* the peer, as TLS client, may begin at once: what it sent already belongs to the handshake */
	tls_session_feed(stream->tls, stream->in.bytes + stream->in.start, stream->in.length);
	stream_buffer_take(&stream->in, stream->in.length);
	stream->scanned = 0;
	stream->tell_data = false;
	stream_connected(stream);
	stream_soon(stream);
	return true;
}

/* -- bytes of the owner -- */

void stream_send(struct stream *stream, const void *bytes, size_t length)
{
	if (stream_is_over(stream) || stream->finishing || stream->unwritable || !length) {
		return;
	}
	if (stream->tls) {
		stream_tls_send(stream, bytes, length);
	} else {
		if (stream->stage == STREAM_OPEN && !stream->out.length) {
			ssize_t n = send(stream->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
			if (n > 0) {
				bytes = (const char *)bytes + n;
				length -= (size_t)n;
			}
		}
		stream_buffer_append(&stream->out, bytes, length);
	}
	if (stream->out.length > STREAM_OUTPUT_MAX) {
		stream_failf(stream, ERR_PROTOCOL, "%s: does not take what is sent to it", stream->address);
	} else if (stream->out.length && stream->stage >= STREAM_HANDSHAKE) {
		stream_rewatch(stream);
	}
}

void stream_send_text(struct stream *stream, const char *text)
{
	stream_send(stream, text, strlen(text));
}

size_t stream_unsent(const struct stream *stream)
{
	return stream->out.length + (stream->pending ? stream->pending->len : 0);
}

void stream_finish(struct stream *stream)
{
	if (stream->finishing || stream_is_over(stream)) {
		return;
	}
	if (stream->tls) {
		stream_tls_finish(stream);
	}
	stream->finishing = true;
	stream_flush(stream);
	stream_rewatch(stream);
}

const char *stream_peek(const struct stream *stream, size_t *length)
{
	*length = stream->in.length;
	return stream->in.length ? stream->in.bytes + stream->in.start : "";
}

void stream_take(struct stream *stream, size_t length)
{
	assert(length <= stream->in.length);
	bool was_full = stream->in.length == stream->input_max;
	stream_buffer_take(&stream->in, length);
	stream->scanned = stream->scanned > length ? stream->scanned - length : 0;
	if (was_full && length) {
		if (stream->tls) {
			stream_soon(stream); /* the session may hold more, without the descriptor's knowing */
		}
		stream_rewatch(stream);
	}
}

const char *stream_line(struct stream *stream, size_t *length, bool *too_long)
{
	char *from = stream->in.bytes + stream->in.start;
	size_t left = stream->in.length - stream->scanned;
	char *end = left ? memchr(from + stream->scanned, '\n', left) : NULL;
	if (too_long) {
		*too_long = !end && stream->in.length == stream->input_max;
	}
	if (!end) {
		stream->scanned = stream->in.length;
		return NULL;
	}
	*length = (size_t)(end - from);
	stream_take(stream, *length + 1);
	if (*length && from[*length - 1] == '\r') {
		--*length;
	}
	from[*length] = '\0';
	return from;
}

void stream_deadline(struct stream *stream, int64_t ms)
{
	stream->deadline_ms = ms;
	stream->deadline.ms = mono_now().ms + ms;
	if (!stream->busy) {
		stream_arm(stream);
	}
}

void stream_pause(struct stream *stream, bool paused)
{
	if (stream->paused && !paused && stream->tls) {
		stream_soon(stream);
	}
	stream->paused = paused;
	stream_rewatch(stream);
}

enum stream_stage stream_stage(const struct stream *stream)
{
	return stream->stage;
}

const char *stream_address(const struct stream *stream)
{
	return stream->address;
}

uint64_t stream_received(const struct stream *stream)
{
	return stream->received;
}

struct stream_times stream_times(const struct stream *stream)
{
	return stream->times;
}

const struct tls_report *stream_tls_report(const struct stream *stream)
{
	return stream->tls ? tls_session_report(stream->tls) : NULL;
}
