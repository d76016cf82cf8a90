#pragma once
#include "collector/services/address.h"
#include "collector/services/probe.h"

/*
 * What a probe keeps beside what its kind knows: shared by probe.c, which runs the exchange, and
 * probe_report.c, which tells what came of it. Nobody else includes this.
 */
enum { PROBE_REASON_MAX = 200 };

struct probe_run {
	struct probe probe; /* first: kinds know this part only */
	struct service_address where;
	struct tls_credentials *credentials; /* NULL: not needed, or to be read anew */
	struct feed *feed;
	char service[IDENT_SERVICE_MAX + 1];
	char reason[PROBE_REASON_MAX + 1]; /* as declared */
	char version[64];
	int64_t began_us;
	struct mono canary_at; /* of the last try */
	double canary;         /* its result; unknown: none yet */
	bool canary_tried;     /* in this round */
	bool over;             /* between rounds */
	bool beginning;        /* inside begin(): what ends the round waits in `ended` (P3) */
	struct target_result ended;
	bool complained, noted;
};

static inline struct probe_run *probe_run(struct probe *probe)
{
	return (struct probe_run *)probe;
}

/* Microseconds of a clock that never jumps. */
int64_t probe_clock_us(void);

/* Declares the service of the probe with the reason as it is. */
void probe_declare(struct probe_run *run);

/* The exchange failed at the present stage; `text` is clean. The round is over. */
void probe_fail_as(struct probe_run *run, enum error_kind kind, const char *text);

/* It is our own fault: the round is over and the service stays unknown. */
void probe_refuse(struct probe_run *run, const struct error *err);
