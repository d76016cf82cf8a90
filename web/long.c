#include "web/long.h"
#include "base/log.h"
#include "web/server.h"

#include <string.h>

#include "base/banned.h"

/*
 * Between the producer, which gives pieces as it likes, and the library, which asks for as many
 * bytes as it has room for: one buffer, filled again only when it is empty.
 *
 * HELD ──ready──> SENT ──end, broken, client gone──> closed
 *   └────fail───────────────────────────────────────────^
 */
struct long_answers {
	size_t open;
};

struct long_answer {
	struct long_answers *answers;
	struct exchange *x;
	struct long_source source;
	GString *piece;
	size_t taken;
	bool begun, broken;
};

struct long_answers *long_answers_create(void)
{
	return g_new0(struct long_answers, 1);
}

void long_answers_destroy(struct long_answers *answers)
{
	g_free(answers);
}

size_t long_answers_open(const struct long_answers *answers)
{
	return answers->open;
}

struct long_answer *long_answer_open(struct long_answers *answers, struct exchange *x,
	const struct long_source *source, struct error *err)
{
	if (answers->open >= LONG_ANSWERS_MAX) {
		error_set(err, ERR_UNREACHABLE, "%d long answers are being read; come again later",
			LONG_ANSWERS_MAX);
		return NULL;
	}
	struct long_answer *answer = g_new0(struct long_answer, 1);
	answer->answers = answers;
	answer->x = x;
	answer->source = *source;
	answer->piece = g_string_new(NULL);
	answers->open++;
	exchange_hold(x);
	return answer;
}

void long_answer_describe(struct long_answer *answer, const struct long_form *form)
{
	answer->x->reply.type = form->type;
	answer->x->reply.expected_bytes = form->expected_bytes;
	g_free(answer->x->reply.disposition);
	answer->x->reply.disposition = form->name;
}

static void answer_close(void *owner)
{
	struct long_answer *answer = owner;
	struct long_source source = answer->source;
	answer->answers->open--;
	g_string_free(answer->piece, TRUE);
	g_free(answer);
	source.closed(source.owner);
}

/* Fills the empty buffer. */
static enum long_step answer_fill(struct long_answer *answer)
{
	enum long_step step = LONG_MORE;
	g_string_truncate(answer->piece, 0);
	answer->taken = 0;
	while (step == LONG_MORE && !answer->piece->len) {
		step =
			answer->broken ? LONG_BROKEN : answer->source.more(answer->source.owner, answer->piece);
	}
	return answer->piece->len ? LONG_MORE : step;
}

static ssize_t answer_read(void *owner, char *buffer, size_t room)
{
	struct long_answer *answer = owner;
	if (answer->taken == answer->piece->len) {
		switch (answer_fill(answer)) {
		case LONG_MORE: break;
		case LONG_WAIT: return 0;
		case LONG_END: return -1;
		case LONG_BROKEN: return REPLY_SOURCE_BROKEN;
		}
	}
	size_t n = MIN(room, answer->piece->len - answer->taken);
	memcpy(buffer, answer->piece->str + answer->taken, n);
	answer->taken += n;
	return (ssize_t)n;
}

void long_answer_ready(struct long_answer *answer)
{
	struct exchange *x = answer->x;
	if (answer->begun) {
		exchange_wake(x);
		return;
	}
	answer->begun = true;
	x->reply.status = 200;
	x->reply.source = (struct reply_source){
		.read = answer_read, .closed = answer_close, .owner = answer, .finite = true};
	exchange_answer(x);
}

void long_answer_fail(struct long_answer *answer, const struct error *why)
{
	struct exchange *x = answer->x;
	if (answer->begun) {
		log_warn("web.answer_broken", "target=\"%s\" error=\"%s\"", log_safe(x->request.target),
			log_safe(why->text));
		answer->broken = true;
		exchange_wake(x);
		return;
	}
	g_free(STEAL(x->reply.disposition));
	reply_error(&x->reply, why);
	exchange_answer(x);
	answer_close(answer);
}
