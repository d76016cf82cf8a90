#pragma once
#include "base/address.h"
#include "collector/checks/check.h"
#include "collector/checks/starttls.h"

/*
 * "HOST:PORT" for checks by tcp and tls: connecting, STARTTLS, the handshake. The first member of
 * the kind's state.
 */
struct endpoint {
	char host[ADDRESS_HOST_MAX + 1];
	uint16_t port;
	bool at_once; /* TLS from the first byte */
	bool secure;  /* this round: the handshake is over */
	struct starttls dialog;
	/* What is known of the connection now, also before a failure is told; NULL: nothing is noted.
	 */
	void (*note)(struct check *check);
	/* All as far as wanted is there; the kind goes on. */
	void (*ready)(struct check *check);
	void (*data)(struct check *check); /* afterwards; NULL: not looked at */
	/* The peer closed in order, afterwards; NULL: a failure. */
	void (*closed)(struct check *check);
	/* The deadline passed. True: told, with more words than "no answer"; NULL: not. */
	bool (*late)(struct check *check);
	size_t input_max; /* 0: the usual */
};

MUST_USE bool endpoint_start(struct check *check, struct endpoint *endpoint, struct error *err);
void endpoint_begin(struct check *check);

/* Days the peer's own certificate is valid; unknown without one. */
double endpoint_days_left(const struct check *check);
