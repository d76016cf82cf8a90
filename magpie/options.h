#pragma once
#include "magpie/command.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Options of one command as a table: parsing, --help, completion and the manual come from the same
 * rows. Long options only, "--name value" or "--name=value"; one letter for the few that everybody
 * types ("-o"); "--" ends them.
 */
struct option_row {
	const char *name;     /* without the dashes; one letter means "-x" */
	const char *argument; /* what stands in --help for the value ("FILE"); NULL: a flag */
	const char *help;
	const char **value; /* set to the text, which belongs to argv */
	bool *flag;         /* set to true */
};

struct options {
	const char *command;  /* "rules check" */
	const char *operands; /* in --help: "FILE…"; "" if none */
	const char *about;    /* one or a few lines for --help */
	const struct option_row *rows;
	size_t row_count;
	size_t least_operands, most_operands;
};

/* Whatever is not OPTIONS_GO is the exit code the command ends with. */
enum options_result {
	OPTIONS_GO = -1,               /* operands are argv[0 … *operand_count), in order */
	OPTIONS_HELP = COMMAND_DONE,   /* --help was asked for and printed */
	OPTIONS_WRONG = COMMAND_USAGE, /* told on stderr */
};

/*
 * Reads argv[1 … argc) (argv[0] is the command itself). Operands are moved to the front of argv:
 * argv[0] is the first.
 */
enum options_result options_parse(
	const struct options *options, int argc, char **argv, int *operand_count);
