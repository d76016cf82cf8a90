#pragma once
#include "base/auto.h"
#include "base/error.h"
#include "rrd/tree.h"

#include <stdbool.h>

/*
 * Which part of a tree is this process's: the files of the hosts that shard_of_host() gives to
 * `instance`. All writers of a tree have the same idea of how many they are; the tree remembers it,
 * and when the number is another one at a start, one of them brings the whole tree back to its
 * checkpoints before the files are shared out anew.
 */
struct share {
	unsigned instance, instances;
};

enum { SHARE_MOST = 16 };

extern const struct share share_all; /* the only writer */

/* Name of a private file of that instance: "NAME", of further ones "NAME.1", "NAME.2" … */
char *share_file_name(const char *name, unsigned instance); /* g_free */

/* The right to write to a part of the tree; ends with the process at the latest. */
struct claim;

/*
 * Waits until no other process has that part (an earlier one of the same may just be dying).
 * `*anew`: the number of writers is another one: nobody else has any part, and the caller recovers
 * the whole tree and then calls claim_settle(). CONFLICT: somebody has it and stays.
 */
MUST_USE struct claim *claim_open(
	const struct tree *tree, const struct share *share, bool *anew, struct error *err);

/* The tree is whole again and shared by that many: the others may have their parts. */
MUST_USE bool claim_settle(struct claim *claim, struct error *err);
void claim_destroy(struct claim *claim);
DEFINE_AUTO(claim)
