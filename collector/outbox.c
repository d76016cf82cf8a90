#include "collector/outbox.h"
#include "base/log.h"
#include "model/declare.h"
#include "model/message.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * The rounds stand in a ring of slots whose buffers are used again and again: a steady state
 * allocates nothing. A round is its sections in wire format plus, per section, a reference to the
 * declaration it was measured under.
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

struct outbox_round {
	struct wall at;
	GByteArray *bytes;
	GArray *sections;        /* struct outbox_section */
	struct outbox_seen seen; /* texts are the round's own */
	bool complete;
	bool told; /* was sent whole on some connection */
};

struct outbox {
	struct channel *channel;
	uint64_t connection; /* number of the present one */
	uint32_t next_handle;
	size_t first, count; /* slots in use */
	size_t sent;         /* of those, the first ones that were sent on this connection */
	size_t bytes;
	uint64_t dropped;
	struct frame_writer *writer;
	struct outbox_round rounds[OUTBOX_ROUNDS_MAX];
};

struct outbox *outbox_create(void)
{
	struct outbox *outbox = g_new0(struct outbox, 1);
	outbox->next_handle = 1;
	outbox->writer = g_new0(struct frame_writer, 1);
	return outbox;
}

static struct outbox_round *outbox_at(struct outbox *outbox, size_t index)
{
	return &outbox->rounds[(outbox->first + index) % OUTBOX_ROUNDS_MAX];
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
	round->complete = false;
	round->told = false;
}

static void outbox_drop_first(struct outbox *outbox)
{
	struct outbox_round *round = outbox_at(outbox, 0);
	outbox->sent -= outbox->sent ? 1 : 0;
	outbox->dropped += !round->told;
	outbox->bytes -= round->bytes->len;
	outbox_clear(round);
	outbox->first = (outbox->first + 1) % OUTBOX_ROUNDS_MAX;
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
	for (size_t i = 0; i < OUTBOX_ROUNDS_MAX; i++) {
		if (outbox->rounds[i].bytes) {
			g_byte_array_unref(outbox->rounds[i].bytes);
			g_array_unref(outbox->rounds[i].sections);
		}
	}
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

void outbox_begin(struct outbox *outbox, struct wall at)
{
	outbox_trim(outbox, at);
	struct outbox_round *round = outbox_at(outbox, outbox->count++);
	if (!round->bytes) {
		round->bytes = g_byte_array_new();
		round->sections = g_array_new(FALSE, FALSE, sizeof(struct outbox_section));
	}
	round->at = at;
}

static void append_le(GByteArray *bytes, uint64_t value, unsigned size)
{
	guint8 raw[8];
	for (unsigned i = 0; i < size; i++) {
		raw[i] = (guint8)(value >> (8 * i));
	}
	g_byte_array_append(bytes, raw, size);
}

static void outbox_put_feed(
	struct outbox *outbox, struct outbox_round *round, const struct feed *feed)
{
	struct declaration *declaration = feed->declaration;
	size_t count = feed_count(feed);
	uint32_t offset = round->bytes->len;
	if (!declaration->handle) {
		declaration->handle = outbox->next_handle++;
	}
	if (count) {
		append_le(round->bytes, declaration->handle, 4);
		append_le(round->bytes, (uint64_t)round->at.ms, 8);
		append_le(round->bytes, count, 2);
		for (size_t i = 0; i < count; i++) {
			uint64_t raw;
			memcpy(&raw, &feed->values[i], sizeof(raw));
			append_le(round->bytes, i, 2);
			append_le(round->bytes, raw, 8);
		}
	}
	struct outbox_section section = {
		declaration_ref(declaration), offset, round->bytes->len - offset};
	assert(section.length <= FRAME_PAYLOAD_MAX);
	g_array_append_val(round->sections, section);
	outbox->bytes += section.length;
}

void outbox_put(struct outbox *outbox, const struct source *source)
{
	assert(outbox->count);
	struct outbox_round *round = outbox_at(outbox, outbox->count - 1);
	assert(!round->complete);
	for (guint i = 0; i < source->feeds->len; i++) {
		const struct feed *feed = source->feeds->pdata[i];
		if (feed->fresh) {
			outbox_put_feed(outbox, round, feed);
		}
	}
}

void outbox_end(struct outbox *outbox, const struct outbox_seen *seen)
{
	assert(outbox->count);
	struct outbox_round *round = outbox_at(outbox, outbox->count - 1);
	round->seen = *seen;
	round->seen.group = g_strdup(seen->group);
	round->seen.host = g_strdup(seen->host);
	round->seen.error = g_strdup(seen->error ? seen->error : "");
	round->complete = true;
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
	return outbox_send_seen(outbox, &round->seen);
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
