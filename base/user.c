/* The reentrant functions of libc with a buffer that grows once: entries of groups can be long. */
#include "base/user.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/number.h"
#include "base/text.h"

#include "base/banned.h"

enum { ENTRY_MAX = 1 << 20 };

static bool user_number(const char *text, long long *number)
{
	return number_parse_int(text, strlen(text), 0, 0xfffffffeLL, number);
}

bool user_find(const char *name, struct user *user, struct error *err)
{
	g_autofree char *room = g_malloc(ENTRY_MAX);
	struct passwd entry, *found = NULL;
	long long number = 0;
	*user = (struct user){.uid = 0};
	int failed = user_number(name, &number)
					 ? getpwuid_r((uid_t)number, &entry, room, ENTRY_MAX, &found)
					 : getpwnam_r(name, &entry, room, ENTRY_MAX, &found);
	if (failed || !found) {
		return error_set(err, ERR_NOT_FOUND, "no user \"%s\" on this machine", name);
	}
	user->uid = entry.pw_uid;
	user->gid = entry.pw_gid;
	text_copy(user->name, sizeof(user->name), entry.pw_name);
	text_copy(user->home, sizeof(user->home),
		entry.pw_dir && entry.pw_dir[0] == '/' ? entry.pw_dir : "/");
	int count = USER_GROUPS_MAX;
	if (getgrouplist(entry.pw_name, entry.pw_gid, user->groups, &count) < 0) {
		count = USER_GROUPS_MAX; /* the first ones, as initgroups(3) does */
	}
	user->group_count = (size_t)count;
	return true;
}

bool user_add_group(struct user *user, const char *group, bool primary, struct error *err)
{
	g_autofree char *room = g_malloc(ENTRY_MAX);
	struct group entry, *found = NULL;
	long long number = 0;
	int failed = user_number(group, &number)
					 ? getgrgid_r((gid_t)number, &entry, room, ENTRY_MAX, &found)
					 : getgrnam_r(group, &entry, room, ENTRY_MAX, &found);
	if (failed || !found) {
		return error_set(err, ERR_NOT_FOUND, "no group \"%s\" on this machine", group);
	}
	if (user->group_count >= USER_GROUPS_MAX) {
		return error_set(err, ERR_CONFIG, "more than %d groups", USER_GROUPS_MAX);
	}
	user->groups[user->group_count++] = entry.gr_gid;
	if (primary) {
		user->gid = entry.gr_gid;
	}
	return true;
}

bool user_is_self(const struct user *user)
{
	return user->uid == geteuid() && user->gid == getegid();
}
