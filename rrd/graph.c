#include "rrd/graph.h"
#include "base/text.h"
#include "model/message.h"
#include "rrd/answer.h"
#include "rrd/drawing.h"
#include "rrd/fetch.h"
#include "rrd/header.h"
#include "rrd/lines.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/*
 * Between asking and drawing the engine may have been replaced, and with it the catalog: a request
 * keeps names, not pointers, and looks them up again when a child is free. Series are held only
 * while their files are read, from prepare() to done().
 */
enum { TITLE_MAX = 200 /* bytes */ };

struct graph_shop {
	struct graph_shop_parts parts;
};

struct request {
	struct graph_shop *shop;
	uint64_t asker;
	uint32_t number, key;
	char *host, *service, *title;
	struct drawing drawing;
	GArray *held; /* u32 */
	bool careful; /* it failed once */
};

static void request_destroy(struct request *r)
{
	if (r) {
		g_free(r->host);
		g_free(r->service);
		g_free(r->title);
		for (size_t i = 0; i < r->drawing.note_count; i++) {
			g_free(r->drawing.notes[i].text);
		}
		g_array_unref(r->held);
		g_free(r);
	}
}

static void refuse(
	struct graph_shop *shop, uint64_t asker, uint32_t number, const struct error *why)
{
	struct channel *channel = shop->parts.asker(shop->parts.owner, asker);
	if (channel) {
		answer_graph_error(number, why, channel, shop->parts.frame);
	}
}

/* -- reading the frame -- */

static void read_limits(struct frame_reader *r, struct drawing *d)
{
	size_t count = frame_get_u16(r);
	for (size_t i = 0; i < count && frame_left(r); i++) {
		struct drawing_limit limit = {.value = frame_get_f64(r)};
		limit.level = frame_get_u8(r);
		if (d->limit_count < DRAWING_LIMITS_MAX) {
			d->limits[d->limit_count++] = limit;
		}
	}
}

static void read_spans(struct frame_reader *r, struct drawing *d)
{
	size_t count = frame_get_u16(r);
	for (size_t i = 0; i < count && frame_left(r); i++) {
		struct drawing_span span = {.from_s = frame_get_i64(r)};
		span.to_s = frame_get_i64(r);
		span.level = frame_get_u8(r);
		if (d->span_count < DRAWING_SPANS_MAX) {
			d->spans[d->span_count++] = span;
		}
	}
}

static void read_notes(struct frame_reader *r, struct drawing *d)
{
	size_t count = frame_get_u16(r);
	for (size_t i = 0; i < count && frame_left(r); i++) {
		struct drawing_note note = {.at_s = frame_get_i64(r)};
		note.to_s = frame_get_i64(r);
		g_autofree char *text = frame_get_text(r);
		if (d->note_count < DRAWING_NOTES_MAX) {
			note.text = text_clean(text, strlen(text), TITLE_MAX);
			d->notes[d->note_count++] = note;
		}
	}
}

/* hostile 53 */
static bool drawing_ok(const struct drawing *d, struct error *err)
{
	if (!fetch_span_ok(d->from_s, d->to_s)) {
		return error_set(err, ERR_CONFIG, "the span is empty or out of range");
	}
	if (d->width < DRAWING_SIZE_LEAST || d->width > DRAWING_SIZE_MOST ||
		d->height < DRAWING_SIZE_LEAST || d->height > DRAWING_SIZE_MOST) {
		return error_set(err, ERR_CONFIG, "width and height can be %d to %d", DRAWING_SIZE_LEAST,
			DRAWING_SIZE_MOST);
	}
	if (d->format >= DRAWING_FORMATS || d->theme >= DRAWING_THEMES || d->sum >= DRAWING_SUMS) {
		return error_set(err, ERR_CONFIG, "format, theme or sum is not known");
	}
	return true;
}

/* The caller destroys it; `*service_id` as asked for. NULL: the frame is not as promised. */
static struct request *request_read(
	const struct frame *frame, uint32_t *number, uint32_t *service_id, struct error *err)
{
	struct frame_reader reader = frame_read(frame);
	struct request *r = g_new0(struct request, 1);
	r->held = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	*number = r->number = frame_get_u32(&reader);
	*service_id = frame_get_u32(&reader);
	r->drawing.from_s = frame_get_i64(&reader);
	r->drawing.to_s = frame_get_i64(&reader);
	r->drawing.width = frame_get_u16(&reader);
	r->drawing.height = frame_get_u16(&reader);
	r->drawing.format = (enum drawing_format)frame_get_u8(&reader);
	r->drawing.theme = (enum drawing_theme)frame_get_u8(&reader);
	r->drawing.sum = (enum drawing_sum)frame_get_u8(&reader);
	uint8_t flags = frame_get_u8(&reader);
	r->drawing.only_graph = flags & 1;
	r->drawing.full_size = flags & 2;
	r->drawing.lower = frame_get_f64(&reader);
	r->drawing.upper = frame_get_f64(&reader);
	g_autofree char *title = frame_get_text(&reader);
	r->title = text_clean(title, strlen(title), TITLE_MAX);
	r->drawing.title = r->title;
	read_limits(&reader, &r->drawing);
	read_spans(&reader, &r->drawing);
	read_notes(&reader, &r->drawing);
	if (!frame_read_done(&reader)) {
		error_set(err, ERR_PROTOCOL, "a graph was asked for in a way that is not understood");
	} else if (drawing_ok(&r->drawing, err)) {
		return r;
	}
	request_destroy(r);
	return NULL;
}

/* -- drawing -- */

static void release(struct request *r)
{
	for (guint i = 0; i < r->held->len; i++) {
		writer_release(r->shop->parts.writer, g_array_index(r->held, uint32_t, i));
	}
	g_array_set_size(r->held, 0);
}

/* Whether the header of a file can be believed, and when it got its last sample by it. */
static bool read_header(const char *path, int64_t *last_s)
{
	enum { LATEST_S = INT32_MAX };
	struct stat st;
	struct header header;
	struct error err;
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	g_autofree unsigned char *bytes = g_malloc(HEADER_BYTES_MAX);
	ssize_t length = fd >= 0 && !fstat(fd, &st) ? pread(fd, bytes, HEADER_BYTES_MAX, 0) : -1;
	bool good = length > 0 &&
				header_read(bytes, (size_t)length, (uint64_t)st.st_size, LATEST_S, &header, &err);
	*last_s = good ? header.last_update_s : 0;
	return good;
}

/* Every series the plot reads, each once: const struct field *. */
static GPtrArray *fields_of(const struct plot *plot)
{
	GPtrArray *fields = g_ptr_array_new();
	g_autoptr(GHashTable) seen = g_hash_table_new(g_direct_hash, g_direct_equal);
	for (size_t i = 0; i < plot->count; i++) {
		const struct plot_curve *curve = &plot->curves[i];
		for (size_t k = 0; k < curve->source_count; k++) {
			const struct field *field = curve->sources[k];
			if (field->series_id && g_hash_table_add(seen, (gpointer)field)) {
				g_ptr_array_add(fields, (gpointer)field);
			}
		}
	}
	return fields;
}

static void flush_fields(struct writer *writer, const GPtrArray *fields)
{
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	for (guint i = 0; i < fields->len; i++) {
		const struct field *field = fields->pdata[i];
		g_array_append_val(ids, field->series_id);
	}
	writer_flush(writer, (const uint32_t *)(const void *)ids->data, ids->len);
}

/*
 * Files that are there; holds their series. Of one that got no sample yet since this process began
 * its header says when it got the last. After a failure every header is looked at, and the graph
 * drawn without those that are bad.
 */
static GHashTable *hold_files(struct request *r, const GPtrArray *fields)
{
	struct writer *writer = r->shop->parts.writer;
	GHashTable *files = drawing_files_create();
	for (guint i = 0; i < fields->len; i++) {
		const struct field *field = fields->pdata[i];
		const char *file = writer_file(writer, field->series_id);
		if (!file) {
			continue;
		}
		g_autofree char *path = g_strdup_printf("%s/%s", writer_tree_path(writer), file);
		writer_hold(writer, field->series_id);
		g_array_append_val(r->held, field->series_id);
		int64_t last_s = wall_s(writer_last(writer, field->series_id));
		bool good = true;
		if (last_s <= 0 || r->careful) {
			int64_t written_s;
			good = read_header(path, &written_s);
			last_s = MAX(last_s, written_s);
		}
		drawing_files_add(files, field, good ? path : NULL, last_s);
	}
	return files;
}

static GPtrArray *request_prepare(void *owner, struct error *err)
{
	struct request *r = owner;
	const struct graph_shop_parts *parts = &r->shop->parts;
	const struct service *service =
		catalog_service(parts->catalog(parts->owner), r->host, r->service);
	if (!service) {
		error_set(err, ERR_NOT_FOUND, "no such service");
		return NULL;
	}
	AUTO(plot) plot = plot_create(parts->catalog(parts->owner), service);
	g_autoptr(GPtrArray) fields = fields_of(plot);
	flush_fields(parts->writer, fields);
	g_autoptr(GHashTable) files = hold_files(r, fields);
	r->drawing.plot = plot;
	r->drawing.files = files;
	r->drawing.now_s = wall_s(wall_now());
	GPtrArray *arguments = drawing_arguments(&r->drawing, err);
	r->drawing.plot = NULL;
	r->drawing.files = NULL;
	return arguments;
}

static void answer_request(
	const struct request *r, const void *picture, size_t length, const struct error *why)
{
	const struct graph_shop_parts *parts = &r->shop->parts;
	struct channel *channel = parts->asker(parts->owner, r->asker);
	if (channel && picture) {
		answer_graph(r->number, picture, length, channel, parts->frame);
	} else if (channel) {
		answer_graph_error(r->number, why, channel, parts->frame);
	}
}

static bool submit(struct request *r, struct error *err);

static void request_done(void *owner, const void *picture, size_t length, const struct error *why)
{
	struct request *r = owner;
	release(r);
	if (!picture && why->kind == ERR_STORAGE && !r->careful) {
		r->careful = true;
		if (submit(r, NULL)) {
			return;
		}
	}
	answer_request(r, picture, length, why);
	request_destroy(r);
}

static void request_drop(void *owner)
{
	request_destroy(owner);
}

static bool submit(struct request *r, struct error *err)
{
	struct render_job job = {.key = r->key,
		.prepare = request_prepare,
		.done = request_done,
		.drop = request_drop,
		.owner = r};
	return render_submit(r->shop->parts.render, &job, err);
}

void graph_take(struct graph_shop *shop, uint64_t asker, const struct frame *frame)
{
	uint32_t number = 0;
	uint32_t service_id = 0;
	struct error err = {.kind = ERR_NONE};
	struct request *r = request_read(frame, &number, &service_id, &err);
	if (!r) {
		refuse(shop, asker, number, &err);
		return;
	}
	const struct service *service =
		catalog_service_by_id(shop->parts.catalog(shop->parts.owner), service_id);
	if (!service) {
		error_set(&err, ERR_NOT_FOUND, "no such service");
		refuse(shop, asker, number, &err);
		request_destroy(r);
		return;
	}
	r->shop = shop;
	r->asker = asker;
	r->host = g_strdup(service->host_name);
	r->service = g_strdup(service->name);
	r->key = service_id;
	if (!submit(r, &err)) {
		refuse(shop, asker, number, &err);
		request_destroy(r);
	}
}

struct graph_shop *graph_shop_create(const struct graph_shop_parts *parts)
{
	struct graph_shop *shop = g_new0(struct graph_shop, 1);
	shop->parts = *parts;
	return shop;
}

void graph_shop_destroy(struct graph_shop *shop)
{
	g_free(shop);
}
