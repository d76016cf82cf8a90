#pragma once
#include "collector/munin/node_values.h"
#include "collector/target.h"

#include <glib.h>

/*
 * What is known of a munin-node, kept between rounds: its plugins, their graphs as services of the
 * target, what has to be asked. Answers go in, values and complaints come out at the target.
 *
 * Nothing that happened once makes a service vanish: a plugin that fails, or is not offered any
 * more, keeps its services; their values are unknown and the reason is shown. Only what was away
 * for NODE_AWAY_S is ended.
 */
enum {
	NODE_PLUGINS_MAX = 1000,     /* of one node (hostile 6) */
	NODE_FIELDS_MAX = 50000,     /* of all plugins of a node */
	NODE_CONFIGS_MAX = 16 << 20, /* bytes of all their configs */
	NODE_AWAY_S = 86400,
	NODE_CONFIG_S = 240,        /* after that long config is asked anew … */
	NODE_CONFIG_SPREAD_S = 120, /* … or up to so much later */
	NODE_AHEAD_S = 60,          /* how far a sample may lie in the future */
	NODE_PENDING_MAX = 200000,  /* samples with times of their own, of one round */
	NODE_EXTINFO_S = 60,        /* a text that changes each round is told that often */
};

struct remote_service {
	char *name;
	struct remote_plugin *plugin;
	struct feed *feed; /* the target's */
	int64_t newest_s;  /* instant of the newest sample that said its time; 0: none */
	bool current;      /* its plugin's config names it */
	struct wall away_at;
	char **extinfo; /* what config said, per field, while fetch says otherwise; NULL: it does not */
	size_t extinfo_count;
	struct mono extinfo_at;
};

struct remote_plugin {
	char *name;
	bool listed, configured, slow, complaining;
	bool dirty;          /* its config carries values: it is asked each round, fetch never */
	bool stamped;        /* its values say when they were measured */
	bool asked_fetch;    /* in this round */
	GPtrArray *graphs;   /* struct node_graph *, owned */
	GPtrArray *services; /* struct remote_service *, one per graph; NULL: it has none (collision) */
	uint64_t config_hash;        /* of the text it was configured by */
	size_t config_bytes, fields; /* of that text, and in it */
	char *config_note;           /* what was wrong with that; NULL: nothing */
	char *config_trouble;        /* why the last question for it gave none; NULL: it did */
	uint32_t rate_s;             /* 0: each round */
	bool aligned;
	struct mono config_due;
	struct wall fetched_at, away_at;
};

struct node_state {
	struct target *target;
	struct node_names *names;
	GHashTable *plugins;  /* name -> struct remote_plugin *, owned */
	GPtrArray *order;     /* the same, in the order in which they are asked */
	GHashTable *services; /* name -> struct remote_service *, owned */
	struct node_values values;
	GArray *pending;             /* struct node_pending: samples with times of their own */
	uint32_t step_s;             /* where a plugin says nothing */
	bool spooled;                /* all values say their time */
	unsigned ahead;              /* samples left out because they were of the future */
	size_t config_bytes, fields; /* of all plugins */
};

void node_state_init(struct node_state *state, struct target *target, uint32_t step_s);
void node_state_finish(struct node_state *state);

/* The answer to `list`; `cut`: it was not whole. Returns how many plugins are offered. */
size_t node_state_list(
	struct node_state *state, const char *text, size_t length, bool cut, struct wall at);

/* A plugin by name, made if it is not there; NULL: its name is not good, or there are too many. */
struct remote_plugin *node_state_plugin(struct node_state *state, const char *name);

/* What is to be asked of a plugin in a round at `at`. */
bool remote_plugin_due(
	const struct remote_plugin *plugin, const struct node_state *state, struct wall at);
bool remote_plugin_wants_config(const struct remote_plugin *plugin);

/* Answers. False: there was nothing usable in it; the reason was told as complaint. */
bool node_state_config(
	struct node_state *state, struct remote_plugin *plugin, struct node_part text, struct wall at);
bool node_state_fetch(
	struct node_state *state, struct remote_plugin *plugin, struct node_part text, struct wall at);

/* The plugin gave nothing usable: its values are unknown. */
void node_state_fail(struct node_state *state, struct remote_plugin *plugin, const char *why);

/* It did not answer in time; it is asked last from now on. */
void node_state_slow(struct node_state *state, struct remote_plugin *plugin, const char *why);

/* Hands over the samples of one service that are pending, or (NULL) of all, each at its instant.
 * Returns how many instants. */
size_t node_state_emit(struct node_state *state, struct wall at);

/* The round is over, its values count: what is left goes to target_done(). */
void node_state_end(struct node_state *state, struct wall at);

/* The round is over and its values do not count. */
void node_state_drop(struct node_state *state);

/* -- between node_state.c and its parts -- */
enum { NODE_PENDING_BYTES = 32 }; /* of a struct node_pending, which node_pending.c alone knows */
void node_extinfo_apply(struct node_state *state, struct remote_plugin *plugin);
void node_extinfo_forget(struct remote_service *service);
void node_pending_add(struct node_state *state, struct remote_service *service,
	const struct node_sample *sample, struct wall at);
void remote_plugin_complain(
	struct node_state *state, struct remote_plugin *plugin, const char *what, const char *why);
