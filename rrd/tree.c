#include "rrd/tree.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * Every path is resolved by the kernel with the tree as its root and no link followed, so that what
 * lies in the tree cannot lead a write out of it. librrd opens by name again: it is only given
 * names that were looked at this way since the last checkpoint.
 */
struct tree {
	int fd;
	int private_fd;
	char *path;
};

/* openat2(2), that knows no way out of the tree. */
static int beneath(const struct tree *tree, const char *path, int flags)
{
	struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	return (int)syscall(SYS_openat2, tree->fd, path, &how, sizeof(how));
}

struct tree *tree_open(const char *path, struct error *err)
{
	g_autofree char *private_path = g_strdup_printf("%s/" TREE_PRIVATE "/corrupt", path);
	if (!file_make_directory(private_path, err)) {
		return NULL;
	}
	AUTO(tree) tree = g_new0(struct tree, 1);
	tree->private_fd = -1;
	tree->path = realpath(path, NULL);
	tree->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tree->fd >= 0) {
		tree->private_fd = beneath(tree, TREE_PRIVATE, O_RDONLY | O_DIRECTORY);
	}
	if (!tree->path || tree->fd < 0 || tree->private_fd < 0) {
		error_errno(err, ERR_STORAGE, errno, "%s", path);
		return NULL;
	}
	return STEAL(tree);
}

void tree_destroy(struct tree *tree)
{
	if (tree) {
		if (tree->private_fd >= 0) {
			close(tree->private_fd);
		}
		if (tree->fd >= 0) {
			close(tree->fd);
		}
		free(tree->path);
		g_free(tree);
	}
}

const char *tree_path(const struct tree *tree)
{
	return tree->path;
}

char *tree_full_path(const struct tree *tree, const char *path, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", tree->path, path);
	return out;
}

int tree_file(const struct tree *tree, const char *path, struct stat *st, struct error *err)
{
	AUTO_FD fd = beneath(tree, path, O_RDWR);
	if (fd < 0) {
		bool refused = errno == ELOOP || errno == EXDEV || errno == EISDIR || errno == ENXIO ||
					   errno == ENOTDIR;
		error_errno(err,
			errno == ENOENT ? ERR_NOT_FOUND
			: refused       ? ERR_DENIED
							: ERR_UNREACHABLE,
			errno, "%s", path);
		return -1;
	}
	if (fstat(fd, st)) {
		error_errno(err, ERR_UNREACHABLE, errno, "%s", path);
		return -1;
	}
	if (!S_ISREG(st->st_mode) || st->st_nlink != 1) {
		error_set(err, ERR_DENIED, "%s: is no plain file with one name", path);
		return -1;
	}
	return STEAL_FD(fd);
}

/* The directory that `path` lies in, or -1; `*last` is its last part. */
static int parent_of(
	const struct tree *tree, const char *path, const char **last, struct error *err)
{
	const char *slash = strrchr(path, '/');
	*last = slash ? slash + 1 : path;
	g_autofree char *directory = slash ? g_strndup(path, (gsize)(slash - path)) : g_strdup(".");
	int fd = beneath(tree, directory, O_RDONLY | O_DIRECTORY);
	if (fd < 0) {
		error_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_STORAGE, errno, "%s", directory);
	}
	return fd;
}

bool tree_make_parents(const struct tree *tree, const char *path, struct error *err)
{
	AUTO_FD at = dup(tree->fd);
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		g_autofree char *directory = g_strndup(path, (gsize)(slash - path));
		const char *last = strrchr(directory, '/');
		last = last ? last + 1 : directory;
		if (at < 0 || (mkdirat(at, last, 0755) && errno != EEXIST)) {
			return error_errno(err, ERR_STORAGE, errno, "%s", directory);
		}
		int next = beneath(tree, directory, O_RDONLY | O_DIRECTORY);
		if (next < 0) {
			return error_errno(err, ERR_STORAGE, errno, "%s", directory);
		}
		close(at);
		at = next;
	}
	return true;
}

bool tree_rename(const struct tree *tree, const char *from, const char *to, struct error *err)
{
	const char *from_last;
	const char *to_last;
	AUTO_FD from_fd = parent_of(tree, from, &from_last, err);
	AUTO_FD to_fd = from_fd < 0 ? -1 : parent_of(tree, to, &to_last, err);
	if (to_fd < 0) {
		return false;
	}
	if (syscall(SYS_renameat2, from_fd, from_last, to_fd, to_last, 1U /* RENAME_NOREPLACE */)) {
		return error_errno(
			err, errno == ENOENT ? ERR_NOT_FOUND : ERR_STORAGE, errno, "%s to %s", from, to);
	}
	return true;
}

bool tree_remove(const struct tree *tree, const char *path, struct error *err)
{
	const char *last;
	struct error why = {.kind = ERR_NONE};
	AUTO_FD fd = parent_of(tree, path, &last, &why);
	if (fd >= 0 && !unlinkat(fd, last, 0)) {
		return true;
	}
	if (fd < 0 ? why.kind == ERR_NOT_FOUND : errno == ENOENT) {
		return true;
	}
	return error_errno(err, ERR_STORAGE, errno, "%s: remove", path);
}

void tree_remove_halves(const struct tree *tree, const char *path)
{
	enum { RANDOM_LETTERS = 6 };
	const char *last;
	int fd = parent_of(tree, path, &last, NULL);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	if (!directory) {
		if (fd >= 0) {
			close(fd);
		}
		return;
	}
	for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
		size_t length = strlen(entry->d_name);
		const char *suffix =
			length > RANDOM_LETTERS + 4 ? entry->d_name + length - RANDOM_LETTERS - 4 : "";
		if (!strncmp(suffix, ".rrd", 4) && text_is_plain(suffix + 4, RANDOM_LETTERS)) {
			unlinkat(fd, entry->d_name, 0);
		}
	}
	closedir(directory);
}

static bool put_into(
	const struct tree *tree, const char *path, const char *directory, struct error *err)
{
	enum { TRIES = 1000 };
	const char *last;
	AUTO_FD from = parent_of(tree, path, &last, err);
	if (from < 0) {
		return false;
	}
	long long now = (long long)wall_s(wall_now());
	for (int n = 0; n < TRIES; n++) {
		char name[512];
		snprintf(name, sizeof(name), "%s/%.220s.%lld.%d", directory, last, now, n);
		if (!syscall(SYS_renameat2, from, last, tree->private_fd, name, 1U)) {
			return true;
		}
		if (errno != EEXIST) {
			break;
		}
	}
	return error_errno(err, ERR_STORAGE, errno, "%s: put into %s", path, directory);
}

bool tree_set_aside(const struct tree *tree, const char *path, struct error *err)
{
	return put_into(tree, path, "corrupt", err);
}

bool tree_retire(const struct tree *tree, const char *path, struct error *err)
{
	if (mkdirat(tree->private_fd, "retired", 0755) && errno != EEXIST) {
		return error_errno(err, ERR_STORAGE, errno, TREE_PRIVATE "/retired");
	}
	return put_into(tree, path, "retired", err);
}

int tree_private(const struct tree *tree, const char *name, int flags, struct error *err)
{
	int fd = openat(tree->private_fd, name, flags | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0) {
		error_errno(
			err, errno == ENOENT ? ERR_NOT_FOUND : ERR_STORAGE, errno, TREE_PRIVATE "/%s", name);
	}
	return fd;
}

bool tree_private_replace(const struct tree *tree, const char *name, const void *content,
	size_t length, struct error *err)
{
	return file_replace(tree->private_fd, name, content, length, 0644, err);
}

bool tree_private_remove(const struct tree *tree, const char *name, struct error *err)
{
	if (unlinkat(tree->private_fd, name, 0)) {
		return errno == ENOENT ||
			   error_errno(err, ERR_STORAGE, errno, TREE_PRIVATE "/%s: remove", name);
	}
	return !fsync(tree->private_fd) || error_errno(err, ERR_STORAGE, errno, TREE_PRIVATE ": sync");
}

bool tree_put(
	const struct tree *tree, const char *private_name, const char *path, struct error *err)
{
	const char *last;
	AUTO_FD to = parent_of(tree, path, &last, err);
	if (to < 0) {
		return false;
	}
	if (renameat(tree->private_fd, private_name, to, last) || fsync(to)) {
		return error_errno(err, ERR_STORAGE, errno, "%s: put in place", path);
	}
	return true;
}

bool tree_sync(const struct tree *tree, struct error *err)
{
	if (syncfs(tree->fd)) {
		return error_errno(err, ERR_STORAGE, errno, "%s: sync", tree->path);
	}
	return true;
}
