#pragma once
#include "base/address.h"
#include "base/attr.h"
#include "base/error.h"

#include <stdint.h>
#include <sys/un.h>

/*
 * Where a service is, as people write it: "HOST", "HOST:PORT", "[V6]", "[V6]:PORT", "V6",
 * "unix:///PATH" or "unix:@NAME" (the abstract space).
 */
struct service_address {
	char host[ADDRESS_HOST_MAX + 1];                           /* "" with a path */
	uint16_t port;                                             /* 0: not given */
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)]; /* of a Unix socket; "": TCP */
};

/* CONFIG: it is none of these. */
MUST_USE bool service_address_parse(
	const char *text, struct service_address *address, struct error *err);
