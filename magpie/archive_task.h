#pragma once
#include "magpie/client.h"

/*
 * Long work on the archive as a command does it: begins a task at the running server and follows it
 * to its end. Ctrl-C ends the following only; the work goes on (`magpie archive tasks`).
 */
struct archive_task {
	const struct client *client;
	const char *verb;
	bool quiet; /* nothing of how it goes on stderr */
};

/*
 * Takes `argument`. The task as GET /api/v1/archive/tasks/ID describes it at its end, or NULL: it
 * could not be begun, could not be followed, or failed (`err` has the reason).
 */
MUST_USE json_t *archive_task_run(
	const struct archive_task *task, json_t *argument, struct error *err);

/* Sum of an integer member of all results of a task; results have one member per writer. */
json_int_t archive_task_sum(const json_t *task, const char *member);

/* All elements of an array member of all results, as one new array. */
json_t *archive_task_rows(const json_t *task, const char *member);
