#include <math.h>
#include <string.h>

#include "base/text.h"
#include "collector/checks/endpoint.h"

#include "base/banned.h"

/*
 * A TCP port: connect, [STARTTLS], send what is configured, wait until the pattern is in what came.
 * Without a pattern any answer to what was sent will do, and with nothing to send the connection
 * alone. What came is looked at a moment after it came, not at each byte: a peer that sends single
 * bytes costs no more than one that sends all at once.
 */
enum { TCP_ANSWER_MAX = 16 << 10, TCP_LOOK_MS = 20 };

enum { TCP_CONNECT, TCP_ANSWER, TCP_DAYS_LEFT };

static const struct field_row tcp_fields[] = {
	{"connect", "connection", FIELD_GAUGE, .min = "0", .unit = "s"},
	{"answer", "answer", FIELD_GAUGE, .min = "0", .unit = "s",
		.info = "From the connection (and TLS, if asked for) to what was waited for"},
	{"days_left", "days the certificate is valid", FIELD_GAUGE, .hidden = true},
};

struct tcp_check {
	struct endpoint endpoint; /* first */
	regex_t match;
	bool has_match, ready;
	GString *send; /* NULL: nothing */
	struct loop_timer *look;
	double ready_s, came_s; /* since the begin */
};

/* "\r\n" and the like as people write them; every other backslash stands for itself. */
static GString *tcp_unescape(const char *text)
{
	static const char letters[] = "rnt0\\", bytes[] = "\r\n\t\0\\";
	GString *out = g_string_new(NULL);
	for (const char *p = text; *p; p++) {
		const char *letter = *p == '\\' && p[1] ? strchr(letters, p[1]) : NULL;
		g_string_append_c(out, letter ? bytes[letter - letters] : *p);
		p += letter != NULL;
	}
	return out;
}

static void tcp_succeed(struct check *check, double took_s)
{
	struct tcp_check *t = check->state;
	char note[CHECK_REASON_MAX] = "";
	if (!isnan(took_s)) {
		check_value(check, TCP_ANSWER, took_s - t->ready_s);
	}
	if (stream_tls_report(check->stream)) {
		check_certificate_text(stream_tls_report(check->stream), check->at, note, sizeof(note));
	}
	check_succeed_but(check, took_s, "%s", note);
}

static bool tcp_found(struct check *check)
{
	const struct tcp_check *t = check->state;
	size_t length;
	const char *bytes = stream_peek(check->stream, &length);
	g_autoptr(GString) text = g_string_new_len(bytes, (gssize)length); /* with a NUL behind */
	return length && (!t->has_match || check_matches(&t->match, text->str, text->len));
}

/* What the peer said instead, at the begin of it. */
static void tcp_fail_answer(struct check *check, enum error_kind kind, const char *end)
{
	size_t length;
	const char *bytes = stream_peek(check->stream, &length);
	g_autofree char *clean = text_clean_lines(bytes, MIN(length, (size_t)80), 80);
	g_strdelimit(clean, "\n\t", ' ');
	if (length) {
		check_fail(check, kind, "%s: no \"%.50s\" in the %zu bytes that came%s: \"%s\"",
			stream_address(check->stream),
			check->settings->match ? check->settings->match : "answer", length, end, clean);
	} else {
		check_fail(check, kind, "%s: no answer%s", stream_address(check->stream), end);
	}
}

static void tcp_on_look(void *owner)
{
	struct check *check = owner;
	const struct tcp_check *t = check->state;
	size_t length;
	stream_peek(check->stream, &length);
	if (tcp_found(check)) {
		tcp_succeed(check, t->came_s);
	} else if (length == TCP_ANSWER_MAX) {
		tcp_fail_answer(check, ERR_PROTOCOL, ", which is as much as is read");
	}
}

static void tcp_note(struct check *check)
{
	struct stream_times times = stream_times(check->stream);
	if (times.connected_us) {
		check_value(check, TCP_CONNECT, (double)(times.connected_us - times.resolved_us) / 1e6);
	}
	check_value(check, TCP_DAYS_LEFT, endpoint_days_left(check));
}

static void tcp_ready(struct check *check)
{
	struct tcp_check *t = check->state;
	t->ready = true;
	t->ready_s = check_age_s(check);
	if (!t->send && !t->has_match) {
		tcp_succeed(check, NAN);
		return;
	}
	check_reach(check, CHECK_QUERY);
	if (t->send) {
		stream_send(check->stream, t->send->str, t->send->len);
	}
}

static void tcp_data(struct check *check)
{
	struct tcp_check *t = check->state;
	if (t->ready) {
		t->came_s = check_age_s(check);
		loop_timer_after(t->look, TCP_LOOK_MS);
	}
}

static void tcp_closed(struct check *check)
{
	const struct tcp_check *t = check->state;
	if (tcp_found(check)) {
		tcp_succeed(check, t->came_s);
	} else {
		tcp_fail_answer(check, ERR_PROTOCOL, " before the connection was closed");
	}
}

/* The deadline passed while an answer was waited for. */
static bool tcp_late(struct check *check)
{
	const struct tcp_check *t = check->state;
	if (!t->ready || check->stage != CHECK_QUERY) {
		return false;
	}
	tcp_fail_answer(check, ERR_TIMEOUT, " in time");
	return true;
}

/* -- life -- */

static void tcp_begin(struct check *check)
{
	struct tcp_check *t = check->state;
	t->ready = false;
	if (!t->look) {
		t->look = loop_timer_create(check->target->world->loop, tcp_on_look, check);
	}
	endpoint_begin(check);
}

static void tcp_cancel(struct check *check)
{
	struct tcp_check *t = check->state;
	if (t->look) {
		loop_timer_stop(t->look);
	}
}

static bool tcp_start(struct check *check, struct error *err)
{
	struct tcp_check *t = check->state;
	const struct config_check *settings = check->settings;
	t->endpoint.note = tcp_note;
	t->endpoint.ready = tcp_ready;
	t->endpoint.data = tcp_data;
	t->endpoint.closed = tcp_closed;
	t->endpoint.late = tcp_late;
	t->endpoint.input_max = TCP_ANSWER_MAX;
	t->has_match = settings->match && check_pattern(settings->match, &t->match, err);
	t->send = settings->send ? tcp_unescape(settings->send) : NULL;
	return t->has_match == !!settings->match && endpoint_start(check, &t->endpoint, err);
}

static void tcp_stop(struct check *check)
{
	struct tcp_check *t = check->state;
	loop_timer_destroy(t->look);
	if (t->has_match) {
		regfree(&t->match);
	}
	if (t->send) {
		g_string_free(t->send, TRUE);
	}
}

const struct check_kind check_tcp = {.title = "Port",
	.info = "Whether a port takes connections and answers as it should.",
	.fields = tcp_fields,
	.field_count = ARRAY_LENGTH(tcp_fields),
	.days = "days_left",
	.state_size = sizeof(struct tcp_check),
	.start = tcp_start,
	.begin = tcp_begin,
	.cancel = tcp_cancel,
	.stop = tcp_stop};
