/*
 * A layout is a list of spans. Those of the named ones are in seconds; the step of the series turns
 * them into steps per row and rows. Munin's `normal` and `huge` are fixed at 300 s, whatever the
 * series' own rate: that is what its files are. An element of `custom` is either in seconds too,
 * but rounded as Munin rounds, or in counts, and stands as it is.
 */
#include "model/layout.h"
#include "base/number.h"
#include "base/text.h"

#include <stdbool.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, MUNIN_STEP = 300 };
enum { ROWS_MAX = 50000000 };

#define AVERAGE_ONLY (1U << LAYOUT_AVERAGE)
#define ALL_CFS      ((1U << LAYOUT_AVERAGE) | (1U << LAYOUT_MIN) | (1U << LAYOUT_MAX))
#define SECONDS_MOST (100ULL * 366 * DAY)

struct layout_span {
	uint64_t row_s; /* 0: one step */
	uint64_t keep_s;
	unsigned cfs;             /* bits 1 << enum layout_cf */
	uint32_t per_row, counts; /* of an element in counts; else 0 */
};

struct layout {
	const char *name;
	uint32_t step_s; /* 0: that of the series */
	bool custom;
	struct layout_span spans[LAYOUT_SPANS_MAX];
};

static const struct layout layouts[] = {
	{"default", 0, false,
		{{0, 25 * HOUR, AVERAGE_ONLY}, {5 * MINUTE, 62 * DAY, ALL_CFS},
			{2 * HOUR, 450 * DAY, ALL_CFS}}},
	{"compact", 0, false,
		{{0, 3 * HOUR, AVERAGE_ONLY}, {5 * MINUTE, 7 * DAY, ALL_CFS}, {HOUR, 45 * DAY, ALL_CFS},
			{DAY, 450 * DAY, ALL_CFS}}},
	{"normal", MUNIN_STEP, false,
		{{0, 2 * DAY, ALL_CFS}, {30 * MINUTE, 9 * DAY, ALL_CFS}, {2 * HOUR, 45 * DAY, ALL_CFS},
			{DAY, 450 * DAY, ALL_CFS}}},
	{"huge", MUNIN_STEP, false, {{0, 400 * DAY, ALL_CFS}}},
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

/* -- reading -- */

/* "90", "90s", "15m", "6h", "2d", "1w", "1t" (31 days), "1y" (365 days); 0: no duration. */
static uint64_t read_seconds(const char *word)
{
	static const struct {
		char letter;
		uint32_t seconds;
	} units[] = {{'s', 1}, {'m', MINUTE}, {'h', HOUR}, {'d', DAY}, {'w', 7 * DAY}, {'t', 31 * DAY},
		{'y', 365 * DAY}};
	size_t digits = strspn(word, "0123456789");
	long long number;
	uint64_t unit = word[digits] ? 0 : 1;
	for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
		bool is = word[digits] == units[i].letter && !word[digits + 1];
		unit = is ? units[i].seconds : unit;
	}
	if (!unit || !number_parse_int(word, digits, 1, UINT32_MAX, &number)) {
		return 0;
	}
	uint64_t seconds = (uint64_t)number * unit;
	return seconds <= SECONDS_MOST ? seconds : 0;
}

static bool read_count(const char *word, uint32_t *count)
{
	long long number;
	if (!number_parse_int(word, strlen(word), 1, ROWS_MAX, &number)) {
		return false;
	}
	*count = (uint32_t)number;
	return true;
}

static bool read_first(char **words, size_t count, struct layout_span *span)
{
	if (count == 1 && !words[0][strspn(words[0], "0123456789")]) {
		span->per_row = 1;
		return read_count(words[0], &span->counts);
	}
	span->keep_s = count == 1 ? read_seconds(words[0]) : 0;
	return span->keep_s != 0;
}

static bool read_next(char **words, size_t count, struct layout_span *span)
{
	if (count == 2) {
		return read_count(words[0], &span->per_row) && read_count(words[1], &span->counts);
	}
	if (count != 3 || strcmp(words[1], "for") != 0) {
		return false;
	}
	span->row_s = read_seconds(words[0]);
	span->keep_s = read_seconds(words[2]);
	return span->row_s && span->keep_s && span->row_s <= span->keep_s;
}

static bool read_span(const char *text, bool first, struct layout_span *span, struct error *err)
{
	enum { WORDS_MAX = 4 };
	char *words[WORDS_MAX];
	size_t count = 0;
	g_auto(GStrv) parts = g_strsplit_set(text, " \t", -1);
	for (size_t i = 0; parts[i]; i++) {
		if (*parts[i] && count < WORDS_MAX) {
			words[count++] = parts[i];
		}
	}
	span->cfs = ALL_CFS;
	if (first ? read_first(words, count, span) : read_next(words, count, span)) {
		return true;
	}
	return error_set(err, ERR_CONFIG,
		first ? "\"%.40s\": the first element is a duration such as "
				"1d, or a number of rows"
			  : "\"%.40s\" is neither like \"5m for 1w\" nor "
				"\"STEPS ROWS\"",
		text);
}

static bool read_custom(struct layout *layout, const char *text, struct error *err)
{
	g_auto(GStrv) elements = g_strsplit(text, ",", -1);
	size_t count = g_strv_length(elements);
	if (count > LAYOUT_SPANS_MAX) {
		return error_set(err, ERR_CONFIG, "more than %d elements", LAYOUT_SPANS_MAX);
	}
	for (size_t i = 0; i < count; i++) {
		if (!read_span(elements[i], !i, &layout->spans[i], err)) {
			return false;
		}
	}
	return true;
}

struct layout *layout_parse(const char *text, struct error *err)
{
	static const char custom[] = "custom ";
	g_autofree char *lower = g_ascii_strdown(text, -1);
	g_strstrip(lower);
	const struct layout *named = layout_find(lower);
	AUTO(layout) layout = g_new0(struct layout, 1);
	if (named) {
		*layout = *named;
		return STEAL(layout);
	}
	layout->name = "custom";
	layout->custom = true;
	if (strlen(text) > LAYOUT_TEXT_MAX || strncmp(lower, custom, sizeof(custom) - 1) != 0) {
		g_autofree char *clean = text_clean(text, strlen(text), 60);
		error_set(err, ERR_CONFIG,
			"\"%s\" is no layout: default, compact, normal, huge, or Munin's notation such as "
			"\"custom 1d, 1m for 1w, 5m for 1t, 15m for 1y\"",
			clean);
		return NULL;
	}
	return read_custom(layout, lower + sizeof(custom) - 1, err) ? STEAL(layout) : NULL;
}

void layout_destroy(struct layout *layout)
{
	g_free(layout);
}

bool layout_check(const char *text, struct error *err)
{
	AUTO(layout) layout = layout_parse(text, err);
	return layout != NULL;
}

/* -- planning -- */

static void add_archives(
	struct layout_plan *plan, unsigned cfs, uint32_t steps_per_row, uint32_t rows)
{
	for (unsigned cf = 0; cf < LAYOUT_CFS; cf++) {
		if (cfs & (1U << cf)) {
			plan->archives[plan->count++] = (struct layout_archive){
				.cf = (enum layout_cf)cf, .steps_per_row = steps_per_row, .rows = rows};
		}
	}
}

static void plan_span(
	const struct layout *layout, struct layout_plan *plan, size_t index, uint32_t *before)
{
	const struct layout_span *span = &layout->spans[index];
	uint32_t per_row = (uint32_t)(span->row_s / plan->step_s);
	per_row = per_row ? per_row : 1;
	uint32_t row_s = per_row * plan->step_s;
	bool finest_only = index + 1 < LAYOUT_SPANS_MAX && layout->spans[index + 1].row_s &&
					   layout->spans[index + 1].row_s <= row_s;
	if (per_row == *before || finest_only) {
		return; /* the neighbour has the same rows, and keeps them longer */
	}
	*before = per_row;
	add_archives(plan, span->cfs, per_row, (uint32_t)((span->keep_s + row_s - 1) / row_s));
}

/* As Munin counts: whole parts, and a tenth of the rows on top, at least one. */
static void plan_custom(const struct layout_span *span, struct layout_plan *plan)
{
	if (span->counts) {
		add_archives(plan, span->cfs, span->per_row, span->counts);
		return;
	}
	uint64_t row_s = span->row_s ? span->row_s : plan->step_s;
	uint64_t per_row = row_s / plan->step_s;
	uint64_t rows = span->keep_s / row_s;
	rows += rows / 10 ? rows / 10 : 1;
	add_archives(plan, span->cfs, per_row ? (uint32_t)per_row : 1,
		rows < ROWS_MAX ? (uint32_t)rows : ROWS_MAX);
}

void layout_plan(const struct layout *layout, uint32_t step_s, struct layout_plan *plan)
{
	*plan = (struct layout_plan){.step_s = layout->step_s ? layout->step_s : step_s};
	plan->heartbeat_s = 2 * plan->step_s;
	uint32_t before = 0;
	for (size_t i = 0; i < LAYOUT_SPANS_MAX && layout->spans[i].cfs; i++) {
		if (layout->custom) {
			plan_custom(&layout->spans[i], plan);
		} else {
			plan_span(layout, plan, i, &before);
		}
	}
}

uint64_t layout_bytes(const struct layout_plan *plan)
{
	/* rrd_format.h: head, source, archives, live head, state of the step, of each row, pointers */
	enum { HEAD = 128, SOURCE = 120, ARCHIVE = 120, LIVE = 16, STEP = 112, ROW = 80, POINTER = 8 };
	uint64_t bytes = HEAD + SOURCE + LIVE + STEP + (ARCHIVE + ROW + POINTER) * plan->count;
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
