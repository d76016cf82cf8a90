#include "base/file.h"
#include "base/auto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * Whole files: bounded when read, durable when written. The order of file_replace() is what makes
 * it safe: content on disk, then the name, then the directory that holds the name.
 */

enum { FIRST_ROOM = 4096 };

/* Opens a regular file for reading and tells its size, or -1. */
static int open_regular(int dir_fd, const char *name, size_t *size, struct error *err)
{
	/* O_NONBLOCK: a FIFO in the place of a file must not hang us before fstat tells */
	AUTO_FD fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		error_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_STORAGE, errno, "%s", name);
		return -1;
	}
	struct stat st;
	if (fstat(fd, &st)) {
		error_errno(err, ERR_STORAGE, errno, "%s", name);
		return -1;
	}
	if (!S_ISREG(st.st_mode)) {
		error_set(err, ERR_CONFIG, "%s: is no regular file", name);
		return -1;
	}
	*size = (size_t)st.st_size;
	return STEAL_FD(fd);
}

/*
 * Reads to the end, at most `most` bytes, into a buffer that grows with what comes: the size told
 * by fstat is a hint only (0 in /proc, a log that grows), and a limit is not a size. NULL with
 * errno.
 */
static char *read_up_to(int fd, size_t hint, size_t most, size_t *length)
{
	size_t room = MIN(most, hint + FIRST_ROOM);
	size_t used = 0;
	AUTO_FREE char *content = malloc(room + 1);
	while (content) {
		ssize_t n = read(fd, content + used, room - used);
		if (n < 0 && errno != EINTR) {
			return NULL;
		}
		used += n > 0 ? (size_t)n : 0;
		if (n == 0 || used == most) {
			content[used] = '\0';
			*length = used;
			return STEAL(content);
		}
		if (used == room) {
			room = MIN(most, room * 2);
			char *larger = realloc(content, room + 1);
			if (!larger) {
				return NULL;
			}
			content = larger;
		}
	}
	return NULL;
}

char *file_read(int dir_fd, const char *name, size_t limit, size_t *length, struct error *err)
{
	size_t size;
	AUTO_FD fd = open_regular(dir_fd, name, &size, err);
	if (fd < 0) {
		return NULL;
	}
	/* one byte more than allowed is asked for: its coming is what tells "too large" */
	size_t used = limit + 1;
	AUTO_FREE char *content = size <= limit ? read_up_to(fd, size, limit + 1, &used) : NULL;
	if (used > limit && (content || size > limit)) {
		error_set(err, ERR_CONFIG, "%s: is larger than the %zu bytes that are read", name, limit);
		return NULL;
	}
	if (!content) {
		error_errno(err, ERR_STORAGE, errno, "%s", name);
		return NULL;
	}
	*length = used;
	return STEAL(content);
}

bool file_write_all(int fd, const void *content, size_t length, struct error *err)
{
	const char *at = content;
	while (length) {
		ssize_t n = write(fd, at, length);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return error_errno(err, ERR_STORAGE, errno, "write");
		}
		at += n;
		length -= (size_t)n;
	}
	return true;
}

bool file_sync_directory(int dir_fd, const char *name, struct error *err)
{
	AUTO_FD fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd)) {
		return error_errno(err, ERR_STORAGE, errno, "sync of directory %s", name);
	}
	return true;
}

bool file_replace(int dir_fd, const char *name, const void *content, size_t length, unsigned mode,
	struct error *err)
{
	const char *slash = strrchr(name, '/');
	int parent = slash ? (int)(slash - name) : 0;
	const char *last = slash ? slash + 1 : name;
	char beside[512];
	char directory[512];
	snprintf(directory, sizeof(directory), "%.*s", slash ? (parent ? parent : 1) : 1,
		slash ? name : ".");
	if (snprintf(beside, sizeof(beside), "%s/.%s.new", directory, last) >= (int)sizeof(beside)) {
		return error_set(err, ERR_STORAGE, "%s: name too long", last);
	}
	AUTO_FD fd =
		openat(dir_fd, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0) {
		return error_errno(err, ERR_STORAGE, errno, "%s", beside);
	}
	if (!file_write_all(fd, content, length, err)) {
		unlinkat(dir_fd, beside, 0);
		return error_prefix(err, "%s", beside);
	}
	if (fchmod(fd, mode) || fsync(fd) || renameat(dir_fd, beside, dir_fd, name)) {
		int saved = errno;
		unlinkat(dir_fd, beside, 0);
		return error_errno(err, ERR_STORAGE, saved, "%s", name);
	}
	return file_sync_directory(dir_fd, directory, err);
}

bool file_make_directory(const char *path, struct error *err)
{
	char part[4096];
	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part) || !*path) {
		return error_set(err, ERR_STORAGE, "%.100s: no path", path);
	}
	for (char *at = part + 1;; at++) {
		if (*at != '/' && *at != '\0') {
			continue;
		}
		char kept = *at;
		*at = '\0';
		if (mkdir(part, 0755) && errno != EEXIST) {
			return error_errno(err, ERR_STORAGE, errno, "%s", part);
		}
		if (!kept) {
			break;
		}
		*at = kept;
	}
	struct stat st;
	if (stat(path, &st) || !S_ISDIR(st.st_mode)) {
		return error_set(err, ERR_STORAGE, "%s: is no directory", path);
	}
	return true;
}
