#pragma once
#include "base/spawn.h"
#include "collector/munin/node_plugin.h"

/*
 * Runs of a node's plugins: at most NODE_RUNS_MAX at once, never two of the same plugin (they may
 * share a state file), and one for all who ask the same thing meanwhile. A plugin that is slow
 * delays its own answer and those behind it of the same plugin, nobody else's as long as there are
 * fewer slow ones than runs.
 */
enum { NODE_RUNS_MAX = 16, NODE_RUNS_OUTPUT_MAX = 1 << 20, NODE_RUNS_GRACE_MS = 2000 };

struct node_runs;
struct node_ask;

/*
 * The answer without its closing line, also "# Bad exit" and "# Timed out"; borrowed, may be kept
 * by a reference.
 */
typedef void (*node_answer_fn)(void *owner, GBytes *answer);

/* The spawner stays the caller's and must outlive it. */
struct node_runs *node_runs_create(struct loop *loop, struct spawner *spawner);

/* Forgets all questions without an answer; what runs is the spawner's to end, which must not call
 * back any more (destroy it first). NULL allowed. */
void node_runs_destroy(struct node_runs *runs);

/* `fn` is called once, never from inside this call. */
struct node_ask *node_runs_ask(struct node_runs *runs, struct node_plugin *plugin,
	const struct node_question *question, node_answer_fn fn, void *owner);

/* Nobody waits for it any more. Not after `fn` was called. */
void node_ask_cancel(struct node_ask *ask);
