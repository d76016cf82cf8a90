#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/auto.h"

#include "base/banned.h"

/*
 * What is checked is the open descriptor, so nobody can put another file in its place in between. A
 * secret that others may read is no secret any more: using it would hide that (hostile 43).
 */
enum { SECRET_MAX = 4096 };

static bool secret_check(int fd, const char *path, struct error *err)
{
	struct stat st;
	if (fstat(fd, &st)) {
		return error_errno(err, ERR_STORAGE, errno, "secret file %s", path);
	}
	if (!S_ISREG(st.st_mode)) {
		return error_set(err, ERR_CONFIG, "secret file %s: is no regular file", path);
	}
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		return error_set(
			err, ERR_DENIED, "secret file %s: belongs to user %u", path, (unsigned)st.st_uid);
	}
	if (st.st_mode & (S_IRWXO | S_IWGRP)) {
		return error_set(err, ERR_DENIED,
			"secret file %s: mode %04o lets others in; it has to be 0600 or 0640", path,
			(unsigned)(st.st_mode & 07777));
	}
	return true;
}

char *secret_read(const char *path, struct error *err)
{
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	if (fd < 0) {
		error_errno(
			err, errno == ENOENT ? ERR_NOT_FOUND : ERR_STORAGE, errno, "secret file %s", path);
		return NULL;
	}
	if (!secret_check(fd, path, err)) {
		return NULL;
	}
	char *secret = g_malloc0(SECRET_MAX + 1);
	ssize_t length = read(fd, secret, SECRET_MAX);
	while (length > 0 && (secret[length - 1] == '\n' || secret[length - 1] == '\r')) {
		secret[--length] = '\0';
	}
	if (length <= 0 || strlen(secret) != (size_t)length || strpbrk(secret, "\r\n")) {
		error_set(err, ERR_CONFIG, "secret file %s: has to hold one line of text", path);
		explicit_bzero(secret, SECRET_MAX + 1); /* there may be a NUL in it */
		g_free(secret);
		return NULL;
	}
	return secret;
}

void secret_free(char *secret)
{
	if (secret) {
		explicit_bzero(secret, strlen(secret));
		g_free(secret);
	}
}
