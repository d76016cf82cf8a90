#pragma once
#include "base/stream.h"
#include "model/config_source.h"

/*
 * The dialogue with a munin-node (reference: munin, section 1) over one stream: greeting, STARTTLS,
 * cap, and then what is asked, answered in order. On a plain connection commands are sent ahead of
 * answers (a bounded window) if the owner knows that the node can bear it; under TLS, or else, one
 * at a time. Each answer has a deadline of its own. At the end a question with a known answer shows
 * whether both sides are still in step (hostile 28).
 *
 * Life: session_start() -> greeted() -> session_ask() … session_finish() -> answered() per question
 * -> finished() -> either session_destroy() or, after a while, session_resume() and more questions.
 * closed() instead at any time, once: then only session_destroy() is left. Handlers are never
 * called from inside a call of the owner's; destroying inside them is allowed.
 */
struct session;

enum session_verb {
	SESSION_CAP, /* the session's own */
	SESSION_VERSION,
	SESSION_LIST,
	SESSION_CONFIG,
	SESSION_FETCH,
	SESSION_SPOOLFETCH,
};

struct session_answer {
	enum session_verb verb;
	const char *name; /* as asked */
	void *tag;
	/* VERSION, LIST: one line without its end. CONFIG, FETCH: all lines before the closing ".".
	 * SPOOLFETCH: in pieces of whole lines, the last one with `last`. Raw bytes. */
	const char *text;
	size_t length;
	bool last;
	bool refused; /* the node does not know the command; the text is its line */
	bool cut;     /* LIST: it was too long, the beginning only */
};

struct session_handlers {
	void (*greeted)(void *owner);
	void (*answered)(void *owner, const struct session_answer *answer);
	/* All that was asked before session_finish() was answered, and the two are in step. */
	void (*finished)(void *owner);
	/* Over. The text says at which stage and why ("greet: no answer within 5 s"). PROTOCOL: what
	 * was answered in this dialogue cannot be trusted. */
	void (*closed)(void *owner, const struct error *why);
};

enum session_tls {
	SESSION_TLS_NONE,    /* plain */
	SESSION_TLS_ASK,     /* STARTTLS; a node that does not know it is asked in clear */
	SESSION_TLS_REQUIRE, /* never in clear */
};

struct session_options {
	struct loop *loop;
	struct resolver *resolver;
	/* One of: a stream that is open, taken over (also if the start fails); a descriptor, taken too;
	 * an address to connect to. */
	struct stream *stream;
	int fd; /* -1: none */
	const struct stream_target
		*target; /* borrowed; of a stream or descriptor: what is to be used */
	enum session_tls tls;
	const struct tls_settings *settings; /* borrowed for the session's life; server is ignored */
	bool pipelining;
	int64_t greet_ms;  /* for connecting and each short answer, 10,000 by default (0) */
	int64_t budget_ms; /* for the whole dialogue: no answer is waited for longer */
};

MUST_USE struct session *session_start(const struct session_options *options,
	const struct session_handlers *handlers, void *owner, struct error *err);
void session_destroy(struct session *session); /* NULL allowed; says quit if it can */

/* Queues a question; `name` (of a plugin, host or an instant; may be "") and `tag` must live until
 * it is answered. The name must be session_name_is_good(). */
void session_ask(struct session *session, enum session_verb verb, const char *name, void *tag);

/* Sends what was asked outside the handlers; inside them it happens by itself. */
void session_flush(struct session *session);

/* No more questions than those that follow from answers to come. Flushes. */
void session_finish(struct session *session);

/* A finished dialogue goes on with another budget: session_ask() and session_finish() may follow at
 * once. */
void session_resume(struct session *session, int64_t budget_ms);

/* Printable ASCII without blanks, at most 128 bytes: what may be put into a command. */
bool session_name_is_good(const char *name);

/* What the node said of itself. */
struct session_greeting {
	char name[254]; /* in its banner, clean text */
	bool caps;      /* it answered `cap` */
	bool multigraph, dirtyconfig, spool;
	bool secured;     /* TLS is on */
	bool tls_failed;  /* the dialogue ended because STARTTLS or the handshake did not go well */
	bool tls_refused; /* it was asked for TLS (SESSION_TLS_ASK) and does not know it */
};
const struct session_greeting *session_greeting(const struct session *session);

/* The stage or command under way: "connect", "greet", "fetch df"; clean. */
const char *session_doing(const struct session *session);
void *session_tag(const struct session *session); /* of the question under way; NULL: none */
size_t session_outstanding(const struct session *session); /* questions sent and not answered */
