#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A frame is one packet between two roles: header {type u16, version u16, length u32} and `length`
 * bytes of payload, at most 64 KiB in all, little-endian, packed. A table (one per program,
 * model/message.h) lists which types exist, how long they may be and which role may send them to
 * which; what is outside it ends the sender.
 *
 * Payloads are written and read field by field with the functions below. A reader that ran past the
 * end, or met a text that is not as promised, gives zeros from then on and says so in
 * frame_read_done().
 */
enum { FRAME_MAX = 65536, FRAME_HEADER = 8, FRAME_PAYLOAD_MAX = FRAME_MAX - FRAME_HEADER };

struct frame {
	uint16_t type;
	uint16_t version;
	uint32_t length;
	const unsigned char *payload; /* valid during the callback */
};

/* One row of the table; `from` and `to` are bit sets of 1 << role. */
struct frame_rule {
	uint16_t type;
	uint16_t version;
	uint32_t least, most; /* payload bytes */
	uint32_t from, to;
	const char *name;
};

struct frame_table {
	const struct frame_rule *rules;
	size_t count;
};

/*
 * Checks `length` bytes as one frame from role `from` to role `to`; the frame points into `packet`.
 * False: outside the table (`*why` says what, a literal).
 */
MUST_USE bool frame_decode(const struct frame_table *table, unsigned from, unsigned to,
	const unsigned char *packet, size_t length, struct frame *frame, const char **why);

const char *frame_name(const struct frame_table *table, uint16_t type);

/* Building a frame. Too much content sets `overflow`; such a frame is never sent. Reusable by
 * frame_start(). */
struct frame_writer {
	size_t length; /* with header */
	bool overflow;
	unsigned char packet[FRAME_MAX];
};

void frame_start(struct frame_writer *w, uint16_t type, uint16_t version);
void frame_put_u8(struct frame_writer *w, uint8_t v);
void frame_put_u16(struct frame_writer *w, uint16_t v);
void frame_put_u32(struct frame_writer *w, uint32_t v);
void frame_put_u64(struct frame_writer *w, uint64_t v);
void frame_put_i64(struct frame_writer *w, int64_t v);
void frame_put_f64(struct frame_writer *w, double v);
void frame_put_bytes(
	struct frame_writer *w, const void *bytes, size_t length); /* raw, no length in front */
void frame_put_text(
	struct frame_writer *w, const char *text); /* u16 length + bytes; NULL is ""; cut at 64,000 */
void frame_put_clean(struct frame_writer *w, const char *text,
	size_t limit);                               /* the same after text_clean(); NULL is "" */
size_t frame_room(const struct frame_writer *w); /* payload bytes that still fit */
void frame_finish(struct frame_writer *w);       /* writes the length into the header */

struct frame_reader {
	const unsigned char *at, *end;
	bool failed;
};

struct frame_reader frame_read(const struct frame *frame);
uint8_t frame_get_u8(struct frame_reader *r);
uint16_t frame_get_u16(struct frame_reader *r);
uint32_t frame_get_u32(struct frame_reader *r);
uint64_t frame_get_u64(struct frame_reader *r);
int64_t frame_get_i64(struct frame_reader *r);
double frame_get_f64(struct frame_reader *r);
const unsigned char *frame_get_bytes(struct frame_reader *r, size_t length); /* NULL if not there */

/* A copy (g_malloc), NUL-terminated; "" on failure. A text with NUL inside is a failure. The caller
 * frees it (g_free). */
MUST_USE char *frame_get_text(struct frame_reader *r);

/* Into `out`; a text that does not fit is a failure. */
void frame_get_text_into(struct frame_reader *r, char *out, size_t size);

size_t frame_left(const struct frame_reader *r);

/* True if all was read as promised and nothing is left over. */
MUST_USE bool frame_read_done(const struct frame_reader *r);
