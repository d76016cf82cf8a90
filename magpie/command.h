#pragma once
/*
 * The table of commands: `magpie NAME …`. One file per command (cmd_NAME.c); the table, --help,
 * completion and the manual's list come from magpie/commands.def.
 */

/* Exit codes of every command. */
enum { COMMAND_DONE = 0, COMMAND_FAILED = 1, COMMAND_USAGE = 2 };

/* Runs the command that argv[1] (and argv[2] of a two-word command) names. */
int command_run(int argc, char **argv);
