#include "rrd/header.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/*
 * The header of an RRD file: any bytes, with the size of the file in front. What is accepted must
 * fit together.
 */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	uint64_t file_size;
	struct header header;
	struct error err = {.kind = ERR_NONE};
	if (size < sizeof(file_size)) {
		return 0;
	}
	memcpy(&file_size, data, sizeof(file_size));
	if (!header_read(data + sizeof(file_size), size - sizeof(file_size), file_size, 1800000000,
			&header, &err)) {
		assert(err.kind == ERR_STORAGE);
		return 0;
	}
	uint64_t bytes = header_length(1, header.archive_count);
	for (size_t i = 0; i < header.archive_count; i++) {
		assert(header.archives[i].current_row < header.archives[i].rows);
		assert(header.archives[i].steps_per_row > 0);
		bytes += header.archives[i].rows * sizeof(double);
	}
	assert(bytes == file_size && header.step_s > 0 && header.type < FIELD_TYPES);
	return 0;
}
