#include "rrd/answer.h"
#include "base/log.h"
#include "model/message.h"
#include "rrd/fetch.h"

#include <math.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * Answers are cut into frames of at most 60,000 bytes of content; the last one says so. A series
 * without a file is unknown over the whole span, as one that was not measured yet.
 */
enum { PIECE_BYTES = 60000, PIECE_VALUES = PIECE_BYTES / 8 };

bool answer_read_fetch(const struct frame *frame, struct answer_fetch *fetch, struct error *err)
{
	struct frame_reader r = frame_read(frame);
	*fetch = (struct answer_fetch){.request = frame_get_u32(&r)};
	fetch->from_s = frame_get_i64(&r);
	fetch->to_s = frame_get_i64(&r);
	fetch->step_s = frame_get_i64(&r);
	fetch->cf = frame_get_u8(&r);
	fetch->count = frame_get_u16(&r);
	if (!fetch->count || fetch->count > FETCH_SERIES_MAX || fetch->cf >= LAYOUT_CFS) {
		return error_set(err, ERR_CONFIG,
			"1 to %d series, and average, min or max, can be asked for", FETCH_SERIES_MAX);
	}
	fetch->series_ids = g_new(uint32_t, fetch->count);
	for (size_t i = 0; i < fetch->count; i++) {
		fetch->series_ids[i] = frame_get_u32(&r);
	}
	if (!frame_read_done(&r) || fetch->step_s < 0 || !fetch_span_ok(fetch->from_s, fetch->to_s)) {
		g_free(fetch->series_ids);
		fetch->series_ids = NULL;
		return error_set(err, ERR_CONFIG, "the span is empty or out of range");
	}
	return true;
}

static bool send_frame(struct channel *channel, struct frame_writer *w)
{
	struct error err = {.kind = ERR_NONE};
	bool sent = channel_send(channel, w, &err);
	if (!sent) {
		log_warn("rrd.answer", "error=\"%s\" next=drop_the_rest", err.text);
	}
	return sent;
}

static void pause_if_enough(struct channel *channel)
{
	if (channel_queued(channel) > ANSWER_ENOUGH) {
		channel_pause(channel, true);
	}
}

static void start_fetched(struct frame_writer *w, uint32_t request, uint8_t status, bool last)
{
	message_start(w, MESSAGE_FETCHED);
	frame_put_u32(w, request);
	frame_put_u8(w, status);
	frame_put_u8(w, last);
}

void answer_fetch_error(
	uint32_t request, const struct error *why, struct channel *channel, struct frame_writer *w)
{
	start_fetched(w, request, (uint8_t)why->kind, true);
	frame_put_u32(w, 0);
	frame_put_i64(w, 0);
	frame_put_i64(w, 0);
	frame_put_u32(w, 0);
	frame_put_u32(w, 0);
	frame_put_text(w, why->text);
	send_frame(channel, w);
}

static bool send_series(const struct answer_fetch *fetch, size_t index,
	const struct fetch_grid *grid, const double *values, struct channel *channel,
	struct frame_writer *w)
{
	bool last_series = index + 1 == fetch->count;
	for (size_t offset = 0; offset < grid->count; offset += PIECE_VALUES) {
		size_t n = grid->count - offset < PIECE_VALUES ? grid->count - offset : PIECE_VALUES;
		start_fetched(w, fetch->request, MESSAGE_OK, last_series && offset + n == grid->count);
		frame_put_u32(w, fetch->series_ids[index]);
		frame_put_i64(w, grid->t0_s);
		frame_put_i64(w, grid->step_s);
		frame_put_u32(w, (uint32_t)offset);
		frame_put_u32(w, (uint32_t)n);
		frame_put_bytes(w, values + offset, n * sizeof(*values));
		if (!send_frame(channel, w)) {
			return false;
		}
	}
	return true;
}

/* Reads every series that has a file; returns the least step that makes sense for the others. */
static int64_t read_all(
	struct writer *writer, const struct answer_fetch *fetch, struct fetch_rows *rows)
{
	int64_t step_s = fetch->step_s;
	for (size_t i = 0; i < fetch->count; i++) {
		const char *file = writer_file(writer, fetch->series_ids[i]);
		if (!file) {
			continue;
		}
		g_autofree char *path = g_strdup_printf("%s/%s", writer_tree_path(writer), file);
		struct error err = {.kind = ERR_NONE};
		writer_reading(writer, file);
		if (!fetch_rows(path, (enum layout_cf)fetch->cf, fetch->from_s, fetch->to_s, step_s,
				&rows[i], &err)) {
			log_warn("rrd.fetch", "error=\"%s\"", log_safe(err.text));
		}
		writer_reading(writer, NULL);
	}
	return step_s ? step_s : (int64_t)writer_step(writer, fetch->series_ids[0]);
}

void answer_fetch(struct writer *writer, const struct answer_fetch *fetch, struct channel *channel,
	struct frame_writer *w)
{
	struct fetch_rows *rows = g_new0(struct fetch_rows, fetch->count);
	writer_flush(writer, fetch->series_ids, fetch->count);
	int64_t least = read_all(writer, fetch, rows);
	struct fetch_grid grid = fetch_grid(rows, fetch->count, fetch->from_s, fetch->to_s, least);
	double *values = g_new(double, grid.count);
	bool going = true;
	for (size_t i = 0; i < fetch->count; i++) {
		fetch_resample(&rows[i], (enum layout_cf)fetch->cf, &grid, values);
		fetch_free(&rows[i]);
		going = going && send_series(fetch, i, &grid, values, channel, w);
	}
	g_free(values);
	g_free(rows);
	pause_if_enough(channel);
}

static void start_graphed(
	struct frame_writer *w, uint32_t request, uint8_t status, bool last, size_t total)
{
	message_start(w, MESSAGE_GRAPHED);
	frame_put_u32(w, request);
	frame_put_u8(w, status);
	frame_put_u8(w, last);
	frame_put_u32(w, (uint32_t)total);
}

void answer_graph(uint32_t request, const void *picture, size_t length, struct channel *channel,
	struct frame_writer *w)
{
	const unsigned char *bytes = picture;
	bool going = true;
	if (channel_queued(channel) + length + length / 100 >
		ANSWER_QUEUE - ANSWER_ENOUGH - ANSWER_KEPT) {
		struct error busy;
		error_set(&busy, ERR_CONFLICT, "too many pictures wait to be fetched, try again later");
		answer_graph_error(request, &busy, channel, w);
		return;
	}
	for (size_t offset = 0; going && offset < length; offset += PIECE_BYTES) {
		size_t n = length - offset < PIECE_BYTES ? length - offset : PIECE_BYTES;
		start_graphed(w, request, MESSAGE_OK, offset + n == length, length);
		frame_put_bytes(w, bytes + offset, n);
		going = send_frame(channel, w);
	}
	pause_if_enough(channel);
}

void answer_graph_error(
	uint32_t request, const struct error *why, struct channel *channel, struct frame_writer *w)
{
	start_graphed(w, request, (uint8_t)why->kind, true, strlen(why->text));
	frame_put_bytes(w, why->text, strlen(why->text));
	send_frame(channel, w);
}
