#include "magpie/output.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * O_TMPFILE: a file without a name goes with the process, however that ends. linkat(2) does not
 * replace, so it is linked beside and renamed over what is there.
 */
enum { MODE = 0666, TRIES = 100 };

struct output {
	char *path, *directory;
	char *beside; /* name it has now; NULL: none */
	int fd;
	bool plain; /* stdout, a device, a pipe */
	bool committed;
};

static char *name_beside(const struct output *output, unsigned attempt)
{
	g_autofree char *base = g_path_get_basename(output->path);
	return g_strdup_printf(
		"%s/.%.200s.%ld.%u.new", output->directory, base, (long)getpid(), attempt);
}

static bool open_beside(struct output *output, struct error *err)
{
	output->fd = open(output->directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, MODE);
	for (unsigned i = 0; output->fd < 0 && i < TRIES; i++) {
		g_free(output->beside);
		output->beside = name_beside(output, i);
		output->fd = open(output->beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
		if (output->fd < 0 && errno != EEXIST) {
			g_free(STEAL(output->beside));
			return error_errno(err, ERR_STORAGE, errno, "%s", output->path);
		}
	}
	return output->fd >= 0 || error_set(err, ERR_STORAGE, "%s: no free name beside", output->path);
}

static bool is_plain(const char *path)
{
	struct stat status;
	return !stat(path, &status) && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

struct output *output_open(const char *path, struct error *err)
{
	AUTO(output) output = g_new0(struct output, 1);
	struct stat status;
	bool standard = !path || !strcmp(path, "-");
	output->path = g_strdup(standard ? "stdout" : path);
	output->directory = g_path_get_dirname(output->path);
	output->plain = standard || is_plain(path);
	output->fd = -1;
	if (standard) {
		output->fd = STDOUT_FILENO;
	} else if (output->plain) {
		output->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		if (output->fd < 0) {
			error_errno(err, ERR_STORAGE, errno, "%s", path);
			return NULL;
		}
	} else if (!stat(path, &status) && S_ISDIR(status.st_mode)) {
		error_set(err, ERR_STORAGE, "%s: is a directory", path);
		return NULL;
	} else if (!open_beside(output, err)) {
		return NULL;
	}
	return STEAL(output);
}

bool output_write(struct output *output, const void *bytes, size_t length, struct error *err)
{
	return file_write_all(output->fd, bytes, length, err) || error_prefix(err, "%s", output->path);
}

/* Gives it a name beside, if it has none. */
static bool link_beside(struct output *output, struct error *err)
{
	g_autofree char *self = g_strdup_printf("/proc/self/fd/%d", output->fd);
	for (unsigned i = 0; !output->beside && i < TRIES; i++) {
		g_autofree char *name = name_beside(output, i);
		if (!linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW)) {
			output->beside = STEAL(name);
		} else if (errno != EEXIST) {
			return error_errno(err, ERR_STORAGE, errno, "%s", output->path);
		}
	}
	return output->beside || error_set(err, ERR_STORAGE, "%s: no free name beside", output->path);
}

bool output_commit(struct output *output, struct error *err)
{
	if (output->plain) {
		output->committed = true;
		return true;
	}
	if (fsync(output->fd)) {
		return error_errno(err, ERR_STORAGE, errno, "%s", output->path);
	}
	if (!link_beside(output, err)) {
		return false;
	}
	if (rename(output->beside, output->path)) {
		return error_errno(err, ERR_STORAGE, errno, "%s", output->path);
	}
	output->committed = true;
	return file_sync_directory(AT_FDCWD, output->directory, err);
}

void output_destroy(struct output *output)
{
	if (!output) {
		return;
	}
	if (output->beside && !output->committed) {
		(void)unlink(output->beside);
	}
	if (output->fd > STDERR_FILENO) {
		close(output->fd);
	}
	g_free(output->beside);
	g_free(output->directory);
	g_free(output->path);
	g_free(output);
}
