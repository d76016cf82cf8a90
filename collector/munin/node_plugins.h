#pragma once
#include "base/diag.h"
#include "base/loop.h"
#include "collector/munin/node_runs.h"

/*
 * The plugins in a node's directory, as they come and go: looked at again every minute, each asked
 * once for its `config` to learn which host it speaks of and what it needs of a master. One that
 * says nothing or takes too long is dropped, and tried again every five minutes.
 *
 * A link into Debian's collections (/usr/share/munin/plugins, /usr/lib/munin-c) to a plugin that is
 * built in here stands for the built-in one, unless plugin-conf.d has a section of just its name.
 */
struct node_plugins;

struct node_plugins_options {
	struct node_site site;              /* borrowed, as long as this lives */
	const char *directory;              /* of the plugins */
	const char *conf_directory;         /* plugin-conf.d */
	const struct node_builtin *builtin; /* NULL: nothing is built in */
	struct loop *loop;
	struct node_runs *runs;
	void (*ready)(
		void *owner); /* all were heard of for the first time, or long enough waited for */
	void *owner;
};

enum { NODE_PLUGINS_MAX = 1000, NODE_PLUGINS_READY_MS = 8000, NODE_PLUGINS_SCAN_MS = 60000 };

struct node_plugins *node_plugins_create(const struct node_plugins_options *options);
void node_plugins_destroy(struct node_plugins *plugins); /* NULL allowed */

/*
 * Reads plugin-conf.d anew and forgets what was learnt; complaints go to `diags` (a line that is
 * wrong costs that line). To be called once at the start too. What `site` points to may have
 * changed.
 */
void node_plugins_load(struct node_plugins *plugins, struct diag_list *diags);

/* What the node calls itself from now on; borrowed. node_plugins_load() has to follow. */
void node_plugins_name(struct node_plugins *plugins, const char *host);

bool node_plugins_ready(const struct node_plugins *plugins);

/* NULL: no such plugin, or one that was dropped. */
struct node_plugin *node_plugins_find(const struct node_plugins *plugins, const char *name);

/* Adds the names (char *, g_malloc) of those that speak of `host` (lower case; NULL: the node). */
struct node_list {
	const char *host;
	bool multigraph, dirty; /* what the master understands */
};
void node_plugins_list(
	const struct node_plugins *plugins, const struct node_list *wanted, GPtrArray *names);

/* Adds the names of the other hosts that plugins speak of, each once. */
void node_plugins_hosts(const struct node_plugins *plugins, GPtrArray *names);
