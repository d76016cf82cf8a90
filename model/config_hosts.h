#pragma once
#include "base/auto.h"
#include "model/config_graphs.h"
#include "model/config_source.h"
#include "model/ident.h"

#include <stdint.h>

#include <glib.h>

/*
 * Who is watched, as magpie.conf names it: hosts with their groups and tags, and for each host its
 * sources: a munin-node, services, checks, exporters, plugins, a node that connects to us. What a
 * host leaves open its groups say, the deepest first. All texts belong to the config.
 */
struct config;

/* What kind of source it is; names, keywords and defaults in one table in config_hosts.c. */
enum config_source_kind {
	CONFIG_SOURCE_HOST, /* this machine's built-in plugins; never written, always there */
	CONFIG_SOURCE_NODE, /* `munin "ADDRESS"` of a host */
	CONFIG_SOURCE_PUSH, /* `push { … }`: its node connects to us and is asked over that connection
						 */
	CONFIG_SOURCE_SERVICE,  /* `service NAME { … }` */
	CONFIG_SOURCE_CHECK,    /* `check NAME { … }` */
	CONFIG_SOURCE_EXPORTER, /* `exporter NAME { … }` */
	CONFIG_SOURCE_PLUGIN,   /* `plugin NAME { … }`: a Munin plugin, run here */
	CONFIG_SOURCE_KINDS
};
const char *config_source_kind_name(enum config_source_kind kind); /* "host", "munin", "push" … */

/* One thing that is asked. */
struct config_source {
	uint32_t kind; /* enum config_source_kind */
	char *name;    /* of the service, check …; "munin", "push", "host" for the others */
	char *id;      /* "HOST/KIND/NAME": unique */
	struct config_host *host;
	uint32_t interval_s, timeout_s; /* of a round; the timeout is never longer than the interval */
	char *fingerprint; /* of all that it depends on: the same text means that nothing changed */
	union {
		struct config_node node; /* NODE, PUSH */
		struct config_service service;
		struct config_check check;
		struct config_exporter exporter;
		struct config_plugin plugin;
	};
};

struct config_host {
	unsigned refs; /* config_host_ref() */
	char *name;
	char *group;
	char *address;   /* name or literal under which it is reached; default the name */
	GPtrArray *tags; /* char *, sorted, without repeats, those of its groups included */
	uint32_t interval_s, timeout_s;
	bool local;           /* this machine */
	bool discover;        /* local only: services found running are probed (default yes) */
	GPtrArray *sources;   /* struct config_source *, owned, in the order of the file */
	GPtrArray *overrides; /* struct config_override *, those of its groups in front */
	GPtrArray *graphs;    /* struct config_graph *: made of fields of other graphs */
};

/* Keeps a host with all its sources beyond its config, until it is given back. */
void config_host_ref(struct config_host *host);
void config_host_unref(struct config_host *host);

/* Finds a host, a source of it; NULL: there is none. */
struct config_host *config_find_host(const struct config *config, const char *name);
struct config_source *config_find_source(
	const struct config_host *host, enum config_source_kind kind, const char *name);

/*
 * A service of this machine that was found, not written: made of defaults and added to the host,
 * which owns it. `address` "HOST:PORT" or "unix:///PATH".
 */
struct config_source *config_host_add_service(
	struct config_host *host, const char *name, const char *kind, const char *address);

/* Where the listener for nodes that connect to us is; all NULL: there is none. */
struct config_push {
	char *listen; /* "ADDR:PORT" */
	char *certificate, *key;
};
