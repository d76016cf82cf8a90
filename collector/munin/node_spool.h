#pragma once
#include "collector/munin/node_state.h"

/*
 * `spoolfetch` of munin-async (reference: munin, 1.4): a stream of blocks, each a graph's config
 * with values that say their time, since an instant. That is the newest one of the graph that is
 * furthest behind, so that a plugin that lags loses nothing; what others say again is skipped. A
 * round takes a bounded number of samples (hostile 32); the next one goes on there.
 */
enum {
	NODE_SPOOL_SAMPLES_MAX = 50000, /* of one round */
	NODE_SPOOL_BLOCK_MAX = 1 << 20,
	NODE_SPOOL_BACK_S =
		86400,               /* how far back the first question goes, and how far a graph may lag */
	NODE_SPOOL_STEP_S = 300, /* between samples of a plugin that says nothing else */
};

struct node_spool {
	struct node_state *state;
	GByteArray *block; /* that is not there whole */
	struct wall at;
	size_t taken;    /* samples of this round */
	int64_t since_s; /* of a fetch that was not taken to its end; 0: none */
	char since[24];  /* as sent */
};

void node_spool_init(struct node_spool *spool, struct node_state *state);
void node_spool_finish(struct node_spool *spool);

/* Begins a round: the instant to be asked for, as text; lives until the next one. */
const char *node_spool_since(struct node_spool *spool, struct wall at);

enum node_spool_progress { NODE_SPOOL_MORE, NODE_SPOOL_ENOUGH, NODE_SPOOL_WRONG };

/* Whole lines of the answer; `last`: no more follow. ENOUGH: let the rest be. WRONG: no such thing
 * is an answer. */
enum node_spool_progress node_spool_take(
	struct node_spool *spool, const char *text, size_t length, bool last);
