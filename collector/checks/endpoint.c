#include "collector/checks/endpoint.h"

#include <math.h>

#include "base/banned.h"

/* Connect, [what comes before TLS], [TLS], then the kind's ready(). */

static void endpoint_step(struct check *check)
{
	struct endpoint *e = check->state;
	struct error err = {.kind = ERR_NONE};
	struct tls_settings tls;
	enum starttls_state state;
	do {
		size_t length, used;
		const char *bytes = stream_peek(check->stream, &length);
		state = starttls_step(&e->dialog, bytes, length, &used);
		stream_take(check->stream, used);
		stream_send(check->stream, e->dialog.out, e->dialog.out_length);
	} while (state == STARTTLS_SEND);
	if (state == STARTTLS_REFUSED) {
		check_fail(check, ERR_PROTOCOL, "%s: no TLS by %s: %s", stream_address(check->stream),
			config_starttls_words[check->settings->starttls], e->dialog.why);
	} else if (state == STARTTLS_GO) {
		const char *peer = check->settings->peer ? check->settings->peer : e->host;
		if (check_tls(check, peer, &tls) && !stream_start_tls(check->stream, &tls, &err)) {
			check_fail(check, err.kind, "%s", err.text);
		}
	}
}

static void endpoint_on_open(void *owner)
{
	struct check *check = owner;
	struct endpoint *e = check->state;
	e->secure = stream_tls_report(check->stream) != NULL;
	check_reach(check, CHECK_GREET);
	if (e->note) {
		e->note(check);
	}
	if (check->settings->starttls && !e->secure) {
		endpoint_step(check);
	} else {
		e->ready(check);
	}
}

static void endpoint_on_data(void *owner)
{
	struct check *check = owner;
	struct endpoint *e = check->state;
	if (check->settings->starttls && !e->secure) {
		endpoint_step(check);
	} else if (e->data) {
		e->data(check);
	}
}

static void endpoint_on_closed(void *owner, const struct error *why)
{
	struct check *check = owner;
	struct endpoint *e = check->state;
	bool talking = !check->settings->starttls || e->secure;
	if (e->note) {
		e->note(check);
	}
	if (why->kind == ERR_NONE && talking && e->closed &&
		stream_stage(check->stream) == STREAM_OPEN) {
		e->closed(check);
	} else if (why->kind != ERR_TIMEOUT || !e->late || !e->late(check)) {
		check_broken(check, why);
	}
}

bool endpoint_start(struct check *check, struct endpoint *endpoint, struct error *err)
{
	return address_parse_endpoint(check->settings->target, endpoint->host, &endpoint->port, err);
}

void endpoint_begin(struct check *check)
{
	static const struct stream_handlers handlers = {
		endpoint_on_open, endpoint_on_data, endpoint_on_closed};
	struct endpoint *e = check->state;
	struct stream_target target = {.host = e->host, .port = e->port, .input_max = e->input_max};
	struct tls_settings tls;
	e->secure = false;
	starttls_begin(&e->dialog, check->settings->starttls, e->host);
	if (e->at_once) {
		const char *peer = check->settings->peer ? check->settings->peer : e->host;
		if (!check_tls(check, peer, &tls)) {
			return;
		}
		target.tls = &tls;
	}
	(void)!check_connect(check, &target, &handlers);
}

double endpoint_days_left(const struct check *check)
{
	const struct tls_report *report = stream_tls_report(check->stream);
	return report && report->count ? check_days_left(&report->chain[0], check->at) : NAN;
}
