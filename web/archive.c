#include "web/archive.h"
#include "base/auto.h"
#include "base/log.h"
#include "base/text.h"
#include "model/message.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * A question is a row in a table, by its number, until its last piece came, its deadline passed or
 * rrd was lost; pieces for numbers that are not in the table are late and dropped. The answer is
 * put together here, bounded: a picture by its announced size, values by series and points.
 *
 * A callback may ask the next question; the row of its own is out of the table before it is called.
 */
enum { QUEUE_MAX = 1 << 20, SWEEP_MS = 500 };

struct question {
	uint32_t number;
	struct mono asked;
	archive_data_fn data_done;
	archive_picture_fn picture_done;
	void *owner;
	/* values */
	GHashTable *places; /* series id -> index + 1 */
	GArray **columns;   /* of double */
	size_t count;
	int64_t t0_s, step_s;
	/* picture or the text of an error */
	GByteArray *bytes;
	uint32_t total;
};

struct archive {
	struct loop *loop;
	struct loop_timer *sweep;
	struct channel *channel;
	struct frame_writer *w;
	GHashTable *questions; /* number -> struct question, owned */
	uint32_t last_number;
	int64_t deadline_ms;
	struct archive_counters counters;
	void (*lost)(void *owner);
	void *lost_owner;
};

static void question_free(gpointer data)
{
	struct question *q = data;
	for (size_t i = 0; i < q->count; i++) {
		g_array_unref(q->columns[i]);
	}
	g_free(q->columns);
	if (q->places) {
		g_hash_table_unref(q->places);
	}
	if (q->bytes) {
		g_byte_array_unref(q->bytes);
	}
	g_free(q);
}

static struct question *take_out(struct archive *archive, uint32_t number)
{
	gpointer q = NULL;
	g_hash_table_steal_extended(archive->questions, GUINT_TO_POINTER(number), NULL, &q);
	archive->counters.pending = g_hash_table_size(archive->questions);
	return q;
}

static void end_with_error(struct archive *archive, struct question *q, const struct error *err)
{
	take_out(archive, q->number);
	if (q->data_done) {
		q->data_done(q->owner, NULL, err);
	} else {
		q->picture_done(q->owner, NULL, err);
	}
	question_free(q);
}

/* Ends those asked before `limit`; all of them if it is the future. */
static void end_older(struct archive *archive, int64_t limit_ms, const struct error *err)
{
	g_autoptr(GList) all = g_hash_table_get_values(archive->questions);
	for (const GList *at = all; at; at = at->next) {
		struct question *q = at->data;
		if (q->asked.ms <= limit_ms) {
			archive->counters.late += err->kind == ERR_TIMEOUT;
			end_with_error(archive, q, err);
		}
	}
}

static void on_sweep(void *owner)
{
	struct archive *archive = owner;
	struct error err;
	error_set(&err, ERR_TIMEOUT, "the archive did not answer in time");
	end_older(archive, mono_now().ms - archive->deadline_ms, &err);
	if (g_hash_table_size(archive->questions)) {
		loop_timer_after(archive->sweep, MIN(SWEEP_MS, archive->deadline_ms));
	}
}

struct archive *archive_create(struct loop *loop, int64_t deadline_ms)
{
	struct archive *archive = g_new0(struct archive, 1);
	archive->loop = loop;
	archive->deadline_ms = deadline_ms;
	archive->sweep = loop_timer_create(loop, on_sweep, archive);
	archive->w = g_new0(struct frame_writer, 1);
	archive->questions = g_hash_table_new(g_direct_hash, g_direct_equal);
	return archive;
}

static void lose(struct archive *archive, const char *why)
{
	struct error err;
	channel_destroy(archive->channel);
	archive->channel = NULL;
	error_set(&err, ERR_UNREACHABLE, "the archive is not there: %s", why);
	end_older(archive, INT64_MAX, &err);
}

void archive_disconnect(struct archive *archive)
{
	lose(archive, "this process ends");
}

void archive_destroy(struct archive *archive)
{
	if (archive) {
		archive_disconnect(archive);
		loop_timer_destroy(archive->sweep);
		g_hash_table_unref(archive->questions);
		g_free(archive->w);
		g_free(archive);
	}
}

/* -- answers -- */

static void finish_data(struct archive *archive, struct question *q)
{
	struct archive_data data = {.t0_s = q->t0_s, .step_s = q->step_s, .count = q->count};
	const double unknown = NAN;
	for (size_t i = 0; i < q->count; i++) {
		data.rows = MAX(data.rows, q->columns[i]->len);
	}
	data.columns = g_new0(double *, q->count + 1);
	for (size_t i = 0; i < q->count; i++) {
		while (q->columns[i]->len < data.rows) {
			g_array_append_val(q->columns[i], unknown);
		}
		data.columns[i] = (double *)(void *)q->columns[i]->data;
	}
	take_out(archive, q->number);
	q->data_done(q->owner, &data, NULL);
	g_free(data.columns);
	question_free(q);
}

static bool add_values(struct question *q, struct frame_reader *r)
{
	uint32_t series = frame_get_u32(r);
	int64_t t0_s = frame_get_i64(r);
	int64_t step_s = frame_get_i64(r);
	uint32_t offset = frame_get_u32(r);
	uint32_t n = frame_get_u32(r);
	guint place = GPOINTER_TO_UINT(g_hash_table_lookup(q->places, GUINT_TO_POINTER(series)));
	if (r->failed || !n) {
		return !r->failed;
	}
	if (!place || step_s <= 0 || frame_left(r) != (size_t)n * 8 ||
		offset > ARCHIVE_POINTS_MAX + 1 || n > ARCHIVE_POINTS_MAX + 1 - offset ||
		offset != q->columns[place - 1]->len) {
		return false;
	}
	q->t0_s = t0_s;
	q->step_s = step_s;
	g_array_append_vals(q->columns[place - 1], frame_get_bytes(r, (size_t)n * 8), n);
	return true;
}

/* A status of the frame becomes an error with the text behind it. */
static void end_refused(
	struct archive *archive, struct question *q, unsigned status, const char *text)
{
	struct error err;
	g_autofree char *clean = text_clean(text, strlen(text), 200);
	error_set(&err, status <= ERR_STORAGE ? (enum error_kind)status : ERR_STORAGE, "%s", clean);
	end_with_error(archive, q, &err);
}

static void end_broken(struct archive *archive, struct question *q)
{
	struct error err;
	error_set(&err, ERR_PROTOCOL, "the archive's answer is not as promised");
	end_with_error(archive, q, &err);
}

static void on_fetched(struct archive *archive, struct frame_reader *r)
{
	uint32_t number = frame_get_u32(r);
	unsigned status = frame_get_u8(r);
	bool last = frame_get_u8(r);
	struct question *q = g_hash_table_lookup(archive->questions, GUINT_TO_POINTER(number));
	if (!q || !q->data_done) {
		return;
	}
	if (status) {
		frame_get_bytes(r, 4 + 8 + 8 + 4 + 4);
		g_autofree char *text = frame_get_text(r);
		end_refused(archive, q, status, text);
	} else if (!add_values(q, r)) {
		end_broken(archive, q);
	} else if (last) {
		finish_data(archive, q);
	}
}

static void finish_picture(struct archive *archive, struct question *q)
{
	take_out(archive, q->number);
	q->picture_done(q->owner, q->bytes, NULL);
	question_free(q);
}

static void on_graphed(struct archive *archive, struct frame_reader *r)
{
	uint32_t number = frame_get_u32(r);
	unsigned status = frame_get_u8(r);
	bool last = frame_get_u8(r);
	uint32_t total = frame_get_u32(r);
	struct question *q = g_hash_table_lookup(archive->questions, GUINT_TO_POINTER(number));
	if (!q || !q->picture_done) {
		return;
	}
	size_t n = frame_left(r);
	const unsigned char *bytes = frame_get_bytes(r, n);
	if (r->failed || total > ARCHIVE_PICTURE_MAX || q->bytes->len + n > total) {
		end_broken(archive, q);
		return;
	}
	if (n) {
		g_byte_array_append(q->bytes, bytes, (guint)n);
	}
	if (!last) {
		return;
	}
	if (status) {
		g_byte_array_append(q->bytes, (const guint8 *)"", 1);
		end_refused(archive, q, status, (const char *)q->bytes->data);
	} else if (q->bytes->len != total) {
		end_broken(archive, q);
	} else {
		finish_picture(archive, q);
	}
}

static void on_frame(void *owner, const struct frame *frame, int fd)
{
	struct frame_reader r = frame_read(frame);
	AUTO_FD unwanted = fd;
	(void)unwanted;
	if (frame->type == MESSAGE_FETCHED) {
		on_fetched(owner, &r);
	} else if (frame->type == MESSAGE_GRAPHED) {
		on_graphed(owner, &r);
	}
}

static void on_closed(void *owner, const struct error *why)
{
	struct archive *archive = owner;
	archive->counters.lost++;
	log_info("web.rrd_lost", "why=\"%s\"", log_safe(why->text));
	lose(archive, "it is being restarted");
	if (archive->lost) {
		archive->lost(archive->lost_owner);
	}
}

void archive_on_lost(struct archive *archive, void (*fn)(void *owner), void *owner)
{
	archive->lost = fn;
	archive->lost_owner = owner;
}

void archive_connect(struct archive *archive, int fd)
{
	static const struct channel_handlers handlers = {.frame = on_frame, .closed = on_closed};
	if (archive->channel) {
		lose(archive, "it was restarted");
	}
	archive->channel = channel_create(
		archive->loop, &message_table, ROLE_WEB, ROLE_RRD, QUEUE_MAX, &handlers, archive, fd);
}

bool archive_connected(const struct archive *archive)
{
	return archive->channel;
}

const struct archive_counters *archive_count(const struct archive *archive)
{
	return &archive->counters;
}

/* -- questions -- */

static bool ready(const struct archive *archive, struct error *err)
{
	if (!archive->channel) {
		return error_set(err, ERR_UNREACHABLE, "the archive is not there: it is being started");
	}
	if (g_hash_table_size(archive->questions) >= ARCHIVE_PENDING_MAX) {
		return error_set(err, ERR_UNREACHABLE, "too many questions to the archive at once");
	}
	return true;
}

static struct question *add_question(struct archive *archive, void *owner)
{
	struct question *q = g_new0(struct question, 1);
	do {
		q->number = ++archive->last_number;
	} while (!q->number || g_hash_table_contains(archive->questions, GUINT_TO_POINTER(q->number)));
	q->asked = mono_now();
	q->owner = owner;
	if (!g_hash_table_size(archive->questions)) {
		loop_timer_after(archive->sweep, MIN(SWEEP_MS, archive->deadline_ms));
	}
	g_hash_table_insert(archive->questions, GUINT_TO_POINTER(q->number), q);
	archive->counters.pending = g_hash_table_size(archive->questions);
	return q;
}

/* Sends what the writer holds for `q`; on failure the question never was. */
static bool send_question(struct archive *archive, struct question *q, struct error *err)
{
	if (channel_send(archive->channel, archive->w, err)) {
		return true;
	}
	take_out(archive, q->number);
	question_free(q);
	return error_set(err, ERR_UNREACHABLE, "the archive has too much to do");
}

bool archive_fetch(struct archive *archive, const struct archive_fetch *question,
	archive_data_fn done, void *owner, struct error *err)
{
	if (!ready(archive, err)) {
		return false;
	}
	struct question *q = add_question(archive, owner);
	q->data_done = done;
	q->count = question->count;
	q->columns = g_new0(GArray *, q->count + 1);
	q->places = g_hash_table_new(g_direct_hash, g_direct_equal);
	q->t0_s = question->from_s;
	q->step_s = question->step_s ? question->step_s : 1;
	message_start(archive->w, MESSAGE_FETCH);
	frame_put_u32(archive->w, q->number);
	frame_put_i64(archive->w, question->from_s);
	frame_put_i64(archive->w, question->to_s);
	frame_put_i64(archive->w, question->step_s);
	frame_put_u8(archive->w, (uint8_t)question->cf);
	frame_put_u16(archive->w, (uint16_t)question->count);
	for (size_t i = 0; i < question->count; i++) {
		q->columns[i] = g_array_new(FALSE, FALSE, sizeof(double));
		g_hash_table_insert(
			q->places, GUINT_TO_POINTER(question->series[i]), GUINT_TO_POINTER(i + 1));
		frame_put_u32(archive->w, question->series[i]);
	}
	archive->counters.fetches++;
	return send_question(archive, q, err);
}

static void put_marks(struct frame_writer *w, const struct archive_graph *question)
{
	frame_put_u16(w, (uint16_t)question->limit_count);
	for (size_t i = 0; i < question->limit_count; i++) {
		frame_put_f64(w, question->limits[i].value);
		frame_put_u8(w, question->limits[i].level);
	}
	frame_put_u16(w, (uint16_t)question->span_count);
	for (size_t i = 0; i < question->span_count; i++) {
		frame_put_i64(w, question->spans[i].from_s);
		frame_put_i64(w, question->spans[i].to_s);
		frame_put_u8(w, question->spans[i].level);
	}
	frame_put_u16(w, (uint16_t)question->note_count);
	for (size_t i = 0; i < question->note_count; i++) {
		frame_put_i64(w, question->notes[i].at_s);
		frame_put_i64(w, question->notes[i].to_s);
		frame_put_text(w, question->notes[i].text);
	}
}

bool archive_graph(struct archive *archive, const struct archive_graph *question,
	archive_picture_fn done, void *owner, struct error *err)
{
	struct frame_writer *w = archive->w;
	if (!ready(archive, err)) {
		return false;
	}
	struct question *q = add_question(archive, owner);
	q->picture_done = done;
	q->bytes = g_byte_array_new();
	message_start(w, MESSAGE_GRAPH);
	frame_put_u32(w, q->number);
	frame_put_u32(w, question->service_id);
	frame_put_i64(w, question->from_s);
	frame_put_i64(w, question->to_s);
	frame_put_u16(w, question->width);
	frame_put_u16(w, question->height);
	frame_put_u8(w, (uint8_t)question->format);
	frame_put_u8(w, question->dark);
	frame_put_u8(w, (uint8_t)question->sum);
	frame_put_u8(w, (uint8_t)(question->only_graph | question->full_size << 1));
	frame_put_f64(w, question->lower);
	frame_put_f64(w, question->upper);
	frame_put_text(w, question->title);
	put_marks(w, question);
	archive->counters.graphs++;
	return send_question(archive, q, err);
}
