#pragma once
#include "base/auto.h"
#include "base/clock.h"
#include "base/user.h"
#include "collector/munin/node_builtin.h"
#include "collector/munin/node_conf.h"
#include "collector/munin/plugin_conf.h"

/*
 * One plugin of a node's directory, ready to be run: whom as, with which words and environment, and
 * what its own `config` told about it. Counted references, since a run outlives a change of the
 * directory.
 */
enum node_plugin_state {
	NODE_PLUGIN_NEW, /* its config was not seen yet: not in any list, but it can be asked */
	NODE_PLUGIN_GOOD,
	NODE_PLUGIN_DROPPED, /* config said nothing or took too long: unknown to masters */
};

struct node_plugin {
	unsigned references;
	char *name, *path;      /* path is absolute */
	char *host_name;        /* lower case, of plugin-conf or its own; NULL: the node's */
	char **command;         /* of plugin-conf; NULL: the path alone */
	GPtrArray *environment; /* char *: what is the same for every run, "NAME=value" */
	struct user user;
	bool become; /* runs as `user`; false: as we are */
	uint32_t timeout_s;
	enum node_plugin_state state;
	bool multigraph, dirty; /* its config has several graphs; has values though nobody asked */
	bool host_is_set;       /* host_name is plugin-conf's and stays */
	struct mono asked;      /* when its config was asked for last */
};

/* What all plugins of a node share; borrowed. */
struct node_site {
	const struct node_conf *conf;
	const char *host;            /* what the node calls itself */
	const char *state_directory; /* plugins keep their state below, a directory per user */
};

/* Prepares one. NULL: it cannot be run here, why is in `err`. */
MUST_USE struct node_plugin *node_plugin_create(const struct node_site *site, const char *path,
	const struct plugin_settings *settings, struct error *err);
struct node_plugin *node_plugin_ref(struct node_plugin *plugin);
void node_plugin_unref(struct node_plugin *plugin); /* NULL allowed */

/* A question to it; texts are borrowed. */
struct node_question {
	enum node_verb verb;
	bool dirty;         /* the master takes values in config */
	const char *master; /* its address, "" if it has none */
};

/* Words of the command, NULL-terminated, to be freed with g_strfreev(). NULL (NOT_FOUND): its
 * program is nowhere in the path. */
MUST_USE char **node_plugin_words(
	const struct node_plugin *plugin, enum node_verb verb, struct error *err);

/* Environment of one run, NULL-terminated, with `tag` in it; to be freed with g_strfreev(). */
char **node_plugin_environment(
	const struct node_plugin *plugin, const struct node_question *question, const char *tag);

/* What a run said, as lines of an answer: ends in a line end, has no line "." of its own. */
void node_plugin_answer(const char *output, size_t length, GString *out);

/* Learns from the answer to a `config` without dirtyconfig. */
void node_plugin_learn(struct node_plugin *plugin, const char *answer, size_t length);
