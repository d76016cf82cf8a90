#include "rrd/writer.h"
#include "base/log.h"
#include "rrd/series.h"

#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * The way of a sample here: writer_take() puts it behind its series; when the series is full, is
 * due, or somebody wants to see it, its file is written by rrd/files.c. Nothing needs to be kept
 * over a death: the engine feeds again what is not in a checkpoint.
 *
 * Each second it is the turn of one slot of series; how many slots there are says rrd/pace.c.
 * Touching a file costs as much as ten values in it, so a slow series lets turns pass, always the
 * same number, which depends on its step; which turn of those is its own depends on its number, so
 * that the writes stay even.
 */
enum {
	FRESH_BUDGET_MS = 150, /* a second, for files never looked at: a first sample shows soon */
	FRESH_AT_ONCE = 50,
	DRAIN_AT_ONCE = 64,
	FULL_AT_ONCE = 64, /* full series are written together: one commit of the header log */
	TRIES_WAITED = 20, /* of a file that cannot be written; then a checkpoint goes without it */
};

struct writer {
	struct files *files;
	struct series_table *table;
	const struct retention *retention; /* NULL: nobody has said anything */
	GHashTable *layouts; /* text -> struct layout, of those that have no name; owned */
	GArray *fresh;       /* u32: series with samples whose file was not looked at yet */
	GPtrArray *full;
	uint64_t failures;
	uint64_t sequence, highest;
	uint32_t drained;
	struct pace pace;
	bool urgent; /* a full series has as much again */
};

/* -- taking in -- */

static void push(struct writer *w, struct series *s, struct wall at, double value)
{
	if (s->waiting || at.ms <= s->last_ms) {
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
	w->urgent = w->urgent || s->count >= 2 * WRITER_BATCH;
}

static void take_samples(struct writer *w, const unsigned char *payload, size_t length)
{
	struct entry_samples samples;
	struct entry_section section;
	if (!entry_samples_read(&samples, payload, length)) {
		w->failures++;
		return;
	}
	while (entry_samples_next(&samples, &section)) {
		for (uint32_t i = 0; i < section.count; i++) {
			uint32_t id = entry_section_series(&section, i);
			if (series_table_is_foreign(w->table, id)) {
				continue;
			}
			struct series *s = series_table_find(w->table, id);
			if (s) {
				push(w, s, section.at, entry_section_value(&section, i));
			} else {
				w->failures++;
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
	files_write(w->files, (struct series *const *)w->full->pdata, w->full->len);
	g_ptr_array_set_size(w->full, 0);
	w->urgent = false;
}

static void take_series(struct writer *w, const unsigned char *payload, size_t length)
{
	struct entry_series entry;
	if (!entry_series_read(&entry, payload, length) || entry.series_id > SERIES_ID_MAX) {
		w->failures++;
		return;
	}
	const struct layout *layout = layout_find(entry.layout);
	struct series *known = series_table_find(w->table, entry.series_id);
	if (known) {
		/* declarations and retention tell what holds today; an old record must not undo it */
		known->layout = layout && !w->retention ? layout : known->layout;
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
		if (w->urgent || w->full->len >= FULL_AT_ONCE) {
			flush_full(w);
		}
	} else if (type == ENTRY_SERIES) {
		take_series(w, payload, length);
	}
}

/*
 * Munin's `oldname`: the field goes on in the file of the field that it was called before, unless
 * it has one of its own, or that field is still there.
 */
static void take_old_name(
	struct writer *w, struct series *s, const struct service *service, const struct field *field)
{
	const char *old = attributes_get(&field->attributes, "oldname");
	if (!old || s->exists || s->earlier || !ident_is_field(old) || !strcmp(old, field->name)) {
		return;
	}
	const struct field *other = service_find_field(service, old);
	struct series *holder =
		other && other->series_id ? series_table_find(w->table, other->series_id) : NULL;
	if ((other && !other->gone) || (holder && holder->apart)) {
		return;
	}
	struct layout_name name = {.group = service->group,
		.host = service->host_name,
		.service = service->name,
		.field = old,
		.type = (enum field_type)(holder ? holder->type : field->type)};
	char path[LAYOUT_PATH_MAX];
	layout_path(&name, false, path);
	if (holder) {
		files_write(w->files, &holder, 1);
		series_table_give_up(w->table, holder);
	}
	s->earlier = s->foreign ? NULL : g_strdup(path);
}

/* One of each text for all series that have it. */
static const struct layout *intern(struct writer *w, const char *text)
{
	const struct layout *layout = layout_find(text);
	layout = layout ? layout : g_hash_table_lookup(w->layouts, text);
	if (!layout) {
		struct layout *parsed = layout_parse(text, NULL);
		g_hash_table_insert(w->layouts, g_strdup(text), parsed);
		layout = parsed ? parsed : layout_find("default"); /* it was checked when it was read */
	}
	return layout;
}

static void retain_field(struct writer *w, struct series *s, const struct field *field)
{
	if (w->retention) {
		s->layout = intern(w, retention_find(w->retention, field->service, field->name));
	}
}

static void retain_service(struct writer *w, const struct service *service)
{
	for (size_t i = 0; i < service_field_count(service); i++) {
		const struct field *field = service_field(service, i);
		struct series *s = series_table_find(w->table, field->series_id);
		if (s) {
			retain_field(w, s, field);
		}
	}
}

void writer_retain(
	struct writer *w, const struct retention *retention, const struct catalog *catalog)
{
	w->retention = retention;
	const GPtrArray *hosts = catalog_hosts(catalog);
	for (guint i = 0; i < hosts->len; i++) {
		const struct host *host = hosts->pdata[i];
		for (guint k = 0; k < host->services->len; k++) {
			retain_service(w, host->services->pdata[k]);
		}
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
			files_write(w->files, &known, 1);
		}
		struct series *s = series_table_define(w->table, field->series_id, &name);
		struct rrdfile_source before = files_source(s);
		s->step_s = service->step_s;
		s->min = field->min;
		s->max = field->max;
		retain_field(w, s, field);
		struct rrdfile_source now = files_source(s);
		if (memcmp(&before, &now, sizeof(now))) {
			s->logged_epoch = 0; /* looked at again, and tuned if it must be */
		}
		take_old_name(w, s, service, field);
	}
}

/* -- when -- */

/* As many as fit in the time: making a file costs most of a millisecond. */
static void flush_fresh(struct writer *w)
{
	struct mono begin = mono_now();
	GPtrArray *list = g_ptr_array_new();
	while (w->fresh->len && mono_now().ms - begin.ms < FRESH_BUDGET_MS) {
		guint n = w->fresh->len < FRESH_AT_ONCE ? w->fresh->len : FRESH_AT_ONCE;
		g_ptr_array_set_size(list, 0);
		for (guint i = 0; i < n; i++) {
			struct series *s = series_table_find(w->table, g_array_index(w->fresh, uint32_t, i));
			s->fresh = false;
			g_ptr_array_add(list, s);
		}
		g_array_remove_range(w->fresh, 0, n);
		files_write(w->files, (struct series *const *)list->pdata, list->len);
	}
	g_ptr_array_unref(list);
}

/* In its slot: what failed is tried at each turn. */
static bool is_due(const struct pace *pace, const struct series *s, uint32_t ticks)
{
	uint32_t turn = ticks / pace->cycle + s->id / pace->cycle;
	return s->count && (s->tries || !(turn % pace_turns(pace, s->step_s)));
}

void writer_tick(struct writer *w)
{
	if (files_frozen(w->files)) {
		return;
	}
	struct mono begin = mono_now();
	files_tick(w->files);
	flush_full(w);
	flush_fresh(w);
	GPtrArray *due = g_ptr_array_new();
	uint32_t ticks = files_ticks(w->files);
	uint32_t limit = series_table_limit(w->table);
	for (uint32_t id = ticks % w->pace.cycle; id < limit; id += w->pace.cycle) {
		struct series *s = series_table_find(w->table, id);
		if (s && s->waiting && ticks - s->waiting_since > WRITER_SPREAD) {
			s->waiting = false; /* the feed has nothing older: it begins with what comes */
		}
		if (s && is_due(&w->pace, s, ticks)) {
			g_ptr_array_add(due, s);
		}
	}
	files_write(w->files, (struct series *const *)due->pdata, due->len);
	g_ptr_array_unref(due);
	pace_note(&w->pace, ticks, series_table_own(w->table), mono_now().ms - begin.ms);
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
	files_write(w->files, (struct series *const *)list->pdata, list->len);
	g_ptr_array_unref(list);
}

/* -- readers -- */

const char *writer_file(struct writer *w, uint32_t series_id)
{
	struct series *s = series_table_find(w->table, series_id);
	return s && files_readable(w->files, s) ? s->path : NULL;
}

void writer_reading(struct writer *w, const char *file)
{
	files_mark(w->files, file);
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
	return files_tree_path(w->files);
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

uint32_t writer_series_count(const struct writer *w)
{
	return series_table_own(w->table);
}

struct files_counts writer_counts(const struct writer *w)
{
	struct files_counts counts = files_counts(w->files);
	counts.failures += w->failures;
	return counts;
}

uint64_t writer_log_bytes(const struct writer *w)
{
	return files_log_bytes(w->files);
}

struct series *writer_series(const struct writer *w, uint32_t series_id)
{
	return series_table_find(w->table, series_id);
}

uint32_t writer_series_limit(const struct writer *w)
{
	return series_table_limit(w->table);
}

struct series_table *writer_table(struct writer *w)
{
	return w->table;
}

struct files *writer_files(struct writer *w)
{
	return w->files;
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
		files_write(w->files, (struct series *const *)list->pdata, list->len);
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
		if (s && (s->waiting || (s->count && s->tries < TRIES_WAITED))) {
			return false;
		}
	}
	return w->sequence == w->highest;
}

void writer_freeze(struct writer *w, bool frozen)
{
	files_freeze(w->files, frozen);
}

bool writer_sync(const struct writer *w, struct error *err)
{
	return files_sync(w->files, err);
}

bool writer_checkpoint(struct writer *w, struct error *err)
{
	return files_checkpoint(w->files, w->sequence, err);
}

/* -- life -- */

struct writer *writer_create(
	const char *path, const struct files_handlers *handlers, void *owner, struct error *err)
{
	const struct files_plan plan = {.share = share_all, .handlers = *handlers, .owner = owner};
	return writer_create_share(path, &plan, err);
}

struct writer *writer_create_share(
	const char *path, const struct files_plan *plan, struct error *err)
{
	struct headerlog_report report;
	AUTO(writer) w = g_new0(struct writer, 1);
	w->fresh = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	w->full = g_ptr_array_new();
	w->pace = pace_begin();
	w->layouts =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)layout_destroy);
	w->table = series_table_create(&plan->share);
	w->files = files_open(path, w->table, plan, &report, err);
	if (!w->files) {
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
		files_destroy(w->files);
		g_ptr_array_unref(w->full);
		g_array_unref(w->fresh);
		g_hash_table_unref(w->layouts);
		g_free(w);
	}
}
