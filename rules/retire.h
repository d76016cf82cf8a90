#pragma once
#include "rules/ruleset.h"

/*
 * Nobody watches that host any more, or that service of it (NULL: all of them): what is not ok
 * ends, and nothing begins because of silence. It is judged again when a newer sample comes or, for
 * its age, when it answers.
 */
void ruleset_retire(struct ruleset *ruleset, const char *host, const char *service, struct wall now,
	ruleset_transition_fn fn, void *owner);

/* A host is watched again: its age counts from the next tick on, not from when it was seen before.
 */
void ruleset_employ(struct ruleset *ruleset, const char *host);

/* Carries the states of all instances over to a rule set that is bound to the same catalog. */
void ruleset_carry(const struct ruleset *from, struct ruleset *to);
