#pragma once
#include "collector/source.h"

#include <glib.h>

/*
 * What a munin-node answers for a plugin: `config` and `fetch` of all graphs of a source that are
 * offered under this plugin's name, without the closing line. Several graphs of one plugin are told
 * apart by "multigraph" lines.
 */
void print_config(GString *out, const struct source *source, const char *plugin);
void print_fetch(GString *out, const struct source *source, const char *plugin);

/* Both in one: each graph with its values behind its attributes ("dirtyconfig"). */
void print_dirty_config(GString *out, const struct source *source, const char *plugin);

/* Whether the plugin's answers have "multigraph" lines. */
bool print_has_multigraph(const struct source *source, const char *plugin);

/* The names under which the source's graphs are offered, each once, one a line. */
void print_list(GString *out, const struct source *source);
