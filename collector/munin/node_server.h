#pragma once
#include "base/auto.h"
#include "base/spawn.h"
#include "collector/munin/node_dialogue.h"

/*
 * A munin-node: listens, admits who may ask, holds the dialogues and what they share. One per
 * process; on the loop.
 */
struct node_server;

enum { NODE_SERVER_CONNECTIONS_MAX = 1000 };

struct node_server_options {
	struct loop *loop;
	struct spawner *spawner; /* destroyed before the server, so that no run calls back */
	const char *host;        /* what the node calls itself, unless the configuration says it */
	const char *plugin_directory, *conf_directory, *state_directory;
	const char *root; /* of the built-in plugins, see sampler_options */
	bool builtin;
	void (*ready)(void *owner); /* the plugins are known now; NULL: nobody wants to know */
	void *owner;
};

/* Made without a configuration: node_server_configure() has to follow. NULL: STORAGE. */
MUST_USE struct node_server *node_server_create(
	const struct node_server_options *options, struct error *err);
void node_server_destroy(struct node_server *server); /* NULL allowed */
DEFINE_AUTO(node_server)

/*
 * Puts a configuration in force (takes it; it is finished in any case) and reads plugin-conf.d,
 * whose complaints go to `diags`. False: a key or certificate cannot be used, or TLS is asked for
 * without what it needs; then what was in force goes on.
 */
MUST_USE bool node_server_configure(
	struct node_server *server, struct node_conf *conf, struct diag_list *diags, struct error *err);

/* Accepts from a listening socket (taken) from now on. */
MUST_USE bool node_server_listen(struct node_server *server, int fd, struct error *err);

/* What dialogues are made with, for those that do not come from a listening socket. */
const struct node_matter *node_server_matter(const struct node_server *server);

struct node_server_counts {
	size_t open;
	uint64_t accepted, refused;
};
struct node_server_counts node_server_count(const struct node_server *server);
