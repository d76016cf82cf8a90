/*
 * A collector names services by handles of its own. Its declaration is entered in the inventory;
 * here a handle is an array from its field's index to the series number.
 *
 * I1: no sample is journalled under a number that the store does not have. A frame that would break
 *     this is held, and nothing more is read from that collector until the store answered. If it
 *     could not store, the samples of those series are dropped and counted.
 * I2: instants pass the gate here, at arrival; so what is gathered can be applied as it is.
 */
#include "engine/intake.h"
#include "base/channel.h"
#include "base/log.h"
#include "base/text.h"
#include "model/declare.h"
#include "model/message.h"
#include "rules/ruleset.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

enum {
	QUEUE_MAX = 1 << 20,
	HANDLES_MAX = 100000, /* of one collector */
	ERROR_MAX = 200,
	STEP_MAX_S = 86400,
	TOOK_MAX_MS = 86400 * 1000,
};

struct handle {
	uint64_t generation; /* that stores its numbers */
	uint32_t count;
	uint32_t ids[]; /* 0: not let in */
};

struct collector {
	struct intake *intake;
	unsigned instance;
	struct channel *channel;
	struct declare_reader reader;
	GHashTable *handles; /* number -> struct handle * */
	GByteArray *held;    /* payload of the frame that waits; NULL: none */
	uint16_t held_type;
};

struct intake {
	struct intake_parts parts;
	struct intake_handlers handlers;
	void *owner;
	GPtrArray *collectors;
	struct entry_writer *writer;
	struct intake_counts counts;
	uint64_t stored, released;
	uint64_t newest; /* generation of the newest change of the inventory */
	struct wall now; /* of the frame at hand */
	bool flush_due, limit_told;
};

static void collector_free(gpointer data)
{
	struct collector *collector = data;
	channel_destroy(collector->channel);
	declare_reader_finish(&collector->reader);
	g_hash_table_unref(collector->handles);
	if (collector->held) {
		g_byte_array_unref(collector->held);
	}
	g_free(collector);
}

struct intake *intake_create(
	const struct intake_parts *parts, const struct intake_handlers *handlers, void *owner)
{
	struct intake *intake = g_new0(struct intake, 1);
	intake->parts = *parts;
	intake->handlers = *handlers;
	intake->owner = owner;
	intake->collectors = g_ptr_array_new_with_free_func(collector_free);
	intake->writer = g_new(struct entry_writer, 1);
	entry_samples_start(intake->writer, (struct wall){0});
	return intake;
}

void intake_destroy(struct intake *intake)
{
	if (intake) {
		g_ptr_array_unref(intake->collectors);
		g_free(intake->writer);
		g_free(intake);
	}
}

/* -- gathering -- */

void intake_flush(struct intake *intake)
{
	struct entry_writer *w = intake->writer;
	if (!w->count) {
		return;
	}
	struct record record = {
		.type = ENTRY_SAMPLES, .length = (uint32_t)w->length, .payload = w->payload};
	if (!journal_append(
			intake->parts.journal, ENTRY_SAMPLES, w->payload, w->length, &record.sequence, NULL)) {
		record.sequence = 0; /* the journal told; rules and live graphs go on without it */
	}
	apply_record(intake->parts.apply, &record, true);
	intake->counts.samples += w->count;
	size_t count = w->count;
	entry_samples_start(w, (struct wall){0});
	intake->handlers.applied(intake->owner, record.sequence, count);
}

static void flush_later(void *owner)
{
	struct intake *intake = owner;
	intake->flush_due = false;
	intake_flush(intake);
}

static void gather(struct intake *intake, struct wall at, uint32_t series_id, double value)
{
	struct wall now = intake->now;
	if (!apply_gate(intake->parts.apply, series_id, at, now)) {
		intake->counts.refused++;
		return;
	}
	if (at.ms < now.ms - RULESET_LATE_MS) {
		intake->counts.late++;
		intake->handlers.late(intake->owner, series_id, at);
	}
	struct entry_writer *w = intake->writer;
	double clean = isfinite(value) ? value : NAN;
	if (!w->count) {
		entry_samples_start(w, now);
	}
	while (!entry_samples_add(w, at, series_id, clean)) {
		intake_flush(intake); /* it was full; now it is empty */
		entry_samples_start(w, now);
	}
	if (!intake->flush_due) {
		intake->flush_due = true;
		loop_defer(intake->parts.loop, flush_later, intake);
	}
}

/* -- declarations -- */

static struct handle *handle_create(
	const struct service *entry, const struct service *declared, uint64_t generation)
{
	uint32_t count = (uint32_t)service_field_count(declared);
	struct handle *handle = g_malloc0(sizeof(*handle) + count * sizeof(handle->ids[0]));
	handle->generation = generation;
	handle->count = count;
	for (uint32_t i = 0; i < count; i++) {
		const struct field *field =
			entry ? service_find_field(entry, service_field(declared, i)->name) : NULL;
		handle->ids[i] = field ? field->series_id : 0;
	}
	return handle;
}

/* A copy of names is needed: the inventory takes the declaration over. */
static struct service *copy_names(const struct service *service)
{
	struct service *copy =
		service_create(service->group, service->host_name, service->name, service->step_s);
	for (size_t i = 0; i < service_field_count(service); i++) {
		service_add_field(copy, service_field(service, i)->name, "", FIELD_GAUGE);
	}
	return copy;
}

static void clear_numbers(struct service *service)
{
	service->id = 0;
	for (size_t i = 0; i < service_field_count(service); i++) {
		service_field(service, i)->series_id = 0; /* numbers are given here, not by collectors */
		service_field(service, i)->gone = false;
	}
}

/* `*generation`: the one that stores, or stored, its numbers. */
static const struct service *declare(
	struct intake *intake, struct service *service, uint64_t *generation)
{
	bool numbered;
	uint64_t now_collecting = intake->handlers.generation(intake->owner);
	const struct service *entry =
		inventory_declare(intake->parts.inventory, service, wall_now(), &numbered);
	if (numbered) {
		intake->newest = now_collecting;
	}
	*generation = intake->newest;
	return entry;
}

static void take_declaration(struct collector *collector, struct service *service)
{
	struct intake *intake = collector->intake;
	uint32_t number = service->id;
	intake->counts.declared++;
	if (!strcmp(service->name, APPLY_NODE_SERVICE)) {
		intake->handlers.event(intake->owner, "intake.reserved", service->host_name,
			"a service named \"node\" is left out: that is the engine's own");
		service_destroy(service);
		return;
	}
	if (g_hash_table_size(collector->handles) >= HANDLES_MAX &&
		!g_hash_table_contains(collector->handles, GUINT_TO_POINTER(number))) {
		if (!intake->limit_told) {
			intake->limit_told = true;
			intake->handlers.event(intake->owner, "intake.limit", service->host_name,
				"one collector declares too many services");
		}
		service_destroy(service);
		return;
	}
	clear_numbers(service);
	AUTO(service) names = copy_names(service);
	uint64_t generation = 0;
	if (!intake->handlers.declared(intake->owner, service)) {
		service_destroy(service);
		g_hash_table_replace(
			collector->handles, GUINT_TO_POINTER(number), handle_create(NULL, names, generation));
		return;
	}
	const struct service *entry = declare(intake, service, &generation);
	g_hash_table_replace(
		collector->handles, GUINT_TO_POINTER(number), handle_create(entry, names, generation));
}

/* -- samples -- */

enum taken {
	TAKEN,
	TAKEN_LATER, /* its numbers are not stored yet (I1) */
	TAKEN_WRONG,
};

static bool is_stored(const struct intake *intake, uint64_t generation)
{
	return generation <= intake->stored;
}

/* Stored, or it will not be soon: no sense in waiting. */
static bool is_settled(const struct intake *intake, uint64_t generation)
{
	return is_stored(intake, generation) || generation <= intake->released;
}

static bool samples_ready(const struct collector *collector, struct frame_reader r)
{
	const struct intake *intake = collector->intake;
	while (!is_settled(intake, intake->newest) && frame_left(&r)) {
		uint32_t number = frame_get_u32(&r);
		(void)frame_get_i64(&r);
		size_t n = frame_get_u16(&r);
		const struct handle *handle =
			g_hash_table_lookup(collector->handles, GUINT_TO_POINTER(number));
		if (!frame_get_bytes(&r, n * 10)) {
			break;
		}
		if (handle && !is_settled(intake, handle->generation)) {
			return false;
		}
	}
	return true;
}

static bool take_section(struct collector *collector, struct frame_reader *r)
{
	struct intake *intake = collector->intake;
	uint32_t number = frame_get_u32(r);
	struct wall at = intake->handlers.translate(intake->owner, (struct wall){frame_get_i64(r)});
	size_t n = frame_get_u16(r);
	const struct handle *handle = g_hash_table_lookup(collector->handles, GUINT_TO_POINTER(number));
	bool known = handle && is_stored(intake, handle->generation);
	for (size_t i = 0; i < n; i++) {
		unsigned index = frame_get_u16(r);
		double value = frame_get_f64(r);
		if (r->failed) {
			return false;
		}
		if (!known || index >= handle->count || !handle->ids[index]) {
			intake->counts.unknown++;
			continue;
		}
		gather(intake, at, handle->ids[index], value);
	}
	return !r->failed;
}

static enum taken take_samples(struct collector *collector, struct frame_reader r)
{
	if (!samples_ready(collector, r)) {
		return TAKEN_LATER;
	}
	while (frame_left(&r)) {
		if (!take_section(collector, &r)) {
			return TAKEN_WRONG;
		}
	}
	return TAKEN;
}

/* -- rounds -- */

struct round_text {
	char group[IDENT_GROUP_MAX + 1];
	char host[IDENT_HOST_MAX + 1];
	char *error; /* g_malloc */
};

static bool read_round(struct frame_reader *r, struct intake_round *round, struct round_text *text)
{
	round->at.ms = frame_get_i64(r);
	round->up = frame_get_u8(r);
	uint32_t took_ms = frame_get_u32(r);
	round->took_s = (double)MIN(took_ms, (uint32_t)TOOK_MAX_MS) / 1000;
	round->step_s = frame_get_u32(r);
	round->cpus = frame_get_u32(r);
	frame_get_text_into(r, text->group, sizeof(text->group));
	frame_get_text_into(r, text->host, sizeof(text->host));
	g_autofree char *error = frame_get_text(r);
	text->error = text_clean(error, strlen(error), ERROR_MAX);
	round->group = text->group;
	round->host = text->host;
	round->error = text->error;
	return frame_read_done(r) && round->step_s && round->step_s <= STEP_MAX_S &&
		   ident_is_group(text->group) && ident_is_host(text->host);
}

/* The service of every host that says how asking it went. */
static struct service *node_service(const struct intake_round *round)
{
	struct service *service =
		service_create(round->group, round->host, APPLY_NODE_SERVICE, round->step_s);
	bool good = attributes_set(
		&service->attributes, ATTRIBUTES_GRAPH, "graph_title", "Answers of this host");
	good &= attributes_set(&service->attributes, ATTRIBUTES_GRAPH, "graph_category", "magpie");
	good &= attributes_set(&service->attributes, ATTRIBUTES_GRAPH, "graph_info",
		"Whether the host could be asked, how long a whole round of questions took, and how many "
		"processors it has.");
	(void)good; /* texts of our own, known keys */
	struct field *up = service_add_field(service, "up", "answers", FIELD_GAUGE);
	up->min = 0;
	up->max = 1;
	service_add_field(service, "fetch_time", "seconds for a round", FIELD_GAUGE)->min = 0;
	service_add_field(service, "cpus", "processors", FIELD_GAUGE)->min = 0;
	return service;
}

static void gather_field(
	struct intake *intake, const struct service *service, const char *name, struct sample sample)
{
	const struct field *field = service_find_field(service, name);
	if (field && field->series_id) {
		gather(intake, sample.at, field->series_id, sample.value);
	}
}

static enum taken take_round(struct collector *collector, struct frame_reader r)
{
	struct intake *intake = collector->intake;
	struct intake_round round;
	struct round_text text;
	bool good = read_round(&r, &round, &text);
	g_autofree char *error UNUSED = text.error;
	if (!good) {
		return TAKEN_WRONG;
	}
	round.at = intake->handlers.translate(intake->owner, round.at);
	uint64_t generation;
	const struct service *node = declare(intake, node_service(&round), &generation);
	if (!is_settled(intake, generation)) {
		return TAKEN_LATER;
	}
	if (node && is_stored(intake, generation)) {
		gather_field(intake, node, "up", (struct sample){round.at, round.up});
		gather_field(
			intake, node, "fetch_time", (struct sample){round.at, round.up ? round.took_s : NAN});
		gather_field(
			intake, node, "cpus", (struct sample){round.at, round.cpus ? (double)round.cpus : NAN});
	}
	intake->handlers.round(intake->owner, &round);
	return TAKEN;
}

/* -- the channel -- */

static void collector_remove(struct collector *collector)
{
	struct intake *intake = collector->intake;
	unsigned instance = collector->instance;
	g_ptr_array_remove(intake->collectors, collector);
	intake->handlers.lost(intake->owner, instance);
}

static void collector_drop(struct collector *collector, const char *why)
{
	log_error("intake.collector", "instance=%u error=\"%s\"", collector->instance, why);
	collector_remove(collector);
}

static enum taken take(struct collector *collector, uint16_t type, struct frame_reader r)
{
	struct intake *intake = collector->intake;
	intake->now = intake->handlers.now(intake->owner);
	return type == MESSAGE_SAMPLES ? take_samples(collector, r) : take_round(collector, r);
}

static void hold(struct collector *collector, const struct frame *frame)
{
	collector->held = g_byte_array_new();
	g_byte_array_append(collector->held, frame->payload, frame->length);
	collector->held_type = frame->type;
	channel_pause(collector->channel, true);
	collector->intake->handlers.store(collector->intake->owner);
}

static void on_declaration(struct collector *collector, const struct frame *frame)
{
	struct service *complete;
	struct error err;
	if (!declare_read(&collector->reader, frame, &complete, &err)) {
		collector_drop(collector, err.text);
	} else if (complete) {
		take_declaration(collector, complete);
	}
}

static void on_source(struct collector *collector, const struct frame *frame)
{
	struct intake *intake = collector->intake;
	struct source_state state;
	struct error err;
	(void)intake->handlers.now(intake->owner);
	if (!source_state_read(&state, frame, &err)) {
		collector_drop(collector, err.text);
		return;
	}
	state.since = intake->handlers.translate(intake->owner, state.since);
	state.last = state.last.ms ? intake->handlers.translate(intake->owner, state.last) : state.last;
	state.next = state.next.ms ? intake->handlers.translate(intake->owner, state.next) : state.next;
	intake->handlers.source(intake->owner, collector->instance, &state);
	source_state_finish(&state);
}

static void on_source_gone(struct collector *collector, const struct frame *frame)
{
	struct intake *intake = collector->intake;
	struct error err;
	g_autofree char *id = source_gone_read(frame, &err);
	if (!id) {
		collector_drop(collector, err.text);
		return;
	}
	intake->handlers.source_gone(intake->owner, id);
}

static void on_frame(void *owner, const struct frame *frame, int fd)
{
	struct collector *collector = owner;
	if (fd >= 0) {
		close(fd);
	}
	switch (frame->type) {
	case MESSAGE_SERVICE:
	case MESSAGE_FIELDS: on_declaration(collector, frame); return;
	case MESSAGE_SOURCE: on_source(collector, frame); return;
	case MESSAGE_SOURCE_GONE: on_source_gone(collector, frame); return;
	default: break;
	}
	switch (take(collector, frame->type, frame_read(frame))) {
	case TAKEN: break;
	case TAKEN_LATER: hold(collector, frame); break;
	case TAKEN_WRONG: collector_drop(collector, "a frame that is not as promised"); break;
	}
}

static void on_closed(void *owner, const struct error *why)
{
	struct collector *collector = owner;
	log_info("intake.closed", "instance=%u why=\"%s\"", collector->instance, log_safe(why->text));
	collector_remove(collector);
}

static struct collector *find_collector(const struct intake *intake, unsigned instance)
{
	for (size_t i = 0; i < intake->collectors->len; i++) {
		struct collector *collector = intake->collectors->pdata[i];
		if (collector->instance == instance) {
			return collector;
		}
	}
	return NULL;
}

void intake_peer(struct intake *intake, unsigned instance, int fd)
{
	static const struct channel_handlers handlers = {.frame = on_frame, .closed = on_closed};
	struct collector *before = find_collector(intake, instance);
	if (before) {
		collector_remove(before);
	}
	struct collector *collector = g_new0(struct collector, 1);
	collector->intake = intake;
	collector->instance = instance;
	collector->handles = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
	collector->channel = channel_create(intake->parts.loop, &message_table, ROLE_ENGINE,
		ROLE_COLLECTOR, QUEUE_MAX, &handlers, collector, fd);
	g_ptr_array_add(intake->collectors, collector);
	struct error err;
	if (!channel_send(collector->channel, intake->handlers.known(intake->owner), &err)) {
		log_warn("intake.known", "instance=%u error=\"%s\"", instance, log_safe(err.text));
	}
}

bool intake_hears(const struct intake *intake)
{
	return intake->collectors->len > 0;
}

/* Takes the frame that waited; false: it still waits. */
static bool resume(struct collector *collector)
{
	g_autoptr(GByteArray) held = collector->held;
	struct frame_reader r = {.at = held->data, .end = held->data + held->len};
	enum taken taken = take(collector, collector->held_type, r);
	if (taken == TAKEN_LATER) {
		g_steal_pointer(&held);
		return false;
	}
	collector->held = NULL;
	if (taken == TAKEN_WRONG) {
		collector_drop(collector, "a frame that is not as promised");
	} else {
		channel_pause(collector->channel, false);
	}
	return true;
}

void intake_numbered(struct intake *intake)
{
	intake->newest = intake->handlers.generation(intake->owner);
}

void intake_stored(struct intake *intake, uint64_t stored, uint64_t released)
{
	intake->stored = stored;
	intake->released = released;
	bool waiting = false;
	for (size_t i = intake->collectors->len; i-- > 0;) {
		struct collector *collector = intake->collectors->pdata[i];
		if (collector->held) {
			waiting |= !resume(collector);
		}
	}
	if (waiting) {
		intake->handlers.store(intake->owner);
	}
}

struct intake_counts intake_counts(const struct intake *intake)
{
	return intake->counts;
}
