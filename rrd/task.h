#pragma once
#include "base/auto.h"
#include "base/error.h"
#include "model/catalog.h"
#include "rrd/writer.h"

#include <jansson.h>

/*
 * Long work on the tree, on request: convert, rename, verify, back up … A bit at a time between
 * everything else the role does, so that nobody waits for it. RRD_TASK begins one, RRD_TASK_STATE
 * tells how it goes; one runs at a time in a role, the others wait in order. A task that is cut off
 * by the end of the role is begun anew by the engine, so every step can be repeated.
 */
struct task_scope {
	struct writer *writer;
	const struct catalog *catalog; /* of now; valid until the role's next frame */
	const char *data_dir;
	unsigned instance, instances;   /* which part of the tree is this role's */
	void (*checkpoint)(void *role); /* asks for one soon; until it is made no task is stepped */
	void *role;
};

struct task_progress {
	uint64_t done, total;
	char detail[200]; /* what it is at */
};

enum task_step { TASK_MORE, TASK_DONE, TASK_FAILED };

struct task_kind {
	/* NULL (CONFIG): the argument is not as it should be. It lives during the call only. */
	void *(*begin)(const struct task_scope *scope, const json_t *argument, struct error *err);
	/* Works for about `budget_ms`. */
	enum task_step (*step)(void *state, const struct task_scope *scope, int64_t budget_ms,
		struct task_progress *progress, struct error *err);
	/* What came out, as an object (new reference), or NULL; `state` is not used afterwards. */
	json_t *(*end)(void *state, bool done);
};

/* The row of rrd/task.def; NULL: no such verb. */
const struct task_kind *task_find(const char *verb);

/* -- the kinds -- */
extern const struct task_kind survey_task;  /* rrd/survey.c */
extern const struct task_kind backup_task;  /* rrd/backup.c */
extern const struct task_kind verify_task;  /* rrd/verify.c */
extern const struct task_kind convert_task; /* rrd/conversion.c */
extern const struct task_kind move_task;    /* rrd/move.c */
extern const struct task_kind retire_task;  /* rrd/retire.c */
extern const struct task_kind clean_task;   /* rrd/clean.c */
