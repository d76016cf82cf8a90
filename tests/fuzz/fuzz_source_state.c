/* The payload of a SOURCE or KNOWN_SOURCES frame: what is taken can be written again and is then
 * read the same. */
#include "model/message.h"
#include "model/source_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void read_known(const struct frame *frame)
{
	static struct frame_writer w;
	GPtrArray *all = source_known_read(frame, NULL);
	if (!all) {
		return;
	}
	source_known_begin(&w);
	for (guint i = 0; i < all->len; i++) {
		bool put = source_known_put(&w, all->pdata[i]);
		assert(put);
	}
	assert(w.length - FRAME_HEADER == frame->length);
	assert(!frame->length || !memcmp(w.packet + FRAME_HEADER, frame->payload, frame->length));
	g_ptr_array_unref(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct frame_writer w;
	struct frame frame = {
		.type = MESSAGE_SOURCE, .version = 1, .length = (uint32_t)size, .payload = data};
	free(source_gone_read(&frame, NULL));
	read_known(&frame);
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
