#pragma once
#include "rrd/examine.h"

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/*
 * What Magpie keeps, looked at from the outside without changing any of it: of a server that does
 * not run, or of a backup. Findings are collected in `examination`.
 */
struct at_rest {
	struct examination examination;
	GPtrArray *services;                     /* struct service *, of the state; owned */
	uint64_t segments, records, first, last; /* of the journal; last 0: it has none */
	int64_t oldest_ms;                       /* when its first segment was begun; 0: none */
	bool in_use;                             /* a server writes: the journal's end may be torn */
};

void at_rest_init(struct at_rest *rest, bool deep);

/* Numbers and findings as an object (new reference). */
json_t *at_rest_finish(struct at_rest *rest);

/* Every record of every segment in that directory. */
void at_rest_journal(struct at_rest *rest, const char *directory);

/* The state database: whole, and of this program. Gives `services`. */
void at_rest_state(struct at_rest *rest, const char *path);

/*
 * Every file of the tree: those of `services`, then those of nobody (`orphans` false: all are
 * looked at, and belonging to nobody is no finding).
 */
void at_rest_tree(struct at_rest *rest, const char *path, bool orphans);

/* Free bytes where that is; growth of the tree in bytes a day, over the last week. */
struct at_rest_space {
	uint64_t free_bytes, files;
	double growth_per_day;
};
bool at_rest_space(const char *tree_path, struct at_rest_space *space);
