#pragma once
#include "base/bundle.h"

/*
 * The supervisor: starts all roles of magpie/roles.def, joins them, restarts what dies or hangs,
 * passes on new configurations, ends all cleanly at SIGTERM or SIGINT. It parses nothing from
 * outside.
 */
struct supervisor_plan {
	const char *data_dir;
	int listen_fd;         /* taken: bound and listening, for web; -1: none */
	unsigned writers;      /* rrd roles that share the archive; 0 counts as 1 */
	int push_fd;           /* the same for nodes that connect to us, for the collector; -1: none */
	struct bundle *bundle; /* taken: the configuration to begin with, already checked */
	struct bundle *retry;  /* taken, may be NULL: the newer one that was refused at the start, to be
				  judged once more so that  the pages can say why */
	/* Reads the configuration files again (SIGHUP); NULL and `err`: not readable, told and ignored.
	 */
	struct bundle *(*read_again)(void *owner, struct error *err);
	void *owner;
};

/* Runs until a signal ends it; the exit code of the program. */
int supervisor_run(const struct supervisor_plan *plan);

/* Runs as the role of that name; the exit code. -1: no such role. */
int supervisor_role_main(const char *name);
