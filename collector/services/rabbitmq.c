#include "collector/services/amqp.h"
#include "collector/services/probe.h"
#include "collector/services/rabbitmq_api.h"

#include <string.h>

#include "base/banned.h"

/*
 * RabbitMQ, and others that speak AMQP 0-9-1: greeting, login (PLAIN), virtual host, channel, a
 * queue of our own that ends with the connection, and through it one message: published, confirmed,
 * fetched. With an alarm of memory or disk everything works but publishing, and the server tells
 * why (connection.blocked), so each round publishes.
 *
 * Graphs come from the management plugin's HTTP, if its address is known (`status`): asked when all
 * else went well, and what goes wrong there is a complaint and no fault of the service.
 */
struct rabbitmq_state {
	GString *out;
	char queue[AMQP_NAME_MAX + 1];
	char value[16];
	bool got; /* a message is coming */
	bool closing;
	enum amqp_method awaited; /* what alone may come next, beside bad news */
	struct rabbitmq_api api;
};

static void rabbitmq_start(struct probe *probe)
{
	struct rabbitmq_state *s = probe->state;
	s->out = g_string_new(NULL);
	rabbitmq_api_init(&s->api, probe);
}

static void rabbitmq_stop(struct probe *probe)
{
	struct rabbitmq_state *s = probe->state;
	g_string_free(s->out, TRUE);
	rabbitmq_api_finish(&s->api);
}

static void rabbitmq_begin(struct probe *probe)
{
	struct rabbitmq_state *s = probe->state;
	s->got = s->closing = false;
	rabbitmq_api_cancel(&s->api);
}

/* Sends what was gathered; `awaited` answers it. */
static void rabbitmq_flush(struct probe *probe, enum amqp_method awaited)
{
	struct rabbitmq_state *s = probe->state;
	s->awaited = awaited;
	stream_send(probe->stream, s->out->str, s->out->len);
	explicit_bzero(s->out->str, s->out->len); /* there may be a password in it */
	g_string_truncate(s->out, 0);
}

static void rabbitmq_open(struct probe *probe)
{
	struct rabbitmq_state *s = probe->state;
	amqp_append_protocol(s->out);
	rabbitmq_flush(probe, AMQP_CONNECTION_START);
}

static bool rabbitmq_broken(struct probe *probe)
{
	probe_fail(probe, "the answer is none of AMQP 0-9-1");
	return false;
}

static bool rabbitmq_greeted(struct probe *probe, const struct amqp_frame *frame)
{
	struct rabbitmq_state *s = probe->state;
	struct amqp_start start;
	if (!amqp_start_parse(frame, &start)) {
		return rabbitmq_broken(probe);
	}
	char *product = g_ascii_strdown(start.product, -1);
	probe_version(probe, "%s %s", product, start.version);
	g_free(product);
	probe_reach(probe, PROBE_AUTHENTICATE);
	if (!start.plain) {
		probe_fail(probe, "offers no login by user and password (PLAIN)");
		return false;
	}
	const char *user = probe->settings->user;
	amqp_append_start_ok(s->out, user ? user : "guest",
		probe->password ? probe->password
		: user          ? ""
						: "guest");
	rabbitmq_flush(probe, AMQP_CONNECTION_TUNE);
	return true;
}

static bool rabbitmq_tune(struct probe *probe, const struct amqp_frame *frame)
{
	struct rabbitmq_state *s = probe->state;
	struct amqp_tune tune;
	if (!amqp_tune_parse(frame, &tune)) {
		return rabbitmq_broken(probe);
	}
	amqp_append_tune_ok(s->out, &tune);
	amqp_append_open(s->out, probe->settings->vhost ? probe->settings->vhost : "/");
	rabbitmq_flush(probe, AMQP_CONNECTION_OPEN_OK);
	return true;
}

/* The server ends the connection or the channel. */
static bool rabbitmq_refused(struct probe *probe, const struct amqp_frame *frame)
{
	struct amqp_close close;
	if (!amqp_close_parse(frame, &close)) {
		return rabbitmq_broken(probe);
	}
	bool login = close.code == 403 && probe->stage == PROBE_AUTHENTICATE;
	if (login && probe->settings->found && !probe->settings->user) {
		probe_succeed_but(probe, "alive, but guest may not log in: configure a `user`");
	} else if (login) {
		probe_fail(probe, "refuses user or password (403)");
	} else if (strstr(close.text, "limit") && probe->stage == PROBE_AUTHENTICATE) {
		probe_fail(probe, "takes no more connections: %s", close.text);
	} else {
		probe_fail(probe, "error %u: %s", close.code, close.text);
	}
	return false;
}

static void rabbitmq_close(struct probe *probe)
{
	struct rabbitmq_state *s = probe->state;
	s->closing = true;
	amqp_append_close(s->out);
	rabbitmq_flush(probe, AMQP_CONNECTION_CLOSE_OK);
}

static bool rabbitmq_declared(struct probe *probe, const struct amqp_frame *frame)
{
	struct rabbitmq_state *s = probe->state;
	if (!amqp_text_parse(frame, s->queue)) {
		return rabbitmq_broken(probe);
	}
	if (!probe->settings->write) {
		rabbitmq_close(probe);
		return true;
	}
	probe_reach(probe, PROBE_WRITE);
	probe_canary(probe, false); /* until it came back */
	amqp_append_confirm(s->out);
	rabbitmq_flush(probe, AMQP_CONFIRM_SELECT_OK);
	return true;
}

static bool rabbitmq_publish(struct probe *probe)
{
	struct rabbitmq_state *s = probe->state;
	g_snprintf(s->value, sizeof(s->value), "%08x", g_random_int());
	amqp_append_publish(s->out, s->queue, s->value);
	rabbitmq_flush(probe, AMQP_BASIC_ACK);
	return true;
}

static bool rabbitmq_get(struct probe *probe)
{
	struct rabbitmq_state *s = probe->state;
	amqp_append_get(s->out, s->queue);
	rabbitmq_flush(probe, AMQP_BASIC_GET_OK);
	return true;
}

static bool rabbitmq_blocked(struct probe *probe, const struct amqp_frame *frame)
{
	char reason[AMQP_NAME_MAX + 1];
	if (!amqp_text_parse(frame, reason)) {
		return rabbitmq_broken(probe);
	}
	if (probe->settings->write) {
		probe_reach(probe, PROBE_WRITE);
		probe_canary(probe, false);
		probe_fail(probe, "publishers are blocked: %s", reason);
		return false;
	}
	return true;
}

static bool rabbitmq_unread(struct probe *probe, const char *why)
{
	probe_fail(probe, "%s", why);
	return false;
}

/* All went well, and the connection is closed in order. */
static bool rabbitmq_over(struct probe *probe)
{
	struct rabbitmq_state *s = probe->state;
	stream_destroy(STEAL(probe->stream)); /* how it ends from here on says nothing */
	if (!rabbitmq_api_ask(&s->api)) {     /* else it ends the round */
		probe_succeed(probe);
	}
	return false;
}

/* Whether a method may come now. What comes twice would be answered twice, and a server that sends
 * nothing else would have us send without end. */
static bool rabbitmq_is_due(struct rabbitmq_state *s, enum amqp_method method)
{
	switch (method) {
	case AMQP_CONNECTION_BLOCKED:
	case AMQP_CONNECTION_UNBLOCKED:
	case AMQP_CONNECTION_CLOSE:
	case AMQP_CHANNEL_CLOSE: return true;
	case AMQP_BASIC_NACK: return s->awaited == AMQP_BASIC_ACK;
	case AMQP_BASIC_GET_EMPTY: return s->awaited == AMQP_BASIC_GET_OK;
	default: break;
	}
	bool due = method == s->awaited;
	s->awaited = 0;
	return due;
}

static bool rabbitmq_method(struct probe *probe, const struct amqp_frame *frame)
{
	struct rabbitmq_state *s = probe->state;
	if (!rabbitmq_is_due(s, frame->method)) {
		return rabbitmq_broken(probe);
	}
	switch (frame->method) {
	case AMQP_CONNECTION_START: return rabbitmq_greeted(probe, frame);
	case AMQP_CONNECTION_TUNE: return rabbitmq_tune(probe, frame);
	case AMQP_CONNECTION_OPEN_OK:
		probe_reach(probe, PROBE_QUERY);
		amqp_append_channel_open(s->out);
		rabbitmq_flush(probe, AMQP_CHANNEL_OPEN_OK);
		return true;
	case AMQP_CHANNEL_OPEN_OK:
		amqp_append_declare(s->out);
		rabbitmq_flush(probe, AMQP_QUEUE_DECLARE_OK);
		return true;
	case AMQP_QUEUE_DECLARE_OK: return rabbitmq_declared(probe, frame);
	case AMQP_CONFIRM_SELECT_OK: return rabbitmq_publish(probe);
	case AMQP_BASIC_ACK: return rabbitmq_get(probe);
	case AMQP_BASIC_NACK: return rabbitmq_unread(probe, "refused the message");
	case AMQP_BASIC_GET_EMPTY:
		return rabbitmq_unread(probe, "the message that was confirmed is not there");
	case AMQP_BASIC_GET_OK: s->got = true; return true;
	case AMQP_CONNECTION_BLOCKED: return rabbitmq_blocked(probe, frame);
	case AMQP_CONNECTION_UNBLOCKED: return true;
	case AMQP_CONNECTION_CLOSE:
	case AMQP_CHANNEL_CLOSE: return rabbitmq_refused(probe, frame);
	case AMQP_CONNECTION_CLOSE_OK:
		return s->closing ? rabbitmq_over(probe) : rabbitmq_broken(probe);
	default: return rabbitmq_broken(probe);
	}
}

static bool rabbitmq_body(struct probe *probe, const struct amqp_frame *frame)
{
	struct rabbitmq_state *s = probe->state;
	if (!s->got || frame->length != strlen(s->value) ||
		memcmp(frame->payload, s->value, frame->length) != 0) {
		return rabbitmq_unread(probe, "the message that came back is another one");
	}
	s->got = false;
	probe_canary(probe, true);
	rabbitmq_close(probe);
	return true;
}

static bool rabbitmq_take(struct probe *probe, const struct amqp_frame *frame)
{
	switch (frame->type) {
	case AMQP_METHOD: return rabbitmq_method(probe, frame);
	case AMQP_BODY: return rabbitmq_body(probe, frame);
	default: return true; /* heartbeats, and the head of the message */
	}
}

static void rabbitmq_data(struct probe *probe)
{
	for (;;) {
		size_t length = 0;
		size_t used = 0;
		struct amqp_frame frame;
		const char *bytes = stream_peek(probe->stream, &length);
		enum amqp_parsed parsed = amqp_frame_parse(bytes, length, &frame, &used);
		if (parsed == AMQP_MORE) {
			return;
		}
		if (parsed != AMQP_DONE) {
			(void)rabbitmq_broken(probe);
			return;
		}
		char *kept = g_malloc(used); /* the stream's is gone once taken */
		memcpy(kept, bytes, used);
		stream_take(probe->stream, used);
		bool goes_on = amqp_frame_parse(kept, used, &frame, &used) == AMQP_DONE &&
					   rabbitmq_take(probe, &frame);
		g_free(kept);
		if (!goes_on) {
			return;
		}
	}
}

/* Once we asked for the end, a close is one. */
static bool rabbitmq_closed(struct probe *probe)
{
	struct rabbitmq_state *s = probe->state;
	if (s->closing) {
		(void)rabbitmq_over(probe);
		return true;
	}
	return false;
}

static const char *const rabbitmq_processes[] = {"beam.smp", "rabbitmq-server", NULL};

const struct probe_kind probe_rabbitmq = {
	.name = "rabbitmq",
	.port = 5672,
	.state_size = sizeof(struct rabbitmq_state),
	.input_max = AMQP_FRAME_MAX + 64,
	.start = rabbitmq_start,
	.begin = rabbitmq_begin,
	.open = rabbitmq_open,
	.data = rabbitmq_data,
	.closed = rabbitmq_closed,
	.stop = rabbitmq_stop,
	.processes = rabbitmq_processes,
};
