#include "magpie/command.h"
#include "base/attr.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * Finds the row of commands.def that the words on the command line name, and hands over.
 */

struct command {
	const char *words;
	command_fn run;
	const char *help;
};

static const struct command commands[] = {
#define COMMAND(words, function, help) {words, function, help},
#include "magpie/commands.def"
#undef COMMAND
};

static void command_help(FILE *out)
{
	fprintf(out, "usage: magpie COMMAND [options]\n\ncommands:\n");
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
		if (commands[i].help) {
			fprintf(out, "  %-18s %s\n", commands[i].words, commands[i].help);
		}
	}
	fprintf(out, "\nmagpie COMMAND --help tells more of each.\n");
}

static bool command_is(
	const struct command *command, const char *first, const char *second, int *used)
{
	const char *blank = strchr(command->words, ' ');
	size_t length = blank ? (size_t)(blank - command->words) : strlen(command->words);
	if (strlen(first) != length || strncmp(first, command->words, length)) {
		return false;
	}
	*used = blank ? 2 : 1;
	return !blank || (second && !strcmp(second, blank + 1));
}

static int command_unknown(const char *first, const char *second)
{
	const char *names[ARRAY_LENGTH(commands)];
	size_t count = 0;
	size_t length = strlen(first);
	bool subject = false;
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
		names[count++] = commands[i].words;
		if (!strncmp(commands[i].words, first, length) && commands[i].words[length] == ' ') {
			fprintf(stderr, "%s magpie %s\n", subject ? "      " : "usage:", commands[i].words);
			subject = true;
		}
	}
	if (subject) {
		return COMMAND_USAGE;
	}
	char whole[128];
	snprintf(whole, sizeof(whole), "%s%s%s", first, second ? " " : "", second ? second : "");
	const char *nearest = text_nearest(first, names, count);
	nearest = nearest ? nearest : text_nearest(whole, names, count);
	if (nearest) {
		fprintf(stderr, "magpie: unknown command \"%s\"; did you mean \"%s\"?\n", first, nearest);
	} else {
		fprintf(stderr, "magpie: unknown command \"%s\"\n", first);
	}
	fprintf(stderr, "See magpie --help\n");
	return COMMAND_USAGE;
}

int command_run(int argc, char **argv)
{
	if (argc < 2) {
		command_help(stderr);
		return COMMAND_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		command_help(stdout);
		return COMMAND_DONE;
	}
	const char *first = strcmp(argv[1], "--version") ? argv[1] : "version";
	const char *second = argc > 2 ? argv[2] : NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
		int used;
		if (command_is(&commands[i], first, second, &used)) {
			argv[used] = (char *)commands[i].words;
			return commands[i].run(argc - used, argv + used);
		}
	}
	return command_unknown(first, second);
}
