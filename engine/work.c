/*
 * A verb that changes the engine's own state has a row here; all others are the archive's alone.
 */
#include "engine/work.h"
#include "engine/backup.h"
#include "engine/change.h"
#include "engine/engine.h"

#include <string.h>

#include "base/banned.h"

static bool on_send(void *owner, unsigned instance, struct frame_writer *w)
{
	struct engine *engine = owner;
	return engine->feed && !engine->anew && feed_send(engine->feed, instance, w);
}

static unsigned on_roles(void *owner)
{
	struct engine *engine = owner;
	return engine->feed ? MAX(feed_roles(engine->feed), 1U) : 1;
}

static void on_store(void *owner, const char *text)
{
	struct engine *engine = owner;
	store_put_value(keeper_batch(engine->keeper), "tasks", text);
}

static bool on_hold(void *owner, uint64_t id, const char *verb, const json_t *argument)
{
	struct engine *engine = owner;
	if (strcmp(verb, "backup") != 0) {
		return false;
	}
	/* may close the task at once: not before `hold` has returned */
	engine->backup_task = id;
	(void)argument;
	return true;
}

/* -- verbs that change what the engine knows -- */

/* A backup has its files by their names, and names the series whose files they are. */
static bool may_change_names(const struct engine *engine, struct error *err)
{
	return !tasks_has_open(engine->tasks, "backup") ||
		   error_set(err, ERR_CONFLICT, "a backup is under way; see magpie archive tasks");
}

/* {"host", "into", "dry_run"}: the engine's part is done first, the files follow its names. */
static bool prepare_move(
	struct engine *engine, const char *verb, json_t *argument, struct error *err)
{
	const char *name = json_string_value(json_object_get(argument, "host"));
	const char *into = json_string_value(json_object_get(argument, "into"));
	if (!name || !into) {
		return error_set(err, ERR_CONFIG, "\"host\" and \"into\" are wanted");
	}
	if (!change_check(engine, name, into, err) || !may_change_names(engine, err)) {
		return false;
	}
	const struct host *known = catalog_host(engine->catalog, into);
	if (known && !strcmp(verb, "rename")) {
		return error_set(err, ERR_CONFLICT, "\"%.100s\" is known already; merge into it", into);
	}
	if (!known && !strcmp(verb, "merge") && !config_find_host(engine->config, into)) {
		return error_set(err, ERR_NOT_FOUND,
			"there is no host \"%.100s\", and none is configured; rename gives a new name", into);
	}
	if (tasks_has_open(engine->tasks, "move") || tasks_is_full(engine->tasks)) {
		return error_set(err, ERR_CONFLICT, "other work is under way; try again later");
	}
	const struct host *host = catalog_host(engine->catalog, name);
	json_object_set_new(argument, "from_group", json_string(host->group));
	json_object_set_new(argument, "into_group", json_string((known ? known : host)->group));
	if (!json_is_true(json_object_get(argument, "dry_run"))) {
		change_host(engine, name, into);
		change_begin_anew(engine);
	}
	return true;
}

/* {"older_s", "selector", "silent", "delete", "dry_run"} -> and "series": numbers; "before_s". */
static bool prepare_retire(
	struct engine *engine, const char *verb, json_t *argument, struct error *err)
{
	(void)verb;
	const char *selector = json_string_value(json_object_get(argument, "selector"));
	const json_t *older = json_object_get(argument, "older_s");
	json_int_t older_s = json_integer_value(older);
	int64_t now_s = wall_s(engine->steady.now);
	if (!selector || !retention_check(selector, err) || !json_is_integer(older) || older_s < 0 ||
		older_s >= now_s) {
		return error_set(err, ERR_CONFIG, "\"selector\" and \"older_s\" are wanted");
	}
	if (!may_change_names(engine, err)) {
		return false;
	}
	bool silent = json_is_true(json_object_get(argument, "silent"));
	json_t *series = change_find_gone(engine, selector, (uint32_t)(now_s - older_s), silent);
	json_object_set_new(argument, "hosts", change_hosts_left(engine, series));
	json_object_set_new(argument, "series", series);
	json_object_set_new(argument, "before_s", json_integer(now_s - older_s));
	return true;
}

/* The files are away; a series that came back meanwhile stays. */
static void end_retire(struct engine *engine, const json_t *argument)
{
	const json_t *asked = json_object_get(argument, "series");
	if (json_is_true(json_object_get(argument, "dry_run")) || !json_array_size(asked)) {
		return;
	}
	bool silent = json_is_true(json_object_get(argument, "silent"));
	json_int_t before_s = json_integer_value(json_object_get(argument, "before_s"));
	json_t *series = change_still_gone(engine, asked, (uint32_t)before_s, silent);
	change_forget(engine, series);
	change_begin_anew(engine);
	json_decref(series);
}

static const struct {
	const char *verb, *archive; /* as asked, and for the rrd roles */
	bool (*prepare)(struct engine *engine, const char *verb, json_t *argument, struct error *err);
	void (*ended)(struct engine *engine, const json_t *argument);
} changes[] = {
	{"rename", "move", prepare_move, NULL},
	{"merge", "move", prepare_move, NULL},
	{"retire", "retire", prepare_retire, end_retire},
};

static void on_ended(
	void *owner, uint64_t id UNUSED, const char *verb, const json_t *argument, bool good)
{
	for (size_t i = 0; good && i < ARRAY_LENGTH(changes); i++) {
		if (changes[i].ended && !strcmp(changes[i].archive, verb)) {
			changes[i].ended(owner, argument);
		}
	}
}

static bool is_short(const json_t *argument, struct error *err)
{
	enum { MOST = 4000 };
	AUTO_FREE char *text = json_dumps(argument, JSON_COMPACT);
	return (text && strlen(text) <= MOST) || error_set(err, ERR_CONFIG, "the argument is too long");
}

static uint64_t begin(struct engine *engine, const char *verb, json_t *argument, struct error *err)
{
	const char *archive = verb;
	if (!strcmp(verb, "move")) { /* without the engine's part its names would not fit the files */
		error_set(err, ERR_CONFIG, "it is called rename or merge");
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
		if (!strcmp(changes[i].verb, verb)) {
			archive = changes[i].archive;
			/* nothing may be changed for a task that is refused afterwards */
			if (!is_short(argument, err) || !changes[i].prepare(engine, verb, argument, err)) {
				return 0;
			}
		}
	}
	return tasks_begin(engine->tasks, archive, argument, engine->steady.now, err);
}

struct tasks *work_create(struct engine *engine)
{
	static const struct tasks_handlers handlers = {
		.send = on_send, .roles = on_roles, .store = on_store, .hold = on_hold, .ended = on_ended};
	return tasks_create(&handlers, engine);
}

void work_ready(void *owner, unsigned instance)
{
	tasks_ready(((struct engine *)owner)->tasks, instance);
}

void work_state(void *owner, unsigned instance, const struct frame *frame)
{
	struct engine *engine = owner;
	tasks_take(engine->tasks, instance, frame, engine->steady.now);
	if (engine->backup_task) {
		uint64_t id = engine->backup_task;
		engine->backup_task = 0;
		json_t *task = tasks_describe(engine->tasks, id);
		backup_go_on(engine->backup, id, json_object_get(task, "argument"));
		json_decref(task);
	}
}

static void append(GString *out, json_t *json)
{
	AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);
	g_string_append(out, text ? text : "{}");
	json_decref(json);
}

bool work_begin(struct engine *engine, const json_t *question, GString *out, struct error *err)
{
	const char *verb = json_string_value(json_object_get(question, "verb"));
	json_t *argument = json_object_get(question, "argument");
	if (!verb || !json_is_object(argument)) {
		return error_set(err, ERR_CONFIG, "{\"verb\": TEXT, \"argument\": {…}} is wanted");
	}
	if (!strcmp(verb, "cancel")) {
		json_int_t id = json_integer_value(json_object_get(argument, "id"));
		if (id < 1 || !tasks_cancel(engine->tasks, (uint64_t)id, err)) {
			return id >= 1 ? false : error_set(err, ERR_CONFIG, "\"id\" is missing");
		}
		append(out, json_pack("{s:I}", "id", id));
		return true;
	}
	json_t *own =
		strcmp(verb, "backup") ? json_incref(argument) : backup_argument(engine, argument, err);
	uint64_t id = own ? begin(engine, verb, own, err) : 0;
	json_decref(own);
	if (id) {
		append(out, json_pack("{s:I}", "id", (json_int_t)id));
	}
	return id != 0;
}

bool work_show(struct engine *engine, const json_t *question, GString *out, struct error *err)
{
	enum { ANSWER_BYTES = 60000 };
	json_t *id = json_object_get(question, "id");
	json_t *answer = NULL;
	if (!id) {
		answer = tasks_list(engine->tasks);
	} else if (json_is_integer(id) && json_integer_value(id) > 0) {
		answer = tasks_describe(engine->tasks, (uint64_t)json_integer_value(id));
	}
	if (!answer) {
		return error_set(err, ERR_NOT_FOUND, "there is no such task");
	}
	size_t before = out->len;
	append(out, answer);
	if (out->len - before > ANSWER_BYTES) {
		return error_set(err, ERR_CONFLICT, "the answer is too long; ask for one task");
	}
	return true;
}
