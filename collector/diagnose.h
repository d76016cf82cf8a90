#pragma once
#include "collector/target.h"

/*
 * A source asked once, for people: what came of it, and what to do about it. The steps on the way
 * are told by world->trace.
 */
struct diagnosis {
	struct error error; /* kind ERR_NONE: the source answered well */
	bool alive;
	char version[128];
	size_t services, series, values; /* told; fields of them; values that are known */
	int64_t took_ms;
	GPtrArray *complaints; /* char *: "plugin: text", sorted */
};

/* Runs the world's loop until the round is over: nothing else may be at work in it. */
void diagnose_source(
	struct world *world, const struct config_source *settings, struct diagnosis *out);
void diagnosis_finish(struct diagnosis *diagnosis);
