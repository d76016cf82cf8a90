#pragma once
#include "base/role.h"

/*
 * The web role's parts, as handlers see them.
 */
struct archive;
struct channel;
struct picture_cache;
struct replica;
struct server;
struct stream;
struct view;

enum { WEB_ROLES_MAX = 32 };

struct web {
	struct role *role;
	struct server *server;
	struct replica *replica;
	struct view *view;
	struct stream *stream;
	struct archive *archive;
	struct picture_cache *pictures;
	struct channel *engine; /* NULL: away */
	char *base_url;         /* for links and the check of origins; without "/" at the end */
	struct wall started_at;
	uint64_t beats;
	struct role_status roles[WEB_ROLES_MAX];
	size_t role_count;
};
