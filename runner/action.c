/*
 * Who can change what root's configuration executes can do what root can. So the program, and every
 * directory on the way to it, has to be root's alone; what is checked is the descriptor that is
 * executed later (hostile 78).
 */
#include "runner/action.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"

#include "base/banned.h"

/* The number N of an element "$N" of the vector, else 0. */
static size_t action_number(const char *element)
{
	bool is = element[0] == '$' && element[1] >= '1' && element[1] <= '9' && !element[2];
	return is ? (size_t)(element[1] - '0') : 0;
}

static bool action_check_directories(const char *path, struct error *err)
{
	for (const char *slash = path; slash; slash = strchr(slash + 1, '/')) {
		g_autofree char *dir =
			slash == path ? g_strdup("/") : g_strndup(path, (gsize)(slash - path));
		struct stat st;
		if (stat(dir, &st)) {
			return error_errno(
				err, errno == ENOENT ? ERR_NOT_FOUND : ERR_STORAGE, errno, "%s", dir);
		}
		bool open_to_others = (st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX);
		if (st.st_uid != 0 || open_to_others) {
			return error_set(err, ERR_DENIED,
				"%s: this directory on the way to the program is not root's alone", dir);
		}
	}
	return true;
}

static bool action_check_program(int fd, const char *path, struct error *err)
{
	struct stat st;
	if (fstat(fd, &st)) {
		return error_errno(err, ERR_STORAGE, errno, "%s", path);
	}
	if (!S_ISREG(st.st_mode)) {
		return error_set(err, ERR_DENIED, "%s: is no regular file", path);
	}
	if (st.st_uid != 0) {
		return error_set(
			err, ERR_DENIED, "%s: belongs to user %u, not to root", path, (unsigned)st.st_uid);
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		return error_set(err, ERR_DENIED, "%s: others than root may write it (mode %04o)", path,
			(unsigned)(st.st_mode & 07777));
	}
	if (!(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH))) {
		return error_set(err, ERR_DENIED, "%s: is not executable", path);
	}
	return true;
}

int action_open_program(const char *path, struct error *err)
{
	if (path[0] != '/' || !action_check_directories(path, err)) {
		if (path[0] != '/') {
			error_set(err, ERR_CONFIG, "%s: is no absolute path", path);
		}
		return -1;
	}
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		enum error_kind kind = errno == ENOENT  ? ERR_NOT_FOUND
							   : errno == ELOOP ? ERR_DENIED
												: ERR_STORAGE;
		error_errno(err, kind, errno, "%s", path);
		return -1;
	}
	return action_check_program(fd, path, err) ? STEAL_FD(fd) : -1;
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
		out->program = action_open_program(g_ptr_array_index(out->argv, 0), err);
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
