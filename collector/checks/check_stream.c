#include "collector/checks/check_run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

#include "base/banned.h"

/*
 * Checks that talk over a stream: its stages are theirs, its errors are told at the stage where it
 * was, and a refused certificate is described. And what people want to know of a certificate.
 */
enum { CHECK_INPUT_MAX = 64 << 10, DAY_S = 86400 };

bool check_connect(
	struct check *check, struct stream_target *target, const struct stream_handlers *handlers)
{
	const struct world *world = check->target->world;
	struct error err = {.kind = ERR_NONE};
	target->deadline_ms = check_left_ms(check);
	target->input_max = target->input_max ? target->input_max : CHECK_INPUT_MAX;
	stream_destroy(STEAL(check->stream));
	check->stream = stream_connect(world->loop, world->resolver, target, handlers, check, &err);
	if (!check->stream) {
		check_refuse(check, &err);
	}
	return check->stream;
}

bool check_tls(struct check *check, const char *peer, struct tls_settings *tls)
{
	struct check_run *run = check_run(check);
	const struct config_identity *own = &check->settings->identity;
	struct error err = {.kind = ERR_NONE};
	if (!run->credentials && (own->ca || own->certificate)) {
		struct tls_identity identity = {
			.ca_file = own->ca, .certificate = own->certificate, .key = own->key};
		run->credentials = tls_credentials_create(&identity, &err);
		if (!run->credentials) {
			check_refuse(check, &err);
			return false;
		}
	}
	*tls = (struct tls_settings){
		.credentials = run->credentials, .peer = peer, .verify = check->settings->verify};
	return true;
}

void check_broken(struct check *check, const struct error *why)
{
	static const enum check_stage stages[] = {[STREAM_RESOLVE] = CHECK_RESOLVE,
		[STREAM_CONNECT] = CHECK_CONNECT,
		[STREAM_HANDSHAKE] = CHECK_GREET,
		[STREAM_OPEN] = CHECK_GREET};
	const struct tls_report *report = stream_tls_report(check->stream);
	char text[CHECK_REASON_MAX] = "";
	check_reach(check, stages[stream_stage(check->stream)]);
	if (why->kind == ERR_DENIED || why->kind == ERR_PROTOCOL) {
		tls_credentials_unref(STEAL(check_run(check)->credentials)); /* there may be new ones */
	}
	if (why->kind == ERR_STORAGE) {
		check_refuse(check, why); /* we could not ask: nothing is said about the peer */
		return;
	}
	if (why->kind == ERR_DENIED && report) {
		check_certificate_text(report, check->at, text, sizeof(text));
	}
	if (text[0]) {
		check_fail(check, why->kind, "%s: %s", stream_address(check->stream), text);
	} else if (why->kind == ERR_NONE) {
		check_fail(check, ERR_PROTOCOL, "%s closed the connection without an answer",
			stream_address(check->stream));
	} else {
		check_fail(check, why->kind, "%s", why->text);
	}
}

/* -- certificates -- */

double check_days_left(const struct tls_certificate *certificate, struct wall now)
{
	return (double)(certificate->not_after - wall_s(now)) / DAY_S;
}

static void check_day(int64_t s, char out[32])
{
	wall_format(wall_from_s(s), out);
	out[strcspn(out, "T")] = '\0';
}

void check_certificate_text(
	const struct tls_report *report, struct wall now, char *out, size_t size)
{
	char day[32];
	out[0] = '\0';
	if (report->trusted) {
		return;
	}
	if (!report->count) {
		text_copy(out, size, "no certificate was shown");
		return;
	}
	for (size_t i = 0; i < report->count; i++) {
		const struct tls_certificate *c = &report->chain[i];
		double left = check_days_left(c, now);
		const char *which = i ? "a certificate of the chain" : "the certificate";
		if (left < 0) {
			check_day(c->not_after, day);
			snprintf(out, size, "%s (%.80s) has expired: it ended %.1f days ago, on %s", which,
				c->subject, -left, day);
			return;
		}
		if (c->not_before > wall_s(now)) {
			check_day(c->not_before, day);
			snprintf(
				out, size, "%s (%.80s) is not yet valid: it begins on %s", which, c->subject, day);
			return;
		}
	}
	const struct tls_certificate *own = &report->chain[0];
	if (strstr(report->why, "made out")) {
		snprintf(out, size, "the certificate (%.60s, names %.60s) is not good: %s", own->subject,
			own->names[0] ? own->names : "none", report->why);
	} else {
		snprintf(out, size, "the certificate (%.80s) is not good: %s", own->subject, report->why);
	}
}

/* -- patterns -- */

bool check_pattern(const char *text, regex_t *regex, struct error *err)
{
	for (const char *p = text; *p; p++) {
		if (p[0] == '\\' && p[1] >= '1' && p[1] <= '9') {
			return error_set(err, ERR_CONFIG,
				"the pattern refers back by \"\\%c\", which could take for ever", p[1]);
		}
		p += p[0] == '\\' && p[1];
	}
	int code = regcomp(regex, text, REG_EXTENDED | REG_NOSUB);
	if (code) {
		char why[120];
		regerror(code, regex, why, sizeof(why));
		return error_set(err, ERR_CONFIG, "the pattern is no regular expression: %s", why);
	}
	return true;
}

bool check_matches(const regex_t *regex, const char *bytes, size_t length)
{
	regmatch_t whole = {.rm_so = 0, .rm_eo = (regoff_t)length};
	return regexec(regex, bytes, 1, &whole, REG_STARTEND) == 0;
}
