#pragma once
#include "base/error.h"
#include "magpie/import_conf.h"
#include "model/munin_datafile.h"

#include <sys/types.h>

/*
 * What lies in an RRD tree of Munin's, file by file: whose series each is and whether Magpie can go
 * on with it. Only reads.
 */
struct import_file {
	char *path; /* below the tree, clean */
	char *why;  /* it is not adopted */
};

struct import_tree {
	GPtrArray *unmatched; /* struct import_file *, owned, sorted by path */
	size_t adopted,
		renamed;    /* renamed: of those, ones with another letter than their type now has */
	uint64_t bytes; /* of adopted files */
	int64_t oldest_s, newest_s; /* last updates of adopted files; 0: there are none */
	uid_t owner;
	gid_t group;
	bool writable; /* by who runs this */
};

/* STORAGE: the directory cannot be read at all; NOT_FOUND: it is not there. */
MUST_USE bool import_tree_read(struct import_tree *tree, const char *directory,
	const struct import_conf *conf, const struct munin_datafile *datafile, struct error *err);
void import_tree_finish(struct import_tree *tree);
