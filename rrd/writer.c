#include "rrd/writer.h"
#include "base/log.h"
#include "rrd/headerlog.h"
#include "rrd/marker.h"
#include "rrd/rrdfile.h"
#include "rrd/series.h"

#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * The way of a sample here: writer_take() puts it behind its series; when the series is full, is
 * due (each second one of WRITER_SPREAD slots), or somebody wants to see it, its file is written.
 *
 * A batch of files is written in three steps: look at each (once per checkpoint; a bad one is set
 * aside here), make the header log durable for all of them at once, then touch them. I1: no file is
 * touched that is not in the header log. I2: a series is never written while a reader holds it or
 * the writer is frozen: what comes in meanwhile waits.
 *
 * A file that was set aside is rebuilt from the journal: its series takes nothing until the feed
 * has gone back (I3, `waiting`), or it would begin in the middle.
 */
enum {
	FRESH_PER_TICK =
		1000, /* files never looked at, that are written soon after their first sample */
	RETRY_TICKS = 30,
	DRAIN_AT_ONCE = 64,
	AHEAD_MAX_S = 86400, /* a file written further ahead of now is bad */
};

struct writer {
	struct tree *tree;
	struct headerlog *log;
	struct marker *marker;
	struct writer_handlers handlers;
	void *owner;
	struct series_table *table;
	GArray *fresh; /* u32: series with samples whose file was not looked at yet */
	GPtrArray *full;
	GPtrArray *batch;
	struct writer_counts counts;
	uint64_t sequence, highest;
	uint32_t ticks;
	uint32_t epoch; /* of the header log */
	uint32_t drained;
	bool frozen;
	unsigned char bytes[HEADER_BYTES_MAX];
};

static int64_t latest_s(void)
{
	return wall_s(wall_now()) + AHEAD_MAX_S;
}

static struct rrdfile_source source_of(const struct series *s)
{
	return (struct rrdfile_source){
		.type = s->type, .step_s = s->step_s, .min = s->min, .max = s->max};
}

/* -- bad files -- */

static void ask_again(struct writer *w)
{
	headerlog_add_restart(w->log);
	struct error err = {.kind = ERR_NONE};
	if (!headerlog_commit(w->log, &err)) {
		log_warn("rrd.headerlog", "error=\"%s\"", err.text);
	}
	w->handlers.rewind(w->owner);
}

static void set_aside(struct writer *w, struct series *s, const char *why)
{
	struct error err = {.kind = ERR_NONE};
	w->counts.failures++;
	if (!tree_set_aside(w->tree, s->path, &err)) {
		log_error("rrd.set_aside", "file=%s error=\"%s\"", s->path, err.text);
		series_rest(s, w->ticks + RETRY_TICKS);
		return;
	}
	log_warn("rrd.set_aside", "file=%s why=\"%s\" next=rebuild", s->path, log_safe(why));
	w->handlers.event(w->owner, "rrd.set_aside", s->path, why);
	series_forget_file(s);
	series_drop(s, s->count);
	s->last_ms = 0;
	s->waiting = true; /* see I3 */
	ask_again(w);
}

/* -- step one: look -- */

/* A file of the same series under another type letter: it goes on under the new name. */
static bool adopt_other_type(struct writer *w, struct series *s)
{
	struct header header;
	for (unsigned type = 0; type < FIELD_TYPES; type++) {
		char path[LAYOUT_PATH_MAX];
		series_path_of_type(s, (enum field_type)type, path);
		if (type == s->type || series_table_path_taken(w->table, path) ||
			!rrdfile_look(w->tree, path, latest_s(), &header, w->bytes, NULL)) {
			continue;
		}
		headerlog_add_image(w->log, path, w->bytes, header.length);
		headerlog_add_moved(w->log, path, s->path);
		s->adopt_type = (uint8_t)type;
		s->adopt = true;
		s->tune = true;
		return true;
	}
	return false;
}

/* Looks at the file and notes in the header log what step three will do; false: nothing to do. */
static bool look(struct writer *w, struct series *s)
{
	struct error err = {.kind = ERR_NONE};
	struct header header;
	if (s->exists && s->logged_epoch == w->epoch) {
		return true;
	}
	if (rrdfile_look(w->tree, s->path, latest_s(), &header, w->bytes, &err)) {
		struct rrdfile_source source = source_of(s);
		s->exists = true;
		s->tune = rrdfile_differs(&header, &source);
		headerlog_add_image(w->log, s->path, w->bytes, header.length);
		return true;
	}
	if (err.kind == ERR_NOT_FOUND) {
		s->exists = false;
		if (!adopt_other_type(w, s)) {
			headerlog_add_created(w->log, s->path);
		}
		return true;
	}
	if (err.kind == ERR_CONFLICT) {
		w->counts.failures++;
		series_rest(s, w->ticks + RETRY_TICKS);
		log_warn("rrd.full", "error=\"%s\"", log_safe(err.text));
		return false;
	}
	set_aside(w, s, err.text);
	return false;
}

/* -- step three: touch -- */

static bool make_file(struct writer *w, struct series *s, struct error *err)
{
	struct rrdfile_source source = source_of(s);
	if (s->adopt) {
		char from[LAYOUT_PATH_MAX];
		series_path_of_type(s, (enum field_type)s->adopt_type, from);
		s->adopt = false;
		log_info("rrd.renamed", "from=%s to=%s", from, s->path);
		return tree_rename(w->tree, from, s->path, err);
	}
	struct layout_plan plan;
	layout_plan(s->layout, s->step_s, &plan);
	/* Munin's rule: one step before the first sample */
	int64_t start_s = wall_s(s->pending[0].at) - plan.step_s;
	return rrdfile_create(w->tree, s->path, &plan, &source, start_s, err);
}

static bool touch(struct writer *w, struct series *s, struct error *err)
{
	if (!s->exists) {
		if (!make_file(w, s, err)) {
			return false;
		}
		s->exists = true;
	}
	s->logged_epoch = w->epoch;
	if (s->tune) {
		struct rrdfile_source source = source_of(s);
		if (!rrdfile_tune(w->tree, s->path, &source, err)) {
			return false;
		}
		s->tune = false;
	}
	while (s->count) {
		size_t n = s->count < RRDFILE_BATCH_MAX ? s->count : RRDFILE_BATCH_MAX;
		if (!rrdfile_update(w->tree, s->path, s->type, s->pending, n, err)) {
			return false;
		}
		w->counts.values += n;
		series_drop(s, n);
	}
	w->counts.touched++;
	return true;
}

static void after_failure(struct writer *w, struct series *s, const struct error *why)
{
	struct error err = {.kind = ERR_NONE};
	struct header header;
	w->counts.failures++;
	series_rest(s, w->ticks + RETRY_TICKS);
	if (why->kind == ERR_CONFLICT) {
		return;
	}
	log_warn("rrd.write", "error=\"%s\" retry_s=%d", log_safe(why->text), RETRY_TICKS);
	if (!rrdfile_look(w->tree, s->path, latest_s(), &header, w->bytes, &err) &&
		(err.kind == ERR_STORAGE || err.kind == ERR_DENIED)) {
		set_aside(w, s, err.text);
		return;
	}
	s->exists = err.kind != ERR_NOT_FOUND;
	if (s->count > WRITER_BACKLOG) {
		size_t oldest = s->count - WRITER_BACKLOG + WRITER_BATCH;
		w->counts.failures += oldest;
		series_drop(s, oldest);
	}
}

static bool writable(const struct writer *w, const struct series *s)
{
	return s->count && !s->readers && !s->waiting && s->layout && !series_resting(s, w->ticks);
}

static void flush_batch(struct writer *w, struct series *const *list, size_t count)
{
	if (w->frozen) {
		return; /* see I2 */
	}
	g_ptr_array_set_size(w->batch, 0);
	for (size_t i = 0; i < count; i++) {
		if (writable(w, list[i]) && look(w, list[i])) {
			g_ptr_array_add(w->batch, list[i]);
		}
	}
	struct error err = {.kind = ERR_NONE};
	if (!headerlog_commit(w->log, &err)) {
		w->counts.failures++;
		log_warn("rrd.headerlog", "error=\"%s\" retry_s=%d", err.text, RETRY_TICKS);
		for (guint i = 0; i < w->batch->len; i++) {
			series_rest(w->batch->pdata[i], w->ticks + RETRY_TICKS);
		}
		return; /* see I1 */
	}
	for (guint i = 0; i < w->batch->len; i++) {
		struct series *s = w->batch->pdata[i];
		marker_set(w->marker, s->path);
		bool done = touch(w, s, &err);
		marker_clear(w->marker);
		if (!done) {
			after_failure(w, s, &err);
		}
	}
}

/* -- taking in -- */

static void push(struct writer *w, struct series *s, struct wall at, double value)
{
	if (s->waiting || at.ms <= s->last_ms) {
		return;
	}
	if (!s->count && !s->exists && !s->layout) {
		return;
	}
	if (!s->exists && !s->fresh) {
		s->fresh = true;
		g_array_append_val(w->fresh, s->id);
	}
	s->last_ms = at.ms;
	series_push(s, at, value);
	if (s->count >= WRITER_BATCH && !s->full) {
		s->full = true;
		g_ptr_array_add(w->full, s);
	}
}

static void take_samples(struct writer *w, const unsigned char *payload, size_t length)
{
	struct entry_samples samples;
	struct entry_section section;
	if (!entry_samples_read(&samples, payload, length)) {
		w->counts.failures++;
		return;
	}
	while (entry_samples_next(&samples, &section)) {
		for (uint32_t i = 0; i < section.count; i++) {
			struct series *s = series_table_find(w->table, entry_section_series(&section, i));
			if (s) {
				push(w, s, section.at, entry_section_value(&section, i));
			} else {
				w->counts.failures++;
			}
		}
	}
}

static void flush_full(struct writer *w)
{
	for (guint i = 0; i < w->full->len; i++) {
		struct series *s = w->full->pdata[i];
		s->full = false;
	}
	flush_batch(w, (struct series *const *)w->full->pdata, w->full->len);
	g_ptr_array_set_size(w->full, 0);
}

static void take_series(struct writer *w, const unsigned char *payload, size_t length)
{
	struct entry_series entry;
	if (!entry_series_read(&entry, payload, length) || entry.series_id > SERIES_ID_MAX) {
		w->counts.failures++;
		return;
	}
	const struct layout *layout = layout_find(entry.layout);
	struct series *known = series_table_find(w->table, entry.series_id);
	if (known) {
		/* the declarations tell today's type and names; an old record must not bring back others */
		known->layout = layout ? layout : known->layout;
		return;
	}
	struct layout_name name = {.group = entry.group,
		.host = entry.host,
		.service = entry.service,
		.field = entry.field,
		.type = (enum field_type)entry.type};
	struct series *s = series_table_define(w->table, entry.series_id, &name);
	s->step_s = entry.step_s;
	s->min = entry.min;
	s->max = entry.max;
	s->layout = layout ? layout : s->layout;
}

void writer_take(
	struct writer *w, uint64_t sequence, uint16_t type, const unsigned char *payload, size_t length)
{
	if (sequence <= w->sequence || !w->sequence) {
		series_table_end_waiting(w->table); /* the feed went back: see I3 */
	}
	w->sequence = sequence;
	w->highest = sequence > w->highest ? sequence : w->highest;
	if (type == ENTRY_SAMPLES) {
		take_samples(w, payload, length);
		flush_full(w);
	} else if (type == ENTRY_SERIES) {
		take_series(w, payload, length);
	}
}

void writer_declare(struct writer *w, const struct service *service)
{
	for (size_t i = 0; i < service_field_count(service); i++) {
		const struct field *field = service_field(service, i);
		if (!field->series_id || field->series_id > SERIES_ID_MAX) {
			continue;
		}
		struct layout_name name = {.group = service->group,
			.host = service->host_name,
			.service = service->name,
			.field = field->name,
			.type = (enum field_type)field->type};
		struct series *known = series_table_find(w->table, field->series_id);
		if (known && !series_is_called(known, &name)) {
			/* what is held back belongs to the file it had until now */
			flush_batch(w, &known, 1);
		}
		struct series *s = series_table_define(w->table, field->series_id, &name);
		struct rrdfile_source before = source_of(s);
		s->step_s = service->step_s;
		s->min = field->min;
		s->max = field->max;
		struct rrdfile_source now = source_of(s);
		if (memcmp(&before, &now, sizeof(now))) {
			s->logged_epoch = 0; /* looked at again, and tuned if it must be */
		}
	}
}

/* -- when -- */

static void flush_fresh(struct writer *w)
{
	GPtrArray *list = g_ptr_array_new();
	guint n = w->fresh->len < FRESH_PER_TICK ? w->fresh->len : FRESH_PER_TICK;
	for (guint i = 0; i < n; i++) {
		struct series *s = series_table_find(w->table, g_array_index(w->fresh, uint32_t, i));
		s->fresh = false;
		g_ptr_array_add(list, s);
	}
	g_array_remove_range(w->fresh, 0, n);
	flush_batch(w, (struct series *const *)list->pdata, list->len);
	g_ptr_array_unref(list);
}

void writer_tick(struct writer *w)
{
	if (w->frozen) {
		return;
	}
	w->ticks++;
	flush_fresh(w);
	GPtrArray *due = g_ptr_array_new();
	uint32_t limit = series_table_limit(w->table);
	for (uint32_t id = w->ticks % WRITER_SPREAD; id < limit; id += WRITER_SPREAD) {
		struct series *s = series_table_find(w->table, id);
		if (s && s->count) {
			g_ptr_array_add(due, s);
		}
	}
	flush_batch(w, (struct series *const *)due->pdata, due->len);
	g_ptr_array_unref(due);
}

void writer_flush(struct writer *w, const uint32_t *series_ids, size_t count)
{
	GPtrArray *list = g_ptr_array_new();
	for (size_t i = 0; i < count; i++) {
		struct series *s = series_table_find(w->table, series_ids[i]);
		if (s && s->count) {
			g_ptr_array_add(list, s);
		}
	}
	flush_batch(w, (struct series *const *)list->pdata, list->len);
	g_ptr_array_unref(list);
}

/* -- readers -- */

const char *writer_file(struct writer *w, uint32_t series_id)
{
	struct series *s = series_table_find(w->table, series_id);
	if (!s) {
		return NULL;
	}
	if (s->exists && s->logged_epoch == w->epoch) {
		return s->path;
	}
	struct header header;
	struct error err = {.kind = ERR_NONE};
	if (rrdfile_look(w->tree, s->path, latest_s(), &header, w->bytes, &err)) {
		return s->path;
	}
	if (err.kind != ERR_NOT_FOUND && err.kind != ERR_CONFLICT && !w->frozen && !s->readers) {
		set_aside(w, s, err.text);
	}
	return NULL;
}

uint32_t writer_step(const struct writer *w, uint32_t series_id)
{
	const struct series *s = series_table_find(w->table, series_id);
	return s ? s->step_s : 0;
}

struct wall writer_last(const struct writer *w, uint32_t series_id)
{
	const struct series *s = series_table_find(w->table, series_id);
	return (struct wall){s ? s->last_ms : 0};
}

const char *writer_tree_path(const struct writer *w)
{
	return tree_path(w->tree);
}

void writer_hold(struct writer *w, uint32_t series_id)
{
	struct series *s = series_table_find(w->table, series_id);
	if (s) {
		s->readers++;
	}
}

void writer_release(struct writer *w, uint32_t series_id)
{
	struct series *s = series_table_find(w->table, series_id);
	if (s && s->readers) {
		s->readers--;
	}
}

uint64_t writer_sequence(const struct writer *w)
{
	return w->sequence;
}

struct writer_counts writer_counts(const struct writer *w)
{
	return w->counts;
}

/* -- checkpoint -- */

bool writer_drain(struct writer *w, int64_t budget_ms)
{
	struct mono begin = mono_now();
	uint32_t limit = series_table_limit(w->table);
	GPtrArray *list = g_ptr_array_new();
	while (w->drained < limit && mono_now().ms - begin.ms < budget_ms) {
		g_ptr_array_set_size(list, 0);
		while (w->drained < limit && list->len < DRAIN_AT_ONCE) {
			struct series *s = series_table_find(w->table, w->drained++);
			if (s && s->count) {
				g_ptr_array_add(list, s);
			}
		}
		flush_batch(w, (struct series *const *)list->pdata, list->len);
	}
	g_ptr_array_unref(list);
	if (w->drained < limit) {
		return false;
	}
	w->drained = 0;
	return true;
}

bool writer_settled(const struct writer *w)
{
	uint32_t limit = series_table_limit(w->table);
	for (uint32_t id = 1; id < limit; id++) {
		const struct series *s = series_table_find(w->table, id);
		if (s && (s->waiting || s->count)) {
			return false;
		}
	}
	return w->sequence == w->highest;
}

void writer_freeze(struct writer *w, bool frozen)
{
	w->frozen = frozen;
}

bool writer_sync(const struct writer *w, struct error *err)
{
	return tree_sync(w->tree, err);
}

bool writer_checkpoint(struct writer *w, struct error *err)
{
	if (!headerlog_checkpoint(w->log, w->sequence, err)) {
		return false;
	}
	marker_forget(w->marker);
	w->epoch++;
	return true;
}

/* -- life -- */

/* A file that killed the role twice goes before anything else touches it. */
static bool remove_suspect(
	struct writer *w, const char *suspect, struct headerlog_report *report, struct error *err)
{
	if (!*suspect) {
		return true;
	}
	log_warn("rrd.set_aside", "file=%s why=\"it ended this role twice\" next=rebuild",
		log_safe(suspect));
	if (!tree_set_aside(w->tree, suspect, err)) {
		return err->kind == ERR_NOT_FOUND;
	}
	headerlog_add_restart(w->log);
	report->sequence = 0;
	w->handlers.event(w->owner, "rrd.set_aside", suspect, "it ended the role twice");
	return headerlog_commit(w->log, err);
}

struct writer *writer_create(
	const char *path, const struct writer_handlers *handlers, void *owner, struct error *err)
{
	char suspect[LAYOUT_PATH_MAX];
	struct headerlog_report report;
	AUTO(writer) w = g_new0(struct writer, 1);
	w->handlers = *handlers;
	w->owner = owner;
	w->epoch = 1;
	w->fresh = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	w->full = g_ptr_array_new();
	w->batch = g_ptr_array_new();
	w->table = series_table_create();
	w->tree = tree_open(path, err);
	if (!w->tree) {
		return NULL;
	}
	w->marker = marker_open(w->tree, suspect, err);
	if (!w->marker) {
		return NULL;
	}
	w->log = headerlog_open(w->tree, &report, err);
	if (!w->log || !remove_suspect(w, suspect, &report, err)) {
		return NULL;
	}
	w->sequence = report.sequence;
	w->highest = report.sequence;
	log_info("rrd.recovered", "sequence=%llu restored=%zu removed=%zu failed=%zu",
		(unsigned long long)report.sequence, report.restored, report.removed, report.failed);
	return STEAL(w);
}

void writer_destroy(struct writer *w)
{
	if (w) {
		series_table_destroy(w->table);
		headerlog_destroy(w->log);
		marker_destroy(w->marker);
		tree_destroy(w->tree);
		g_ptr_array_unref(w->batch);
		g_ptr_array_unref(w->full);
		g_array_unref(w->fresh);
		g_free(w);
	}
}
