#pragma once
#include "base/tls.h"

/*
 * One TLS session over bytes that its driver (base/stream_tls.c) moves: what comes from the peer is
 * fed, what is for the peer is pushed to `push` at once, which must take it all. Nothing blocks and
 * nothing calls back but `push`.
 */
struct tls_session;

typedef void (*tls_push_fn)(void *owner, const void *bytes, size_t length);

enum tls_progress {
	TLS_WANT,   /* more bytes of the peer are needed */
	TLS_DONE,   /* handshake: it is over; receive: bytes were given */
	TLS_END,    /* the peer said that it sends no more */
	TLS_FAILED, /* `err` says why: PROTOCOL, DENIED (certificate) */
};

/* Settings are borrowed for the call, but the credentials, which are referenced. CONFIG: a server
 * without a key (but for `legacy`). */
MUST_USE struct tls_session *tls_session_create(
	const struct tls_settings *settings, tls_push_fn push, void *owner, struct error *err);
void tls_session_destroy(struct tls_session *session); /* NULL allowed */

/* Raw bytes of the peer; kept until they are used up. */
void tls_session_feed(struct tls_session *session, const void *bytes, size_t length);

enum tls_progress tls_session_handshake(struct tls_session *session, struct error *err);

/* In clear, at most `*length` bytes; sets `*length` to what there was. */
enum tls_progress tls_session_receive(
	struct tls_session *session, void *room, size_t *length, struct error *err);

/* One record, if it fits into one. False: the session is broken. */
bool tls_session_send(
	struct tls_session *session, const void *bytes, size_t length, struct error *err);

/* Says that no more will be sent. */
void tls_session_bye(struct tls_session *session);

/* What the handshake told, once it is done, and also if it failed because of the certificate; else
 * NULL. */
const struct tls_report *tls_session_report(const struct tls_session *session);
