/*
 * Who can change what root's configuration executes can do what root can. So the program, and every
 * directory on the way to it, has to be root's alone; what is checked is the descriptor that is
 * executed later (hostile 78).
 *
 * Plugins look at the name they were started by, so they are executed by path, and often that is a
 * symbolic link (/etc/munin/plugins/if_eth0). There each link of the chain and each directory it
 * leads through is checked the same way: then nobody but root can change what is found in between.
 */
#include "runner/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/auto.h"

#include "base/banned.h"

enum { LINKS_MAX = 8 };

/* Where a link leads: `path` becomes the text it stands for. */
static bool program_follow(char **path, struct error *err)
{
	char link[PATH_MAX];
	ssize_t length = readlink(*path, link, sizeof(link));
	if (length <= 0 || (size_t)length >= sizeof(link)) {
		return error_set(err, ERR_DENIED, "%s: this symbolic link cannot be read", *path);
	}
	char *text = g_strndup(link, (gsize)length);
	if (text[0] != '/') {
		g_autofree char *relative = text;
		g_autofree char *dir = g_path_get_dirname(*path);
		text = g_strconcat(dir, "/", relative, NULL);
	}
	g_free(*path);
	*path = text;
	return true;
}

static bool program_check_way(const char *path, int links, struct error *err);

/* One directory on the way; where it is a link, all that lies on the way to what it stands for. */
static bool program_check_directory(const char *dir, int links, struct error *err)
{
	struct stat st;
	if (lstat(dir, &st)) {
		return error_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_STORAGE, errno, "%s", dir);
	}
	if (!S_ISLNK(st.st_mode)) {
		bool open_to_others = (st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX);
		return (st.st_uid == 0 && !open_to_others) ||
			   error_set(err, ERR_DENIED,
				   "%s: this directory on the way to the program is not root's alone", dir);
	}
	if (st.st_uid != 0) {
		return error_set(err, ERR_DENIED, "%s: this symbolic link is not root's", dir);
	}
	if (links >= LINKS_MAX) {
		return error_set(err, ERR_DENIED, "%s: more than %d symbolic links", dir, LINKS_MAX);
	}
	g_autofree char *to = g_strdup(dir);
	if (!program_follow(&to, err)) {
		return false;
	}
	g_autofree char *whole = g_strconcat(to, "/", NULL);
	return program_check_way(whole, links + 1, err);
}

/* All directories of a path, up to its last "/". */
static bool program_check_way(const char *path, int links, struct error *err)
{
	for (const char *slash = path; slash; slash = strchr(slash + 1, '/')) {
		g_autofree char *dir =
			slash == path ? g_strdup("/") : g_strndup(path, (gsize)(slash - path));
		if (!program_check_directory(dir, links, err)) {
			return false;
		}
	}
	return true;
}

static bool program_check_directories(const char *path, struct error *err)
{
	return program_check_way(path, 0, err);
}

static bool program_check_file(int fd, const char *path, struct error *err)
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

int program_open(const char *path, struct error *err)
{
	if (path[0] != '/' || !program_check_directories(path, err)) {
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
	return program_check_file(fd, path, err) ? STEAL_FD(fd) : -1;
}

bool program_check(const char *path, struct error *err)
{
	g_autofree char *at = g_strdup(path);
	for (int i = 0; i < LINKS_MAX; i++) {
		struct stat st;
		if (at[0] != '/') {
			return error_set(err, ERR_CONFIG, "%s: is no absolute path", at);
		}
		if (!program_check_directories(at, err)) {
			return false;
		}
		if (lstat(at, &st)) {
			return error_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_STORAGE, errno, "%s", at);
		}
		if (!S_ISLNK(st.st_mode)) {
			AUTO_FD fd = program_open(at, err);
			return fd >= 0;
		}
		if (st.st_uid != 0) { /* in a directory like /tmp anybody can make one */
			return error_set(err, ERR_DENIED, "%s: this symbolic link is not root's", at);
		}
		if (!program_follow(&at, err)) {
			return false;
		}
	}
	return error_set(err, ERR_DENIED, "%s: more than %d symbolic links", path, LINKS_MAX);
}
