#pragma once
#include "base/role.h"

#include <glib.h>

/*
 * The web role's parts, as handlers see them.
 */
struct archive;
struct channel;
struct config;
struct long_answers;
struct picture_cache;
struct question_table;
struct replica;
struct ruleset;
struct server;
struct stream;
struct view;
struct worker;

enum { WEB_ROLES_MAX = 48 };

struct web {
	struct role *role;
	struct server *server;
	struct replica *replica;
	struct view *view;
	struct stream *stream;
	struct archive *archive;
	struct long_answers *long_answers;
	struct picture_cache *pictures;
	struct question_table *questions; /* to the engine */
	struct worker *worker;            /* checks rule texts */
	GPtrArray *checks;                /* under way in it, owned (web/api_rules.c) */
	struct channel *engine;           /* NULL: away */
	struct config *config; /* in force; its base_url is what links and the check of origins use */
	struct ruleset *rules; /* in force, for their texts only; NULL: they could not be read */
	size_t values_held;    /* by answers that are being made (web/facades/basket.h) */
	bool loopback;         /* listens on this machine only */
	struct wall started_at;
	uint64_t beats;
	struct role_status roles[WEB_ROLES_MAX];
	size_t role_count;
};
