#pragma once
#include "collector/services/mysql_graphs.h"
#include "collector/services/mysql_packet.h"
#include "collector/services/probe.h"

/*
 * What a probe of MySQL keeps: shared by mysql.c (the connection and the login) and
 * mysql_questions.c (what is asked then). Nobody else includes this.
 */
struct mysql_state {
	enum { MYSQL_GREET, MYSQL_TLS, MYSQL_LOGIN, MYSQL_ASK } phase;
	struct mysql_greeting greeting;
	unsigned turns; /* of the login, that the server asked for */
	struct stats figures;
	struct mysql_graphs graphs;
	GString *out;
	/* the question under way */
	size_t question;
	struct mysql_table table;
	double binlogs_bytes;
	bool replica, hidden; /* follows another server; does not tell us whether */
	/* the canary */
	char *canary_table; /* "`db`.`table`" */
	char value[16];
	bool writing, read_back;
	uint32_t hung; /* connection of a canary that never was answered; 0: none */
	bool hangs;    /* and it is there still */
};

/* Asks the first question; the server is ready for it. */
void mysql_ask_first(struct probe *probe);

/* An answer's packet. False: the round is over. */
MUST_USE bool mysql_ask_take(struct probe *probe, const struct mysql_packet *packet);
