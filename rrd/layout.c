#include "rrd/layout.h"
#include "rrd/header.h"

#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * A layout is a list of spans: how much time a row covers and for how long rows are kept. The step
 * of the series turns spans into steps per row and rows. Munin's `normal` is fixed at 300 s,
 * whatever the series' own rate: that is what its files are.
 *
 * File names cannot leave the tree: every part was checked by model/ident.h, and the letters that
 * join them hold no "/" (hostile 7, 82).
 */
enum { MINUTE = 60, HOUR = 3600, DAY = 86400, SPANS_MAX = 4 };

#define AVERAGE_ONLY (1U << LAYOUT_AVERAGE)
#define ALL_CFS      ((1U << LAYOUT_AVERAGE) | (1U << LAYOUT_MIN) | (1U << LAYOUT_MAX))

struct layout_span {
	uint32_t row_s; /* 0: one step */
	uint32_t keep_s;
	unsigned cfs; /* bits 1 << enum layout_cf */
};

struct layout {
	const char *name;
	uint32_t step_s; /* 0: that of the series */
	struct layout_span spans[SPANS_MAX];
};

static const struct layout layouts[] = {
	{"default", 0,
		{{0, 25 * HOUR, AVERAGE_ONLY}, {5 * MINUTE, 62 * DAY, ALL_CFS},
			{2 * HOUR, 450 * DAY, ALL_CFS}}},
	{"compact", 0,
		{{0, 3 * HOUR, AVERAGE_ONLY}, {5 * MINUTE, 7 * DAY, ALL_CFS}, {HOUR, 45 * DAY, ALL_CFS},
			{DAY, 450 * DAY, ALL_CFS}}},
	{"normal", 300,
		{{0, 2 * DAY, ALL_CFS}, {30 * MINUTE, 9 * DAY, ALL_CFS}, {2 * HOUR, 45 * DAY, ALL_CFS},
			{DAY, 450 * DAY, ALL_CFS}}},
};

const struct layout *layout_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(layouts); i++) {
		if (!strcmp(layouts[i].name, name)) {
			return &layouts[i];
		}
	}
	return NULL;
}

static void plan_span(
	const struct layout *layout, struct layout_plan *plan, size_t index, uint32_t *before)
{
	const struct layout_span *span = &layout->spans[index];
	uint32_t per_row = span->row_s / plan->step_s;
	per_row = per_row ? per_row : 1;
	uint32_t row_s = per_row * plan->step_s;
	bool finest_only = index + 1 < SPANS_MAX && layout->spans[index + 1].row_s &&
					   layout->spans[index + 1].row_s <= row_s;
	if (per_row == *before || finest_only) {
		return; /* the neighbour has the same rows, and keeps them longer */
	}
	*before = per_row;
	uint32_t rows = (span->keep_s + row_s - 1) / row_s;
	for (unsigned cf = 0; cf < LAYOUT_CFS; cf++) {
		if (span->cfs & (1U << cf)) {
			plan->archives[plan->count++] = (struct layout_archive){
				.cf = (enum layout_cf)cf, .steps_per_row = per_row, .rows = rows};
		}
	}
}

void layout_plan(const struct layout *layout, uint32_t step_s, struct layout_plan *plan)
{
	*plan = (struct layout_plan){.step_s = layout->step_s ? layout->step_s : step_s};
	plan->heartbeat_s = 2 * plan->step_s;
	uint32_t before = 0;
	for (size_t i = 0; i < SPANS_MAX && layout->spans[i].keep_s; i++) {
		plan_span(layout, plan, i, &before);
	}
}

uint64_t layout_bytes(const struct layout_plan *plan)
{
	uint64_t bytes = header_length(1, plan->count);
	for (size_t i = 0; i < plan->count; i++) {
		bytes += (uint64_t)plan->archives[i].rows * sizeof(double);
	}
	return bytes;
}

const char *layout_cf_name(enum layout_cf cf)
{
	static const char *const names[LAYOUT_CFS] = {"AVERAGE", "MIN", "MAX"};
	return names[cf];
}

void layout_path(const struct layout_name *name, bool apart, char out[LAYOUT_PATH_MAX])
{
	static const char letters[FIELD_TYPES] = {
		[FIELD_GAUGE] = 'g', [FIELD_COUNTER] = 'c', [FIELD_DERIVE] = 'd', [FIELD_ABSOLUTE] = 'a'};
	enum { HASH_DIGITS = 16, TAIL = sizeof("-x.rrd") - 1 };
	char file[IDENT_SERIES_MAX + 4];
	int length = snprintf(file, sizeof(file), "%s-%s-%s", name->host, name->service, name->field);
	for (char *p = file + strlen(name->host); *p; p++) {
		*p = *p == '.' ? '-' : *p;
	}
	if (apart || length + TAIL > LAYOUT_NAME_MAX) {
		g_autofree char *series =
			g_strdup_printf("%s:%s:%s", name->host, name->service, name->field);
		g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, series, -1);
		int most = LAYOUT_NAME_MAX - TAIL - HASH_DIGITS - 1;
		int kept = length < most ? length : most;
		snprintf(file + kept, sizeof(file) - (size_t)kept, "-%.*s", HASH_DIGITS, hash);
	}
	snprintf(out, LAYOUT_PATH_MAX, "%s/%s-%c.rrd", name->group, file, letters[name->type]);
}
