#pragma once
#include "base/auto.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/*
 * Answers of any length, made while they are sent. The producer is asked for a piece when the
 * client has taken the one before, so a client that does not read costs one piece and what the
 * producer holds. An error before the first piece is an ordinary answer (problem+json); one behind
 * it breaks the connection off, so that nobody takes a part for the whole.
 */
struct exchange;
struct long_answers; /* all that are open, to bound their number */
struct long_answer;

enum { LONG_PIECE = 64 * 1024, LONG_ANSWERS_MAX = 32, LONG_RETRY_S = 5 };

enum long_step {
	LONG_MORE, /* a piece was appended (at most a few LONG_PIECE), or nothing yet */
	LONG_WAIT, /* nothing now; long_answer_ready() will be called */
	LONG_END,
	LONG_BROKEN /* cannot go on */
};

struct long_source {
	/* Appends the next piece. */
	enum long_step (*more)(void *owner, GString *out);
	/* Nobody asks any more: the end was sent, it broke, or the client has gone. Called once, from
	 * inside of long_answer_fail() as well; the struct long_answer is dead then. */
	void (*closed)(void *owner);
	void *owner;
};

struct long_answers *long_answers_create(void);
void long_answers_destroy(struct long_answers *answers); /* none may be open; NULL allowed */
size_t long_answers_open(const struct long_answers *answers);

/* What it is: set before the first long_answer_ready(). */
struct long_form {
	const char *type;      /* a literal */
	char *name;            /* file to be saved as, plain characters; g_malloc, taken */
	size_t expected_bytes; /* what will come, roughly, for those who wait; 0: not known */
};

/*
 * Holds the exchange until long_answer_ready() or _fail(). UNREACHABLE: LONG_ANSWERS_MAX are open;
 * the exchange is as before and `closed` is not called.
 */
MUST_USE struct long_answer *long_answer_open(struct long_answers *answers, struct exchange *x,
	const struct long_source *source, struct error *err);
void long_answer_describe(struct long_answer *answer, const struct long_form *form);

/* There is something (again). The first time the answer begins, with 200. */
void long_answer_ready(struct long_answer *answer);

/* Something went wrong while waiting. Before the answer began it becomes that error, and `closed`
 * is called at once. */
void long_answer_fail(struct long_answer *answer, const struct error *why);
