#pragma once
#include "base/schema.h"
#include "model/retention.h"

#include <stdint.h>

/*
 * The archive as magpie.conf describes it: `archive { … }`. Texts belong to the config.
 */
struct config_archive {
	char *directory;  /* top of the RRD tree, absolute; NULL: DATA/rrd. A Munin's own is fine */
	uint32_t writers; /* processes that share the tree, 1 to CONFIG_WRITERS_MAX; 0: as many as suit
						 this machine */
	char *backup;     /* where backups are put, absolute; NULL: DATA/backup */
	GPtrArray *retentions; /* struct config_retention *, in the order of the file */
};

/* `retention "SELECTOR" { layout "…" }` */
struct config_retention {
	char *selector, *layout;
};

enum { CONFIG_WRITERS_MAX = 16 };

extern const struct schema config_archive_schema;

void config_archive_finish(struct config_archive *archive);
