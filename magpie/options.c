#include "magpie/options.h"
#include "base/attr.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * A small option parser in place of getopt_long, because help and parsing must not drift apart:
 * there is one table per command, and this file is all that reads it.
 */

static void options_help(const struct options *options)
{
	printf("usage: magpie %s [options]%s%s\n\n%s\n\noptions:\n", options->command,
		*options->operands ? " " : "", options->operands, options->about);
	for (size_t i = 0; i < options->row_count; i++) {
		const struct option_row *row = &options->rows[i];
		char left[64];
		snprintf(left, sizeof(left), "%s%s%s%s", row->name[1] ? "--" : "-", row->name,
			row->argument ? " " : "", row->argument ? row->argument : "");
		int columns = (int)g_utf8_strlen(left, -1);
		printf("  %s%*s %s\n", left, columns < 24 ? 24 - columns : 0, "", row->help);
	}
	printf("  %-24s %s\n", "--help", "this text");
}

static enum options_result options_wrong(
	const struct options *options, const char *what, const char *word)
{
	fprintf(stderr, "magpie %s: %s \"%s\"\nSee magpie %s --help\n", options->command, what, word,
		options->command);
	return OPTIONS_WRONG;
}

static enum options_result options_unknown(const struct options *options, const char *word)
{
	const char *names[32];
	size_t count = 0;
	for (size_t i = 0; i < options->row_count && count < ARRAY_LENGTH(names); i++) {
		names[count++] = options->rows[i].name;
	}
	const char *bare = word + strspn(word, "-");
	const char *nearest = text_nearest(bare, names, count);
	if (nearest) {
		fprintf(stderr, "magpie %s: unknown option \"%s\"; did you mean \"%s%s\"?\n",
			options->command, word, nearest[1] ? "--" : "-", nearest);
		return OPTIONS_WRONG;
	}
	return options_wrong(options, "unknown option", word);
}

/* The row that `word` ("--name", "--name=value", "-n") names, and where its value begins, if it has
 * one. */
static const struct option_row *options_find(
	const struct options *options, const char *word, const char **value)
{
	const char *name = word + (word[1] == '-' ? 2 : 1);
	size_t length = strcspn(name, "=");
	*value = name[length] == '=' ? name + length + 1 : NULL;
	for (size_t i = 0; i < options->row_count; i++) {
		const char *candidate = options->rows[i].name;
		bool one_letter = !candidate[1];
		if (strlen(candidate) == length && !strncmp(candidate, name, length) &&
			one_letter == (word[1] != '-')) {
			return &options->rows[i];
		}
	}
	return NULL;
}

static enum options_result options_take(
	const struct options *options, int argc, char **argv, int *at)
{
	const char *word = argv[*at];
	const char *value;
	const struct option_row *row = options_find(options, word, &value);
	if (!row) {
		return options_unknown(options, word);
	}
	if (!row->argument) {
		if (value) {
			return options_wrong(options, "takes no value:", word);
		}
		*row->flag = true;
		return OPTIONS_GO;
	}
	if (!value) {
		if (*at + 1 >= argc) {
			return options_wrong(options, "value missing behind", word);
		}
		value = argv[++*at];
	}
	*row->value = value;
	return OPTIONS_GO;
}

enum options_result options_parse(
	const struct options *options, int argc, char **argv, int *operand_count)
{
	int operands = 0;
	bool ended = false;
	for (int i = 1; i < argc; i++) {
		char *word = argv[i];
		if (!ended && !strcmp(word, "--")) {
			ended = true;
		} else if (!ended && (!strcmp(word, "--help") || !strcmp(word, "-h"))) {
			options_help(options);
			return OPTIONS_HELP;
		} else if (!ended && word[0] == '-' && word[1]) {
			enum options_result result = options_take(options, argc, argv, &i);
			if (result != OPTIONS_GO) {
				return result;
			}
		} else {
			argv[operands++] = word;
		}
	}
	if ((size_t)operands > options->most_operands) {
		return options_wrong(options, "unexpected:", argv[options->most_operands]);
	}
	if ((size_t)operands < options->least_operands) {
		return options_wrong(options, "missing:", options->operands);
	}
	*operand_count = operands;
	return OPTIONS_GO;
}
