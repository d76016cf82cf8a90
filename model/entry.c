#include "model/entry.h"

#include "base/text.h"
#include "model/service.h"

#include "base/banned.h"

/*
 * The payloads of the journal. Written by the engine only, but read back from a disk that may have
 * changed them, so readers check every length and name. SAMPLES is the hot one: it is written pair
 * by pair into a fixed buffer and read in place, without a copy.
 */

enum { SECTION_HEADER = 12, SAMPLES_HEADER = 8 };

void entry_samples_start(struct entry_writer *w, struct wall arrived)
{
	memcpy(w->payload, &arrived.ms, 8);
	w->length = SAMPLES_HEADER;
	w->section = 0;
	w->count = 0;
}

static int64_t writer_section_at(const struct entry_writer *w)
{
	int64_t ms;
	memcpy(&ms, w->payload + w->section, 8);
	return ms;
}

bool entry_samples_add(struct entry_writer *w, struct wall at, uint32_t series_id, double value)
{
	bool fresh = !w->section || writer_section_at(w) != at.ms;
	size_t need = ENTRY_PAIR + (fresh ? (size_t)SECTION_HEADER : 0);
	if (sizeof(w->payload) - w->length < need) {
		return false;
	}
	if (fresh) {
		w->section = w->length;
		memcpy(w->payload + w->length, &at.ms, 8);
		memset(w->payload + w->length + 8, 0, 4);
		w->length += SECTION_HEADER;
	}
	memcpy(w->payload + w->length, &series_id, 4);
	memcpy(w->payload + w->length + 4, &value, 8);
	w->length += ENTRY_PAIR;
	uint32_t count;
	memcpy(&count, w->payload + w->section + 8, 4);
	count++;
	memcpy(w->payload + w->section + 8, &count, 4);
	w->count++;
	return true;
}

bool entry_samples_next(struct entry_samples *samples, struct entry_section *section)
{
	size_t left = (size_t)(samples->end - samples->at);
	if (left < SECTION_HEADER) {
		return false;
	}
	memcpy(&section->at.ms, samples->at, 8);
	memcpy(&section->count, samples->at + 8, 4);
	section->pairs = samples->at + SECTION_HEADER;
	if (section->count > (left - SECTION_HEADER) / ENTRY_PAIR) {
		return false;
	}
	samples->at = section->pairs + (size_t)section->count * ENTRY_PAIR;
	return true;
}

bool entry_samples_read(struct entry_samples *samples, const unsigned char *payload, size_t length)
{
	if (length < SAMPLES_HEADER) {
		return false;
	}
	memcpy(&samples->arrived.ms, payload, 8);
	samples->at = payload + SAMPLES_HEADER;
	samples->end = payload + length;
	struct entry_samples check = *samples;
	struct entry_section section;
	while (entry_samples_next(&check, &section)) {
		/* only to see that the sections end where the payload ends */
	}
	return check.at == check.end;
}

static unsigned char *put_text(unsigned char *out, const char *text)
{
	uint16_t length = (uint16_t)strlen(text);
	memcpy(out, &length, 2);
	memcpy(out + 2, text, length);
	return out + 2 + length;
}

size_t entry_series_write(const struct entry_series *series, unsigned char *out)
{
	unsigned char *p = out;
	memcpy(p, &series->series_id, 4);
	memcpy(p + 4, &series->step_s, 4);
	p[8] = series->type;
	memcpy(p + 9, &series->min, 8);
	memcpy(p + 17, &series->max, 8);
	p = put_text(p + 25, series->layout);
	p = put_text(p, series->group);
	p = put_text(p, series->host);
	p = put_text(p, series->service);
	p = put_text(p, series->field);
	return (size_t)(p - out);
}

bool entry_series_read(struct entry_series *series, const unsigned char *payload, size_t length)
{
	struct frame_reader r = {.at = payload, .end = payload + length};
	series->series_id = frame_get_u32(&r);
	series->step_s = frame_get_u32(&r);
	series->type = frame_get_u8(&r);
	series->min = frame_get_f64(&r);
	series->max = frame_get_f64(&r);
	frame_get_text_into(&r, series->layout, sizeof(series->layout));
	frame_get_text_into(&r, series->group, sizeof(series->group));
	frame_get_text_into(&r, series->host, sizeof(series->host));
	frame_get_text_into(&r, series->service, sizeof(series->service));
	frame_get_text_into(&r, series->field, sizeof(series->field));
	return frame_read_done(&r) && series->series_id && series->step_s &&
		   series->type < FIELD_TYPES && text_is_plain(series->layout, ENTRY_LAYOUT_MAX) &&
		   ident_is_group(series->group) && ident_is_host(series->host) &&
		   ident_is_service(series->service) && ident_is_field(series->field);
}

void entry_tick_write(unsigned char out[ENTRY_TICK_LENGTH], struct wall now)
{
	memcpy(out, &now.ms, ENTRY_TICK_LENGTH);
}

bool entry_tick_read(struct wall *now, const unsigned char *payload, size_t length)
{
	if (length != ENTRY_TICK_LENGTH) {
		return false;
	}
	memcpy(&now->ms, payload, ENTRY_TICK_LENGTH);
	return true;
}
