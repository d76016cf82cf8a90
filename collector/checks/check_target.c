#include "collector/checks/check_run.h"

#include "base/banned.h"

/*
 * Checks as targets: those of checks.def that bring a whole target of their own are handed on to
 * it, all others are run by check.c.
 */
#define CHECK(number, object)
#define CHECK_TARGET(number, object) extern const struct target_kind object;
#include "collector/checks/checks.def"
#undef CHECK_TARGET

struct check_shell {
	const struct target_kind *kind;
	void *state;
};

static const struct target_kind check_common = {
	.create = check_create, .begin = check_begin, .cancel = check_cancel, .destroy = check_destroy};

static void *check_shell_create(struct target *target, struct error *err)
{
	static const struct target_kind *const kinds[CONFIG_CHECK_NAGIOS + 1] = {
#define CHECK_TARGET(number, object) [number] = &(object),
#include "collector/checks/checks.def"
#undef CHECK
#undef CHECK_TARGET
	};
	uint32_t number = target->settings->check.kind;
	const struct target_kind *kind =
		number < ARRAY_LENGTH(kinds) && kinds[number] ? kinds[number] : &check_common;
	void *state = kind->create(target, err);
	if (!state) {
		return NULL;
	}
	struct check_shell *shell = g_new0(struct check_shell, 1);
	shell->kind = kind;
	shell->state = state;
	return shell;
}

static void check_shell_begin(void *state, struct wall at)
{
	struct check_shell *shell = state;
	shell->kind->begin(shell->state, at);
}

static void check_shell_cancel(void *state)
{
	struct check_shell *shell = state;
	shell->kind->cancel(shell->state);
}

static void check_shell_destroy(void *state)
{
	struct check_shell *shell = state;
	shell->kind->destroy(shell->state);
	g_free(shell);
}

const struct target_kind target_check = {.create = check_shell_create,
	.begin = check_shell_begin,
	.cancel = check_shell_cancel,
	.destroy = check_shell_destroy};
