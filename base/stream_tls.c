#include "base/stream_own.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/tls_session.h"

#include "base/banned.h"

/*
 * A stream's bytes through a TLS session: what comes is fed to the session and decrypted into `in`
 * as far as there is room; what the session has for the peer goes to `out`. The descriptor is read
 * only while there is room, so the session holds at most one reading and one record.
 *
 * A peer that closes its connection without saying so in TLS counts as one that said so: many do,
 * and every protocol here has its own end of an answer.
 */

static void stream_tls_push(void *owner, const void *bytes, size_t length)
{
	struct stream *stream = owner;
	stream_buffer_append(&stream->out, bytes, length);
}

bool stream_tls_begin(struct stream *stream, const struct tls_settings *tls, struct error *err)
{
	stream->tls = tls_session_create(tls, stream_tls_push, stream, err);
	stream->tls_done = false;
	return stream->tls != NULL;
}

static void stream_tls_fail(struct stream *stream, struct error *why)
{
	stream_flush(stream); /* the alert */
	if (stream->address[0]) {
		error_prefix(why, "%s", stream->address);
	}
	stream_fail(stream, why);
}

static void stream_tls_send_pending(struct stream *stream)
{
	GByteArray *pending = STEAL(stream->pending);
	for (size_t at = 0; pending && at < pending->len;) {
		uint32_t length;
		memcpy(&length, pending->data + at, sizeof(length));
		stream_tls_send(stream, pending->data + at + sizeof(length), length);
		at += sizeof(length) + length;
	}
	if (pending) {
		g_byte_array_free(pending, TRUE);
	}
	if (stream->finishing) {
		tls_session_bye(stream->tls);
	}
}

static void stream_tls_shake(struct stream *stream)
{
	struct error why;
	switch (tls_session_handshake(stream->tls, &why)) {
	case TLS_WANT:
		if (stream->raw_ended) {
			error_set(&why, ERR_PROTOCOL, "the peer closed in the middle of the TLS handshake");
			stream_tls_fail(stream, &why);
		}
		break;
	case TLS_DONE:
		stream->tls_done = true;
		stream->times.open_us = stream_age_us(stream);
		stream->stage = STREAM_OPEN;
		stream->tell_open = true;
		stream_tls_send_pending(stream);
		break;
	default: stream_tls_fail(stream, &why); break;
	}
}

static void stream_tls_receive(struct stream *stream)
{
	struct error why;
	char *to;
	size_t room;
	while (stream->error.kind == ERR_NONE &&
		   (to = stream_buffer_room(&stream->in, stream->input_max, &room))) {
		switch (tls_session_receive(stream->tls, to, &room, &why)) {
		case TLS_WANT:
			stream->tell_data = stream->tell_data || (stream->raw_ended && !stream->ended);
			stream->ended = stream->ended || stream->raw_ended;
			return;
		case TLS_DONE:
			stream->in.length += room;
			stream->received += room;
			stream->tell_data = true;
			break;
		case TLS_END:
			stream->tell_data = stream->tell_data || !stream->ended;
			stream->ended = true;
			return;
		default: stream_tls_fail(stream, &why); return;
		}
	}
}

void stream_tls_decrypt(struct stream *stream)
{
	if (!stream->tls_done) {
		stream_tls_shake(stream);
	}
	if (stream->tls_done && !stream->paused) {
		stream_tls_receive(stream);
	}
	stream_flush(stream);
}

void stream_tls_read(struct stream *stream)
{
	char bytes[STREAM_READ];
	ssize_t n = recv(stream->fd, bytes, sizeof(bytes), 0);
	if (n > 0) {
		tls_session_feed(stream->tls, bytes, (size_t)n);
		stream_tls_decrypt(stream);
	} else if (n == 0) {
		stream->raw_ended = true; /* what the session still holds comes before the end */
		stream_tls_decrypt(stream);
	} else if (errno != EAGAIN && errno != EINTR) {
		stream_failf(stream, ERR_UNREACHABLE, "%s: %s", stream->address, g_strerror(errno));
	}
}

void stream_tls_send(struct stream *stream, const void *bytes, size_t length)
{
	struct error why;
	if (!stream->tls_done) {
		uint32_t size = (uint32_t)length;
		if (!stream->pending) {
			stream->pending = g_byte_array_new();
		}
		if (stream->pending->len + length > STREAM_OUTPUT_MAX) {
			stream_failf(stream, ERR_PROTOCOL, "%s: too much to send before the TLS handshake",
				stream->address);
			return;
		}
		g_byte_array_append(stream->pending, (const guint8 *)&size, sizeof(size));
		g_byte_array_append(stream->pending, bytes, size);
		return;
	}
	if (!tls_session_send(stream->tls, bytes, length, &why)) {
		stream_tls_fail(stream, &why);
		return;
	}
	stream_flush(stream);
}

void stream_tls_finish(struct stream *stream)
{
	if (stream->tls_done) {
		tls_session_bye(stream->tls);
	}
}
