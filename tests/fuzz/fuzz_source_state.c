/* The payload of a SOURCE frame: what is taken can be written again and is then read the same. */
#include "model/message.h"
#include "model/source_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct frame_writer w;
	struct frame frame = {
		.type = MESSAGE_SOURCE, .version = 1, .length = (uint32_t)size, .payload = data};
	free(source_gone_read(&frame, NULL));
	struct source_state source;
	if (!source_state_read(&source, &frame, NULL)) {
		assert(!source.id);
		return 0;
	}
	source_state_put(&w, &source);
	assert(!w.overflow && w.length - FRAME_HEADER == size);
	assert(!memcmp(w.packet + FRAME_HEADER, data, size));
	source_state_finish(&source);
	return 0;
}
