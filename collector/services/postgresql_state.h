#pragma once
#include "collector/services/pg_message.h"
#include "collector/services/probe.h"
#include "collector/services/scram.h"

/*
 * What a probe of PostgreSQL keeps: shared by postgresql.c (the connection and the login) and
 * postgresql_questions.c (what is asked then). Nobody else includes this.
 */
enum { POSTGRESQL_TURNS_MAX = 4, POSTGRESQL_GRAPHS = 10, POSTGRESQL_DATABASES_MAX = 200 };

/* One column of a list kept from the last time it was asked for: names of fields and values. */
struct postgresql_list {
	GPtrArray *names, *labels; /* char * */
	GArray *values;            /* double */
};

struct postgresql_state {
	enum { POSTGRESQL_TLS, POSTGRESQL_LOGIN, POSTGRESQL_START, POSTGRESQL_ASK } phase;
	struct scram scram;
	bool proving;   /* a login by SCRAM is under way and the server has not shown that it knows the
					   password */
	unsigned turns; /* of the login, that the server asked for */
	unsigned major; /* version */
	GString *out;
	struct feed *feeds[POSTGRESQL_GRAPHS];
	/* the question under way */
	size_t question;
	GPtrArray *columns; /* char *; NULL: none told */
	struct postgresql_list list, sizes;
	bool failed; /* an error came, the end of the answer not yet */
	uint64_t sizes_round;
	/* the canary */
	char value[16];
	bool standby, read_back, no_canary;
};

/* Declares what can be graphed and asks the first question; the server is ready for it. */
void postgresql_ask_first(struct probe *probe);

/* An answer's message. False: the round is over. */
MUST_USE bool postgresql_ask_take(struct probe *probe, const struct pg_message *message);

void postgresql_list_finish(struct postgresql_list *list);
