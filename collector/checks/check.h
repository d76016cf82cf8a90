#pragma once
#include "base/stream.h"
#include "collector/graph.h"
#include "collector/target.h"

#include <regex.h>

/*
 * Checks: one exchange with something that need not be a service we know, each round, with one
 * deadline and the stage it reached. A kind is one file and one row of checks.def.
 *
 * Each check yields the service "check_NAME", whose first fields are up (1: all went well), stage
 * (number of stages done, as for probes of services: 0 none, 1 resolve, 2 connect, 3 greet, 5
 * query) and time (seconds; unknown if it failed); the kind's own follow. The reason of a failure
 * is the extinfo of up.
 */
enum check_stage {
	CHECK_RESOLVE = 0,
	CHECK_CONNECT = 1,
	CHECK_GREET = 2, /* what comes before the question: TLS, STARTTLS */
	CHECK_QUERY = 4,
	CHECK_DONE = 5
};

enum { CHECK_UP, CHECK_STAGE, CHECK_TIME, CHECK_OWN, CHECK_REASON_MAX = 220 };

struct check;

struct check_kind {
	const char *title, *info;
	const struct field_row *fields; /* the kind's own; at most CHECK_FIELDS_MAX */
	size_t field_count;
	const char *days;  /* field that warn_days and crit_days are about; NULL: none */
	size_t state_size; /* zeroed at the check's creation, kept between rounds */
	/* All but begin may be NULL. */
	bool (*start)(struct check *check, struct error *err); /* reads the settings; false: no sense */
	void (*begin)(struct check *check);                    /* a round */
	void (*cancel)(
		struct check *check); /* the round is over: let go of what is open but the stream */
	void (*stop)(struct check *check); /* frees what the state holds */
};
enum { CHECK_FIELDS_MAX = 16 };

struct check {
	const struct check_kind *kind;
	const struct config_check *settings;
	struct target *target;
	struct stream *stream; /* closed at the end of a round; NULL: none */
	enum check_stage stage;
	void *state;
	struct wall at;
	int64_t began_us;
};

/* Earlier stages count as done. */
void check_reach(struct check *check, enum check_stage stage);

/* Sets a field of the kind (index in its table) in this round. */
void check_value(struct check *check, size_t field, double value);

/* The round is over and all went well; the check must not be touched after. `took_s` NaN: since the
 * begin of the round. */
void check_succeed(struct check *check, double took_s);
/* Alike, but people should know something. Text need not be clean. */
void check_succeed_but(struct check *check, double took_s, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* The round is over, failed at the present stage: the text says why, in words, with address and
 * numbers. Need not be clean. The check must not be touched after. */
void check_fail(struct check *check, enum error_kind kind, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* It is our own fault (settings, files, rights): the round is over and nothing is said about up. */
void check_refuse(struct check *check, const struct error *err);

/* Milliseconds until the check itself gives up, a little before the round does. */
int64_t check_left_ms(const struct check *check);
double check_age_s(const struct check *check); /* since the round's begin */

/* -- over a stream: its stages are the check's -- */

/* Opens check->stream to `target` (deadline, buffer and owner are filled in). False: the round is
 * over. */
MUST_USE bool check_connect(
	struct check *check, struct stream_target *target, const struct stream_handlers *handlers);

/* TLS by the check's settings, for `peer`. False: the round is over (a file is wrong). */
MUST_USE bool check_tls(struct check *check, const char *peer, struct tls_settings *tls);
/* For closed() of the handlers where the peer did not end the dialogue in order. */
void check_broken(struct check *check, const struct error *why);

/* -- certificates -- */

/* Days until a certificate ends, below 0 if it did; at most some million days either way. */
double check_days_left(const struct tls_certificate *certificate, struct wall now);

/* "certificate of good.example expired 3 days ago (2026-11-17)", or "" if it is trusted. */
void check_certificate_text(
	const struct tls_report *report, struct wall now, char *out, size_t size);

/* -- patterns -- */

/* An extended regular expression without back references (which could take for ever). */
MUST_USE bool check_pattern(const char *text, regex_t *regex, struct error *err);
/* There has to be a NUL behind `length` bytes; there may be others in them. */
MUST_USE bool check_matches(const regex_t *regex, const char *bytes, size_t length);
