#pragma once
#include "web/request.h"

#include <stddef.h>

/*
 * The table of routes (web/routes.def): method, path, who may, which parameters, what answers. A
 * path is made of literal parts, "{name}" for one part and, at the end, "{name...}" for all that
 * follow (at least one).
 */
struct config;
struct web;
struct exchange;

/* Who may use a route at least. PUBLIC: anybody, also where reading needs a login. */
enum access { ACCESS_PUBLIC, ACCESS_VIEWER, ACCESS_RESPONDER, ACCESS_OPERATOR, ACCESS_ADMIN };

typedef void (*route_fn)(struct web *web, struct exchange *x);

struct route {
	enum verb verb;
	const char *path;
	enum access least;
	const char *parameters; /* blank-separated; others are refused */
	route_fn handler;
	const char *help;
};

size_t router_count(void);
const struct route *router_at(size_t index);

/*
 * The route for a request; sets `request->variable` in the order of the pattern (of "{name...}" the
 * first part). NULL with `*status` 404, or 405 if the path exists for another method.
 */
const struct route *router_find(struct request *request, unsigned *status);

/* Whether a pattern matches; pure, for tests. */
bool router_matches(const char *pattern, struct request *request);

/*
 * Whether a Host field names this machine: an address, a name without a dot, a name the
 * configuration gives it. On a loopback listener reading needs no login, so a page from elsewhere
 * must not reach it by a name of its own that was pointed at 127.0.0.1 (DNS rebinding).
 */
bool router_host_is_ours(const struct config *config, const char *field);

/* Finds the route, checks parameters and origin, calls the handler; else fills the error. */
void router_dispatch(struct web *web, struct exchange *x);
