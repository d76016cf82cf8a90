/*
 * One row per verb: who may use it, and what does it. A verb gets its argument as a JSON object of
 * bounded size and appends the JSON of its answer.
 */
#include "engine/query.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/work.h"
#include "model/message.h"

#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "base/banned.h"

enum { JSON_MAX_BYTES = 60000 };

struct question {
	struct engine *engine;
	const json_t *argument;
	const char *role; /* NULL: nobody */
};

struct verb {
	const char *name;
	bool open; /* needs no token */
	bool (*answer)(const struct question *q, GString *out, struct error *err);
};

/* Which role a token has: {"role": "admin"}. The token is the one asked with. */
static bool answer_auth_check(const struct question *q, GString *out, struct error *err)
{
	if (!q->role) {
		return error_set(err, ERR_DENIED, "this token is not known");
	}
	g_string_append_printf(out, "{\"role\":\"%s\"}", q->role);
	return true;
}

/* Sends a test message to one channel: {"channel": NAME}. */
static bool answer_test_notify(const struct question *q, GString *out, struct error *err)
{
	const char *name = json_string_value(json_object_get(q->argument, "channel"));
	if (!name) {
		return error_set(err, ERR_CONFIG, "\"channel\" is missing");
	}
	const struct config_channel *channel = config_channel(q->engine->config, name);
	if (!channel) {
		return error_set(err, ERR_NOT_FOUND, "there is no channel of that name");
	}
	dispatch_test(q->engine->dispatch, channel->name, wall_now());
	g_string_append(out, "{\"accepted\":true}");
	return true;
}

/* Long work on the archive: {"verb": NAME, "argument": {…}}. */
static bool answer_archive_task(const struct question *q, GString *out, struct error *err)
{
	return work_begin(q->engine, q->argument, out, err);
}

/* All of it, or one with what came out: {"id": N}. */
static bool answer_archive_tasks(const struct question *q, GString *out, struct error *err)
{
	return work_show(q->engine, q->argument, out, err);
}

static const char *text_of(const json_t *argument, const char *name)
{
	const char *text = json_string_value(json_object_get(argument, name));
	return text ? text : "";
}

/* {"host", "service", "at", "to" (ms), "text", "author"}: all but the text may be missing. */
static bool answer_annotation_add(const struct question *q, GString *out, struct error *err)
{
	uint64_t id = 0;
	const char *author = text_of(q->argument, "author");
	struct mark note = {.host = (char *)text_of(q->argument, "host"),
		.service = (char *)text_of(q->argument, "service"),
		.about = (char *)(*author ? author : q->role),
		.text = (char *)text_of(q->argument, "text")};
	note.from.ms = json_integer_value(json_object_get(q->argument, "at"));
	note.to.ms = json_integer_value(json_object_get(q->argument, "to"));
	if (!marks_note(q->engine, &note, &id, err)) {
		return false;
	}
	g_string_append_printf(out, "{\"id\":%" PRIu64 "}", id);
	return true;
}

/* {"id": N} */
static bool answer_annotation_remove(const struct question *q, GString *out, struct error *err)
{
	json_int_t id = json_integer_value(json_object_get(q->argument, "id"));
	if (!marks_note_remove(q->engine, id > 0 ? (uint64_t)id : 0, err)) {
		return false;
	}
	g_string_append(out, "{}");
	return true;
}

static const struct verb verbs[] = {
	{"annotation.add", false, answer_annotation_add},
	{"annotation.remove", false, answer_annotation_remove},
	{"archive.task", false, answer_archive_task},
	{"archive.tasks", true, answer_archive_tasks},
	{"auth.check", true, answer_auth_check},
	{"test.notify", false, answer_test_notify},
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
		if (!strcmp(verbs[i].name, name)) {
			return &verbs[i];
		}
	}
	return NULL;
}

static bool answer(
	struct question *q, const char *verb_name, const char *json, GString *out, struct error *err)
{
	const struct verb *verb = find_verb(verb_name);
	if (!verb) {
		return error_set(err, ERR_NOT_FOUND, "the engine has no such verb");
	}
	if (!verb->open && !q->role) {
		return error_set(err, ERR_DENIED, "this needs the administrator's token");
	}
	size_t length = strlen(json);
	json_t *argument = NULL;
	if (length && length <= JSON_MAX_BYTES) {
		argument = json_loadb(json, length, JSON_REJECT_DUPLICATES, NULL);
	}
	if (length && !json_is_object(argument)) {
		json_decref(argument);
		return error_set(err, ERR_CONFIG, "the argument is no JSON object");
	}
	q->argument = argument;
	bool good = verb->answer(q, out, err);
	json_decref(argument);
	return good;
}

void query_answer(
	struct engine *engine, uint32_t request, const char *token, const char *verb, const char *json)
{
	struct question q = {.engine = engine, .role = account_role(engine->account, token)};
	struct error err = {.kind = ERR_NONE};
	GString *out = g_string_new("");
	if (answer(&q, verb, json, out, &err)) {
		publish_answer(engine->publish, request, MESSAGE_OK, out->str);
	} else {
		if (err.kind == ERR_DENIED) {
			log_warn("query.denied", "verb=\"%s\"", log_safe(verb));
		}
		publish_answer(engine->publish, request, err.kind, err.text);
	}
	g_string_free(out, TRUE);
}
