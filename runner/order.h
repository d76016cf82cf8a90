#pragma once
#include "base/attr.h"
#include "base/error.h"
#include "base/user.h"
#include "model/config.h"
#include "model/message.h"

#include <glib.h>

/*
 * From what the collector names (a host and one of its checks or plugins, or the way to its
 * munin-node) to what is executed: a checked program, argument vector, environment, user. All of it
 * comes from the configuration.
 */
struct order {
	enum message_execute what;
	const char *host, *name;
	uint32_t timeout_ms;
};

struct order_command {
	char *path;
	GPtrArray *argv, *environment; /* char *, with a NULL at the end */
	struct user user;
	bool change_user; /* else as we are */
};

/*
 * `state_dir`: where plugins may keep something between two rounds; a directory per user is made
 * below it. `tag`: goes into the environment (see base/spawn.h). NOT_FOUND: the configuration has
 * nothing of that name, or the program is not there; CONFIG: it makes no sense; DENIED: others than
 * root may change the program. `*out` is valid after true only.
 */
MUST_USE bool order_prepare(const struct config *config, const struct order *order,
	const char *state_dir, const char *tag, struct order_command *out, struct error *err);
void order_finish(struct order_command *command);

/* `text` with "$HOST" and "$ADDRESS" replaced; the caller frees it. */
MUST_USE char *order_expand(const char *text, const char *host, const char *address);
