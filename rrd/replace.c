#include "rrd/replace.h"
#include "base/auto.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

/*
 * All blocks are taken first, so that a full disk is told before anything is written. Rights and
 * owner are those of the file before: a Munin may read the tree as another user.
 */

static bool take_blocks(int fd, const struct replacement *r, struct error *err)
{
	int full = fallocate(fd, 0, 0, (off_t)r->length) ? errno : 0;
	if (full == ENOSPC || full == EDQUOT) {
		return error_errno(err, ERR_CONFLICT, full, "%s: no space for another file", r->path);
	}
	return true; /* where the file system cannot do that, writing will tell */
}

static bool copy_rights(const struct tree *tree, int fd, const char *path, struct error *err)
{
	struct stat old;
	AUTO_FD before = tree_file(tree, path, &old, NULL);
	bool good = before < 0 || (!fchmod(fd, old.st_mode & 0777) &&
								  (!fchown(fd, old.st_uid, old.st_gid) || errno == EPERM));
	return good || error_errno(err, ERR_STORAGE, errno, "%s: rights", path);
}

/* What was written, read back. */
static bool is_there(int fd, const struct replacement *r)
{
	AUTO_FREE char *back = malloc(r->length);
	size_t at = 0;
	while (back && at < r->length) {
		ssize_t n = pread(fd, back + at, r->length - at, (off_t)at);
		if (n <= 0) {
			return false;
		}
		at += (size_t)n;
	}
	return back && !memcmp(back, r->content, r->length);
}

bool replace_write(
	const struct tree *tree, const struct replacement *r, uint64_t *inode, struct error *err)
{
	struct stat st;
	AUTO_FD fd = tree_private(tree, r->beside, O_RDWR | O_CREAT | O_TRUNC, err);
	if (fd < 0 || !take_blocks(fd, r, err) || !file_write_all(fd, r->content, r->length, err) ||
		!copy_rights(tree, fd, r->path, err)) {
		return false;
	}
	if (fsync(fd) || fstat(fd, &st)) {
		return error_errno(err, ERR_STORAGE, errno, "%s: another file", r->path);
	}
	*inode = st.st_ino;
	return is_there(fd, r) ||
		   error_set(err, ERR_STORAGE, "%s: what was written is not there", r->path);
}
