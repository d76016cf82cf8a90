#pragma once
#include "base/auto.h"
#include "base/clock.h"
#include "base/stream.h"

#include <netinet/in.h>
#include <sys/un.h>

#include <glib.h>

/*
 * What the files of the stream share: stream.c (bytes, life, turns), stream_connect.c (from name to
 * connection), stream_tls.c (bytes through a TLS session). Nobody else includes this.
 */
struct tls_session;

struct stream_buffer {
	char *bytes;
	size_t start, length, capacity;
};

enum { STREAM_OUTPUT_MAX = 16 << 20, STREAM_READ = 16 << 10 };

struct stream {
	struct loop *loop;
	struct stream_handlers handlers;
	void *owner;
	enum stream_stage stage;
	int fd; /* -1: none */
	struct loop_watch *watch;
	unsigned watched; /* events of the watch */
	struct loop_timer *timer;
	struct mono deadline, wake; /* `wake` 0: none; of one address, or to try again */
	int64_t deadline_ms;        /* as it was set last */
	int64_t whole_ms;           /* as it was set first */

	int64_t created_us;
	struct stream_times times;

	/* on the way to a connection */
	struct resolver *resolver;
	struct resolver_query *query;
	unsigned keepalive_s;
	char *host, *path, *from;
	uint16_t port;
	bool anywhere, begun;
	struct sockaddr_storage *addresses;
	size_t address_count, address_next, tried;
	char address[sizeof(struct sockaddr_un) + 8];

	/* bytes */
	struct stream_buffer in, out;
	size_t input_max, scanned; /* of `in`, without a line end */
	uint64_t received;
	bool paused, finishing, shut; /* `finishing`: no more is to be sent; `shut`: the kernel knows */
	bool ended;                   /* the peer sends no more */
	bool unwritable;              /* nobody takes what we send */

	/* what is to be told in the next turn */
	bool tell_open, tell_data, soon, told_closed;
	struct error error; /* kind not ERR_NONE: it failed */

	/* TLS */
	struct tls_session *tls;
	bool tls_done, raw_ended; /* `raw_ended`: no more bytes will come for the session */
	struct mono tls_deadline;
	GByteArray
		*pending; /* sent before the handshake ended: u32 length and bytes, each one record */

	unsigned busy; /* inside a turn: the struct must stay */
	bool dead;     /* destroyed meanwhile */
};

/* Room at the end of a buffer that may grow to `limit` bytes: at least one byte, or NULL: full. */
char *stream_buffer_room(struct stream_buffer *buffer, size_t limit, size_t *room);
void stream_buffer_append(struct stream_buffer *buffer, const void *bytes, size_t length);
void stream_buffer_take(struct stream_buffer *buffer, size_t length);

/* Remembers the first failure; it is told in the next turn. */
void stream_fail(struct stream *stream, const struct error *why);
void stream_failf(struct stream *stream, enum error_kind kind, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* Asks for a turn as soon as the loop runs again. */
void stream_soon(struct stream *stream);
void stream_rewatch(struct stream *stream);
void stream_flush(struct stream *stream);

int64_t stream_age_us(const struct stream *stream); /* at least 1 */

/* The bytes flow: either the handshake begins or open() is due. */
void stream_connected(struct stream *stream);
/* Inside a turn, from the resolver's callback. */
void stream_turn_over(struct stream *stream);

/* stream_connect.c */
void stream_connect_begin(struct stream *stream);
void stream_connect_writable(struct stream *stream); /* the kernel knows what came of connect() */
void stream_connect_woken(struct stream *stream);
void stream_name_peer(struct stream *stream);

/* stream_tls.c */
bool stream_tls_begin(struct stream *stream, const struct tls_settings *tls, struct error *err);
void stream_tls_read(struct stream *stream); /* the descriptor may have bytes */
void stream_tls_decrypt(
	struct stream *stream); /* the session may hold bytes for which there was no room */
void stream_tls_send(struct stream *stream, const void *bytes, size_t length);
void stream_tls_finish(struct stream *stream);
