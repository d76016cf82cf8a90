#pragma once
#include "base/attr.h"
#include "base/error.h"
#include "base/loop.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Requests to HTTP servers and messages to mail servers, on the loop, through libcurl. Every
 * transfer has a deadline, a cap on what it reads, no redirects, no proxy, no other protocol than
 * the one asked for. The address really connected to is checked: loopback, link-local and
 * unspecified ones are refused unless the URL itself names that kind of address ("localhost",
 * "127.0.0.1", "[fe80::1]"), so a name that is made to point inside reaches nothing.
 */
struct httpclient;
struct httpclient_transfer;

enum { HTTPCLIENT_TIMEOUT_MS = 30000, HTTPCLIENT_CONNECT_MS = 5000 };

struct httpclient_request {
	const char *method;         /* NULL: GET, or POST if there is a body */
	const char *url;            /* http:// or https:// */
	const char *const *headers; /* "Name: value" without line ends, NULL-terminated; may be NULL */
	const void *body;           /* NULL: none */
	size_t body_length;
	size_t response_max; /* bytes of the answer's body that are kept; the rest is not read */
	int64_t timeout_ms;  /* of the whole transfer; 0: HTTPCLIENT_TIMEOUT_MS */
	bool unverified;     /* https: take any certificate */
	const char *ca_file; /* https: authorities in place of the system's (PEM); NULL: those */
	const char *certificate, *key; /* https: our own (PEM); NULL: none */
};

enum httpclient_tls {
	HTTPCLIENT_TLS_REQUIRED, /* STARTTLS or fail */
	HTTPCLIENT_TLS_OPTIONAL, /* STARTTLS if offered */
	HTTPCLIENT_TLS_NONE,
};

/* A message for one recipient. Addresses without "<>". `message` with CRLF line ends, not
 * dot-stuffed. */
struct httpclient_mail {
	const char *url;  /* smtp:// or smtps://HOST[:PORT] */
	const char *helo; /* our own name in EHLO; NULL: the machine's */
	const char *from, *recipient;
	const char *user, *password; /* NULL: no login */
	const char *message;
	size_t message_length;
	enum httpclient_tls tls;
	int64_t timeout_ms; /* 0: HTTPCLIENT_TIMEOUT_MS */
};

/* Valid during the callback. */
struct httpclient_result {
	/*
	 * kind ERR_NONE: the conversation came to its end (for HTTP with any status, for mail with the
	 * message accepted). Else why not: UNREACHABLE TIMEOUT PROTOCOL DENIED (address or login).
	 */
	struct error error;
	bool connected;   /* there was a connection (with TLS: before its handshake) */
	long status;      /* HTTP status or last SMTP code, 0: none came */
	const char *body; /* NUL-terminated */
	size_t length;
	bool truncated;           /* the body was longer than response_max */
	bool handed_over;         /* mail: all of the message was passed on, so it may have arrived */
	const char *content_type; /* "" if none */
};

typedef void (*httpclient_done_fn)(void *owner, const struct httpclient_result *result);

struct httpclient *httpclient_create(struct loop *loop);

/* Cancels what is under way; no callback is called. NULL allowed; allowed inside a callback. */
void httpclient_destroy(struct httpclient *client);

/*
 * Begins; everything in the request is copied. `done` is called once, never from inside this call.
 * NULL: the request is refused (CONFIG: URL or header no such thing, DENIED: line ends in an
 * address).
 */
struct httpclient_transfer *httpclient_start(struct httpclient *client,
	const struct httpclient_request *request, httpclient_done_fn done, void *owner,
	struct error *err);
struct httpclient_transfer *httpclient_send_mail(struct httpclient *client,
	const struct httpclient_mail *mail, httpclient_done_fn done, void *owner, struct error *err);

/* Ends it without a callback. Not after `done` was called. */
void httpclient_cancel(struct httpclient_transfer *transfer);

/* For commands that have no loop: one request from begin to end. The caller frees `*body` (g_free).
 */
struct httpclient_answer {
	long status;
	char *body;
	size_t length;
	bool truncated;
};
MUST_USE bool httpclient_fetch(
	const struct httpclient_request *request, struct httpclient_answer *answer, struct error *err);

/*
 * The same for an answer of any length: what a 2xx brings is handed to `take` as it comes and not
 * kept; any other answer's body is kept up to response_max, as above. `expected` is what the
 * server promised, roughly (Content-Length, Magpie-Expected-Bytes), 0: nothing. The transfer ends
 * when `take` gives false (CONFLICT; who took it knows why). An answer that broke off is
 * UNREACHABLE.
 */
struct httpclient_sink {
	bool (*take)(void *owner, const char *bytes, size_t length, uint64_t expected);
	void *owner;
};
MUST_USE bool httpclient_fetch_into(const struct httpclient_request *request,
	const struct httpclient_sink *sink, struct httpclient_answer *answer, struct error *err);
