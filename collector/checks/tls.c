#include <math.h>
#include <string.h>

#include "base/number.h"
#include "collector/checks/endpoint.h"

#include "base/banned.h"

/*
 * A handshake and nothing behind it: how long it takes, which version, and how long every
 * certificate of the chain is still valid. Also a refused chain is counted and dated.
 */
enum { TLS_HANDSHAKE, TLS_VERSION, TLS_CERTIFICATES, TLS_DAYS_LEFT, TLS_CHAIN_DAYS_LEFT };

static const struct field_row tls_fields[] = {
	{"handshake", "handshake", FIELD_GAUGE, .min = "0", .unit = "s"},
	{"version", "version of TLS", FIELD_GAUGE, .min = "0", .hidden = true},
	{"certificates", "certificates in the chain", FIELD_GAUGE, .min = "0", .hidden = true},
	{"days_left", "days the certificate is valid", FIELD_GAUGE, .hidden = true},
	{"chain_days_left", "days the whole chain is valid", FIELD_GAUGE, .hidden = true},
};

struct tls_check {
	struct endpoint endpoint; /* first */
};

static void tls_note(struct check *check)
{
	const struct tls_report *report = stream_tls_report(check->stream);
	struct stream_times times = stream_times(check->stream);
	double version, soonest = NAN;
	if (!report) {
		return;
	}
	const char *number = report->version + strcspn(report->version, "0123456789"); /* "TLS1.3" */
	for (size_t i = 0; i < report->count; i++) {
		soonest = fmin(soonest, check_days_left(&report->chain[i], check->at));
	}
	if (number_parse(number, strlen(number), &version)) {
		check_value(check, TLS_VERSION, version);
	}
	if (times.open_us) {
		check_value(check, TLS_HANDSHAKE, (double)(times.open_us - times.connected_us) / 1e6);
	}
	check_value(check, TLS_CERTIFICATES, (double)report->count);
	check_value(check, TLS_DAYS_LEFT, endpoint_days_left(check));
	check_value(check, TLS_CHAIN_DAYS_LEFT, soonest);
}

static void tls_ready(struct check *check)
{
	char note[CHECK_REASON_MAX];
	check_certificate_text(stream_tls_report(check->stream), check->at, note, sizeof(note));
	check_succeed_but(check, NAN, "%s", note); /* not good, and not to be verified */
}

static bool tls_start(struct check *check, struct error *err)
{
	struct tls_check *t = check->state;
	t->endpoint.note = tls_note;
	t->endpoint.ready = tls_ready;
	t->endpoint.at_once = check->settings->starttls == 0;
	return endpoint_start(check, &t->endpoint, err);
}

const struct check_kind check_certificate = {.title = "Certificate",
	.info = "Whether a TLS handshake succeeds, and how long the certificates are still valid.",
	.fields = tls_fields,
	.field_count = ARRAY_LENGTH(tls_fields),
	.days = "days_left",
	.state_size = sizeof(struct tls_check),
	.start = tls_start,
	.begin = endpoint_begin};
