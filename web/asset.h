#pragma once
#include <stdbool.h>
#include <stddef.h>

/*
 * Files that are part of the program (web/embed.py): style, description of the API, and the browser
 * side if it was built. There is no way from an address to a file on disk.
 */
struct asset {
	const char *path, *type;
	const unsigned char *bytes; /* gzip */
	size_t length;
	bool immutable; /* its name holds a hash of its content */
};

/* By its whole address; NULL if there is none. "/" is the page of the browser side. */
const struct asset *asset_find(const char *path);
