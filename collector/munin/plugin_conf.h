#pragma once
#include "base/auto.h"
#include "base/diag.h"

#include <stdint.h>

#include <glib.h>

/*
 * plugin-conf.d of a munin-node: how each plugin is run. Sections "[name]", "[begin*]", "[*end]";
 * what an exact section leaves open the wildcards say that fit, in falling order of their text
 * (so "[if_err_*]" before "[if_*]"). Reading more files adds to it, later lines win.
 */
struct plugin_conf;

struct plugin_group {
	char *name;    /* or number */
	bool optional; /* stood in parentheses: may be missing on this machine */
};

/* What holds for one plugin; texts belong to the plugin_conf, the arrays to this. */
struct plugin_settings {
	const char *user;         /* name or number; NULL: the default */
	const GPtrArray *groups;  /* struct plugin_group *; NULL: the user's default */
	const GPtrArray *command; /* char *, "%c" is the plugin with its argument; NULL: the plugin */
	const char *host_name;    /* lower case; NULL: the node's own */
	uint32_t timeout_s;       /* 0: the default */
	GPtrArray *environment;   /* char *: "NAME=value" */
	bool exact;               /* a section of just this name says something */
};

enum { PLUGIN_TIMEOUT_MAX_S = 3600, PLUGIN_SECTIONS_MAX = 4096, PLUGIN_ENV_MAX = 512 };

struct plugin_conf *plugin_conf_create(void);
void plugin_conf_destroy(struct plugin_conf *conf); /* NULL allowed */
DEFINE_AUTO(plugin_conf)

/* Reads one file; a line that is wrong is complained about and left out. */
void plugin_conf_parse(
	struct plugin_conf *conf, const struct diag_source *source, struct diag_list *diags);

/* What holds for `plugin`; to be finished. */
void plugin_conf_settings(
	const struct plugin_conf *conf, const char *plugin, struct plugin_settings *settings);
void plugin_settings_finish(struct plugin_settings *settings);
