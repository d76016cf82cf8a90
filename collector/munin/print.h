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

/* The names under which the source's graphs are offered, each once, one a line. */
void print_list(GString *out, const struct source *source);
