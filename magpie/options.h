#pragma once
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

enum options_result {
	OPTIONS_GO,    /* operands are argv[0 … *operand_count), in order */
	OPTIONS_HELP,  /* --help was asked for and printed: exit COMMAND_DONE */
	OPTIONS_WRONG, /* told on stderr: exit COMMAND_USAGE */
};

/*
 * Reads argv[1 … argc) (argv[0] is the command itself). Operands are moved to the front of argv:
 * argv[0] is the first.
 */
enum options_result options_parse(
	const struct options *options, int argc, char **argv, int *operand_count);
