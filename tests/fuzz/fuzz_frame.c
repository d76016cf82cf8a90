/*
 * The first byte picks the pair of roles, the rest is a packet: it is decoded and its payload read
 * with every reader in turn.
 */
#include "base/frame.h"
#include "model/message.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

static void read_all(const struct frame *frame, uint8_t pick)
{
	struct frame_reader r = frame_read(frame);
	while (frame_left(&r)) {
		char small[16];
		switch (pick++ % 8) {
		case 0: frame_get_u8(&r); break;
		case 1: frame_get_u16(&r); break;
		case 2: frame_get_u32(&r); break;
		case 3: frame_get_u64(&r); break;
		case 4: (void)frame_get_f64(&r); break;
		case 5: g_free(frame_get_text(&r)); break;
		case 6:
			frame_get_text_into(&r, small, sizeof(small));
			assert(strlen(small) < sizeof(small));
			break;
		case 7: frame_get_bytes(&r, pick); break;
		}
	}
	assert(frame_read_done(&r) == (!r.failed && r.at == r.end));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2) {
		return 0;
	}
	struct frame frame;
	const char *why = NULL;
	if (!frame_decode(&message_table, data[0] % ROLE_COUNT, data[0] / ROLE_COUNT % ROLE_COUNT,
			data + 2, size - 2, &frame, &why)) {
		assert(why);
		frame = (struct frame){.length = (uint32_t)size - 2, .payload = data + 2};
	}
	read_all(&frame, data[1]);
	return 0;
}
