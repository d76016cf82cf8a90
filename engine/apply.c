/*
 * The hot path. Per sample: one entry of an array by series number, one rate, one push into the
 * window, and the number noted for the rules, which are asked once per record.
 */
#include "engine/apply.h"
#include "engine/rate.h"
#include "model/entry.h"

#include <math.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

enum { AHEAD_MAX_MS = 60 * 1000 };
static const int64_t past_max_ms = 100LL * 86400 * 1000;

struct series {
	struct field *field; /* NULL: not looked up yet */
	int64_t accepted_ms; /* latest instant that passed the gate */
	struct rate rate;
};

struct apply {
	struct catalog *catalog;
	struct window *window;
	struct apply_handlers handlers;
	void *owner;
	struct series *series; /* by series number */
	uint8_t *is_up;        /* by series number: is a node:up */
	size_t size;
	GArray *touched; /* uint32_t */
};

struct apply *apply_create(struct catalog *catalog, struct window *window,
	const struct apply_handlers *handlers, void *owner)
{
	struct apply *apply = g_new0(struct apply, 1);
	apply->catalog = catalog;
	apply->window = window;
	apply->handlers = *handlers;
	apply->owner = owner;
	apply->touched = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	return apply;
}

void apply_destroy(struct apply *apply)
{
	if (apply) {
		g_free(apply->series);
		g_free(apply->is_up);
		g_array_unref(apply->touched);
		g_free(apply);
	}
}

static void grow(struct apply *apply, uint32_t series_id)
{
	size_t size = MAX(apply->size + apply->size / 4, (size_t)series_id + 256);
	apply->series = g_renew(struct series, apply->series, size);
	apply->is_up = g_renew(uint8_t, apply->is_up, size);
	memset(apply->series + apply->size, 0, (size - apply->size) * sizeof(apply->series[0]));
	memset(apply->is_up + apply->size, 0, size - apply->size);
	apply->size = size;
}

static bool is_node_up(const struct field *field)
{
	return !strcmp(field->service->name, APPLY_NODE_SERVICE) && !strcmp(field->name, "up");
}

/* NULL: no series has that number. */
static struct series *series_of(struct apply *apply, uint32_t series_id)
{
	if (series_id < apply->size && apply->series[series_id].field) {
		return &apply->series[series_id];
	}
	struct field *field = catalog_series(apply->catalog, series_id);
	if (!field) {
		return NULL;
	}
	if (series_id >= apply->size) {
		grow(apply, series_id);
	}
	apply->series[series_id].field = field;
	apply->is_up[series_id] = is_node_up(field);
	return &apply->series[series_id];
}

bool apply_gate(struct apply *apply, uint32_t series_id, struct wall at, struct wall now)
{
	/* hostile 19 and 22 */
	struct series *s = series_of(apply, series_id);
	if (!s || at.ms <= s->accepted_ms || at.ms > now.ms + AHEAD_MAX_MS || at.ms <= 0 ||
		(!s->accepted_ms && at.ms < now.ms - past_max_ms)) {
		return false;
	}
	s->accepted_ms = at.ms;
	return true;
}

static void apply_one(struct apply *apply, uint32_t series_id, struct wall at, double raw)
{
	struct series *s = series_of(apply, series_id);
	if (!s || at.ms <= s->rate.at_ms) {
		return;
	}
	s->accepted_ms = MAX(s->accepted_ms, at.ms);
	const struct field *field = s->field;
	double value = rate_step(&s->rate, field, at, raw);
	window_push(apply->window, series_id, field->service->step_s, at, value);
	g_array_append_val(apply->touched, series_id);
	if (apply->handlers.value) {
		apply->handlers.value(apply->owner, series_id, at, value);
	}
	if (apply->is_up[series_id] && value > 0 && apply->handlers.seen) {
		apply->handlers.seen(apply->owner, field->service->host_name, at);
	}
}

static void apply_samples(struct apply *apply, const struct record *record, bool judge)
{
	struct entry_samples samples;
	struct entry_section section;
	if (!entry_samples_read(&samples, record->payload, record->length)) {
		return;
	}
	g_array_set_size(apply->touched, 0);
	while (entry_samples_next(&samples, &section)) {
		for (uint32_t i = 0; i < section.count; i++) {
			apply_one(apply, entry_section_series(&section, i), section.at,
				entry_section_value(&section, i));
		}
	}
	if (judge && apply->touched->len && apply->handlers.judge) {
		apply->handlers.judge(apply->owner, (const uint32_t *)(void *)apply->touched->data,
			apply->touched->len, samples.arrived);
	}
}

void apply_record(struct apply *apply, const struct record *record, bool judge)
{
	struct wall now;
	if (record->type == ENTRY_SAMPLES) {
		apply_samples(apply, record, judge);
	} else if (record->type == ENTRY_TICK && judge && apply->handlers.tick &&
			   entry_tick_read(&now, record->payload, record->length)) {
		apply->handlers.tick(apply->owner, now);
	}
}
