#include "web/question.h"
#include "base/text.h"
#include "model/message.h"

#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * A row per open question, by its number. A row is out of the table before its callback is called,
 * which may ask the next one; an answer whose number is not in the table is late and dropped.
 */
enum { SWEEP_MS = 500, TOKEN_MAX = 200 };

struct open {
	uint32_t number;
	struct mono asked;
	question_done_fn done;
	void *owner;
};

struct question_table {
	struct loop_timer *sweep;
	struct frame_writer *w;
	GHashTable *all; /* number -> struct open *, owned */
	uint32_t last;
	int64_t deadline_ms;
};

static void end(
	struct question_table *table, struct open *open, const char *json, const struct error *err)
{
	gpointer taken = NULL;
	g_hash_table_steal_extended(table->all, GUINT_TO_POINTER(open->number), NULL, &taken);
	open->done(open->owner, json, err);
	g_free(open);
}

static void end_older(struct question_table *table, int64_t limit_ms, const struct error *err)
{
	g_autoptr(GList) all = g_hash_table_get_values(table->all);
	for (const GList *at = all; at; at = at->next) {
		struct open *open = at->data;
		if (open->asked.ms <= limit_ms) {
			end(table, open, NULL, err);
		}
	}
}

static void on_sweep(void *owner)
{
	struct question_table *table = owner;
	struct error err;
	error_set(&err, ERR_TIMEOUT, "the engine did not answer in time");
	end_older(table, mono_now().ms - table->deadline_ms, &err);
	if (g_hash_table_size(table->all)) {
		loop_timer_after(table->sweep, MIN(SWEEP_MS, table->deadline_ms));
	}
}

struct question_table *question_table_create(struct loop *loop, int64_t deadline_ms)
{
	struct question_table *table = g_new0(struct question_table, 1);
	table->sweep = loop_timer_create(loop, on_sweep, table);
	table->w = g_new0(struct frame_writer, 1);
	table->all = g_hash_table_new(g_direct_hash, g_direct_equal);
	table->deadline_ms = deadline_ms;
	return table;
}

void question_table_lost(struct question_table *table)
{
	struct error err;
	error_set(&err, ERR_UNREACHABLE, "the engine is not there; try again");
	end_older(table, INT64_MAX, &err);
}

void question_table_destroy(struct question_table *table)
{
	if (table) {
		question_table_lost(table);
		loop_timer_destroy(table->sweep);
		g_hash_table_unref(table->all);
		g_free(table->w);
		g_free(table);
	}
}

bool question_ask(struct question_table *table, struct channel *engine,
	const struct question *question, struct error *err)
{
	size_t room = FRAME_PAYLOAD_MAX - 64;
	if (!engine) {
		return error_set(err, ERR_UNREACHABLE, "the engine is not there; try again");
	}
	if (strlen(question->token) > TOKEN_MAX ||
		strlen(question->json) + strlen(question->verb) + strlen(question->token) > room) {
		return error_set(err, ERR_CONFIG, "the question is too long");
	}
	if (g_hash_table_size(table->all) >= QUESTIONS_MOST) {
		return error_set(err, ERR_CONFLICT, "too many questions wait for the engine");
	}
	uint32_t number = ++table->last;
	message_start(table->w, MESSAGE_ASK);
	frame_put_u32(table->w, number);
	frame_put_text(table->w, question->token);
	frame_put_text(table->w, question->verb);
	frame_put_text(table->w, question->json);
	if (!channel_send(engine, table->w, err)) {
		return false;
	}
	struct open *open = g_new(struct open, 1);
	*open = (struct open){number, mono_now(), question->done, question->owner};
	g_hash_table_insert(table->all, GUINT_TO_POINTER(number), open);
	if (g_hash_table_size(table->all) == 1) {
		loop_timer_after(table->sweep, MIN(SWEEP_MS, table->deadline_ms));
	}
	return true;
}

void question_take(struct question_table *table, const struct frame *frame)
{
	struct frame_reader r = frame_read(frame);
	uint32_t number = frame_get_u32(&r);
	unsigned status = frame_get_u8(&r);
	g_autofree char *text = frame_get_text(&r);
	struct open *open = g_hash_table_lookup(table->all, GUINT_TO_POINTER(number));
	struct error err = {.kind = ERR_NONE};
	if (!open) {
		return;
	}
	if (!frame_read_done(&r) || status > ERR_STORAGE) {
		error_set(&err, ERR_PROTOCOL, "the engine's answer is not as promised");
		end(table, open, NULL, &err);
	} else if (status != MESSAGE_OK) {
		g_autofree char *clean = text_clean(text, strlen(text), sizeof(err.text) - 1);
		error_set(&err, (enum error_kind)status, "%s", clean);
		end(table, open, NULL, &err);
	} else {
		end(table, open, text, NULL);
	}
}
