#pragma once
#include "base/auto.h"
#include "base/clock.h"
#include "base/error.h"

#include <stdbool.h>

#include <glib.h>

/*
 * The built-in plugins of this host as a node answers for them. Each family (one file of /proc and
 * the like) is measured when one of its plugins is asked for, but not twice within
 * NODE_BUILTIN_FRESH_MS: so values are never older, and what is a rate by itself is the mean since
 * it was asked for last, as with a plugin that keeps a state.
 */
struct node_builtin;

enum { NODE_BUILTIN_FRESH_MS = 2000 };

/* `root` as for sampler_options; NULL: "/". NULL (STORAGE): it cannot be read. */
MUST_USE struct node_builtin *node_builtin_create(
	const char *host, const char *root, struct error *err);
void node_builtin_destroy(struct node_builtin *builtin); /* NULL allowed */
DEFINE_AUTO(node_builtin)

/* Adds the plugins' names (char *, g_malloc); those with several graphs only if `multigraph`. */
void node_builtin_list(const struct node_builtin *builtin, bool multigraph, GPtrArray *names);

bool node_builtin_has(const struct node_builtin *builtin, const char *plugin);

enum node_verb { NODE_CONFIG, NODE_FETCH };

/* Appends the answer without its closing line; `dirty`: config holds the values too. False: no such
 * plugin. */
MUST_USE bool node_builtin_answer(struct node_builtin *builtin, const char *plugin,
	enum node_verb verb, bool dirty, GString *out);
