#include "web/archive_parts.h"
#include "model/message.h"
#include "model/plot.h"
#include "model/shard.h"

#include <string.h>

#include "base/banned.h"

/*
 * Questions to the archive: who is asked for what. Story and rules are those of web/archive.c.
 */
enum { FLUSH_SPAN_S = 60 };

static bool ready(const struct archive *archive, struct error *err)
{
	if (g_hash_table_size(archive->questions) >= ARCHIVE_PENDING_MAX) {
		return error_set(err, ERR_UNREACHABLE, "too many questions to the archive at once");
	}
	return true;
}

/* Sends what the writer holds. */
static bool send_to(struct archive *archive, unsigned writer, struct error *err)
{
	if (!archive->channels[writer]) {
		return error_set(err, ERR_UNREACHABLE, "the archive is not there: it is being started");
	}
	return channel_send(archive->channels[writer], archive->w, NULL) ||
		   error_set(err, ERR_UNREACHABLE, "the archive has too much to do");
}

static unsigned owner_of_host(const struct archive *archive, const char *host)
{
	return shard_of_host(host, archive->writers);
}

/* One that is not known is unknown to all. */
static unsigned owner_of_series(const struct archive *archive, uint32_t series_id)
{
	const struct catalog *catalog = archive->handlers.catalog(archive->owner);
	const struct field *field = catalog ? catalog_series(catalog, series_id) : NULL;
	return field ? owner_of_host(archive, field->service->host_name) : 0;
}

static bool send_fetch(struct archive *archive, const struct part *part,
	const struct archive_fetch *question, const GArray *series, struct error *err)
{
	struct frame_writer *w = archive->w;
	message_start(w, MESSAGE_FETCH);
	frame_put_u32(w, part->number);
	frame_put_i64(w, question->from_s);
	frame_put_i64(w, question->to_s);
	frame_put_i64(w, question->step_s);
	frame_put_u8(w, (uint8_t)question->cf);
	frame_put_u16(w, (uint16_t)series->len);
	for (guint i = 0; i < series->len; i++) {
		frame_put_u32(w, g_array_index(series, uint32_t, i));
	}
	return send_to(archive, part->writer, err);
}

/* The part of a question that is that writer's, if there is one. */
static bool fetch_from(
	struct question *q, const struct archive_fetch *question, unsigned writer, struct error *err)
{
	struct archive *archive = q->archive;
	g_autoptr(GArray) series = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	struct part *part = NULL;
	for (size_t i = 0; i < question->count; i++) {
		if (owner_of_series(archive, question->series[i]) != writer) {
			continue;
		}
		if (!part) {
			part = archive_part(q, PART_VALUES, writer);
			part->places = g_hash_table_new(g_direct_hash, g_direct_equal);
			part->wanted = g_array_new(FALSE, FALSE, sizeof(uint32_t));
			part->columns = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
			part->t0_s = question->from_s;
			part->step_s = question->step_s ? question->step_s : 1;
		}
		uint32_t place = (uint32_t)i;
		g_array_append_val(series, question->series[i]);
		g_array_append_val(part->wanted, place);
		g_ptr_array_add(part->columns, g_array_new(FALSE, FALSE, sizeof(double)));
		g_hash_table_insert(part->places, GUINT_TO_POINTER(question->series[i]),
			GUINT_TO_POINTER(part->columns->len));
	}
	return !part || send_fetch(archive, part, question, series, err);
}

/* With more series than may be asked for by name there are fewer points of each. */
static int64_t least_step(const struct archive_fetch *question)
{
	int64_t points = ARCHIVE_CELLS_MAX / (int64_t)MAX(question->count, ARCHIVE_SERIES_MAX);
	int64_t least = (question->to_s - question->from_s) / points;
	return question->count > ARCHIVE_SERIES_MAX ? MAX(question->step_s, least) : question->step_s;
}

bool archive_fetch(struct archive *archive, const struct archive_fetch *asked, archive_data_fn done,
	void *owner, struct error *err)
{
	struct archive_fetch fetch = *asked;
	const struct archive_fetch *question = &fetch;
	if (!ready(archive, err)) {
		return false;
	}
	fetch.step_s = least_step(asked);
	struct question *q = archive_question(archive, owner);
	q->data_done = done;
	q->from_s = question->from_s;
	q->to_s = question->to_s;
	q->step_s = question->step_s;
	q->cf = question->cf;
	q->count = question->count;
	for (unsigned writer = 0; writer < archive->writers; writer++) {
		if (!fetch_from(q, question, writer, err)) {
			archive_withdraw(q);
			return false;
		}
	}
	archive->counters.fetches++;
	return true;
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

/* Asks for the picture itself when nobody holds back anything of it any more. */
void archive_flushed(struct question *q)
{
	struct archive *archive = q->archive;
	struct part *part = q->parts->pdata[0];
	struct error err = {.kind = ERR_NONE};
	if (q->open > 1) {
		return;
	}
	memcpy(archive->w->packet, part->frame->data, part->frame->len);
	archive->w->length = part->frame->len;
	archive->w->overflow = false;
	g_byte_array_unref(g_steal_pointer(&part->frame));
	if (!send_to(archive, part->writer, &err)) {
		archive_fail(q, &err);
	}
}

/* Series of other hosts that the graph shows; u32. */
static GArray *borrowed_series(const struct archive *archive, const struct service *service)
{
	GArray *series = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	AUTO(plot) plot = plot_create(archive->handlers.catalog(archive->owner), service);
	for (size_t i = 0; i < plot->count; i++) {
		const struct plot_curve *curve = &plot->curves[i];
		for (size_t s = 0; s < curve->source_count; s++) {
			const struct field *field = curve->sources[s];
			if (field && field->series_id &&
				strcmp(field->service->host_name, service->host_name) != 0) {
				g_array_append_val(series, field->series_id);
			}
		}
	}
	return series;
}

/*
 * Has the other roles write what they hold back of the series the graph borrows. One that is away
 * holds nothing that could be waited for: then it is drawn without.
 */
static void flush_borrowed(struct question *q, const struct service *service)
{
	struct archive *archive = q->archive;
	g_autoptr(GArray) borrowed = borrowed_series(archive, service);
	unsigned own = ((const struct part *)q->parts->pdata[0])->writer;
	int64_t now_s = wall_s(wall_now());
	struct archive_fetch fetch = {.from_s = now_s - FLUSH_SPAN_S, .to_s = now_s};
	g_autoptr(GArray) series = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	for (unsigned writer = 0; writer < archive->writers; writer++) {
		for (size_t i = 0; writer != own && i < borrowed->len; i++) {
			bool last = i + 1 == borrowed->len;
			uint32_t id = g_array_index(borrowed, uint32_t, i);
			if (owner_of_series(archive, id) == writer) {
				g_array_append_val(series, id);
			}
			if (series->len == ARCHIVE_SERIES_MAX || (last && series->len)) {
				struct part *part = archive_part(q, PART_FLUSH, writer);
				if (!send_fetch(archive, part, &fetch, series, NULL)) {
					part->done = true;
					q->open--;
				}
				g_array_set_size(series, 0);
			}
		}
	}
}

static void put_graph(struct frame_writer *w, uint32_t number, const struct archive_graph *question)
{
	message_start(w, MESSAGE_GRAPH);
	frame_put_u32(w, number);
	frame_put_u32(w, question->service_id);
	frame_put_i64(w, question->from_s);
	frame_put_i64(w, question->to_s);
	frame_put_u16(w, question->width);
	frame_put_u16(w, question->height);
	frame_put_u8(w, (uint8_t)question->format);
	frame_put_u8(w, (uint8_t)question->theme);
	frame_put_u8(w, (uint8_t)question->sum);
	frame_put_u8(w, (uint8_t)(question->only_graph | question->full_size << 1));
	frame_put_f64(w, question->lower);
	frame_put_f64(w, question->upper);
	frame_put_text(w, question->title);
	put_marks(w, question);
	frame_finish(w);
}

bool archive_graph(struct archive *archive, const struct archive_graph *question,
	archive_picture_fn done, void *owner, struct error *err)
{
	const struct catalog *catalog = archive->handlers.catalog(archive->owner);
	const struct service *service =
		catalog ? catalog_service_by_id(catalog, question->service_id) : NULL;
	unsigned writer = service ? owner_of_host(archive, service->host_name) : 0;
	if (!ready(archive, err)) {
		return false;
	}
	struct question *q = archive_question(archive, owner);
	q->picture_done = done;
	struct part *part = archive_part(q, PART_PICTURE, writer);
	part->bytes = g_byte_array_new();
	put_graph(archive->w, part->number, question);
	if (archive->writers > 1 && service) {
		part->frame = g_byte_array_new();
		g_byte_array_append(part->frame, archive->w->packet, (guint)archive->w->length);
		flush_borrowed(q, service);
		if (q->open > 1) {
			archive->counters.graphs++;
			return true;
		}
		put_graph(archive->w, part->number, question);
		g_byte_array_unref(g_steal_pointer(&part->frame));
	}
	if (!send_to(archive, writer, err)) {
		archive_withdraw(q);
		return false;
	}
	archive->counters.graphs++;
	return true;
}

bool archive_file(struct archive *archive, uint32_t series_id, bool whole, archive_picture_fn done,
	void *owner, struct error *err)
{
	unsigned writer = owner_of_series(archive, series_id);
	if (!ready(archive, err)) {
		return false;
	}
	struct question *q = archive_question(archive, owner);
	q->picture_done = done;
	struct part *part = archive_part(q, PART_PICTURE, writer);
	part->bytes = g_byte_array_new();
	message_start(archive->w, MESSAGE_FILE);
	frame_put_u32(archive->w, part->number);
	frame_put_u32(archive->w, series_id);
	frame_put_u8(archive->w, whole);
	if (!send_to(archive, writer, err)) {
		archive_withdraw(q);
		return false;
	}
	return true;
}
