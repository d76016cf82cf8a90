#pragma once
#include "base/role.h"

/*
 * The web role's parts, as handlers see them.
 */
struct archive;
struct replica;
struct server;
struct stream;

struct web {
	struct role *role;
	struct server *server;
	char *base_url; /* for links and the check of origins; without "/" at the end */
	struct mono started;
	struct wall started_at;
};

/* Whether an Origin field names this server, by its base URL or by the address it listens on. */
bool web_origin_is_ours(const struct web *web, const char *origin);
