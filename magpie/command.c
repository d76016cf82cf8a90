#include "magpie/command.h"
#include "base/attr.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#include <glib.h>

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

/* The commands of a subject ("rules"), on `out`; false: there is no such subject. */
static bool command_subject(FILE *out, const char *first)
{
	size_t length = strlen(first);
	bool found = false;
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
		const struct command *c = &commands[i];
		if (c->help && !strncmp(c->words, first, length) && c->words[length] == ' ') {
			fprintf(out, "%s  %-18s %s\n", found ? "" : "commands:\n", c->words, c->help);
			found = true;
		}
	}
	return found;
}

static int command_unknown(const char *first, const char *second)
{
	const char *names[ARRAY_LENGTH(commands)];
	size_t count = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
		if (commands[i].help) {
			names[count++] = commands[i].words;
		}
	}
	g_autofree char *whole = g_strjoin(second ? " " : "", first, second ? second : "", NULL);
	const char *nearest = second ? text_nearest(whole, names, count) : NULL;
	if (!nearest && command_subject(stderr, first)) {
		return COMMAND_USAGE;
	}
	const char *wrong = nearest ? whole : first;
	nearest = nearest ? nearest : text_nearest(first, names, count);
	fprintf(stderr, "magpie: unknown command \"%s\"%s%s%s\nSee magpie --help\n", wrong,
		nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
	return COMMAND_USAGE;
}

static bool command_is_help(const char *word)
{
	return !strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help");
}

int command_run(int argc, char **argv)
{
	if (argc < 2) {
		command_help(stderr);
		return COMMAND_USAGE;
	}
	if (command_is_help(argv[1])) {
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
	if (second && command_is_help(second) && command_subject(stdout, first)) {
		return COMMAND_DONE;
	}
	return command_unknown(first, second);
}
