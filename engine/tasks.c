/*
 * A task is open until every rrd role has told its end. A role that is told of the same task twice
 * goes on with it; one that was restarted begins it anew, so every task's steps can be repeated.
 * What is stored are the orders, not how far they went.
 *
 * I1: `ended` is called, and the end stored, in one turn of the loop: in one batch of the store.
 */
#include "engine/tasks.h"
#include "base/auto.h"
#include "base/log.h"
#include "base/text.h"
#include "model/message.h"

#include <inttypes.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

enum {
	DETAIL_BYTES = 300,
	RESULT_STORED = 2000, /* bytes; longer results live as long as this process */
	SILENT_MS = 60000,    /* without a word: the last one was lost, so it is asked again */
};

static const char *const state_names[] = {"running", "done", "failed"};

/* What one rrd role said of a task. */
struct part {
	enum tasks_state state;
	bool sent;
	uint64_t done, total;
	char *detail;
	json_t *result; /* NULL: none (yet) */
	struct mono heard;
};

struct task {
	uint64_t id;
	char *verb;
	json_t *argument;
	enum tasks_state state;
	bool held, closed; /* the engine has its own share to do; has done it */
	struct wall began, ended;
	GPtrArray *parts; /* struct part *, by instance */
};

struct tasks {
	struct tasks_handlers handlers;
	void *owner;
	GPtrArray *all; /* struct task *, by number */
	uint64_t next;
	struct frame_writer *w;
};

static void part_free(gpointer data)
{
	struct part *part = data;
	g_free(part->detail);
	json_decref(part->result);
	g_free(part);
}

static void task_free(gpointer data)
{
	struct task *task = data;
	g_free(task->verb);
	json_decref(task->argument);
	g_ptr_array_unref(task->parts);
	g_free(task);
}

struct tasks *tasks_create(const struct tasks_handlers *handlers, void *owner)
{
	struct tasks *tasks = g_new0(struct tasks, 1);
	tasks->handlers = *handlers;
	tasks->owner = owner;
	tasks->all = g_ptr_array_new_with_free_func(task_free);
	tasks->next = 1;
	tasks->w = g_new0(struct frame_writer, 1);
	return tasks;
}

void tasks_destroy(struct tasks *tasks)
{
	if (tasks) {
		g_ptr_array_unref(tasks->all);
		g_free(tasks->w);
		g_free(tasks);
	}
}

static struct task *find(const struct tasks *tasks, uint64_t id)
{
	for (guint i = 0; i < tasks->all->len; i++) {
		struct task *task = tasks->all->pdata[i];
		if (task->id == id) {
			return task;
		}
	}
	return NULL;
}

static struct part *part_of(struct task *task, unsigned instance)
{
	while (task->parts->len <= instance) {
		struct part *part = g_new0(struct part, 1);
		part->detail = g_strdup("");
		g_ptr_array_add(task->parts, part);
	}
	return task->parts->pdata[instance];
}

static struct task *add(struct tasks *tasks, uint64_t id, const char *verb, json_t *argument)
{
	struct task *task = g_new0(struct task, 1);
	task->id = id;
	task->verb = g_strdup(verb);
	task->argument = argument;
	task->parts = g_ptr_array_new_with_free_func(part_free);
	g_ptr_array_add(tasks->all, task);
	return task;
}

/* -- the store -- */

static json_t *describe(const struct task *task, bool results)
{
	char when[32];
	uint64_t done = 0;
	uint64_t total = 0;
	const char *detail = "";
	json_t *parts = json_array();
	for (guint i = 0; i < task->parts->len; i++) {
		const struct part *part = task->parts->pdata[i];
		done += part->done;
		total += part->total;
		detail = *detail && part->state != TASKS_FAILED ? detail : part->detail;
		json_t *row = json_pack("{s:i, s:s, s:I, s:I, s:s}", "writer", (int)i, "state",
			state_names[part->state], "done", (json_int_t)part->done, "total",
			(json_int_t)part->total, "detail", part->detail);
		if (results && part->result) {
			json_object_set(row, "result", part->result);
		}
		json_array_append_new(parts, row);
	}
	json_t *row = json_pack("{s:I, s:s, s:O, s:s, s:s, s:I, s:I, s:s, s:o}", "id",
		(json_int_t)task->id, "verb", task->verb, "argument", task->argument, "state",
		state_names[task->state], "began", wall_format(task->began, when), "done", (json_int_t)done,
		"total", (json_int_t)total, "detail", detail, "parts", parts);
	json_object_set_new(
		row, "ended", task->ended.ms ? json_string(wall_format(task->ended, when)) : json_null());
	return row;
}

static bool is_small(const json_t *result)
{
	char *text = json_dumps(result, JSON_COMPACT);
	bool small = text && strlen(text) <= RESULT_STORED;
	free(text);
	return small;
}

/* Of a longer one its figures, without the lists. */
static json_t *small_result(const struct part *part)
{
	if (!part->result || is_small(part->result)) {
		return part->result ? json_incref(part->result) : json_null();
	}
	json_t *figures = json_object();
	const char *name;
	json_t *value;
	json_object_foreach(part->result, name, value)
	{
		if (!json_is_array(value) && !json_is_object(value)) {
			json_object_set(figures, name, value);
		}
	}
	if (!is_small(figures)) {
		json_decref(figures);
		return json_null();
	}
	return figures;
}

static json_t *pack(const struct task *task)
{
	json_t *parts = json_array();
	for (guint i = 0; task->state != TASKS_RUNNING && i < task->parts->len; i++) {
		const struct part *part = task->parts->pdata[i];
		json_array_append_new(
			parts, json_pack("[i, I, I, s, o]", (int)part->state, (json_int_t)part->done,
					   (json_int_t)part->total, part->detail, small_result(part)));
	}
	return json_pack("{s:I, s:s, s:O, s:i, s:I, s:I, s:o}", "id", (json_int_t)task->id, "verb",
		task->verb, "argument", task->argument, "state", (int)task->state, "began_ms",
		(json_int_t)task->began.ms, "ended_ms", (json_int_t)task->ended.ms, "parts", parts);
}

static void forget_old(struct tasks *tasks)
{
	size_t over = 0;
	for (guint i = tasks->all->len; i-- > 0;) {
		const struct task *task = tasks->all->pdata[i];
		over += task->state != TASKS_RUNNING;
		if (task->state != TASKS_RUNNING && over > TASKS_KEPT) {
			g_ptr_array_remove_index(tasks->all, i);
		}
	}
}

static void store(struct tasks *tasks)
{
	forget_old(tasks);
	json_t *rows = json_array();
	for (guint i = 0; i < tasks->all->len; i++) {
		json_array_append_new(rows, pack(tasks->all->pdata[i]));
	}
	json_t *whole = json_pack("{s:I, s:o}", "next", (json_int_t)tasks->next, "tasks", rows);
	char *text = json_dumps(whole, JSON_COMPACT);
	tasks->handlers.store(tasks->owner, text ? text : "");
	free(text);
	json_decref(whole);
}

static void restore_part(struct task *task, unsigned instance, json_t *row)
{
	struct part *part = part_of(task, instance);
	json_t *result = json_array_get(row, 4);
	const char *detail = json_string_value(json_array_get(row, 3));
	part->state =
		json_integer_value(json_array_get(row, 0)) == TASKS_DONE ? TASKS_DONE : TASKS_FAILED;
	part->done = (uint64_t)json_integer_value(json_array_get(row, 1));
	part->total = (uint64_t)json_integer_value(json_array_get(row, 2));
	g_free(part->detail);
	part->detail = g_strdup(detail ? detail : "");
	part->result = json_is_object(result) ? json_incref(result) : NULL;
}

static void restore_task(struct tasks *tasks, json_t *row)
{
	enum { ROLES_MOST = 64 };
	const char *verb = json_string_value(json_object_get(row, "verb"));
	json_t *argument = json_object_get(row, "argument");
	json_int_t id = json_integer_value(json_object_get(row, "id"));
	json_int_t state = json_integer_value(json_object_get(row, "state"));
	if (!verb || !json_is_object(argument) || id < 1 || find(tasks, (uint64_t)id) ||
		state < TASKS_RUNNING || state > TASKS_FAILED) {
		return;
	}
	struct task *task = add(tasks, (uint64_t)id, verb, json_incref(argument));
	task->state = (enum tasks_state)state;
	task->began.ms = json_integer_value(json_object_get(row, "began_ms"));
	task->ended.ms = json_integer_value(json_object_get(row, "ended_ms"));
	json_t *parts = json_object_get(row, "parts");
	for (size_t i = 0; i < json_array_size(parts) && i < ROLES_MOST; i++) {
		restore_part(task, (unsigned)i, json_array_get(parts, i));
	}
	tasks->next = MAX(tasks->next, task->id + 1);
}

void tasks_restore(struct tasks *tasks, const char *text)
{
	json_t *whole = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	json_t *rows = json_object_get(whole, "tasks");
	for (size_t i = 0; i < json_array_size(rows) && i < TASKS_OPEN_MOST + TASKS_KEPT; i++) {
		restore_task(tasks, json_array_get(rows, i));
	}
	json_int_t next = json_integer_value(json_object_get(whole, "next"));
	tasks->next = MAX(tasks->next, next > 0 ? (uint64_t)next : 1);
	json_decref(whole);
}

/* -- orders -- */

static bool send(struct tasks *tasks, const struct task *task, unsigned instance)
{
	AUTO_FREE char *argument = json_dumps(task->argument, JSON_COMPACT);
	message_start(tasks->w, MESSAGE_RRD_TASK);
	frame_put_u64(tasks->w, task->id);
	frame_put_text(tasks->w, task->verb);
	frame_put_text(tasks->w, argument ? argument : "{}");
	return tasks->handlers.send(tasks->owner, instance, tasks->w);
}

static void send_part(struct tasks *tasks, struct task *task, unsigned instance)
{
	struct part *part = part_of(task, instance);
	if (part->state == TASKS_RUNNING) {
		part->sent = send(tasks, task, instance);
		part->heard = mono_now();
	}
}

bool tasks_is_full(const struct tasks *tasks)
{
	unsigned open = 0;
	for (guint i = 0; i < tasks->all->len; i++) {
		open += ((const struct task *)tasks->all->pdata[i])->state == TASKS_RUNNING;
	}
	return open >= TASKS_OPEN_MOST;
}

uint64_t tasks_begin(struct tasks *tasks, const char *verb, const json_t *argument, struct wall now,
	struct error *err)
{
	AUTO_FREE char *text = json_dumps(argument, JSON_COMPACT);
	if (!text_is_plain(verb, 40) || !text || strlen(text) > TASKS_ARGUMENT) {
		error_set(err, ERR_CONFIG, "no verb, or the argument is too long");
		return 0;
	}
	if (tasks_is_full(tasks)) {
		error_set(err, ERR_CONFLICT, "%d tasks are under way already", TASKS_OPEN_MOST);
		return 0;
	}
	struct task *task = add(tasks, tasks->next++, verb, json_deep_copy(argument));
	task->began = now;
	store(tasks);
	log_info("tasks.begin", "id=%" PRIu64 " verb=%s", task->id, verb);
	for (unsigned i = 0; i < tasks->handlers.roles(tasks->owner); i++) {
		send_part(tasks, task, i);
	}
	return task->id;
}

bool tasks_cancel(struct tasks *tasks, uint64_t id, struct error *err)
{
	struct task *task = find(tasks, id);
	if (!task || task->state != TASKS_RUNNING) {
		return error_set(err, ERR_NOT_FOUND, "there is no such task, or it is over");
	}
	for (guint i = 0; i < task->parts->len; i++) {
		message_start(tasks->w, MESSAGE_RRD_TASK);
		frame_put_u64(tasks->w, id);
		frame_put_text(tasks->w, "");
		frame_put_text(tasks->w, "");
		if (!tasks->handlers.send(tasks->owner, i, tasks->w)) {
			return error_set(err, ERR_CONFLICT, "the archive does not listen now; try again");
		}
	}
	return true;
}

void tasks_ready(struct tasks *tasks, unsigned instance)
{
	for (guint i = 0; i < tasks->all->len; i++) {
		struct task *task = tasks->all->pdata[i];
		if (task->state == TASKS_RUNNING) {
			send_part(tasks, task, instance);
		}
	}
}

void tasks_tick(struct tasks *tasks)
{
	int64_t now_ms = mono_now().ms;
	for (guint i = 0; i < tasks->all->len; i++) {
		struct task *task = tasks->all->pdata[i];
		unsigned roles = task->state == TASKS_RUNNING ? tasks->handlers.roles(tasks->owner) : 0;
		for (unsigned n = 0; n < roles; n++) {
			const struct part *part = part_of(task, n);
			if (!part->sent || now_ms - part->heard.ms > SILENT_MS) {
				send_part(tasks, task, n);
			}
		}
	}
}

/* -- what they say -- */

/* Running while one of them runs; failed if one has failed. */
static enum tasks_state state_of(struct tasks *tasks, struct task *task)
{
	enum tasks_state state = TASKS_DONE;
	unsigned roles = tasks->handlers.roles(tasks->owner);
	for (unsigned i = 0; i < MAX(roles, task->parts->len); i++) {
		const struct part *part = part_of(task, i);
		if (part->state == TASKS_RUNNING) {
			return TASKS_RUNNING;
		}
		state = part->state == TASKS_FAILED ? TASKS_FAILED : state;
	}
	return state;
}

static void settle(struct tasks *tasks, struct task *task, struct wall now)
{
	enum tasks_state state = state_of(tasks, task);
	if (state == TASKS_RUNNING || (task->held && !task->closed)) {
		return;
	}
	if (state == TASKS_DONE && !task->closed && tasks->handlers.hold &&
		tasks->handlers.hold(tasks->owner, task->id, task->verb, task->argument)) {
		task->held = true;
		return;
	}
	if (tasks->handlers.ended) { /* see I1 */
		tasks->handlers.ended(
			tasks->owner, task->id, task->verb, task->argument, state == TASKS_DONE);
	}
	task->state = state;
	task->ended = now;
	store(tasks);
	log_info(
		"tasks.end", "id=%" PRIu64 " verb=%s state=%s", task->id, task->verb, state_names[state]);
}

void tasks_take(struct tasks *tasks, unsigned instance, const struct frame *frame, struct wall now)
{
	struct frame_reader r = frame_read(frame);
	struct task *task = find(tasks, frame_get_u64(&r));
	unsigned state = frame_get_u8(&r);
	uint64_t done = frame_get_u64(&r);
	uint64_t total = frame_get_u64(&r);
	g_autofree char *detail = frame_get_text(&r);
	g_autofree char *json = frame_get_text(&r);
	if (!frame_read_done(&r) || !task || task->state != TASKS_RUNNING || state > TASKS_FAILED ||
		instance >= tasks->handlers.roles(tasks->owner)) {
		return;
	}
	struct part *part = part_of(task, instance);
	if (part->state != TASKS_RUNNING) {
		return;
	}
	part->heard = mono_now();
	part->state = (enum tasks_state)state;
	part->done = MIN(done, (uint64_t)INT64_MAX / 64);
	part->total = MIN(total, (uint64_t)INT64_MAX / 64);
	g_free(part->detail);
	part->detail = text_clean(detail, strlen(detail), DETAIL_BYTES);
	json_t *result = *json ? json_loads(json, JSON_REJECT_DUPLICATES, NULL) : NULL;
	json_decref(part->result);
	part->result = json_is_object(result) ? json_incref(result) : NULL;
	json_decref(result);
	settle(tasks, task, now);
}

void tasks_close(struct tasks *tasks, uint64_t id, const struct error *why, struct wall now)
{
	struct task *task = find(tasks, id);
	if (!task || task->state != TASKS_RUNNING) {
		return;
	}
	task->closed = true;
	if (why) {
		struct part *part = part_of(task, 0);
		part->state = TASKS_FAILED;
		g_free(part->detail);
		part->detail = text_clean(why->text, strlen(why->text), DETAIL_BYTES);
	}
	settle(tasks, task, now);
}

/* -- questions -- */

json_t *tasks_describe(const struct tasks *tasks, uint64_t id)
{
	const struct task *task = find(tasks, id);
	return task ? describe(task, true) : NULL;
}

json_t *tasks_list(const struct tasks *tasks)
{
	json_t *rows = json_array();
	for (guint i = tasks->all->len; i-- > 0;) {
		json_t *row = describe(tasks->all->pdata[i], false);
		json_object_del(row, "parts");
		json_object_del(row, "argument");
		json_array_append_new(rows, row);
	}
	return json_pack("{s:o}", "tasks", rows);
}

bool tasks_has_open(const struct tasks *tasks, const char *verb)
{
	for (guint i = 0; i < tasks->all->len; i++) {
		const struct task *task = tasks->all->pdata[i];
		if (task->state == TASKS_RUNNING && !strcmp(task->verb, verb)) {
			return true;
		}
	}
	return false;
}

static bool names_host(const struct task *task, const char *host)
{
	const char *moved = json_string_value(json_object_get(task->argument, "host"));
	const json_t *hosts = json_object_get(task->argument, "hosts");
	for (size_t i = 0; i < json_array_size(hosts); i++) {
		const char *name = json_string_value(json_array_get(hosts, i));
		if (name && !strcmp(name, host)) {
			return true;
		}
	}
	return !strcmp(task->verb, "move") && moved && !strcmp(moved, host);
}

bool tasks_took_away(const struct tasks *tasks, const char *host, struct wall now, int64_t span_ms)
{
	for (guint i = 0; i < tasks->all->len; i++) {
		const struct task *task = tasks->all->pdata[i];
		if (task->state != TASKS_FAILED && now.ms - task->began.ms < span_ms &&
			!json_is_true(json_object_get(task->argument, "dry_run")) && names_host(task, host)) {
			return true;
		}
	}
	return false;
}
