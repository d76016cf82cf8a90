#include "rrd/share.h"
#include "base/clock.h"
#include "base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * Two files in .magpie/: `writers` says how many the tree is shared by, `lock` carries the locks:
 * byte i belongs to instance i, all bytes together to the one that changes the number. Locks are
 * those of an open file description (fcntl(2), F_OFD_SETLK): they end with the process, however it
 * ends, and two of one process exclude each other as well.
 *
 * I1: the number is read again under the lock. I2: nobody holds a byte while the number on disk is
 * not his own, so whoever wants all bytes gets them.
 */
enum { RETRY_MS = 20, WAIT_MS = 60 * 1000, TEXT_MAX = 16 };

#define NUMBER_FILE "writers"

const struct share share_all = {0, 1};

struct claim {
	const struct tree *tree;
	struct share share;
	int fd;
};

char *share_file_name(const char *name, unsigned instance)
{
	return instance ? g_strdup_printf("%s.%u", name, instance) : g_strdup(name);
}

static bool lock_bytes(int fd, short type, unsigned from, unsigned to)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)from, .l_len = (off_t)(to - from)};
	return from == to || !fcntl(fd, F_OFD_SETLK, &lock);
}

/* 0: not known. */
static unsigned number_of_writers(const struct tree *tree)
{
	char text[TEXT_MAX] = "";
	AUTO_FD fd = tree_private(tree, NUMBER_FILE, O_RDONLY, NULL);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0) {
		return 0;
	}
	unsigned long number = strtoul(text, NULL, 10);
	return number <= SHARE_MOST ? (unsigned)number : 0;
}

static bool claim_try(struct claim *c, bool *anew)
{
	*anew = number_of_writers(c->tree) != c->share.instances;
	unsigned from = *anew ? 0 : c->share.instance;
	unsigned to = *anew ? SHARE_MOST : c->share.instance + 1;
	if (!lock_bytes(c->fd, F_WRLCK, from, to)) {
		return false;
	}
	if (*anew == (number_of_writers(c->tree) != c->share.instances)) {
		return true;
	}
	lock_bytes(c->fd, F_UNLCK, from, to); /* see I1 */
	return false;
}

struct claim *claim_open(
	const struct tree *tree, const struct share *share, bool *anew, struct error *err)
{
	AUTO(claim) c = g_new0(struct claim, 1);
	c->tree = tree;
	c->share = *share;
	c->fd = tree_private(tree, "lock", O_RDWR | O_CREAT, err);
	if (c->fd < 0) {
		return NULL;
	}
	struct mono begin = mono_now();
	while (!claim_try(c, anew)) {
		const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
		if (mono_now().ms - begin.ms > WAIT_MS) {
			error_set(
				err, ERR_CONFLICT, "%s: another process writes to this archive", tree_path(tree));
			return NULL;
		}
		nanosleep(&pause, NULL);
	}
	return STEAL(c);
}

bool claim_settle(struct claim *c, struct error *err)
{
	char text[TEXT_MAX];
	snprintf(text, sizeof(text), "%u\n", c->share.instances);
	if (!tree_private_replace(c->tree, NUMBER_FILE, text, strlen(text), err)) {
		return false;
	}
	lock_bytes(c->fd, F_UNLCK, 0, c->share.instance);
	lock_bytes(c->fd, F_UNLCK, c->share.instance + 1, SHARE_MOST);
	log_info("rrd.shared", "writers=%u", c->share.instances);
	return true;
}

void claim_destroy(struct claim *c)
{
	if (c) {
		if (c->fd >= 0) {
			close(c->fd);
		}
		g_free(c);
	}
}
