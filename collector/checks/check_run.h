#pragma once
#include "collector/checks/check.h"

/*
 * What a check keeps beside what its kind knows: shared by check.c (rounds), check_stream.c
 * (streams, TLS) and check_target.c (which kind it is). Nobody else includes this.
 */
struct check_run {
	struct check check; /* first: kinds know this part only */
	struct feed *feed;
	char service[IDENT_SERVICE_MAX + 1];
	char reason[CHECK_REASON_MAX]; /* as declared */
	double values[CHECK_FIELDS_MAX];
	bool over;      /* between rounds */
	bool beginning; /* inside begin() */
	bool noted;
	struct target_result ended;
	struct tls_credentials *credentials; /* NULL: to be read anew */
};

static inline struct check_run *check_run(struct check *check)
{
	return (struct check_run *)check;
}

const char *check_stage_name(enum check_stage stage);

void *check_create(struct target *target, struct error *err);
void check_begin(void *state, struct wall at);
void check_cancel(void *state);
void check_destroy(void *state);
