/*
 * A verb that changes the engine's own state has a row here; all others are the archive's alone.
 */
#include "engine/work.h"
#include "engine/backup.h"
#include "engine/engine.h"

#include <string.h>

#include "base/banned.h"

static bool on_send(void *owner, unsigned instance, struct frame_writer *w)
{
	struct engine *engine = owner;
	return engine->feed && feed_send(engine->feed, instance, w);
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

struct tasks *work_create(struct engine *engine)
{
	static const struct tasks_handlers handlers = {
		.send = on_send, .roles = on_roles, .store = on_store, .hold = on_hold};
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
	uint64_t id = own ? tasks_begin(engine->tasks, verb, own, engine->steady.now, err) : 0;
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
