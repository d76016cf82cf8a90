#include "magpie/archive_task.h"
#include "base/clock.h"
#include "magpie/progress.h"

#include <string.h>
#include <time.h>

#include <glib.h>

#include "base/banned.h"

/*
 * Asks twice a second, less often when it takes long. A server that is restarted meanwhile does not
 * end the following: the task begins anew with it.
 */
enum { ASK_MS = 100, ASK_MOST_MS = 1000, AWAY_MS = 30000 };

static void pause_ms(int64_t ms)
{
	struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
	nanosleep(&wait, NULL);
}

/* Until it is over; NULL: the server is gone for too long, or does not know it any more. */
static json_t *follow(
	const struct archive_task *order, json_int_t id, struct progress *progress, struct error *err)
{
	g_autofree char *path = g_strdup_printf("/api/v1/archive/tasks/%lld", (long long)id);
	int64_t wait_ms = ASK_MS;
	struct mono heard = mono_now();
	for (;;) {
		json_t *task = client_get_json(order->client, path, err);
		if (task && strcmp(client_text(task, "state"), "running") != 0) {
			return task;
		}
		bool away = !task && err->kind != ERR_NOT_FOUND;
		if (!task && (!away || mono_now().ms - heard.ms > AWAY_MS)) {
			return NULL;
		}
		if (task) {
			heard = mono_now();
			progress_step(progress, (uint64_t)json_integer_value(json_object_get(task, "done")),
				(uint64_t)json_integer_value(json_object_get(task, "total")),
				client_text(task, "detail"));
			json_decref(task);
		}
		pause_ms(wait_ms);
		wait_ms = MIN(wait_ms * 5 / 4, ASK_MOST_MS);
	}
}

/* The words of the part that failed. */
static const char *reason(const json_t *task)
{
	size_t i;
	json_t *part;
	json_array_foreach(json_object_get(task, "parts"), i, part)
	{
		if (!strcmp(client_text(part, "state"), "failed")) {
			return client_text(part, "detail");
		}
	}
	return client_text(task, "detail");
}

json_t *archive_task_run(const struct archive_task *order, json_t *argument, struct error *err)
{
	json_t *body = json_pack("{s:s, s:o}", "verb", order->verb, "argument", argument);
	json_t *begun = client_post_json(order->client, "/api/v1/archive/tasks", body, err);
	json_int_t id = json_integer_value(json_object_get(begun, "id"));
	json_decref(body);
	json_decref(begun);
	if (!begun) {
		return NULL;
	}
	struct progress_options shown = {.what = order->verb, .unit = "series", .quiet = order->quiet};
	struct progress *progress = progress_create(&shown);
	json_t *task = follow(order, id, progress, err);
	progress_destroy(progress);
	if (task && strcmp(client_text(task, "state"), "done") != 0) {
		error_set(err, ERR_STORAGE, "task %lld: %.200s", (long long)id, reason(task));
		json_decref(task);
		return NULL;
	}
	return task;
}

static json_t *result_of(const json_t *task, size_t part)
{
	return json_object_get(json_array_get(json_object_get(task, "parts"), part), "result");
}

json_int_t archive_task_sum(const json_t *task, const char *member)
{
	json_int_t sum = 0;
	for (size_t i = 0; i < json_array_size(json_object_get(task, "parts")); i++) {
		sum += json_integer_value(json_object_get(result_of(task, i), member));
	}
	return sum;
}

json_t *archive_task_rows(const json_t *task, const char *member)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < json_array_size(json_object_get(task, "parts")); i++) {
		json_array_extend(rows, json_object_get(result_of(task, i), member));
	}
	return rows;
}
