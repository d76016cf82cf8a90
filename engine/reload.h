#pragma once
#include "base/bundle.h"

#include <stdbool.h>

/*
 * A configuration is taken whole or not at all. What is in force: the snapshot of magpie.conf and
 * the rule set made from the same bundle.
 */
struct engine;

/* At the start: the role's bundle; if that is broken the last accepted one; if that is too, the
 * built-in defaults. Never without rules. */
void reload_start(struct engine *engine);

/* Judges a bundle and puts it in force. `*report` (g_malloc): all complaints as text, NULL: none.
 */
bool reload_propose(struct engine *engine, const struct bundle *bundle, char **report);
