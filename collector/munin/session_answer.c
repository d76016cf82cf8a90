#include "collector/munin/session_own.h"

#include "base/text.h"
#include "collector/executor.h"

#include <string.h>

#include "base/banned.h"

/*
 * Bytes into answers. They are looked at where they lie in the stream's buffer; only an answer that
 * is not there whole is gathered, so nothing is asked of the stream before all is looked at (see
 * session.c).
 *
 * Every function here that takes something returns false if the session is dead or gone afterwards.
 */
/* -- answers: each of these takes a whole one, and returns false if the session is gone or dead --
 */

/* Whether "munin" or "lrrd", "node" or "client", "at NAME" follow each other in a line with "#". */
static bool banner_name(struct node_part line, struct node_part *name)
{
	static const char *const words[][2] = {{"munin", "lrrd"}, {"node", "client"}, {"at", "at"}};
	const char *at = memchr(line.text, '#', line.length);
	const char *end = line.text + line.length;
	size_t stage = 0;
	for (at = at ? at + 1 : end; at < end;) {
		const char *word = at;
		while (at < end && *at != ' ' && *at != '\t') {
			at++;
		}
		struct node_part part = {word, (size_t)(at - word)};
		at += at < end;
		if (stage == 3 && part.length) {
			*name = part;
			return true;
		}
		bool fits = stage < 3 && (part.length == strlen(words[stage][0]) ||
									 part.length == strlen(words[stage][1]));
		bool same = fits && (!g_ascii_strncasecmp(part.text, words[stage][0], part.length) ||
								!g_ascii_strncasecmp(part.text, words[stage][1], part.length));
		stage = same ? stage + 1 : part.length ? 0 : stage;
	}
	return false;
}

/* What the program through which we talk had to say when it ended (collector/executor.h), in place
 * of an answer. Told when the connection closes, which follows. */
static bool take_last_words(struct session *session, struct node_part line)
{
	static const char mark[] = EXECUTION_TRANSPORT_MARK;
	size_t length = sizeof(mark) - 1;
	if (line.length < length || memcmp(line.text, mark, length) != 0) {
		return false;
	}
	g_autofree char *before = g_strdup(session->last_words);
	g_autofree char *clean = node_part_text(
		(struct node_part){line.text + length, line.length - length}, SESSION_WORDS_MAX);
	g_autofree char *both = g_strconcat(before, before[0] ? "; " : "", clean, NULL);
	text_copy(session->last_words, sizeof(session->last_words), both);
	return true;
}

static bool take_banner(struct session *session, struct node_part line)
{
	struct node_part name;
	if (take_last_words(session, line)) {
		return true;
	}
	if (!banner_name(line, &name)) {
		if (!session->first_words[0]) {
			g_autofree char *words = node_part_text(line, SESSION_WORDS_MAX - 1);
			text_copy(session->first_words, sizeof(session->first_words), words);
		}
		session->motd += line.length + 1;
		return session->motd <= SESSION_MOTD_MAX
				   ? true
				   : session_break(session, ERR_PROTOCOL, "too much text before the banner");
	}
	g_autofree char *clean = node_part_text(name, sizeof(session->greeting.name) - 1);
	text_copy(session->greeting.name, sizeof(session->greeting.name), clean);
	if (session->options.tls == SESSION_TLS_NONE) {
		session_ask_cap(session);
	} else {
		session->phase = PHASE_STARTTLS;
	}
	return true;
}

/* The line is still in the stream: it is taken before TLS begins. */
static bool take_starttls(
	struct session *session, struct node_part line, bool *secure, bool *server)
{
	bool ok = line.length >= 6 && !memcmp(line.text, "TLS OK", 6);
	bool maybe = line.length >= 9 && !g_ascii_strncasecmp(line.text, "TLS MAYBE", 9);
	if (maybe && !tls_credentials_have_key(session->options.settings->credentials)) {
		return session_break(session, ERR_DENIED,
			"the node has no key, and for this direction we have none either: give it one, or "
			"configure ours");
	}
	if (!ok && !maybe && session->options.tls == SESSION_TLS_REQUIRE) {
		return session_fail(session, ERR_DENIED, "the node does not offer TLS", line);
	}
	*secure = ok || maybe;
	*server = maybe;
	if (!*secure) {
		session->greeting.tls_refused = true;
		session_ask_cap(session);
	}
	return true;
}

static void read_cap(struct session *session, const char *line)
{
	struct session_greeting *greeting = &session->greeting;
	if (strncmp(line, "cap", 3) != 0 || (line[3] && line[3] != ' ')) {
		return;
	}
	greeting->caps = true;
	g_auto(GStrv) words = g_strsplit(line, " ", SESSION_CAP_WORDS_MAX + 1);
	for (size_t i = 1; words[i] && i <= SESSION_CAP_WORDS_MAX; i++) {
		greeting->multigraph |= !strcmp(words[i], "multigraph");
		greeting->dirtyconfig |= !strcmp(words[i], "dirtyconfig");
		greeting->spool |= !strcmp(words[i], "spool");
	}
}

/* The first answer to `cap` says what the node can; later ones must be the same. */
static bool take_cap(struct session *session, struct node_part line)
{
	if (session->cap_line) {
		if (!node_part_is(line, session->cap_line)) {
			return session_fail(
				session, ERR_PROTOCOL, "the node is out of step, it answered", line);
		}
		session->head++;
		session->answers++;
		session->closing = false;
		if (session->head == session->queue->len) {
			session->finishing = false;
			session->handlers->finished(session->owner);
		}
		return true;
	}
	session->cap_line = g_strndup(line.text, line.length);
	read_cap(session, session->cap_line);
	if (!session->greeting.caps && (!line.length || *line.text != '#')) {
		return session_fail(session, ERR_PROTOCOL, "the node does not answer to it", line);
	}
	session->head++;
	session->answers++;
	session->handlers->greeted(session->owner);
	return true;
}

static bool is_refusal(struct node_part line)
{
	/* the last one is what the node written in C says of a plugin it does not have */
	static const char *const texts[] = {"# unknown command", "# unknown cmd", "# unknown plugin"};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		size_t length = strlen(texts[i]);
		if (line.length >= length && !g_ascii_strncasecmp(line.text, texts[i], length)) {
			return true;
		}
	}
	return false;
}

static bool wants_tls(struct node_part line)
{
	return node_part_is(line, "# I require TLS. Closing.");
}

static bool give_answer(struct session *session, struct node_part text, bool last, bool refused)
{
	const struct question *question = session_head(session);
	struct session_answer answer = {.verb = question->verb,
		.name = question->name,
		.tag = question->tag,
		.text = text.text,
		.length = text.length,
		.last = last,
		.refused = refused,
		.cut = session->skipping};
	session->head += last;
	session->answers += last;
	session->handlers->answered(session->owner, &answer);
	return true;
}

static struct node_part cut_line(const char *text, size_t length)
{
	while (length && (text[length - 1] == '\n' || text[length - 1] == '\r')) {
		length--;
	}
	return (struct node_part){text, length};
}

static bool take_line(struct session *session, struct node_part line)
{
	const struct question *question = session_head(session);
	if (take_last_words(session, line)) {
		return true;
	}
	if (!question) {
		return session_fail(session, ERR_PROTOCOL, "the node says what it was not asked for", line);
	}
	if (wants_tls(line)) {
		return session_break(session, ERR_DENIED, "the node requires TLS");
	}
	if (question->verb == SESSION_CAP) {
		return take_cap(session, line);
	}
	if (node_part_is(line, ".")) {
		return true; /* some nodes close a one-line answer as well */
	}
	return give_answer(session, line, true, is_refusal(line));
}

/* -- bytes -- */

/* A piece of input and how much of it was dealt with. */
struct input {
	const char *bytes;
	size_t length, used;
};

bool session_expects_line(const struct session *session)
{
	const struct question *question = session_head(session);
	return session->phase != PHASE_READY || !question || question->verb < SESSION_CONFIG;
}

static size_t line_limit(const struct session *session)
{
	const struct question *question = session_head(session);
	return question && question->verb == SESSION_LIST ? SESSION_ANSWER_MAX : SESSION_LINE_MAX;
}

/* Gathers a line that is not there whole. False: it is too long for what it is. */
static bool gather_line(struct session *session, struct input *in)
{
	size_t rest = in->length - in->used;
	size_t room = line_limit(session) - session->gathered->len;
	size_t take = rest < room ? rest : room;
	g_byte_array_append(session->gathered, (const guint8 *)in->bytes + in->used, (guint)take);
	in->used = in->length;
	if (session->gathered->len < line_limit(session)) {
		return true;
	}
	const struct question *question = session_head(session);
	if (!question || question->verb != SESSION_LIST) {
		return session_break(session, ERR_PROTOCOL, "a line without end");
	}
	session->skipping = true; /* the beginning of such a list is good enough (hostile 6) */
	return true;
}

/* Takes one line. `*more`: there may be another one. */
static bool eat_line(struct session *session, struct input *in, bool *more)
{
	const char *from = in->bytes + in->used;
	const char *end = memchr(from, '\n', in->length - in->used);
	GByteArray *gathered = session->gathered;
	*more = end != NULL;
	if (!end && session->skipping) {
		in->used = in->length;
		return true;
	}
	if (!end) {
		return gather_line(session, in);
	}
	size_t length = (size_t)(end - from);
	if (gathered->len + length > line_limit(session) && !session->skipping) {
		*more = gather_line(session, &(struct input){from, length, 0});
		if (!*more || !session->skipping) {
			return false;
		}
	} else if (gathered->len && !session->skipping) {
		g_byte_array_append(gathered, (const guint8 *)from, (guint)length);
	}
	in->used += length + 1;
	struct node_part line = gathered->len ? cut_line((const char *)gathered->data, gathered->len)
										  : cut_line(from, length);
	bool *gone = session->gone;
	bool alive;
	if (session->phase == PHASE_BANNER) {
		alive = take_banner(session, line);
	} else {
		alive = take_line(session, line);
	}
	if (!*gone && alive) {
		g_byte_array_set_size(gathered, 0);
		session->skipping = false;
	}
	return alive && !*gone;
}

/* Whole lines from `used` on, up to the closing ".": their end; `*closing` is the length of that
 * line, 0 if it is not there. */
static size_t find_end(const struct input *in, size_t *closing)
{
	size_t at = in->used;
	*closing = 0;
	for (;;) {
		const char *line = in->bytes + at;
		const char *end = memchr(line, '\n', in->length - at);
		if (!end) {
			return at;
		}
		size_t length = (size_t)(end - line);
		if (*line == '.' && (length == 1 || (length == 2 && line[1] == '\r'))) {
			*closing = length + 1;
			return at;
		}
		at += length + 1;
	}
}

/* An answer that is no answer: one line without a closing ".". */
static bool is_lone_line(const struct session *session, const struct input *in, size_t *length)
{
	const char *from = in->bytes + in->used;
	const char *end = memchr(from, '\n', in->length - in->used);
	if (session->gathered->len || !end || *from != '#') {
		return false;
	}
	*length = (size_t)(end - from) + 1;
	struct node_part line = cut_line(from, *length);
	return is_refusal(line) || wants_tls(line);
}

static bool eat_lines(struct session *session, struct input *in, bool *more)
{
	const struct question *question = session_head(session);
	GByteArray *gathered = session->gathered;
	size_t lone;
	if (is_lone_line(session, in, &lone)) {
		struct node_part line = cut_line(in->bytes + in->used, lone);
		in->used += lone;
		return wants_tls(line) ? session_break(session, ERR_DENIED, "the node requires TLS")
							   : give_answer(session, line, true, true);
	}
	size_t closing;
	size_t end = find_end(in, &closing);
	struct node_part lines = {in->bytes + in->used, end - in->used};
	*more = closing;
	in->used = end + closing;
	if (question->verb == SESSION_SPOOLFETCH) {
		return lines.length || closing ? give_answer(session, lines, closing, false) : true;
	}
	if (gathered->len + lines.length > SESSION_ANSWER_MAX) {
		return session_break(session, ERR_PROTOCOL, "an answer of more than 1 MiB");
	}
	if (!closing || gathered->len) {
		g_byte_array_append(gathered, (const guint8 *)lines.text, (guint)lines.length);
		lines = (struct node_part){(const char *)gathered->data, gathered->len};
	}
	if (!closing) {
		return true;
	}
	bool *gone = session->gone;
	bool alive = give_answer(session, lines, true, false);
	if (!*gone) {
		g_byte_array_set_size(gathered, 0);
	}
	return alive;
}

static bool secure(struct session *session, bool server)
{
	struct error err;
	struct tls_settings settings = *session->options.settings;
	settings.server = server;
	session->phase = PHASE_HANDSHAKE;
	if (!stream_start_tls(session->stream, &settings, &err)) {
		session_close(session, &err);
		return false;
	}
	session_wait(session);
	return true;
}

/* The answer to STARTTLS: taken out of the stream before anything else happens. */
static bool eat_starttls(struct session *session, const char *bytes, size_t length)
{
	const char *end = memchr(bytes, '\n', length);
	bool with_tls = false;
	bool server = false;
	if (!end) {
		return length <= SESSION_LINE_MAX
				   ? true
				   : session_break(session, ERR_PROTOCOL, "a line without end");
	}
	if (!take_starttls(session, cut_line(bytes, (size_t)(end - bytes)), &with_tls, &server)) {
		return false;
	}
	stream_take(session->stream, (size_t)(end - bytes) + 1);
	if (with_tls) {
		return secure(session, server);
	}
	session_flush(session);
	return true;
}

/* Deals with what is there. False: the session is dead or gone. */
bool session_eat(struct session *session, bool *progress)
{
	size_t length;
	const char *bytes = stream_peek(session->stream, &length);
	uint64_t answers = session->answers;
	enum session_phase phase = session->phase;
	bool *gone = session->gone;
	*progress = false;
	if (phase == PHASE_STARTTLS) {
		return eat_starttls(session, bytes, length);
	}
	struct input in = {bytes, length, 0};
	bool more = length > 0;
	session->busy = true;
	while (more && in.used < in.length && session->phase == phase) {
		more = true;
		bool alive = session_expects_line(session) ? eat_line(session, &in, &more)
												   : eat_lines(session, &in, &more);
		if (*gone || !alive || session->phase == PHASE_DEAD) {
			return false;
		}
	}
	session->busy = false;
	if (phase == PHASE_BANNER && session->phase != phase && in.used < in.length) {
		return session_break(
			session, ERR_PROTOCOL, "the node goes on behind its banner without being asked");
	}
	stream_take(session->stream, in.used);
	*progress = in.used > 0;
	if (session->phase == PHASE_STARTTLS) {
		stream_send_text(session->stream, "STARTTLS\n");
		session_wait(session);
	}
	session_flush(session);
	if (session->answers != answers) {
		session_wait(session);
	}
	return true;
}
