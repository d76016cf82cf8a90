/*
 * The state of a source on the wire. The writer takes what it is given, cleans and cuts it; the
 * reader trusts nobody and takes only what such a writer can have written, so that everything
 * behind it may be shown and stored as it is.
 */
#include "model/source_state.h"
#include "base/text.h"
#include "model/ident.h"
#include "model/message.h"

#include <string.h>

#include "base/banned.h"

static const char *const condition_names[SOURCE_CONDITIONS] = {
	[SOURCE_WAITING] = "waiting",
	[SOURCE_OK] = "ok",
	[SOURCE_COMPLAINING] = "complaining",
	[SOURCE_FAILING] = "failing",
	[SOURCE_STALE] = "stale",
};

const char *source_condition_name(unsigned condition)
{
	return condition < SOURCE_CONDITIONS ? condition_names[condition] : "?";
}

/* -- writing -- */

void source_state_put(struct frame_writer *w, const struct source_state *source)
{
	message_start(w, MESSAGE_SOURCE);
	frame_put_clean(w, source->id, SOURCE_ID_MAX);
	frame_put_text(w, source->group);
	frame_put_text(w, source->host);
	frame_put_clean(w, source->kind, SOURCE_KIND_MAX);
	frame_put_clean(w, source->name, SOURCE_NAME_MAX);
	frame_put_clean(w, source->where, SOURCE_WHERE_MAX);
	frame_put_u8(w, source->state);
	frame_put_i64(w, source->since.ms);
	frame_put_u32(w, source->step_s);
	frame_put_i64(w, source->last.ms);
	frame_put_i64(w, source->next.ms);
	frame_put_u32(w, source->took_ms);
	frame_put_u32(w, source->services);
	frame_put_u32(w, source->series);
	frame_put_u32(w, source->failures);
	frame_put_clean(w, source->version, SOURCE_VERSION_MAX);
	frame_put_clean(w, source->error, SOURCE_ERROR_MAX);
	uint32_t count = MIN(source->complaint_count, (uint32_t)SOURCE_COMPLAINTS_MAX);
	frame_put_u16(w, (uint16_t)count);
	for (uint32_t i = 0; i < count; i++) {
		frame_put_clean(w, source->complaints[i].plugin, SOURCE_PLUGIN_MAX);
		frame_put_clean(w, source->complaints[i].error, SOURCE_ERROR_MAX);
	}
	frame_put_i64(w, source->first.ms);
	frame_put_text(w, source->strip);
	frame_put_i64(w, source->found.ms);
}

void source_gone_put(struct frame_writer *w, const char *id)
{
	message_start(w, MESSAGE_SOURCE_GONE);
	frame_put_clean(w, id, SOURCE_ID_MAX);
}

/* -- reading -- */

/* A text that is clean, neither too long nor, if `least` says so, empty; else the reader fails. */
static char *get_clean(struct frame_reader *r, size_t least, size_t limit)
{
	char *text = frame_get_text(r);
	size_t length = strlen(text);
	g_autofree char *clean = text_clean(text, length, limit);
	if (length < least || strcmp(clean, text) != 0) {
		r->failed = true;
	}
	return text;
}

static void get_complaints(struct frame_reader *r, struct source_state *source)
{
	uint32_t count = frame_get_u16(r);
	if (r->failed || count > SOURCE_COMPLAINTS_MAX) {
		r->failed = true;
		return;
	}
	source->complaint_count = count;
	source->complaints = count ? g_new0(struct source_complaint, count) : NULL;
	for (uint32_t i = 0; i < count; i++) {
		source->complaints[i].plugin = get_clean(r, 1, SOURCE_PLUGIN_MAX);
		source->complaints[i].error = get_clean(r, 0, SOURCE_ERROR_MAX);
	}
}

static bool is_strip(const char *strip)
{
	size_t length = strlen(strip);
	return !length || (length == SOURCE_STRIP && strspn(strip, "onwcu-") == SOURCE_STRIP);
}

static void get_numbers(struct frame_reader *r, struct source_state *source)
{
	source->state = frame_get_u8(r);
	source->since.ms = frame_get_i64(r);
	source->step_s = frame_get_u32(r);
	source->last.ms = frame_get_i64(r);
	source->next.ms = frame_get_i64(r);
	source->took_ms = frame_get_u32(r);
	source->services = frame_get_u32(r);
	source->series = frame_get_u32(r);
	source->failures = frame_get_u32(r);
}

bool source_state_read(struct source_state *source, const struct frame *frame, struct error *err)
{
	struct frame_reader r = frame_read(frame);
	*source = (struct source_state){0};
	source->id = get_clean(&r, 1, SOURCE_ID_MAX);
	source->group = get_clean(&r, 1, IDENT_GROUP_MAX);
	source->host = get_clean(&r, 1, IDENT_HOST_MAX);
	source->kind = get_clean(&r, 1, SOURCE_KIND_MAX);
	source->name = get_clean(&r, 1, SOURCE_NAME_MAX);
	source->where = get_clean(&r, 0, SOURCE_WHERE_MAX);
	get_numbers(&r, source);
	source->version = get_clean(&r, 0, SOURCE_VERSION_MAX);
	source->error = get_clean(&r, 0, SOURCE_ERROR_MAX);
	get_complaints(&r, source);
	source->first.ms = frame_get_i64(&r);
	frame_get_text_into(&r, source->strip, sizeof(source->strip));
	source->found.ms = frame_get_i64(&r);
	if (frame_read_done(&r) && source->state < SOURCE_CONDITIONS && is_strip(source->strip) &&
		ident_is_group(source->group) && ident_is_host(source->host)) {
		return true;
	}
	source_state_finish(source);
	return error_set(err, ERR_PROTOCOL, "a source's state that is not as promised");
}

void source_state_finish(struct source_state *source)
{
	char *const texts[] = {source->id, source->group, source->host, source->kind, source->name,
		source->where, source->version, source->error};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		g_free(texts[i]);
	}
	for (uint32_t i = 0; i < source->complaint_count; i++) {
		g_free(source->complaints[i].plugin);
		g_free(source->complaints[i].error);
	}
	g_free(source->complaints);
	*source = (struct source_state){0};
}

char *source_gone_read(const struct frame *frame, struct error *err)
{
	struct frame_reader r = frame_read(frame);
	g_autofree char *id = get_clean(&r, 1, SOURCE_ID_MAX);
	if (!frame_read_done(&r)) {
		(void)error_set(err, ERR_PROTOCOL, "the end of a source that is not as promised");
		return NULL;
	}
	return g_steal_pointer(&id);
}

/* -- what is remembered for a collector -- */

enum { KNOWN_LENGTH = 3 * 2 + 8 }; /* without its texts */

void source_known_begin(struct frame_writer *w)
{
	message_start(w, MESSAGE_KNOWN_SOURCES);
}

bool source_known_put(struct frame_writer *w, const struct source_state *source)
{
	size_t length =
		KNOWN_LENGTH + strlen(source->host) + strlen(source->name) + strlen(source->where);
	if (source->found.ms <= 0 || !*source->where || !ident_is_service(source->name) ||
		frame_room(w) < length) {
		return false;
	}
	frame_put_text(w, source->host);
	frame_put_text(w, source->name);
	frame_put_text(w, source->where);
	frame_put_i64(w, source->found.ms);
	return true;
}

static void known_free(gpointer data)
{
	source_state_finish(data);
	g_free(data);
}

GPtrArray *source_known_read(const struct frame *frame, struct error *err)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(known_free);
	struct frame_reader r = frame_read(frame);
	while (!r.failed && frame_left(&r)) {
		struct source_state *known = g_new0(struct source_state, 1);
		g_ptr_array_add(all, known);
		known->host = get_clean(&r, 1, IDENT_HOST_MAX);
		known->name = get_clean(&r, 1, IDENT_SERVICE_MAX);
		known->where = get_clean(&r, 1, SOURCE_WHERE_MAX);
		known->found.ms = frame_get_i64(&r);
		r.failed |=
			!ident_is_host(known->host) || !ident_is_service(known->name) || known->found.ms <= 0;
	}
	if (!frame_read_done(&r)) {
		(void)error_set(err, ERR_PROTOCOL, "services known from before that are not as promised");
		return NULL;
	}
	return g_steal_pointer(&all);
}
