#include "base/frame.h"
#include "base/text.h"

#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * Frames between roles. The sender may be a role that somebody took over, so nothing is believed:
 * the table says what may come from whom, the reader checks every length before it looks.
 */

bool frame_decode(const struct frame_table *table, unsigned from, unsigned to,
	const unsigned char *packet, size_t length, struct frame *frame, const char **why)
{
	if (length < FRAME_HEADER || length > FRAME_MAX) {
		*why = "impossible length";
		return false;
	}
	memcpy(&frame->type, packet, 2);
	memcpy(&frame->version, packet + 2, 2);
	memcpy(&frame->length, packet + 4, 4);
	frame->payload = packet + FRAME_HEADER;
	if (frame->length != length - FRAME_HEADER) {
		*why = "length in the header differs";
		return false;
	}
	for (size_t i = 0; i < table->count; i++) {
		const struct frame_rule *rule = &table->rules[i];
		if (rule->type != frame->type) {
			continue;
		}
		*why = rule->version != frame->version ? "another version"
			   : frame->length < rule->least || frame->length > rule->most
				   ? "length outside the table"
			   : !(rule->from & (1U << from)) || !(rule->to & (1U << to))
				   ? "not for this pair of roles"
				   : NULL;
		return !*why;
	}
	*why = "unknown type";
	return false;
}

const char *frame_name(const struct frame_table *table, uint16_t type)
{
	for (size_t i = 0; i < table->count; i++) {
		if (table->rules[i].type == type) {
			return table->rules[i].name;
		}
	}
	return "?";
}

void frame_start(struct frame_writer *w, uint16_t type, uint16_t version)
{
	w->length = FRAME_HEADER;
	w->overflow = false;
	memcpy(w->packet, &type, 2);
	memcpy(w->packet + 2, &version, 2);
	memset(w->packet + 4, 0, 4);
}

void frame_put_bytes(struct frame_writer *w, const void *bytes, size_t length)
{
	if (length > FRAME_MAX - w->length) {
		w->overflow = true;
		return;
	}
	if (length) {
		memcpy(w->packet + w->length, bytes, length);
		w->length += length;
	}
}

void frame_put_u8(struct frame_writer *w, uint8_t v)
{
	frame_put_bytes(w, &v, sizeof(v));
}

void frame_put_u16(struct frame_writer *w, uint16_t v)
{
	frame_put_bytes(w, &v, sizeof(v));
}

void frame_put_u32(struct frame_writer *w, uint32_t v)
{
	frame_put_bytes(w, &v, sizeof(v));
}

void frame_put_u64(struct frame_writer *w, uint64_t v)
{
	frame_put_bytes(w, &v, sizeof(v));
}

void frame_put_i64(struct frame_writer *w, int64_t v)
{
	frame_put_bytes(w, &v, sizeof(v));
}

void frame_put_f64(struct frame_writer *w, double v)
{
	frame_put_bytes(w, &v, sizeof(v));
}

void frame_put_text(struct frame_writer *w, const char *text)
{
	size_t length = text ? strlen(text) : 0;
	if (length > 64000) {
		length = 64000;
		while (length && ((unsigned char)text[length] & 0xc0) == 0x80) {
			length--;
		}
	}
	frame_put_u16(w, (uint16_t)length);
	frame_put_bytes(w, text, length);
}

void frame_put_clean(struct frame_writer *w, const char *text, size_t limit)
{
	g_autofree char *clean = text ? text_clean(text, strlen(text), limit) : NULL;
	frame_put_text(w, clean);
}

size_t frame_room(const struct frame_writer *w)
{
	return FRAME_MAX - w->length;
}

void frame_finish(struct frame_writer *w)
{
	uint32_t length = (uint32_t)(w->length - FRAME_HEADER);
	memcpy(w->packet + 4, &length, 4);
}

struct frame_reader frame_read(const struct frame *frame)
{
	const unsigned char *begin = frame->payload; /* NULL where there is none */
	return (struct frame_reader){.at = begin, .end = frame->length ? begin + frame->length : begin};
}

const unsigned char *frame_get_bytes(struct frame_reader *r, size_t length)
{
	if (r->failed || (size_t)(r->end - r->at) < length) {
		r->failed = true;
		return NULL;
	}
	const unsigned char *bytes = r->at;
	r->at += length;
	return bytes;
}

#define FRAME_GET(name, type)                                                                      \
	type frame_get_##name(struct frame_reader *r)                                                  \
	{                                                                                              \
		type v = 0;                                                                                \
		const unsigned char *bytes = frame_get_bytes(r, sizeof(v));                                \
		if (bytes) {                                                                               \
			memcpy(&v, bytes, sizeof(v));                                                          \
		}                                                                                          \
		return v;                                                                                  \
	}

FRAME_GET(u8, uint8_t)
FRAME_GET(u16, uint16_t)
FRAME_GET(u32, uint32_t)
FRAME_GET(u64, uint64_t)
FRAME_GET(i64, int64_t)
FRAME_GET(f64, double)

static const unsigned char *frame_get_text_bytes(struct frame_reader *r, size_t *length)
{
	*length = frame_get_u16(r);
	const unsigned char *bytes = frame_get_bytes(r, *length);
	if (bytes && *length && memchr(bytes, 0, *length)) {
		r->failed = true;
	}
	return r->failed ? NULL : bytes;
}

char *frame_get_text(struct frame_reader *r)
{
	size_t length;
	const unsigned char *bytes = frame_get_text_bytes(r, &length);
	return bytes ? g_strndup((const char *)bytes, length) : g_strdup("");
}

void frame_get_text_into(struct frame_reader *r, char *out, size_t size)
{
	size_t length;
	const unsigned char *bytes = frame_get_text_bytes(r, &length);
	if (bytes && length >= size) {
		r->failed = true;
		bytes = NULL;
	}
	if (bytes) {
		memcpy(out, bytes, length);
	}
	out[bytes ? length : 0] = '\0';
}

size_t frame_left(const struct frame_reader *r)
{
	return r->failed ? 0 : (size_t)(r->end - r->at);
}

bool frame_read_done(const struct frame_reader *r)
{
	return !r->failed && r->at == r->end;
}
