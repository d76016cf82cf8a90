#pragma once
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

/*
 * A backup of all that Magpie keeps, while it runs: the rrd roles copy their files (rrd/backup.c),
 * then this copies the journal and, last, the state. The task is over when BACKUP_MANIFEST, written
 * last of all, is on disk; a directory without one is no backup.
 */
struct engine;
struct backup;

#define BACKUP_MANIFEST "manifest.json"
enum { BACKUP_FORMAT = 1, BACKUP_NAME_MAX = 64 };

struct backup *backup_create(struct engine *engine);
void backup_destroy(struct backup *backup); /* one under way is given up */

/*
 * The argument of the task from that of the asker, {"name"}: {"name", "directory"}. The asker names
 * no path: the directory is `archive { backup }` of magpie.conf, else DATA/backup, and `name` in
 * it. CONFIG: the name is not plain; CONFLICT: one is under way, or that name is taken.
 */
MUST_USE json_t *backup_argument(
	const struct engine *engine, const json_t *asked, struct error *err);

/* The rrd roles are done: the rest, then tasks_close(). */
void backup_go_on(struct backup *backup, uint64_t task, const json_t *argument);
