#include "model/declare.h"
#include "model/message.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * Declarations on the wire. The reader trusts nobody: it builds a service of its own and hands it
 * out only when all fields came, in order, each with a valid name, type and limits.
 */

enum { FIELDS_MAX = 1000, STEP_MAX_S = 86400 * 366, FIELD_FIXED = 4 + 1 + 1 + 8 + 8 + 2 + 2 + 4 };

static void put_attributes(struct frame_writer *w, const struct attributes *a)
{
	frame_put_u32(w, (uint32_t)a->length);
	frame_put_bytes(w, a->packed, a->length);
}

static void put_field(struct frame_writer *w, const struct field *field)
{
	frame_put_u32(w, field->series_id);
	frame_put_u8(w, field->type);
	frame_put_u8(w, field->gone);
	frame_put_f64(w, field->min);
	frame_put_f64(w, field->max);
	frame_put_text(w, field->name);
	frame_put_text(w, field->label);
	put_attributes(w, &field->attributes);
}

static size_t field_size(const struct field *field)
{
	return FIELD_FIXED + strlen(field->name) + strlen(field->label) + field->attributes.length;
}

/* Writes as many fields from `first` on as fit; returns how many. */
static size_t put_fields(
	struct frame_writer *w, const struct service *service, uint32_t id, size_t first)
{
	size_t count = service_field_count(service);
	size_t n = 0;
	for (size_t room = FRAME_PAYLOAD_MAX - 8; first + n < count; n++) {
		size_t size = field_size(service_field(service, first + n));
		if (size > room) {
			break;
		}
		room -= size;
	}
	message_start(w, MESSAGE_FIELDS);
	frame_put_u32(w, id);
	frame_put_u16(w, (uint16_t)first);
	frame_put_u16(w, (uint16_t)n);
	for (size_t i = 0; i < n; i++) {
		put_field(w, service_field(service, first + i));
	}
	return n;
}

bool declare_send(struct channel *channel, struct frame_writer *w, const struct service *service,
	uint32_t id, struct error *err)
{
	size_t count = service_field_count(service);
	message_start(w, MESSAGE_SERVICE);
	frame_put_u32(w, id);
	frame_put_u32(w, service->step_s);
	frame_put_u16(w, (uint16_t)count);
	frame_put_text(w, service->group);
	frame_put_text(w, service->host_name);
	frame_put_text(w, service->name);
	put_attributes(w, &service->attributes);
	if (!channel_send(channel, w, err)) {
		return false;
	}
	for (size_t first = 0; first < count;) {
		first += put_fields(w, service, id, first);
		if (!channel_send(channel, w, err)) {
			return false;
		}
	}
	return true;
}

void declare_reader_finish(struct declare_reader *reader)
{
	service_destroy(reader->service);
	*reader = (struct declare_reader){0};
}

static bool get_attributes(
	struct frame_reader *r, enum attributes_level level, struct attributes *a)
{
	uint32_t length = frame_get_u32(r);
	const unsigned char *bytes = frame_get_bytes(r, length);
	return bytes && attributes_unpack(a, level, bytes, length);
}

static bool read_service(struct declare_reader *reader, const struct frame *frame)
{
	declare_reader_finish(reader);
	struct frame_reader r = frame_read(frame);
	uint32_t id = frame_get_u32(&r);
	uint32_t step_s = frame_get_u32(&r);
	size_t expected = frame_get_u16(&r);
	char group[IDENT_GROUP_MAX + 1];
	char host[IDENT_HOST_MAX + 1];
	char name[IDENT_SERVICE_MAX + 1];
	frame_get_text_into(&r, group, sizeof(group));
	frame_get_text_into(&r, host, sizeof(host));
	frame_get_text_into(&r, name, sizeof(name));
	if (r.failed || id > DECLARE_ID_MAX || !step_s || step_s > STEP_MAX_S ||
		expected > FIELDS_MAX || !ident_is_group(group) || !ident_is_host(host) ||
		!ident_is_service(name)) {
		return false;
	}
	AUTO(service) service = service_create(group, host, name, step_s);
	service->id = id;
	if (!get_attributes(&r, ATTRIBUTES_GRAPH, &service->attributes) || !frame_read_done(&r)) {
		return false;
	}
	reader->service = STEAL(service);
	reader->expected = expected;
	return true;
}

static bool read_field(struct frame_reader *r, struct service *service)
{
	uint32_t series_id = frame_get_u32(r);
	unsigned type = frame_get_u8(r);
	bool gone = frame_get_u8(r);
	double min = frame_get_f64(r);
	double max = frame_get_f64(r);
	char name[IDENT_FIELD_MAX + 1];
	char label[ATTRIBUTES_VALUE_MAX + 1];
	frame_get_text_into(r, name, sizeof(name));
	frame_get_text_into(r, label, sizeof(label));
	if (r->failed || series_id > DECLARE_SERIES_MAX || type >= FIELD_TYPES || isinf(min) ||
		isinf(max) || !ident_is_field(name) || !g_utf8_validate(label, -1, NULL) ||
		service_find_field(service, name)) {
		return false;
	}
	struct field *field = service_add_field(service, name, label, (enum field_type)type);
	field->series_id = series_id;
	field->gone = gone;
	field->min = min;
	field->max = max;
	return get_attributes(r, ATTRIBUTES_FIELD, &field->attributes);
}

static bool read_fields(struct declare_reader *reader, const struct frame *frame)
{
	struct frame_reader r = frame_read(frame);
	uint32_t id = frame_get_u32(&r);
	size_t first = frame_get_u16(&r);
	size_t n = frame_get_u16(&r);
	struct service *service = reader->service;
	if (r.failed || !service || service->id != id || first != service_field_count(service) ||
		first + n > reader->expected) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (!read_field(&r, service)) {
			return false;
		}
	}
	return frame_read_done(&r);
}

bool declare_read(struct declare_reader *reader, const struct frame *frame,
	struct service **complete, struct error *err)
{
	*complete = NULL;
	bool good =
		frame->type == MESSAGE_SERVICE ? read_service(reader, frame) : read_fields(reader, frame);
	if (!good) {
		declare_reader_finish(reader);
		return error_set(err, ERR_PROTOCOL, "a declaration that is not as promised");
	}
	if (service_field_count(reader->service) == reader->expected) {
		*complete = STEAL(reader->service);
	}
	return true;
}
