/*
 * One cursor per rrd role, a sequence of the journal. Nothing is buffered here: what the channel
 * refuses is read again from the journal when it has drained. An rrd role that is gone keeps its
 * entry, so that its checkpoint goes on holding back the removal of segments until it is back.
 */
#include "engine/feed.h"
#include "base/channel.h"
#include "base/log.h"
#include "base/text.h"
#include "model/declare.h"
#include "model/journal_reader.h"
#include "model/message.h"

#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

enum { QUEUE_MAX = 4 << 20, AT_ONCE = 256 /* records, then the others have their turn */ };

struct rrd {
	struct feed *feed;
	unsigned instance;
	struct channel *channel;       /* NULL: gone */
	struct journal_reader *reader; /* NULL: it has not said from where */
	uint32_t next_service;         /* to be declared */
	uint64_t checkpoint, applied, values, touched, failures;
	bool known;     /* it said once where it is */
	bool caught_up; /* has been given all that is durable */
	bool ready;     /* was told of all services since it began */
};

struct feed {
	struct feed_parts parts;
	struct feed_handlers handlers;
	void *owner;
	GPtrArray *rrds;
	struct frame_writer *writer;
	unsigned expected;
	bool pump_due;
};

static void peer_free(gpointer data)
{
	struct rrd *rrd = data;
	channel_destroy(rrd->channel);
	journal_reader_destroy(rrd->reader);
	g_free(rrd);
}

struct feed *feed_create(
	const struct feed_parts *parts, const struct feed_handlers *handlers, void *owner)
{
	struct feed *feed = g_new0(struct feed, 1);
	feed->parts = *parts;
	feed->handlers = *handlers;
	feed->owner = owner;
	feed->rrds = g_ptr_array_new_with_free_func(peer_free);
	feed->writer = g_new(struct frame_writer, 1);
	return feed;
}

void feed_destroy(struct feed *feed)
{
	if (feed) {
		g_ptr_array_unref(feed->rrds);
		g_free(feed->writer);
		g_free(feed);
	}
}

/* -- sending -- */

/* False: the channel is full. */
static bool declare_rest(struct rrd *rrd)
{
	struct feed *feed = rrd->feed;
	uint32_t limit = catalog_service_limit(feed->parts.catalog);
	for (; rrd->next_service < limit; rrd->next_service++) {
		const struct service *service =
			catalog_service_by_id(feed->parts.catalog, rrd->next_service);
		if (service && !declare_send(rrd->channel, feed->writer, service, service->id, NULL)) {
			return false;
		}
	}
	return true;
}

static void rewind_reader(struct rrd *rrd, uint64_t after)
{
	journal_reader_destroy(rrd->reader);
	rrd->reader = journal_reader_create(rrd->feed->parts.journal, after);
}

static bool send_record(struct rrd *rrd, const struct record *record)
{
	struct frame_writer *w = rrd->feed->writer;
	message_start(w, MESSAGE_RRD_FEED);
	frame_put_u64(w, record->sequence);
	frame_put_u16(w, record->type);
	frame_put_bytes(w, record->payload, record->length);
	return channel_send(rrd->channel, w, NULL);
}

static void pump_later(void *owner)
{
	struct feed *feed = owner;
	feed->pump_due = false;
	feed_pump(feed);
}

static void peer_pump(struct rrd *rrd)
{
	rrd->caught_up = false;
	if (!rrd->channel || !rrd->reader || !declare_rest(rrd)) {
		return;
	}
	if (!rrd->ready) {
		rrd->ready = true;
		if (rrd->feed->handlers.ready) {
			rrd->feed->handlers.ready(rrd->feed->owner, rrd->instance);
		}
	}
	uint64_t until = journal_durable(rrd->feed->parts.journal);
	struct record record;
	for (int i = 0; i < AT_ONCE; i++) {
		if (!journal_reader_next(rrd->reader, until, &record)) {
			rrd->caught_up = true;
			return;
		}
		if (!send_record(rrd, &record)) {
			journal_reader_unread(rrd->reader); /* on_drained() goes on */
			return;
		}
	}
	if (!rrd->feed->pump_due) {
		rrd->feed->pump_due = true;
		loop_defer(rrd->feed->parts.loop, pump_later, rrd->feed);
	}
}

void feed_pump(struct feed *feed)
{
	for (size_t i = 0; i < feed->rrds->len; i++) {
		peer_pump(feed->rrds->pdata[i]);
	}
}

bool feed_is_done(const struct feed *feed)
{
	for (size_t i = 0; i < feed->rrds->len; i++) {
		const struct rrd *rrd = feed->rrds->pdata[i];
		if (rrd->channel && rrd->reader && (!rrd->caught_up || channel_queued(rrd->channel))) {
			return false;
		}
	}
	return true;
}

void feed_declare(struct feed *feed, const struct service *service)
{
	for (size_t i = 0; i < feed->rrds->len; i++) {
		struct rrd *rrd = feed->rrds->pdata[i];
		if (!rrd->channel || !rrd->reader || service->id >= rrd->next_service) {
			continue; /* its turn comes */
		}
		if (!declare_send(rrd->channel, feed->writer, service, service->id, NULL)) {
			rrd->next_service = MIN(rrd->next_service, service->id);
		}
	}
}

/* -- what they say -- */

static void on_closed(void *owner, const struct error *why);

/* A number that no journal reaches: taken for true it would leave no numbers for new records. */
static bool is_absurd(uint64_t sequence)
{
	return sequence > INT64_MAX / 2;
}

static void on_ready(struct rrd *rrd, uint64_t sequence)
{
	struct journal *journal = rrd->feed->parts.journal;
	if (is_absurd(sequence)) {
		const struct error why = {ERR_PROTOCOL, "an impossible sequence number"};
		on_closed(rrd, &why);
		return;
	}
	if (sequence > journal_written(journal)) {
		rrd->feed->handlers.event(rrd->feed->owner, "feed.ahead", "journal",
			"an RRD tree is ahead of the journal: the journal was lost or replaced");
		journal_raise(journal, sequence);
	}
	if (journal_oldest(journal) > sequence + 1 && sequence < journal_written(journal) && sequence) {
		rrd->feed->handlers.event(rrd->feed->owner, "feed.gap", "journal",
			"an RRD tree lacks samples that the journal does not have any more");
	}
	rrd->known = true;
	rrd->checkpoint = sequence;
	rrd->next_service = 1;
	rrd->ready = false;
	rewind_reader(rrd, sequence);
	peer_pump(rrd);
}

/* What it was not given yet it cannot have. */
static void on_checkpoint(struct rrd *rrd, uint64_t sequence)
{
	uint64_t durable = journal_durable(rrd->feed->parts.journal);
	rrd->checkpoint = MAX(rrd->checkpoint, MIN(sequence, durable));
}

static void on_applied(struct rrd *rrd, struct frame_reader *r)
{
	rrd->applied = frame_get_u64(r);
	rrd->values = frame_get_u64(r);
	rrd->touched = frame_get_u64(r);
	rrd->failures = frame_get_u64(r);
}

static void on_event(struct rrd *rrd, struct frame_reader *r)
{
	g_autofree char *kind = frame_get_text(r);
	g_autofree char *object = frame_get_text(r);
	g_autofree char *text = frame_get_text(r);
	if (frame_read_done(r)) {
		g_autofree char *clean_object = text_clean(object, strlen(object), 300);
		g_autofree char *clean_text = text_clean(text, strlen(text), 500);
		const char *known = text_is_plain(kind, 40) ? kind : "rrd.event";
		rrd->feed->handlers.event(rrd->feed->owner, known, clean_object, clean_text);
	}
}

static void on_frame(void *owner, const struct frame *frame, int fd)
{
	struct rrd *rrd = owner;
	struct frame_reader r = frame_read(frame);
	if (fd >= 0) {
		close(fd);
	}
	switch (frame->type) {
	case MESSAGE_RRD_READY: on_ready(rrd, frame_get_u64(&r)); break;
	case MESSAGE_RRD_CHECKPOINT: on_checkpoint(rrd, frame_get_u64(&r)); break;
	case MESSAGE_RRD_REWIND:
		if (rrd->reader) {
			rewind_reader(rrd, 0);
			peer_pump(rrd);
		}
		break;
	case MESSAGE_RRD_EVENT: on_event(rrd, &r); break;
	case MESSAGE_RRD_APPLIED: on_applied(rrd, &r); break;
	case MESSAGE_RRD_TASK_STATE:
		if (rrd->feed->handlers.task) {
			rrd->feed->handlers.task(rrd->feed->owner, rrd->instance, frame);
		}
		break;
	default: break;
	}
}

static void on_closed(void *owner, const struct error *why)
{
	struct rrd *rrd = owner;
	log_info("feed.closed", "instance=%u why=\"%s\"", rrd->instance, log_safe(why->text));
	channel_destroy(g_steal_pointer(&rrd->channel));
	journal_reader_destroy(g_steal_pointer(&rrd->reader));
}

static void on_drained(void *owner)
{
	peer_pump(owner);
}

static struct rrd *peer_for(struct feed *feed, unsigned instance)
{
	for (size_t i = 0; i < feed->rrds->len; i++) {
		struct rrd *rrd = feed->rrds->pdata[i];
		if (rrd->instance == instance) {
			return rrd;
		}
	}
	struct rrd *rrd = g_new0(struct rrd, 1);
	rrd->feed = feed;
	rrd->instance = instance;
	g_ptr_array_add(feed->rrds, rrd);
	return rrd;
}

void feed_peer(struct feed *feed, unsigned instance, int fd)
{
	static const struct channel_handlers handlers = {
		.frame = on_frame, .closed = on_closed, .drained = on_drained};
	struct rrd *rrd = peer_for(feed, instance);
	channel_destroy(rrd->channel);
	journal_reader_destroy(g_steal_pointer(&rrd->reader));
	rrd->channel = channel_create(
		feed->parts.loop, &message_table, ROLE_ENGINE, ROLE_RRD, QUEUE_MAX, &handlers, rrd, fd);
}

bool feed_send(struct feed *feed, unsigned instance, struct frame_writer *w)
{
	for (size_t i = 0; i < feed->rrds->len; i++) {
		struct rrd *rrd = feed->rrds->pdata[i];
		if (rrd->instance == instance && rrd->channel && rrd->ready) {
			return channel_send(rrd->channel, w, NULL);
		}
	}
	return false;
}

unsigned feed_roles(const struct feed *feed)
{
	unsigned roles = feed->expected;
	for (size_t i = 0; i < feed->rrds->len; i++) {
		const struct rrd *rrd = feed->rrds->pdata[i];
		roles = MAX(roles, rrd->instance + 1);
	}
	return roles;
}

void feed_expect(struct feed *feed, unsigned instances)
{
	feed->expected = instances;
}

uint64_t feed_checkpoint(const struct feed *feed)
{
	bool all = feed->rrds->len && feed->rrds->len >= feed->expected;
	uint64_t least = all ? UINT64_MAX : 0;
	for (size_t i = 0; i < feed->rrds->len; i++) {
		const struct rrd *rrd = feed->rrds->pdata[i];
		least = MIN(least, rrd->known ? rrd->checkpoint : 0);
	}
	return least;
}

static void add_counts(struct feed_counts *counts, const struct rrd *rrd)
{
	counts->peers += rrd->channel != NULL;
	counts->applied = MIN(counts->applied, rrd->applied);
	counts->values += rrd->values;
	counts->touched += rrd->touched;
	counts->failures += rrd->failures;
}

bool feed_instance_counts(const struct feed *feed, unsigned instance, struct feed_counts *counts)
{
	for (size_t i = 0; i < feed->rrds->len; i++) {
		const struct rrd *rrd = feed->rrds->pdata[i];
		if (rrd->instance == instance) {
			*counts = (struct feed_counts){.applied = UINT64_MAX};
			add_counts(counts, rrd);
			return true;
		}
	}
	return false;
}

struct feed_counts feed_counts(const struct feed *feed)
{
	struct feed_counts counts = {.applied = feed->rrds->len ? UINT64_MAX : 0};
	for (size_t i = 0; i < feed->rrds->len; i++) {
		add_counts(&counts, feed->rrds->pdata[i]);
	}
	return counts;
}
