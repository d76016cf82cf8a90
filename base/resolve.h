#pragma once
#include "base/attr.h"
#include "base/error.h"
#include "base/loop.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * Names to addresses, on the loop, never blocking it (c-ares: /etc/hosts and DNS). Answers are kept
 * for a short time and questions for the same name under way are joined, so that a thousand sources
 * of one name ask once; the last good answer stands in for a name server that does not answer.
 */
struct resolver;
struct resolver_query;

enum {
	RESOLVE_ADDRESSES_MAX = 16, /* of one name; more are left out */
	RESOLVE_KEEP_S = 60,        /* how long an answer is used again */
	RESOLVE_STALE_S = 3600,     /* how long it may stand in while servers do not answer */
	RESOLVE_TIMEOUT_MS = 5000,
};

/* Valid during the callback. */
struct resolver_result {
	struct error
		error; /* kind ERR_NONE: there is at least one address. NOT_FOUND, TIMEOUT, UNREACHABLE */
	size_t count;
	struct sockaddr_storage addresses[RESOLVE_ADDRESSES_MAX]; /* port 0 */
	bool stale;
};

typedef void (*resolver_fn)(void *owner, const struct resolver_result *result);

struct resolver *resolver_create(struct loop *loop);

/* No callback is called any more. NULL allowed. */
void resolver_destroy(struct resolver *resolver);

/*
 * Asks for a name; a literal address is its own answer, "localhost" the loopback addresses. `done`
 * is called once, never from inside this call. NULL (CONFIG): no name can look like that.
 */
MUST_USE struct resolver_query *resolver_start(
	struct resolver *resolver, const char *host, resolver_fn done, void *owner, struct error *err);

/* Ends it without a callback. Not after `done` was called. NULL allowed. */
void resolver_cancel(struct resolver_query *query);

/*
 * Asks these servers in place of the system's from now on: "ADDRESS[:PORT],…". CONFIG: it is no
 * such list.
 */
bool resolver_set_servers(struct resolver *resolver, const char *servers, struct error *err);

/* The name server that is asked first, with its port. CONFIG: the system names none. */
MUST_USE bool resolver_first_server(
	struct resolver *resolver, struct sockaddr_storage *address, struct error *err);
