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
 * program (see action_open_program). `*out` is valid after true only.
 */
MUST_USE bool action_prepare(const struct config_action *action, char *const *arguments,
	size_t count, struct action_command *out, struct error *err);
void action_finish(struct action_command *command);

/*
 * Opens the program and checks the descriptor: a regular file that belongs to root, that only root
 * may write, executable, no symbolic link; all directories above it likewise root's (a sticky one
 * may be written by others). DENIED says which part is not so. -1: failed.
 */
MUST_USE int action_open_program(const char *path, struct error *err);
