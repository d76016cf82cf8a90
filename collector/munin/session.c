#include "collector/munin/session_own.h"

#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * Questions stand in a queue:
 *
 *      answered | sent, outstanding | to be sent
 *               head                sent
 *
 * What comes in belongs to the question at the head. It is looked at where it lies in the stream's
 * buffer; only an answer that is not there whole is gathered. So while bytes are looked at, nothing
 * is asked of the stream; what handlers ask goes out afterwards.
 */
static const char *const verbs[] = {
	[SESSION_CAP] = "cap",
	[SESSION_VERSION] = "version",
	[SESSION_LIST] = "list",
	[SESSION_CONFIG] = "config",
	[SESSION_FETCH] = "fetch",
	[SESSION_SPOOLFETCH] = "spoolfetch",
};

static const char cap_words[] = "multigraph dirtyconfig";

bool session_name_is_good(const char *name)
{
	size_t n = 0;
	for (; name[n]; n++) {
		if (n >= SESSION_NAME_MAX || name[n] <= ' ' || name[n] > '~') {
			return false;
		}
	}
	return true;
}

const struct session_greeting *session_greeting(const struct session *session)
{
	return &session->greeting;
}

size_t session_outstanding(const struct session *session)
{
	return session->sent - session->head;
}

/* -- the end -- */

struct question *session_head(const struct session *session)
{
	return session->head < session->sent
			   ? &g_array_index(session->queue, struct question, session->head)
			   : NULL;
}

const char *session_doing(const struct session *session)
{
	struct session *s = (struct session *)session;
	static const char *const phases[] = {[PHASE_BANNER] = "greet",
		[PHASE_STARTTLS] = "starttls",
		[PHASE_HANDSHAKE] = "tls",
		[PHASE_DEAD] = "end"};
	const struct question *question = session_head(session);
	if (s->phase == PHASE_OPENING) {
		bool name = s->stream && stream_stage(s->stream) == STREAM_RESOLVE;
		snprintf(s->doing, sizeof(s->doing), "%s", name ? "resolve" : "connect");
	} else if (s->phase != PHASE_READY) {
		snprintf(s->doing, sizeof(s->doing), "%s", phases[s->phase]);
	} else if (question) {
		bool named = question->verb == SESSION_CONFIG || question->verb == SESSION_FETCH;
		snprintf(s->doing, sizeof(s->doing), "%s%s%s", verbs[question->verb], named ? " " : "",
			named ? question->name : "");
	} else {
		snprintf(s->doing, sizeof(s->doing), "end");
	}
	return s->doing;
}

/* Ends the dialogue; the session may be gone afterwards. */
void session_close(struct session *session, const struct error *why)
{
	struct error told = *why;
	error_prefix(&told, "%s", session_doing(session));
	session->greeting.tls_failed =
		session->phase == PHASE_STARTTLS || session->phase == PHASE_HANDSHAKE;
	session->phase = PHASE_DEAD;
	stream_destroy(session->stream);
	session->stream = NULL;
	session->handlers->closed(session->owner, &told);
}

bool session_fail(
	struct session *session, enum error_kind kind, const char *what, struct node_part piece)
{
	struct error err;
	if (piece.length) {
		g_autofree char *text = node_part_text(piece, 80);
		error_set(&err, kind, "%s: \"%s\"", what, text);
	} else {
		error_set(&err, kind, "%s", what);
	}
	session_close(session, &err);
	return false;
}

bool session_break(struct session *session, enum error_kind kind, const char *what)
{
	return session_fail(session, kind, what, (struct node_part){NULL, 0});
}

void session_destroy(struct session *session)
{
	if (!session) {
		return;
	}
	if (session->gone) {
		*session->gone = true;
	}
	if (session->phase == PHASE_READY && session->head == session->sent && !session->busy) {
		stream_send_text(session->stream, "quit\n");
	}
	stream_destroy(session->stream);
	g_array_unref(session->queue);
	g_byte_array_unref(session->gathered);
	g_free(session->cap_line);
	g_free(session);
}

/* -- time -- */

static int64_t budget_left_ms(const struct session *session)
{
	return session->end.ms - mono_now().ms;
}

/* How long the answer that is due next may take. */
void session_wait(struct session *session)
{
	const struct question *question = session_head(session);
	int64_t most = session->options.greet_ms;
	int64_t left = budget_left_ms(session);
	if (session->phase == PHASE_READY && !question) {
		stream_deadline(session->stream, SESSION_IDLE_MS);
		return;
	}
	if (session->phase == PHASE_READY && question->verb >= SESSION_CONFIG) {
		most = left;
	}
	left = left > 1 ? left : 1;
	session->waiting_ms = most < left ? most : left;
	stream_deadline(session->stream, session->waiting_ms);
}

/* -- questions -- */

static bool is_ahead(const struct session *session)
{
	return session->options.pipelining && !session->greeting.secured;
}

/* Whether another question may be sent; behind the last one that of the end is put. */
static bool may_send(struct session *session)
{
	guint outstanding = session->sent - session->head;
	if (is_ahead(session) ? outstanding >= SESSION_WINDOW : outstanding > 0) {
		return false;
	}
	if (session->sent == session->queue->len && session->finishing && !session->closing) {
		session->closing = true;
		session_ask_cap(session);
	}
	return session->sent < session->queue->len;
}

/* The window is filled again when half of it is empty. */
void session_flush(struct session *session)
{
	guint outstanding = session->sent - session->head;
	if (session->phase != PHASE_READY || outstanding > SESSION_WINDOW / 2 || !may_send(session)) {
		return;
	}
	GString *text = g_string_sized_new(256);
	while (may_send(session)) {
		const struct question *question =
			&g_array_index(session->queue, struct question, session->sent);
		g_string_append(text, verbs[question->verb]);
		if (question->name[0]) {
			g_string_append_c(text, ' ');
			g_string_append(text, question->name);
		}
		g_string_append_c(text, '\n');
		session->sent++;
	}
	stream_send(session->stream, text->str, text->len);
	g_string_free(text, TRUE);
	if (!outstanding) {
		session_wait(session);
	}
}

void session_ask(struct session *session, enum session_verb verb, const char *name, void *tag)
{
	struct question question = {verb, name, tag};
	if (session->head == session->queue->len && session->head == session->sent) {
		g_array_set_size(session->queue, 0);
		session->head = session->sent = 0;
	}
	g_array_append_val(session->queue, question);
}

void session_ask_cap(struct session *session)
{
	session->phase = PHASE_READY;
	session_ask(session, SESSION_CAP, cap_words, NULL);
}

void session_finish(struct session *session)
{
	session->finishing = true;
	if (!session->busy) {
		session_flush(session);
	}
}

void *session_tag(const struct session *session)
{
	const struct question *question = session_head(session);
	return question ? question->tag : NULL;
}

void session_resume(struct session *session, int64_t budget_ms)
{
	session->end = (struct mono){mono_now().ms + budget_ms - SESSION_MARGIN_MS};
}

static void session_data(void *owner)
{
	struct session *session = owner;
	bool gone = false;
	bool progress = true;
	session->gone = &gone;
	while (progress && session->phase != PHASE_DEAD && session->phase != PHASE_HANDSHAKE) {
		if (!session_eat(session, &progress)) {
			break;
		}
	}
	if (gone) {
		return;
	}
	session->busy = false;
	session->gone = NULL;
	size_t length;
	if (session->stream && session->phase == PHASE_READY && !session_expects_line(session) &&
		stream_peek(session->stream, &length) && length >= session->input_max) {
		(void)session_break(session, ERR_PROTOCOL, "a line without end");
	}
}

static void session_open(void *owner)
{
	struct session *session = owner;
	if (session->phase == PHASE_OPENING) {
		session->phase = PHASE_BANNER;
		session_wait(session);
	} else if (session->phase == PHASE_HANDSHAKE) {
		session->greeting.secured = true;
		session_ask_cap(session);
		session_flush(session);
	}
}

/* Whether the answer that does not end holds what was to come behind it: then the node passed a
 * question over, and its answers are not those of our questions. */
static bool is_out_of_step(const struct session *session)
{
	if (!session->cap_line || !session->greeting.caps) {
		return false;
	}
	size_t length;
	const char *rest = stream_peek(session->stream, &length);
	const GByteArray *gathered = session->gathered;
	size_t cap = strlen(session->cap_line);
	return (gathered->len && memmem(gathered->data, gathered->len, session->cap_line, cap)) ||
		   (length && memmem(rest, length, session->cap_line, cap));
}

static void session_closed(void *owner, const struct error *why)
{
	struct session *session = owner;
	struct error told = *why;
	bool talks = session->phase == PHASE_BANNER && session->first_words[0];
	if (talks && (why->kind == ERR_TIMEOUT || why->kind == ERR_NONE) && !session->last_words[0]) {
		error_set(
			&told, ERR_PROTOCOL, "no greeting of a munin-node, but \"%s\"", session->first_words);
	} else if (why->kind == ERR_TIMEOUT && is_out_of_step(session)) {
		error_set(&told, ERR_PROTOCOL, "the node is out of step: it passed a question over");
	} else if (why->kind == ERR_TIMEOUT && session->phase != PHASE_OPENING) {
		error_set(&told, ERR_TIMEOUT, "no answer within %g s",
			(double)(session->waiting_ms + 50 - (session->waiting_ms + 50) % 100) / 1000);
	} else if (why->kind == ERR_NONE && session->last_words[0]) {
		error_set(&told, ERR_UNREACHABLE, "%s", session->last_words);
	} else if (why->kind == ERR_NONE && session->phase == PHASE_BANNER && !session->motd) {
		error_set(&told, ERR_DENIED,
			"the node closed the connection without a word, as it does if this server is not in "
			"its allow list");
	} else if (why->kind == ERR_NONE) {
		error_set(&told, ERR_UNREACHABLE, "the node closed the connection");
	}
	session_close(session, &told);
}

static const struct stream_handlers stream_calls = {
	.open = session_open, .data = session_data, .closed = session_closed};

static bool session_connect(struct session *session, struct error *err)
{
	const struct session_options *o = &session->options;
	if (o->stream) {
		session->stream = o->stream;
		stream_hand_on(o->stream, &stream_calls, session);
		stream_deadline(session->stream, session->waiting_ms);
	} else if (o->fd >= 0) {
		session->stream = stream_adopt(o->loop, o->fd, o->target, &stream_calls, session, err);
	} else {
		session->stream =
			stream_connect(o->loop, o->resolver, o->target, &stream_calls, session, err);
	}
	return session->stream;
}

struct session *session_start(const struct session_options *options,
	const struct session_handlers *handlers, void *owner, struct error *err)
{
	struct session *session = g_new0(struct session, 1);
	session->options = *options;
	session->options.greet_ms = options->greet_ms ? options->greet_ms : SESSION_SHORT_MS;
	session->handlers = handlers;
	session->owner = owner;
	session->queue = g_array_new(FALSE, FALSE, sizeof(struct question));
	session->gathered = g_byte_array_new();
	session_resume(session, options->budget_ms);
	session->waiting_ms = options->target->deadline_ms;
	session->input_max = options->target->input_max;
	bool connected = session_connect(session, err);
	session->options.target = NULL; /* borrowed for this call */
	if (!connected) {
		session_destroy(session);
		return NULL;
	}
	return session;
}
