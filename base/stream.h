#pragma once
#include "base/attr.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/resolve.h"
#include "base/tls.h"

#include <stddef.h>
#include <stdint.h>

/*
 * One dialogue over a byte stream: TCP, a Unix socket, or a descriptor somebody hands over, with or
 * without TLS, on the loop. What came in waits in a bounded buffer until its owner takes it; what
 * goes out waits until the kernel takes it. A stream says how far it got, so that whoever asks
 * for a service can say at which stage it failed. No callback is called from inside a call of the
 * owner's; destroying a stream inside its callbacks is allowed.
 *
 * Life: stream_connect() or stream_adopt() -> open() -> any number of data() -> closed() at most
 * once -> stream_destroy(), always by the owner.
 */
struct stream;

enum stream_stage { STREAM_RESOLVE, STREAM_CONNECT, STREAM_HANDSHAKE, STREAM_OPEN };

struct stream_handlers {
	/* Connected, and the handshake is over if TLS was asked for from the first byte or by
	 * stream_start_tls(): so it may be called twice. */
	void (*open)(void *owner);
	/* There are more bytes to peek at. Also called when the peer will send no more (half-close):
	 * then closed() follows. */
	void (*data)(void *owner);
	/* Over: the peer closed (kind ERR_NONE), or it failed: UNREACHABLE, TIMEOUT (the deadline),
	 * PROTOCOL (TLS), DENIED (certificate; address that may not be asked), NOT_FOUND (name),
	 * STORAGE (nothing the peer can help: we have no descriptor or memory for it). */
	void (*closed)(void *owner, const struct error *why);
};

struct stream_target {
	const char *host; /* name or literal; ignored with `path` */
	uint16_t port;
	const char *path; /* of a Unix socket; NULL: TCP. A leading "@" is the abstract space */
	const char *from; /* local address to connect from; NULL: any */
	const struct tls_settings *tls; /* from the first byte; NULL: none */
	bool anywhere;       /* whether a name may lead to loopback and link-local addresses; a
							literal or "localhost" always may (see address_class_of_host) */
	int64_t deadline_ms; /* from now, for all of it until it is set anew; must be > 0 */
	unsigned
		keepalive_s;  /* TCP we connect: after so many seconds of silence the kernel asks whether
						 the peer is still there, and gives up half a minute later; 0: never */
	size_t input_max; /* bytes of the buffer; the kernel keeps what does not fit */
};

/* Begins to connect, to one address after the other. NULL (CONFIG): the target makes no sense. */
MUST_USE struct stream *stream_connect(struct loop *loop, struct resolver *resolver,
	const struct stream_target *target, const struct stream_handlers *handlers, void *owner,
	struct error *err);

/* Takes a connected descriptor (socket or pipe pair of one socket); host and port of `target` are
 * ignored. */
MUST_USE struct stream *stream_adopt(struct loop *loop, int fd, const struct stream_target *target,
	const struct stream_handlers *handlers, void *owner, struct error *err);

/* Closes at once; what was not sent is dropped. NULL allowed. */
void stream_destroy(struct stream *stream);

/* Another owner goes on with an open stream: open() follows, and data() if bytes wait. */
void stream_hand_on(struct stream *stream, const struct stream_handlers *handlers, void *owner);

/* TLS from here on (STARTTLS). What was received before and not taken counts as a break of the
 * protocol (bytes in clear that pretend to be protected), but for a TLS server, to whom it is the
 * begin of the handshake. open() follows. */
bool stream_start_tls(struct stream *stream, const struct tls_settings *tls, struct error *err);

/* Queues bytes; each call is one TLS record if it fits into one. A dead stream drops them. */
void stream_send(struct stream *stream, const void *bytes, size_t length);
void stream_send_text(struct stream *stream, const char *text);

/* Bytes queued and not yet taken by the kernel. */
size_t stream_unsent(const struct stream *stream);

/* No more will be sent: the peer sees the end (half-close) behind what is queued. */
void stream_finish(struct stream *stream);

/* What has come and was not taken. Valid until the next call on this stream or return to the loop.
 */
const char *stream_peek(const struct stream *stream, size_t *length);
void stream_take(struct stream *stream, size_t length);

/*
 * The next whole line without its end (LF or CRLF), taken; valid as stream_peek(). NULL: none yet.
 * `*too_long` (may be NULL) is set when the buffer is full without a line end: nothing will come.
 */
const char *stream_line(struct stream *stream, size_t *length, bool *too_long);

/* Moves the deadline: TIMEOUT that many milliseconds from now. */
void stream_deadline(struct stream *stream, int64_t ms);

/* While paused nothing is read; the deadline runs. */
void stream_pause(struct stream *stream, bool paused);

enum stream_stage stream_stage(const struct stream *stream);
const char *stream_address(
	const struct stream *stream); /* "192.0.2.1:4949" being talked to, "" before */
uint64_t stream_received(const struct stream *stream); /* bytes, in clear */

/* When each step was done, in microseconds since the stream was made; 0: not yet. `open_us` is the
 * end of the handshake, or with no TLS that of connecting. */
struct stream_times {
	int64_t resolved_us, connected_us, open_us;
};
struct stream_times stream_times(const struct stream *stream);

/* NULL: no handshake came to its end; one that ended with a refused certificate did. */
const struct tls_report *stream_tls_report(const struct stream *stream);
