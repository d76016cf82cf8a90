#pragma once
#include "rrd/rrdfile.h"

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

/*
 * What is wrong with the files of an archive: of one after the other, without changing anything.
 * The same for a tree in use (rrd/verify.c) and one at rest (`magpie doctor archive --data`).
 */
enum { EXAMINE_FINDINGS_MOST = 80 }; /* kept, of those that are wrong first; all are counted */

struct examination {
	bool deep; /* rows are read too */
	int64_t now_s;
	uint64_t files, rows, bytes;
	uint64_t wrong;   /* findings that somebody should do something about */
	uint64_t notes;   /* others */
	uint64_t missing; /* series without a file */
	uint64_t orphans; /* files without a series */
	json_t *findings; /* {"path", "wrong", "what", "advice"} */
	char *other_rows; /* path of the first file whose rows are not as long as its series' step,
						 owned */
	uint64_t other_rows_count, other_rows_s, other_step_s; /* how many; of the first one */
	unsigned char *bytes_of_header;
};

void examination_init(struct examination *examination, bool deep, int64_t now_s);

/* Numbers and findings as an object (new reference); ends the examination. */
json_t *examination_finish(struct examination *examination);

/* A finding; texts are cleaned. */
void examination_add(struct examination *examination, const char *path, bool wrong,
	const char *advice, const char *format, ...) PRINTF_LIKE(5, 6);

/*
 * The file at `path` below the directory. `wanted`: what its series needs (NULL: nobody's). False:
 * there is none; nothing was found then.
 */
bool examine_file(struct examination *examination, int dir_fd, const char *path,
	const struct rrdfile_source *wanted);

/* -- files of nobody -- */
struct examine_walk;

/* Whether some series has that file, by its path below the tree. */
typedef bool (*examine_owned_fn)(void *owner, const char *path);

/* Walks the tree; NULL (STORAGE): it cannot be read. */
struct examine_walk *examine_walk_open(const char *tree_path, struct error *err);

/* Looks at about `most` names; true: there are more. */
bool examine_walk_step(struct examine_walk *walk, struct examination *examination, unsigned most,
	examine_owned_fn owned, void *owner);
void examine_walk_close(struct examine_walk *walk);
