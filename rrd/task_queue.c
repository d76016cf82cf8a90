#include "rrd/task_queue.h"
#include "base/text.h"
#include "model/message.h"

#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * A slice of work, a pause for everything else the role does, the next slice. How it goes is told
 * once a second and at the end; a word that is lost (the engine's channel is full or closed) is of
 * no account but for the last one, and that one is told again when the engine asks again.
 */
enum { SLICE_MS = 20, PAUSE_MS = 10, AWAY_MS = 200, TELL_MS = 1000 };

struct waiting {
	uint64_t id;
	char *verb, *argument;
};

struct task_queue {
	struct loop *loop;
	struct loop_timer *timer;
	struct task_queue_handlers handlers;
	void *owner;
	GQueue tasks;                 /* struct waiting *, the first is the one at work */
	const struct task_kind *kind; /* of the first; NULL: not begun */
	void *state;
	struct task_progress progress;
	struct mono told;
	struct frame_writer *w;
};

static void waiting_free(gpointer data)
{
	struct waiting *task = data;
	g_free(task->verb);
	g_free(task->argument);
	g_free(task);
}

/* -- telling -- */

static void tell(struct task_queue *q, uint64_t id, enum task_step step, const char *json)
{
	static const uint8_t states[] = {[TASK_MORE] = 0, [TASK_DONE] = 1, [TASK_FAILED] = 2};
	g_autofree char *detail =
		text_clean(q->progress.detail, strlen(q->progress.detail), sizeof(q->progress.detail));
	message_start(q->w, MESSAGE_RRD_TASK_STATE);
	frame_put_u64(q->w, id);
	frame_put_u8(q->w, states[step]);
	frame_put_u64(q->w, q->progress.done);
	frame_put_u64(q->w, q->progress.total);
	frame_put_text(q->w, detail);
	frame_put_text(q->w, json);
	q->handlers.tell(q->owner, q->w);
	q->told = mono_now();
}

/* What came out, as text; what is longer than a frame is not told in part. */
static char *result_text(json_t *result)
{
	char *text = result ? json_dumps(result, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(result);
	if (text && strlen(text) > TASK_RESULT_BYTES) {
		free(text);
		return strdup("{\"truncated\":true}");
	}
	return text;
}

/* -- working -- */

static void drop_first(struct task_queue *q)
{
	waiting_free(g_queue_pop_head(&q->tasks));
	q->kind = NULL;
	q->state = NULL;
	q->progress = (struct task_progress){0};
}

static void end_first(struct task_queue *q, enum task_step step, const struct error *why)
{
	const struct waiting *task = g_queue_peek_head(&q->tasks);
	AUTO_FREE char *json = NULL;
	if (q->kind) {
		json = result_text(q->kind->end(q->state, step == TASK_DONE));
	}
	if (step == TASK_FAILED) {
		text_copy(q->progress.detail, sizeof(q->progress.detail), why->text);
	}
	tell(q, task->id, step, json ? json : "");
	drop_first(q);
}

static bool begin_first(struct task_queue *q, const struct task_scope *scope, struct error *err)
{
	const struct waiting *task = g_queue_peek_head(&q->tasks);
	const struct task_kind *kind = task_find(task->verb);
	if (!kind) {
		return error_set(err, ERR_CONFIG, "there is no such work");
	}
	json_t *argument =
		json_loadb(task->argument, strlen(task->argument), JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(argument)) {
		json_decref(argument);
		return error_set(err, ERR_CONFIG, "the argument is no JSON object");
	}
	q->state = kind->begin(scope, argument, err);
	json_decref(argument);
	q->kind = q->state ? kind : NULL;
	return q->kind != NULL;
}

static void work(struct task_queue *q, const struct task_scope *scope)
{
	struct error err = {.kind = ERR_NONE};
	if (!q->kind && !begin_first(q, scope, &err)) {
		end_first(q, TASK_FAILED, &err);
		return;
	}
	enum task_step step = q->kind->step(q->state, scope, SLICE_MS, &q->progress, &err);
	const struct waiting *task = g_queue_peek_head(&q->tasks);
	if (step != TASK_MORE) {
		end_first(q, step, &err);
	} else if (mono_now().ms - q->told.ms >= TELL_MS) {
		tell(q, task->id, step, "");
	}
}

static void on_timer(void *owner)
{
	struct task_queue *q = owner;
	struct task_scope scope = {0};
	if (g_queue_is_empty(&q->tasks)) {
		return;
	}
	bool now = q->handlers.scope(q->owner, &scope);
	if (now) {
		work(q, &scope);
		q->handlers.worked(q->owner);
	}
	loop_timer_after(q->timer, now ? PAUSE_MS : AWAY_MS);
}

/* -- orders -- */

static GList *find(struct task_queue *q, uint64_t id)
{
	GList *at = q->tasks.head;
	while (at && ((const struct waiting *)at->data)->id != id) {
		at = at->next;
	}
	return at;
}

static void cancel(struct task_queue *q, uint64_t id)
{
	GList *at = find(q, id);
	struct error why = {.kind = ERR_NONE};
	error_set(&why, ERR_CONFLICT, "it was ended on request");
	if (at && at == q->tasks.head) {
		end_first(q, TASK_FAILED, &why);
	} else if (at) {
		waiting_free(at->data);
		g_queue_delete_link(&q->tasks, at);
		struct task_progress kept = q->progress;
		q->progress = (struct task_progress){0};
		text_copy(q->progress.detail, sizeof(q->progress.detail), why.text);
		tell(q, id, TASK_FAILED, "");
		q->progress = kept;
	}
}

void task_queue_take(struct task_queue *q, const struct frame *frame)
{
	struct frame_reader r = frame_read(frame);
	uint64_t id = frame_get_u64(&r);
	g_autofree char *verb = frame_get_text(&r);
	g_autofree char *argument = frame_get_text(&r);
	if (!frame_read_done(&r)) {
		return;
	}
	if (!*verb) {
		cancel(q, id);
		return;
	}
	if (find(q, id) || g_queue_get_length(&q->tasks) >= TASK_QUEUE_MOST) {
		return; /* the engine keeps fewer than that at once */
	}
	struct waiting *task = g_new(struct waiting, 1);
	*task = (struct waiting){
		.id = id, .verb = g_steal_pointer(&verb), .argument = g_steal_pointer(&argument)};
	g_queue_push_tail(&q->tasks, task);
	loop_timer_after(q->timer, 0);
}

void task_queue_clear(struct task_queue *q)
{
	if (q->kind) {
		json_decref(q->kind->end(q->state, false));
	}
	while (!g_queue_is_empty(&q->tasks)) {
		drop_first(q);
	}
	loop_timer_stop(q->timer);
}

/* -- life -- */

struct task_queue *task_queue_create(
	struct loop *loop, const struct task_queue_handlers *handlers, void *owner)
{
	struct task_queue *q = g_new0(struct task_queue, 1);
	q->loop = loop;
	q->handlers = *handlers;
	q->owner = owner;
	q->timer = loop_timer_create(loop, on_timer, q);
	q->w = g_new0(struct frame_writer, 1);
	g_queue_init(&q->tasks);
	return q;
}

void task_queue_destroy(struct task_queue *q)
{
	if (q) {
		task_queue_clear(q);
		loop_timer_destroy(q->timer);
		g_free(q->w);
		g_free(q);
	}
}
