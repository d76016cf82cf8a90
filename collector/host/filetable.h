#pragma once
#include <stddef.h>

/* The first three numbers of /proc/sys/fs/file-nr or inode-nr (allocated, of those free, maximum);
 * NaN where missing. */
struct filetable_reading {
	double allocated, unused, most;
};

void filetable_parse(const char *text, size_t length, struct filetable_reading *reading);
