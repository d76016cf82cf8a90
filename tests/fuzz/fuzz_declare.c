/*
 * A stream of declaration frames, each with its length (15 bits) and its type (1 bit) in front:
 * whatever comes out is whole and valid, and goes into a catalog.
 */
#include "model/catalog.h"
#include "model/declare.h"
#include "model/ident.h"
#include "model/message.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void check_service(const struct service *service)
{
	assert(ident_is_host(service->host_name) && ident_is_service(service->name));
	assert(ident_is_group(service->group) && service->step_s);
	for (size_t i = 0; i < service_field_count(service); i++) {
		const struct field *field = service_field(service, i);
		assert(ident_is_field(field->name) && field->type < FIELD_TYPES);
		assert(service_find_field(service, field->name) == field);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct declare_reader reader = {0};
	AUTO(catalog) catalog = catalog_create();
	while (size > 2) {
		size_t length = data[0] | (size_t)(data[1] & 0x7f) << 8;
		enum message_type type = data[1] & 0x80 ? MESSAGE_SERVICE : MESSAGE_FIELDS;
		data += 2;
		size -= 2;
		length = length < size ? length : size;
		struct frame frame = {
			.type = (uint16_t)type, .version = 1, .length = (uint32_t)length, .payload = data};
		struct service *complete = NULL;
		if (declare_read(&reader, &frame, &complete, NULL) && complete) {
			check_service(complete);
			complete->id = 0;
			catalog_declare(catalog, complete, NULL);
		}
		data += length;
		size -= length;
	}
	declare_reader_finish(&reader);
	return 0;
}
