/*
 * Two numbers per series in an array. A host's series are stored as one row: {version, n x {series,
 * first, last}}, so that a write of all of a large fleet is thousands of rows, not hundreds of
 * thousands, and can be spread over minutes.
 */
#include "engine/seen.h"
#include "base/frame.h"
#include "model/declare.h"

#include <string.h>

#include "base/banned.h"

enum { PACK_VERSION = 1 };

struct seen {
	const struct catalog *catalog;
	const struct window *window;
	GArray *spans; /* struct seen_span by series id */
};

struct seen *seen_create(const struct catalog *catalog, const struct window *window)
{
	struct seen *seen = g_new0(struct seen, 1);
	seen->catalog = catalog;
	seen->window = window;
	seen->spans = g_array_new(FALSE, TRUE, sizeof(struct seen_span));
	return seen;
}

void seen_destroy(struct seen *seen)
{
	if (seen) {
		g_array_unref(seen->spans);
		g_free(seen);
	}
}

static struct seen_span *span_at(struct seen *seen, uint32_t series_id)
{
	if (series_id >= seen->spans->len) {
		g_array_set_size(seen->spans, series_id + series_id / 4 + 1);
	}
	return &g_array_index(seen->spans, struct seen_span, series_id);
}

void seen_begin(struct seen *seen, const struct service *service, struct wall now)
{
	for (size_t i = 0; i < service_field_count(service); i++) {
		uint32_t series_id = service_field(service, i)->series_id;
		struct seen_span *span = series_id ? span_at(seen, series_id) : NULL;
		if (span && !span->first_s) {
			span->first_s = (uint32_t)wall_s(now);
		}
	}
}

struct seen_span seen_of(const struct seen *seen, uint32_t series_id)
{
	struct seen_span span = {0};
	if (series_id < seen->spans->len) {
		span = g_array_index(seen->spans, struct seen_span, series_id);
	}
	int64_t known_s = wall_s(window_known_at(seen->window, series_id));
	span.last_s = MAX(span.last_s, (uint32_t)CLAMP(known_s, 0, (int64_t)UINT32_MAX));
	return span;
}

static void pack_number(GByteArray *out, uint32_t number)
{
	g_byte_array_append(out, (const guint8 *)&number, sizeof(number));
}

void seen_pack(const struct seen *seen, const struct host *host, GByteArray *out)
{
	guint8 version = PACK_VERSION;
	for (guint s = 0; s < host->services->len; s++) {
		const struct service *service = host->services->pdata[s];
		for (size_t i = 0; i < service_field_count(service); i++) {
			uint32_t series_id = service_field(service, i)->series_id;
			struct seen_span span = seen_of(seen, series_id);
			if (!series_id || (!span.first_s && !span.last_s)) {
				continue;
			}
			if (!out->len) {
				g_byte_array_append(out, &version, 1);
			}
			pack_number(out, series_id);
			pack_number(out, span.first_s);
			pack_number(out, span.last_s);
		}
	}
}

bool seen_restore(struct seen *seen, const void *bytes, size_t length)
{
	struct frame_reader r = {.at = bytes, .end = (const unsigned char *)bytes + length};
	if (!length || frame_get_u8(&r) != PACK_VERSION) {
		return false;
	}
	while (frame_left(&r)) {
		uint32_t series_id = frame_get_u32(&r);
		struct seen_span span = {.first_s = frame_get_u32(&r)};
		span.last_s = frame_get_u32(&r);
		if (r.failed || !series_id || series_id > DECLARE_SERIES_MAX ||
			!catalog_series(seen->catalog, series_id)) {
			return false; /* of no series that the inventory knows */
		}
		*span_at(seen, series_id) = span;
	}
	return true;
}
