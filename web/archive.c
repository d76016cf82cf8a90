#include "web/archive_parts.h"
#include "base/auto.h"
#include "base/log.h"
#include "base/text.h"
#include "model/message.h"
#include "web/merge.h"

#include <string.h>
#include <unistd.h>

#include "base/banned.h"

/*
 * The archive is shared by several rrd roles, each of which has the files of some hosts
 * (model/shard.h). A question is made of parts, each to one of them: of values one for each owner
 * of a series; of a picture one to the owner of the graph, and before it one to each role that
 * holds back samples of what the graph borrows, for only its owner writes them into the file.
 *
 * A part is a row in a table, by its number, until its last piece came. A question ends with its
 * last part, with the first one that fails, at its deadline, or when a role it waits for is lost;
 * pieces for numbers that are not in the table are late and dropped. The answer is put together
 * here, bounded: a picture by its announced size, values by series and points.
 *
 * I1: a callback may ask the next question; its own is out of all tables before it is called.
 */
enum { QUEUE_MAX = 1 << 20, SWEEP_MS = 500 };

/* -- questions and their parts -- */

static void part_free(gpointer data)
{
	struct part *part = data;
	if (part->places) {
		g_hash_table_unref(part->places);
		g_array_unref(part->wanted);
		g_ptr_array_unref(part->columns);
	}
	if (part->bytes) {
		g_byte_array_unref(part->bytes);
	}
	if (part->frame) {
		g_byte_array_unref(part->frame);
	}
	g_free(part);
}

static void question_free(struct question *q)
{
	g_ptr_array_unref(q->parts);
	g_free(q);
}

/* Out of all tables, see I1. */
static void take_out(struct question *q)
{
	struct archive *archive = q->archive;
	for (guint i = 0; i < q->parts->len; i++) {
		const struct part *part = q->parts->pdata[i];
		g_hash_table_remove(archive->parts, GUINT_TO_POINTER(part->number));
	}
	g_hash_table_remove(archive->questions, q);
	archive->counters.pending = g_hash_table_size(archive->questions);
}

struct question *archive_question(struct archive *archive, void *owner)
{
	struct question *q = g_new0(struct question, 1);
	q->archive = archive;
	q->asked = mono_now();
	q->owner = owner;
	q->parts = g_ptr_array_new_with_free_func(part_free);
	if (!g_hash_table_size(archive->questions)) {
		loop_timer_after(archive->sweep, MIN(SWEEP_MS, archive->deadline_ms));
	}
	g_hash_table_add(archive->questions, q);
	archive->counters.pending = g_hash_table_size(archive->questions);
	return q;
}

struct part *archive_part(struct question *q, enum part_kind kind, unsigned writer)
{
	struct archive *archive = q->archive;
	struct part *part = g_new0(struct part, 1);
	do {
		part->number = ++archive->last_number;
	} while (
		!part->number || g_hash_table_contains(archive->parts, GUINT_TO_POINTER(part->number)));
	part->kind = kind;
	part->writer = writer;
	part->question = q;
	g_hash_table_insert(archive->parts, GUINT_TO_POINTER(part->number), part);
	g_ptr_array_add(q->parts, part);
	q->open++;
	return part;
}

void archive_fail(struct question *q, const struct error *err)
{
	take_out(q);
	if (q->data_done) {
		q->data_done(q->owner, NULL, err);
	} else {
		q->picture_done(q->owner, NULL, err);
	}
	question_free(q);
}

/* Whether it waits for an answer of that role. */
static bool waits_for(const struct question *q, unsigned writer)
{
	for (guint i = 0; i < q->parts->len; i++) {
		const struct part *part = q->parts->pdata[i];
		if (!part->done && part->writer == writer) {
			return true;
		}
	}
	return false;
}

void archive_withdraw(struct question *q)
{
	take_out(q);
	question_free(q);
}

/* Ends those asked before `limit` that wait for `writer` (ARCHIVE_WRITERS_MAX: for any). */
static void end_older(
	struct archive *archive, int64_t limit_ms, unsigned writer, const struct error *err)
{
	g_autoptr(GList) all = g_hash_table_get_keys(archive->questions);
	for (const GList *at = all; at; at = at->next) {
		struct question *q = at->data;
		if (g_hash_table_contains(archive->questions, q) && q->asked.ms <= limit_ms &&
			(writer == ARCHIVE_WRITERS_MAX || waits_for(q, writer))) {
			archive->counters.late += err->kind == ERR_TIMEOUT;
			archive_fail(q, err);
		}
	}
}

static void on_sweep(void *owner)
{
	struct archive *archive = owner;
	struct error err;
	error_set(&err, ERR_TIMEOUT, "the archive did not answer in time");
	end_older(archive, mono_now().ms - archive->deadline_ms, ARCHIVE_WRITERS_MAX, &err);
	if (g_hash_table_size(archive->questions)) {
		loop_timer_after(archive->sweep, MIN(SWEEP_MS, archive->deadline_ms));
	}
}

struct archive *archive_create(
	struct loop *loop, int64_t deadline_ms, const struct archive_handlers *handlers, void *owner)
{
	struct archive *archive = g_new0(struct archive, 1);
	archive->loop = loop;
	archive->deadline_ms = deadline_ms;
	archive->handlers = *handlers;
	archive->owner = owner;
	archive->writers = 1;
	archive->sweep = loop_timer_create(loop, on_sweep, archive);
	archive->w = g_new0(struct frame_writer, 1);
	archive->questions = g_hash_table_new(g_direct_hash, g_direct_equal);
	archive->parts = g_hash_table_new(g_direct_hash, g_direct_equal);
	return archive;
}

static void lose(struct archive *archive, unsigned writer, const char *why)
{
	struct error err;
	channel_destroy(g_steal_pointer(&archive->channels[writer]));
	error_set(&err, ERR_UNREACHABLE, "the archive is not there: %s", why);
	end_older(archive, INT64_MAX, writer, &err);
}

void archive_disconnect(struct archive *archive)
{
	for (unsigned i = 0; i < ARCHIVE_WRITERS_MAX; i++) {
		lose(archive, i, "this process ends");
	}
}

void archive_destroy(struct archive *archive)
{
	if (archive) {
		archive_disconnect(archive);
		loop_timer_destroy(archive->sweep);
		g_hash_table_unref(archive->parts);
		g_hash_table_unref(archive->questions);
		g_free(archive->w);
		g_free(archive);
	}
}

/* -- answers: values -- */

static struct merge_column column_of(const struct part *part, guint i)
{
	const GArray *values = part->columns->pdata[i];
	return (struct merge_column){.t0_s = part->t0_s,
		.step_s = part->step_s,
		.count = values->len,
		.values = (const double *)(const void *)values->data};
}

static void finish_data(struct question *q)
{
	struct merge_column *columns = g_new0(struct merge_column, q->count + 1);
	for (guint p = 0; p < q->parts->len; p++) {
		const struct part *part = q->parts->pdata[p];
		for (guint i = 0; i < part->wanted->len; i++) {
			columns[g_array_index(part->wanted, uint32_t, i)] = column_of(part, i);
		}
	}
	struct merge_plan plan = {
		.from_s = q->from_s, .to_s = q->to_s, .step_s = q->step_s, .cf = (enum merge_cf)q->cf};
	struct archive_data data = {.count = q->count};
	data.columns = merge_columns(&plan, columns, q->count);
	data.t0_s = plan.t0_s;
	data.step_s = plan.step_s;
	data.rows = plan.rows;
	take_out(q);
	q->data_done(q->owner, &data, NULL);
	merge_free(data.columns, data.count);
	g_free(columns);
	question_free(q);
}

static bool add_values(struct part *part, struct frame_reader *r)
{
	uint32_t series = frame_get_u32(r);
	int64_t t0_s = frame_get_i64(r);
	int64_t step_s = frame_get_i64(r);
	uint32_t offset = frame_get_u32(r);
	uint32_t n = frame_get_u32(r);
	guint place = GPOINTER_TO_UINT(g_hash_table_lookup(part->places, GUINT_TO_POINTER(series)));
	if (r->failed || !n) {
		return !r->failed;
	}
	GArray *column = place ? part->columns->pdata[place - 1] : NULL;
	if (!column || step_s <= 0 || frame_left(r) != (size_t)n * 8 ||
		offset > ARCHIVE_POINTS_MAX + 1 || n > ARCHIVE_POINTS_MAX + 1 - offset ||
		offset != column->len) {
		return false;
	}
	part->t0_s = t0_s;
	part->step_s = step_s;
	g_array_append_vals(column, frame_get_bytes(r, (size_t)n * 8), n);
	return true;
}

/* A status of the frame becomes an error with the text behind it. */
static void end_refused(struct question *q, unsigned status, const char *text)
{
	struct error err;
	g_autofree char *clean = text_clean(text, strlen(text), 200);
	enum error_kind kind = status <= ERR_STORAGE ? (enum error_kind)status : ERR_STORAGE;
	/* it has too much to do: the same question is right a moment later */
	kind = kind == ERR_CONFLICT ? ERR_UNREACHABLE : kind;
	error_set(&err, kind, "%s", clean);
	archive_fail(q, &err);
}

static void end_broken(struct question *q)
{
	struct error err;
	error_set(&err, ERR_PROTOCOL, "the archive's answer is not as promised");
	archive_fail(q, &err);
}

static void part_done(struct part *part)
{
	struct question *q = part->question;
	part->done = true;
	q->open--;
	if (part->kind == PART_FLUSH) {
		archive_flushed(q);
	} else if (!q->open) {
		finish_data(q);
	}
}

static void on_fetched(struct archive *archive, unsigned writer, struct frame_reader *r)
{
	uint32_t number = frame_get_u32(r);
	unsigned status = frame_get_u8(r);
	bool last = frame_get_u8(r);
	struct part *part = g_hash_table_lookup(archive->parts, GUINT_TO_POINTER(number));
	if (!part || part->kind == PART_PICTURE || part->writer != writer || part->done) {
		return;
	}
	if (part->kind == PART_FLUSH) {
		if (last) {
			part_done(part); /* if it could not be flushed, it is drawn as it is */
		}
	} else if (status) {
		frame_get_bytes(r, 4 + 8 + 8 + 4 + 4);
		g_autofree char *text = frame_get_text(r);
		end_refused(part->question, status, text);
	} else if (!add_values(part, r)) {
		end_broken(part->question);
	} else if (last) {
		part_done(part);
	}
}

/* -- answers: pictures -- */

static void finish_picture(struct question *q, const struct part *part)
{
	take_out(q);
	q->picture_done(q->owner, part->bytes, NULL);
	question_free(q);
}

static void on_graphed(struct archive *archive, unsigned writer, struct frame_reader *r)
{
	uint32_t number = frame_get_u32(r);
	unsigned status = frame_get_u8(r);
	bool last = frame_get_u8(r);
	uint32_t total = frame_get_u32(r);
	struct part *part = g_hash_table_lookup(archive->parts, GUINT_TO_POINTER(number));
	if (!part || part->kind != PART_PICTURE || part->writer != writer || part->frame) {
		return;
	}
	size_t n = frame_left(r);
	const unsigned char *bytes = frame_get_bytes(r, n);
	if (r->failed || total > ARCHIVE_PICTURE_MAX || part->bytes->len + n > total) {
		end_broken(part->question);
		return;
	}
	if (n) {
		g_byte_array_append(part->bytes, bytes, (guint)n);
	}
	if (!last) {
		return;
	}
	if (status) {
		g_byte_array_append(part->bytes, (const guint8 *)"", 1);
		end_refused(part->question, status, (const char *)part->bytes->data);
	} else if (part->bytes->len != total) {
		end_broken(part->question);
	} else {
		finish_picture(part->question, part);
	}
}

/* -- the roles -- */

static void on_frame(void *owner, const struct frame *frame, int fd)
{
	const struct connection *connection = owner;
	struct frame_reader r = frame_read(frame);
	AUTO_FD unwanted = fd;
	(void)unwanted;
	if (frame->type == MESSAGE_FETCHED) {
		on_fetched(connection->archive, connection->writer, &r);
	} else if (frame->type == MESSAGE_GRAPHED) {
		on_graphed(connection->archive, connection->writer, &r);
	}
}

static void on_closed(void *owner, const struct error *why)
{
	const struct connection *connection = owner;
	struct archive *archive = connection->archive;
	archive->counters.lost++;
	log_info("web.rrd_lost", "writer=%u why=\"%s\"", connection->writer, log_safe(why->text));
	lose(archive, connection->writer, "it is being restarted");
	if (archive->handlers.lost) {
		archive->handlers.lost(archive->owner, connection->writer);
	}
}

void archive_writers(struct archive *archive, unsigned writers)
{
	archive->writers = MIN(MAX(writers, 1U), (unsigned)ARCHIVE_WRITERS_MAX);
}

void archive_connect(struct archive *archive, unsigned writer, int fd)
{
	static const struct channel_handlers handlers = {.frame = on_frame, .closed = on_closed};
	if (writer >= ARCHIVE_WRITERS_MAX) {
		close(fd);
		return;
	}
	if (archive->channels[writer]) {
		lose(archive, writer, "it was restarted");
	}
	struct connection *connection = &archive->connections[writer];
	*connection = (struct connection){archive, writer};
	archive->channels[writer] = channel_create(
		archive->loop, &message_table, ROLE_WEB, ROLE_RRD, QUEUE_MAX, &handlers, connection, fd);
}

bool archive_connected(const struct archive *archive)
{
	for (unsigned i = 0; i < archive->writers; i++) {
		if (!archive->channels[i]) {
			return false;
		}
	}
	return true;
}

const struct archive_counters *archive_count(const struct archive *archive)
{
	return &archive->counters;
}
