/* Arguments are checked here, the program by runner/program.c. */
#include "runner/action.h"

#include <regex.h>
#include <string.h>
#include <unistd.h>

#include "runner/program.h"

#include "base/banned.h"

/* The number N of an element "$N" of the vector, else 0. */
static size_t action_number(const char *element)
{
	bool is = element[0] == '$' && element[1] >= '1' && element[1] <= '9' && !element[2];
	return is ? (size_t)(element[1] - '0') : 0;
}

static bool action_matches(const char *pattern, const char *argument)
{
	g_autofree char *whole = g_strconcat("^(", pattern, ")$", NULL);
	regex_t regex;
	if (regcomp(&regex, whole, REG_EXTENDED | REG_NOSUB)) {
		return false;
	}
	bool matches = regexec(&regex, argument, 0, NULL, 0) == 0;
	regfree(&regex);
	return matches;
}

static bool action_check_argument(
	const struct config_action *action, size_t index, const char *argument, struct error *err)
{
	if (strlen(argument) > ACTION_ARGUMENT_MAX) {
		return error_set(err, ERR_CONFIG, "argument %zu is longer than %d bytes", index + 1,
			ACTION_ARGUMENT_MAX);
	}
	for (const char *p = argument; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f) {
			return error_set(err, ERR_CONFIG, "argument %zu holds a control character", index + 1);
		}
	}
	if (!action_matches(g_ptr_array_index(action->arguments, index), argument)) {
		return error_set(err, ERR_CONFIG, "argument %zu does not match its pattern", index + 1);
	}
	return true;
}

/* The vector with arguments in place. An option can be made of one only where "--" does not stand
 * before it. */
static bool action_fill(
	const struct config_action *action, char *const *arguments, GPtrArray *argv, struct error *err)
{
	bool options_over = false;
	for (size_t i = 0; i < action->command->len; i++) {
		const char *element = g_ptr_array_index(action->command, i);
		size_t number = i ? action_number(element) : 0;
		const char *text = number ? arguments[number - 1] : element;
		if (number && !options_over && text[0] == '-') {
			return error_set(err, ERR_CONFIG,
				"argument %zu begins with \"-\" and no \"--\" stands before it", number);
		}
		options_over |= !number && strcmp(element, "--") == 0;
		g_ptr_array_add(argv, g_strdup(text));
	}
	g_ptr_array_add(argv, NULL);
	return true;
}

bool action_prepare(const struct config_action *action, char *const *arguments, size_t count,
	struct action_command *out, struct error *err)
{
	size_t declared = action->arguments ? action->arguments->len : 0;
	if (count != declared) {
		return error_set(
			err, ERR_CONFIG, "%zu arguments were given, the action takes %zu", count, declared);
	}
	for (size_t i = 0; i < count; i++) {
		if (!action_check_argument(action, i, arguments[i], err)) {
			return false;
		}
	}
	out->argv = g_ptr_array_new_with_free_func(g_free);
	out->program = -1;
	if (action_fill(action, arguments, out->argv, err)) {
		out->program = program_open(g_ptr_array_index(out->argv, 0), err);
	}
	if (out->program < 0) {
		action_finish(out);
		return false;
	}
	return true;
}

void action_finish(struct action_command *command)
{
	if (command->program >= 0) {
		close(command->program);
		command->program = -1;
	}
	g_ptr_array_free(command->argv, TRUE);
	command->argv = NULL;
}
