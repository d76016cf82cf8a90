#pragma once
#include "base/attr.h"
#include "base/error.h"
#include "model/config.h"

#include <stddef.h>

/*
 * From an action of the configuration and the arguments of one run to what is executed: a checked
 * program and an argument vector. Arguments are data: each becomes one element of the vector as it
 * is, and only if its pattern matches all of it.
 */
enum { ACTION_ARGUMENT_MAX = 1024 };

struct action_command {
	int program;     /* open descriptor */
	GPtrArray *argv; /* char *, with a NULL at the end */
};

/*
 * CONFIG: wrong number of arguments, one that its pattern refuses, holds a control character, is
 * too long, or begins with "-" where no "--" stands before it; DENIED, NOT_FOUND, STORAGE: the
 * program (see program_open). `*out` is valid after true only.
 */
MUST_USE bool action_prepare(const struct config_action *action, char *const *arguments,
	size_t count, struct action_command *out, struct error *err);
void action_finish(struct action_command *command);
