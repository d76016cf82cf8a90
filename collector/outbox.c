#include "collector/outbox.h"
#include "base/log.h"
#include "model/declare.h"
#include "model/message.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * The rounds stand in a ring that grows; rounds that left are used again with their buffers: a
 * steady state allocates nothing. A round is its sections in wire format plus, per section, a
 * reference to the declaration it was measured under.
 *
 *      first          next             first + count
 *        |  sent, kept  |  to be sent        |
 *
 * 1. Rounds leave in the order in which they came; so do the declarations, and the last one said of
 * a service is the one in force.
 * 2. A section is never sent on a connection that was not told its declaration.
 * 3. A round is either sent whole on a connection or sent whole again on the next one.
 */
struct outbox_section {
	struct declaration *declaration;
	uint32_t offset, length; /* in round->bytes; length 0: declaration only */
};

enum { OUTBOX_SPARE_MAX = 64, OUTBOX_SPARE_BYTES = 32 << 10 };

struct outbox_round {
	struct wall at; /* when it was put in */
	GByteArray *bytes;
	GArray *sections;        /* struct outbox_section */
	struct outbox_seen seen; /* texts are the round's own */
	bool has_seen, complete;
	bool told; /* was sent whole on some connection */
};

struct outbox {
	struct channel *channel;
	uint64_t connection; /* number of the present one */
	uint32_t next_handle;
	size_t size, first, count; /* of the ring; slots in use */
	size_t sent;               /* of those, the first ones that were sent on this connection */
	size_t bytes;
	uint64_t dropped;
	struct frame_writer *writer;
	struct outbox_round **rounds;
	GPtrArray *spare; /* struct outbox_round *, empty */
};

struct outbox *outbox_create(void)
{
	struct outbox *outbox = g_new0(struct outbox, 1);
	outbox->next_handle = 1;
	outbox->writer = g_new0(struct frame_writer, 1);
	outbox->spare = g_ptr_array_new();
	return outbox;
}

static struct outbox_round *outbox_at(struct outbox *outbox, size_t index)
{
	return outbox->rounds[(outbox->first + index) % outbox->size];
}

static void outbox_clear(struct outbox_round *round)
{
	for (guint i = 0; i < round->sections->len; i++) {
		declaration_unref(g_array_index(round->sections, struct outbox_section, i).declaration);
	}
	g_array_set_size(round->sections, 0);
	g_byte_array_set_size(round->bytes, 0);
	g_free((char *)round->seen.group);
	g_free((char *)round->seen.host);
	g_free((char *)round->seen.error);
	round->seen = (struct outbox_seen){0};
	round->has_seen = false;
	round->complete = false;
	round->told = false;
}

static void outbox_free(struct outbox_round *round)
{
	g_byte_array_unref(round->bytes);
	g_array_unref(round->sections);
	g_free(round);
}

static void outbox_recycle(struct outbox *outbox, struct outbox_round *round)
{
	bool small = round->bytes->len <= OUTBOX_SPARE_BYTES;
	outbox_clear(round);
	if (small && outbox->spare->len < OUTBOX_SPARE_MAX) {
		g_ptr_array_add(outbox->spare, round);
	} else {
		outbox_free(round);
	}
}

static struct outbox_round *outbox_fresh(struct outbox *outbox)
{
	if (outbox->spare->len) {
		return g_ptr_array_steal_index(outbox->spare, outbox->spare->len - 1);
	}
	struct outbox_round *round = g_new0(struct outbox_round, 1);
	round->bytes = g_byte_array_new();
	round->sections = g_array_new(FALSE, FALSE, sizeof(struct outbox_section));
	return round;
}

static void outbox_grow(struct outbox *outbox)
{
	size_t size = outbox->size ? outbox->size * 2 : 256;
	struct outbox_round **rounds = g_new0(struct outbox_round *, size);
	for (size_t i = 0; i < outbox->count; i++) {
		rounds[i] = outbox_at(outbox, i);
	}
	g_free(outbox->rounds);
	outbox->rounds = rounds;
	outbox->size = size;
	outbox->first = 0;
}

static void outbox_drop_first(struct outbox *outbox)
{
	struct outbox_round *round = outbox_at(outbox, 0);
	outbox->sent -= outbox->sent ? 1 : 0;
	outbox->dropped += !round->told;
	outbox->bytes -= round->bytes->len;
	outbox_recycle(outbox, round);
	outbox->first = (outbox->first + 1) % outbox->size;
	outbox->count--;
}

void outbox_destroy(struct outbox *outbox)
{
	if (!outbox) {
		return;
	}
	while (outbox->count) {
		outbox_drop_first(outbox);
	}
	for (guint i = 0; i < outbox->spare->len; i++) {
		outbox_free(outbox->spare->pdata[i]);
	}
	g_ptr_array_unref(outbox->spare);
	g_free(outbox->rounds);
	g_free(outbox->writer);
	g_free(outbox);
}

/* Drops what is too old or too much, seen from a round at `now`. */
static void outbox_trim(struct outbox *outbox, struct wall now)
{
	while (outbox->count) {
		int64_t age = now.ms - outbox_at(outbox, 0)->at.ms;
		int64_t keep = outbox_at(outbox, 0)->told ? OUTBOX_REPEAT_MS : OUTBOX_KEEP_MS;
		if (age <= keep && outbox->bytes <= OUTBOX_BYTES_MAX && outbox->count < OUTBOX_ROUNDS_MAX) {
			break;
		}
		outbox_drop_first(outbox);
	}
}

void outbox_begin(struct outbox *outbox, struct wall now)
{
	outbox_trim(outbox, now);
	if (outbox->count == outbox->size) {
		outbox_grow(outbox);
	}
	struct outbox_round *round = outbox_fresh(outbox);
	round->at = now;
	outbox->rounds[(outbox->first + outbox->count++) % outbox->size] = round;
}

static guint8 *write_le(guint8 *out, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++) {
		out[i] = (guint8)(value >> (8 * i));
	}
	return out + size;
}

void outbox_put_feed(struct outbox *outbox, const struct feed *feed, struct wall at)
{
	assert(outbox->count);
	struct outbox_round *round = outbox_at(outbox, outbox->count - 1);
	assert(!round->complete);
	struct declaration *declaration = feed->declaration;
	size_t count = feed_count(feed);
	uint32_t offset = round->bytes->len;
	if (!declaration->handle) {
		declaration->handle = outbox->next_handle++;
	}
	if (count) {
		g_byte_array_set_size(round->bytes, offset + 14 + (guint)count * 10);
		guint8 *out = round->bytes->data + offset;
		out = write_le(out, declaration->handle, 4);
		out = write_le(out, (uint64_t)at.ms, 8);
		out = write_le(out, count, 2);
		for (size_t i = 0; i < count; i++) {
			uint64_t raw;
			memcpy(&raw, &feed->values[i], sizeof(raw));
			out = write_le(out, i, 2);
			out = write_le(out, raw, 8);
		}
	}
	struct outbox_section section = {
		declaration_ref(declaration), offset, round->bytes->len - offset};
	assert(section.length <= FRAME_PAYLOAD_MAX);
	g_array_append_val(round->sections, section);
	outbox->bytes += section.length;
}

size_t outbox_put(struct outbox *outbox, const struct source *source, struct wall at)
{
	size_t taken = 0;
	for (guint i = 0; i < source->feeds->len; i++) {
		const struct feed *feed = source->feeds->pdata[i];
		if (feed->fresh) {
			outbox_put_feed(outbox, feed, at);
			taken++;
		}
	}
	return taken;
}

void outbox_end(struct outbox *outbox, const struct outbox_seen *seen)
{
	assert(outbox->count);
	struct outbox_round *round = outbox_at(outbox, outbox->count - 1);
	round->complete = true;
	round->has_seen = seen != NULL;
	if (seen) {
		round->seen = *seen;
		round->seen.group = g_strdup(seen->group);
		round->seen.host = g_strdup(seen->host);
		round->seen.error = g_strdup(seen->error ? seen->error : "");
	}
}

void outbox_connect(struct outbox *outbox, struct channel *channel)
{
	outbox->channel = channel;
	outbox->connection++;
	outbox->sent = 0;
	if (outbox->count) {
		outbox_trim(outbox, outbox_at(outbox, outbox->count - 1)->at);
	}
}

static bool outbox_tell(struct outbox *outbox, struct declaration *declaration)
{
	if (declaration->connection == outbox->connection) {
		return true;
	}
	struct error err;
	if (!declare_send(
			outbox->channel, outbox->writer, declaration->service, declaration->handle, &err)) {
		return false;
	}
	declaration->connection = outbox->connection;
	return true;
}

static bool outbox_send_seen(struct outbox *outbox, const struct outbox_seen *seen)
{
	struct frame_writer *w = outbox->writer;
	message_start(w, MESSAGE_HOST_SEEN);
	frame_put_i64(w, seen->at.ms);
	frame_put_u8(w, seen->up);
	frame_put_u32(w, seen->took_ms);
	frame_put_u32(w, seen->step_s);
	frame_put_u32(w, seen->cpus);
	frame_put_text(w, seen->group);
	frame_put_text(w, seen->host);
	frame_put_text(w, seen->error);
	return channel_send(outbox->channel, w, NULL);
}

/* All sections from `from` on that fit into one frame; returns the first that did not, 0 if the
 * queue is full. */
static guint outbox_send_samples(
	struct outbox *outbox, const struct outbox_round *round, guint from)
{
	struct frame_writer *w = outbox->writer;
	guint at = from;
	bool any = false;
	message_start(w, MESSAGE_SAMPLES);
	for (; at < round->sections->len; at++) {
		const struct outbox_section *s = &g_array_index(round->sections, struct outbox_section, at);
		if (frame_room(w) < s->length) {
			break;
		}
		if (s->length) {
			frame_put_bytes(w, round->bytes->data + s->offset, s->length);
			any = true;
		}
	}
	return !any || channel_send(outbox->channel, w, NULL) ? at : 0;
}

static bool outbox_send_round(struct outbox *outbox, const struct outbox_round *round)
{
	for (guint i = 0; i < round->sections->len; i++) {
		if (!outbox_tell(
				outbox, g_array_index(round->sections, struct outbox_section, i).declaration)) {
			return false;
		}
	}
	for (guint at = 0; at < round->sections->len;) {
		at = outbox_send_samples(outbox, round, at);
		if (!at) {
			return false;
		}
	}
	return !round->has_seen || outbox_send_seen(outbox, &round->seen);
}

bool outbox_flush(struct outbox *outbox)
{
	while (outbox->sent < outbox->count) {
		struct outbox_round *round = outbox_at(outbox, outbox->sent);
		if (!outbox->channel || !round->complete || !outbox_send_round(outbox, round)) {
			return false;
		}
		round->told = true;
		outbox->sent++;
	}
	return outbox->channel != NULL;
}

bool outbox_declare(struct outbox *outbox, const struct source *source)
{
	for (guint i = 0; outbox->channel && i < source->feeds->len; i++) {
		struct feed *feed = source->feeds->pdata[i];
		struct declaration *declaration = feed->declaration;
		if (!declaration->handle) {
			declaration->handle = outbox->next_handle++;
		}
		if (!outbox_tell(outbox, declaration)) {
			return false;
		}
	}
	return outbox->channel != NULL;
}

struct outbox_state outbox_state(const struct outbox *outbox)
{
	return (struct outbox_state){outbox->count - outbox->sent, outbox->bytes, outbox->dropped};
}
