#pragma once
#include "base/attr.h"
#include "collector/host/scan.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Files of /proc and /sys that are read every round: opened once, read from the beginning each time
 * into one buffer that all of a site share.
 */
enum { KEPT_TEXT_MAX = 16 << 20, KEPT_SMALL = 512 };

struct kept_site {
	int root_fd; /* paths are relative to it */
	char *buffer;
	size_t size;
};

struct kept {
	const char *path; /* "proc/stat"; the caller's, lives as long */
	int fd;           /* -1: not open; all zero counts as not open too */
};

/* False: no such directory. */
MUST_USE bool kept_site_open(struct kept_site *site, const char *root);
void kept_site_close(struct kept_site *site);

static inline struct kept kept_file(const char *path)
{
	return (struct kept){path, -1};
}

/*
 * Reads the whole file; the text is valid until the next read of this site. False: it cannot be
 * read (now), is larger than KEPT_TEXT_MAX, or is empty.
 */
MUST_USE bool kept_read(struct kept_site *site, struct kept *kept, struct scan *text);

/*
 * As kept_read for a file of at most KEPT_SMALL - 1 bytes, in one call of the kernel. /proc/sys
 * allocates and clears as many bytes as are asked for, whatever the file holds: there it is the
 * only cheap way.
 */
MUST_USE bool kept_read_small(struct kept_site *site, struct kept *kept, struct scan *text);

/* Reads a small file once, without keeping it open. */
MUST_USE bool kept_read_once(struct kept_site *site, const char *path, struct scan *text);

/* Nothing happens if it is not open. */
void kept_close(struct kept *kept);
