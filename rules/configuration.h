#pragma once
#include "base/bundle.h"
#include "base/diag.h"
#include "model/config.h"
#include "rules/ruleset.h"

/*
 * A configuration as one thing: magpie.conf and the rules that refer to its names, parsed and
 * checked together. Used by whoever has to say whether a bundle is good: the engine at a reload,
 * `magpie serve` at its start, `magpie config check`.
 */
struct configuration {
	struct config *config;
	struct ruleset *ruleset;
};

/*
 * All complaints of all files go to `diags` in one run. False: one of them is an error, then `c` is
 * empty. The caller ends it by configuration_finish().
 */
MUST_USE bool configuration_load(
	const struct bundle *bundle, struct configuration *c, struct diag_list *diags);
void configuration_finish(struct configuration *c);
