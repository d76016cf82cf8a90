#include "collector/host/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * The kernel formats a seq_file piece by piece, a page at a time: a short read is not the end, only
 * 0 is. A descriptor that fails (the device behind it is gone) is closed and opened again in the
 * next round.
 */
enum { KEPT_FIRST_SIZE = 32 << 10, KEPT_ROOM_LEAST = 4096 };

bool kept_site_open(struct kept_site *site, const char *root)
{
	*site = (struct kept_site){.root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC)};
	if (site->root_fd < 0) {
		return false;
	}
	site->size = KEPT_FIRST_SIZE;
	site->buffer = g_malloc(site->size);
	return true;
}

void kept_site_close(struct kept_site *site)
{
	if (site->root_fd >= 0) {
		close(site->root_fd);
	}
	g_free(site->buffer);
	*site = (struct kept_site){.root_fd = -1};
}

void kept_close(struct kept *kept)
{
	if (kept->path && kept->fd >= 0) {
		close(kept->fd);
		kept->fd = -1;
	}
}

static bool kept_open(struct kept_site *site, struct kept *kept)
{
	if (kept->fd < 0) {
		kept->fd = openat(site->root_fd, kept->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	}
	return kept->fd >= 0;
}

static ssize_t kept_pread(int fd, char *to, size_t room, size_t from)
{
	ssize_t n;
	do {
		n = pread(fd, to, room, (off_t)from);
	} while (n < 0 && errno == EINTR);
	return n;
}

bool kept_read(struct kept_site *site, struct kept *kept, struct scan *text)
{
	size_t used = 0;
	if (!kept_open(site, kept)) {
		return false;
	}
	for (;;) {
		if (site->size - used < KEPT_ROOM_LEAST) {
			if (site->size >= KEPT_TEXT_MAX) {
				return false;
			}
			site->size *= 2;
			site->buffer = g_realloc(site->buffer, site->size);
		}
		ssize_t n = kept_pread(kept->fd, site->buffer + used, site->size - used, used);
		if (n < 0) {
			kept_close(kept);
			return false;
		}
		if (n == 0) {
			break;
		}
		used += (size_t)n;
	}
	*text = scan_text(site->buffer, used);
	return used > 0;
}

bool kept_read_small(struct kept_site *site, struct kept *kept, struct scan *text)
{
	if (!kept_open(site, kept)) {
		return false;
	}
	ssize_t n = kept_pread(kept->fd, site->buffer, KEPT_SMALL, 0);
	if (n < 0) {
		kept_close(kept);
	}
	if (n <= 0 || n >= KEPT_SMALL) {
		return false;
	}
	*text = scan_text(site->buffer, (size_t)n);
	return true;
}

bool kept_read_once(struct kept_site *site, const char *path, struct scan *text)
{
	struct kept kept = kept_file(path);
	bool good = kept_read_small(site, &kept, text);
	kept_close(&kept);
	return good;
}
