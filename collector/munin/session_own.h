#pragma once
#include "base/clock.h"
#include "collector/munin/node_line.h"
#include "collector/munin/session.h"

#include <glib.h>

/*
 * What session.c (life, questions, time) and session_answer.c (bytes that come in) share.
 */
enum {
	SESSION_LINE_MAX = 8192,      /* of banner, cap and other short answers */
	SESSION_MOTD_MAX = 65536,     /* all before the banner */
	SESSION_ANSWER_MAX = 1 << 20, /* of one plugin, and of a list */
	SESSION_WINDOW = 100,         /* questions outstanding */
	SESSION_CAP_WORDS_MAX = 64,
	SESSION_SHORT_MS = 10000,
	SESSION_IDLE_MS = 86400 * 1000,
	SESSION_MARGIN_MS = 100, /* before the budget ends, so that we can say who was slow */
	SESSION_NAME_MAX = 128,
	SESSION_WORDS_MAX = 200,
};

enum session_phase {
	PHASE_OPENING,
	PHASE_BANNER,
	PHASE_STARTTLS,
	PHASE_HANDSHAKE,
	PHASE_READY,
	PHASE_DEAD,
};

struct question {
	enum session_verb verb;
	const char *name;
	void *tag;
};

struct session {
	struct session_options options;
	const struct session_handlers *handlers;
	void *owner;
	struct stream *stream;
	enum session_phase phase;
	struct session_greeting greeting;
	char *cap_line; /* what the node answered to `cap`; NULL: not yet */
	GArray *queue;  /* struct question */
	guint head, sent;
	GByteArray *gathered; /* of an answer that is not there whole */
	bool skipping;        /* to the end of a line that was too long */
	size_t input_max;
	bool finishing, closing; /* the last question is to be asked; was asked */
	uint64_t answers;
	size_t motd;                         /* bytes before the banner */
	char first_words[SESSION_WORDS_MAX]; /* the first line of these: perhaps another protocol */
	struct mono end;                     /* of the budget */
	int64_t waiting_ms;                  /* how long the present answer may take */
	bool busy;                           /* bytes are being looked at */
	bool *gone;                          /* set when destroyed inside a handler; NULL: in none */
	char doing[SESSION_NAME_MAX + 16];
	char last_words[SESSION_WORDS_MAX]; /* why the program we talk through ended */
};

struct question *session_head(const struct session *session); /* outstanding; NULL: none */
void session_wait(struct session *session); /* how long what is due next may take */

/* The first question and the last one: `cap` with our own words. */
void session_ask_cap(struct session *session);

/* Ends the dialogue; the session may be gone afterwards. The last two return false. */
void session_close(struct session *session, const struct error *why);
bool session_break(struct session *session, enum error_kind kind, const char *what);
bool session_fail(
	struct session *session, enum error_kind kind, const char *what, struct node_part piece);

/* Takes what is there. False: the session is dead or gone. `*progress`: there may be more. */
bool session_eat(struct session *session, bool *progress);

/* Whether what comes next is a single line. */
bool session_expects_line(const struct session *session);
