#pragma once
#include "base/attr.h"
#include "base/error.h"
#include "rrd/tree.h"

#include <stddef.h>
#include <stdint.h>

/*
 * A whole file written beside the tree, to take the place of one in it (tree_put).
 */
struct replacement {
	const char *beside; /* its name in .magpie/ */
	const char *path;   /* of the file whose rights and owner it gets, if there is one */
	const void *content;
	size_t length;
};

/*
 * Writes it, syncs it, reads it back; `*inode` is that of the new file. CONFLICT: no space;
 * STORAGE: what was written is not there. Then a part may be left.
 */
MUST_USE bool replace_write(const struct tree *tree, const struct replacement *replacement,
	uint64_t *inode, struct error *err);
