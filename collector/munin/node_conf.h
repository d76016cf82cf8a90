#pragma once
#include "base/auto.h"
#include "base/diag.h"
#include "collector/munin/node_access.h"

#include <stdint.h>

#include <glib.h>

/*
 * A munin-node.conf as Debian ships it and people extended it, read for `magpie node`. What belongs
 * to the daemon of old (log_file, pid_file, background, setsid, user, group …) is ignored with a
 * warning; what cannot be kept and matters is refused.
 */
enum node_tls { NODE_TLS_DISABLED, NODE_TLS_AUTO, NODE_TLS_ENABLED, NODE_TLS_PARANOID };

struct node_conf {
	char *host;      /* address to listen on, "*": any; NULL: not said */
	uint32_t port;   /* 0: not said */
	char *host_name; /* what the node calls itself, lower case is not forced; NULL: find out */
	struct node_access *access;
	uint32_t timeout_s, global_timeout_s; /* of a plugin, of a connection */
	enum node_tls tls;
	char *key, *certificate, *ca; /* NULL: not said */
	bool verify;
	GRegex *match;      /* what has to be in the peer's certificate; NULL: nothing */
	bool paranoia;      /* plugins have to belong to root and be writable by nobody else */
	char *user, *group; /* plugins run as them if plugin-conf.d does not say; NULL: nobody, munin */
	GPtrArray *ignore;  /* GRegex *: names of files that are no plugins */
};

/* With the defaults of a node; finished by node_conf_finish(). */
void node_conf_init(struct node_conf *conf);
void node_conf_finish(struct node_conf *conf);

/* Reads a file into it. */
void node_conf_parse(
	struct node_conf *conf, const struct diag_source *source, struct diag_list *diags);

/* Whether a file of this name may be a plugin: no hidden file, no "*.conf", no odd characters, not
 * matched by ignore_file. */
bool node_conf_wants(const struct node_conf *conf, const char *file);

/* The same for files of plugin-conf.d, which may end in ".conf". */
bool node_conf_wants_file(const struct node_conf *conf, const char *file);

/* "disabled", "auto", "enabled", "paranoid". CONFIG: none of them. */
MUST_USE bool node_conf_set_tls(struct node_conf *conf, const char *mode, struct error *err);

/* Adds a pattern of files to ignore. CONFIG: it is no expression. */
MUST_USE bool node_conf_ignore(struct node_conf *conf, const char *pattern, struct error *err);
