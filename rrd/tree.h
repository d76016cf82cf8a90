#pragma once
#include "base/attr.h"
#include "base/auto.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/*
 * The directory tree of RRD files. Whatever is opened here stays inside it: no link is followed in
 * any part of a path (openat2, RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS), and only regular files
 * with one name count (hostile 81). Paths are relative to the tree.
 */
struct tree;

#define TREE_PRIVATE ".magpie" /* header log, marker, files set aside */

/* Opens (makes) the tree and its private directory. */
MUST_USE struct tree *tree_open(const char *path, struct error *err);
void tree_destroy(struct tree *tree);
DEFINE_AUTO(tree)

const char *tree_path(const struct tree *tree);

/*
 * Opens a file for reading and writing; -1 with NOT_FOUND: there is none; DENIED: what is there is
 * no plain file of ours; UNREACHABLE: it may be good, but cannot be opened now (rights,
 * descriptors, the disk). `*st` is filled.
 */
MUST_USE int tree_file(
	const struct tree *tree, const char *path, struct stat *st, struct error *err);

/* Makes the directories that `path` lies in. */
MUST_USE bool tree_make_parents(const struct tree *tree, const char *path, struct error *err);

MUST_USE bool tree_rename(
	const struct tree *tree, const char *from, const char *to, struct error *err);

/* Removes a file; one that is not there is no error. */
MUST_USE bool tree_remove(const struct tree *tree, const char *path, struct error *err);

/* Removes what a creation that was cut off has left where `path` lies: names that end in librrd's
 * ".rrd" and six letters, in that directory. */
void tree_remove_halves(const struct tree *tree, const char *path);

/* Moves a file (whatever it is) to .magpie/corrupt/, under a name that is free there. */
MUST_USE bool tree_set_aside(const struct tree *tree, const char *path, struct error *err);

/* Moves a file to .magpie/retired/, under a name that is free there. */
MUST_USE bool tree_retire(const struct tree *tree, const char *path, struct error *err);

/* Opens a file in .magpie/ with open(2)'s flags and mode 0644, or -1. */
MUST_USE int tree_private(const struct tree *tree, const char *name, int flags, struct error *err);

/* Writes a file in .magpie/ durably (base/file.h, file_replace). */
MUST_USE bool tree_private_replace(const struct tree *tree, const char *name, const void *content,
	size_t length, struct error *err);

/* Removes a file in .magpie/ durably; one that is not there is no error. */
MUST_USE bool tree_private_remove(const struct tree *tree, const char *name, struct error *err);

/* Puts a file of .magpie/ in the place of `path`, durably. */
MUST_USE bool tree_put(
	const struct tree *tree, const char *private_name, const char *path, struct error *err);

/* Writes everything of that file system to disk. */
MUST_USE bool tree_sync(const struct tree *tree, struct error *err);

/* Writes "TREE/path" into `out`; returns it. Texts that do not fit are cut. */
char *tree_full_path(const struct tree *tree, const char *path, char *out, size_t size);
