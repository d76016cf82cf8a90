#pragma once
#include "base/attr.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Whom a child process runs as: a user of this machine with its groups. Reads the system's
 * databases, so it may wait for them.
 */
enum { USER_GROUPS_MAX = 64, USER_NAME_MAX = 32 };

struct user {
	uid_t uid;
	gid_t gid;
	gid_t groups[USER_GROUPS_MAX]; /* the supplementary ones */
	size_t group_count;
	char name[USER_NAME_MAX + 1];
	char home[256]; /* "/" if there is none */
};

/* By name or number, with the groups the user is a member of. NOT_FOUND: there is none. */
MUST_USE bool user_find(const char *name, struct user *user, struct error *err);

/* Adds a supplementary group by name or number; `primary`: it becomes the first one too. NOT_FOUND;
 * CONFIG: too many groups. */
MUST_USE bool user_add_group(struct user *user, const char *group, bool primary, struct error *err);

/* Whom we run as ourselves. */
bool user_is_self(const struct user *user);
