#pragma once
#include "base/attr.h"
#include "base/loop.h"
#include "collector/executor.h"
#include "model/config.h"

/*
 * The executor of a command that asks sources by itself: executes in this process, with the
 * runner's own checks and limits. `config` is borrowed and outlives it; `state_dir` is where
 * plugins may keep something. One per process (see base/spawn.h).
 */
MUST_USE struct executor *local_executor_create(
	struct loop *loop, const struct config *config, const char *state_dir);

/* Ends what is under way without a callback. NULL allowed; not inside a callback. */
void local_executor_destroy(struct executor *executor);
