#pragma once
/*
 * The table of commands: `magpie NAME …`. One file per command (cmd_NAME.c); dispatch, --help and
 * completion come from magpie/commands.def.
 */

/* Exit codes of every command. */
enum { COMMAND_DONE = 0, COMMAND_FAILED = 1, COMMAND_USAGE = 2 };

typedef int (*command_fn)(int argc, char **argv);

/* Every command gets its own words as argv[0] ("rules check") and what followed them. */
#define COMMAND(words, function, help) int function(int argc, char **argv);
#include "magpie/commands.def"
#undef COMMAND

/* Runs the command that argv[1] (and argv[2] of a two-word command) names. */
int command_run(int argc, char **argv);
