#include "rrd/pen.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"

/*
 * What is marked beside the curves. A time in which something was wrong is an area over the whole
 * height behind the curves, opaque in a light colour (transparency would make EPS a bitmap), with
 * an edge at its begin and end. The edges' dashes say the level too, for who does not see colours:
 * solid critical, long dashes warning, short ones notice, dots unknown. An edge shows also what is
 * shorter than a pixel.
 */
enum { NOTE_TEXT_MAX = 80 /* characters */ };

static const struct level {
	const char *name, *dashes;
} levels[] = {
	[DRAWING_NOTICE] = {"notice", ":dashes=2,2"},
	[DRAWING_WARNING] = {"warning", ":dashes=6,3"},
	[DRAWING_CRITICAL] = {"critical", ""},
	[DRAWING_UNKNOWN] = {"unknown", ":dashes=1,3"},
};

/* -- times in which something was wrong -- */

static bool in_view(const struct pen *pen, int64_t from_s, int64_t to_s)
{
	return from_s < pen->drawing->to_s && (!to_s || to_s > pen->drawing->from_s);
}

/* Any source will do: librrd takes times and steps of an expression from one. */
static const char *any_source(const struct pen *pen)
{
	return pen->lines->line[0].sources[0].name;
}

static void add_edges(struct pen *pen, const struct drawing_span *span)
{
	const char *colour = pen->palette->levels[span->level].edge;
	const int64_t at[] = {span->from_s, span->to_s};
	for (size_t i = 0; i < ARRAY_LENGTH(at); i++) {
		if (at[i] > pen->drawing->from_s && at[i] < pen->drawing->to_s) {
			pen_add(
				pen->end, "VRULE:%lld#%s%s", (long long)at[i], colour, levels[span->level].dashes);
		}
	}
}

/* An area over the whole height wherever one of the times is; `times` is their expression. */
static void add_area(
	struct pen *pen, const char *name, const GString *times, const char *fill, const char *legend)
{
	pen_add(pen->body, "CDEF:x%s=g%s,POP,0%s,0,GT,INF,UNKN,IF", name, any_source(pen), times->str);
	pen_add(pen->body, "CDEF:y%s=x%s,-1,*", name, name);
	pen_add(pen->body, "AREA:x%s#%s%s%s", name, fill, *legend ? ":" : "", legend);
	pen_add(pen->body, "AREA:y%s#%s", name, fill);
}

static void append_time(GString *times, int64_t from_s, int64_t to_s)
{
	g_string_append_printf(times, ",TIME,%lld,%lld,LIMIT,UN,0,1,IF,+", (long long)from_s,
		(long long)MAX(to_s, from_s));
}

static void add_level(struct pen *pen, unsigned level)
{
	const struct drawing *d = pen->drawing;
	g_autoptr(GString) times = g_string_new(NULL);
	for (size_t i = 0; i < d->span_count; i++) {
		const struct drawing_span *span = &d->spans[i];
		if (span->level == level && in_view(pen, span->from_s, span->to_s)) {
			append_time(times, span->from_s, span->to_s ? span->to_s : d->to_s);
			add_edges(pen, span);
		}
	}
	if (times->len) {
		char name[] = "level0";
		name[5] = (char)('0' + level);
		add_area(pen, name, times, pen->palette->levels[level].fill, levels[level].name);
	}
}

/* Notes that have an end. */
static void add_noted_times(struct pen *pen)
{
	const struct drawing *d = pen->drawing;
	g_autoptr(GString) times = g_string_new(NULL);
	for (size_t i = 0; i < d->note_count; i++) {
		const struct drawing_note *note = &d->notes[i];
		if (note->to_s > note->at_s && in_view(pen, note->at_s, note->to_s)) {
			append_time(times, note->at_s, note->to_s);
		}
	}
	if (times->len) {
		add_area(pen, "noted", times, pen->palette->note_fill, "");
	}
}

void pen_write_spans(struct pen *pen)
{
	static const unsigned order[] = {
		DRAWING_UNKNOWN, DRAWING_NOTICE, DRAWING_WARNING, DRAWING_CRITICAL};
	add_noted_times(pen);
	guint before = pen->body->len;
	for (size_t i = 0; pen->lines->count && i < ARRAY_LENGTH(order); i++) {
		add_level(pen, order[i]);
	}
	if (pen->body->len != before) {
		pen_add(pen->body, "COMMENT: \\l");
	}
}

/* -- rules across the graph -- */

static char *rule(double value, const char *colour, const char *behind)
{
	char text[NUMBER_TEXT];
	number_format(value, text);
	return g_strdup_printf("HRULE:%s#%s%s", text, colour, behind);
}

static bool is_finite(const char *text, double *value)
{
	return number_parse(text, strlen(text), value) && isfinite(*value);
}

/* "value[:colour[:label]]" */
static void add_line_rule(
	struct pen *pen, const struct drawing_line *line, const char *text, bool mirrored)
{
	g_auto(GStrv) parts = g_strsplit(text, ":", 3);
	double value;
	char colour[8];
	if (!parts[0] || !is_finite(parts[0], &value)) {
		return;
	}
	bool own = parts[1] && *parts[1];
	palette_colour(own ? parts[1] : line->colour, 0, colour);
	if (mirrored) {
		g_ptr_array_insert(pen->below, 0, rule(value, colour, ""));
		return;
	}
	g_autofree char *label = own && parts[2] && *parts[2] ? drawing_escape(parts[2]) : g_strdup("");
	g_autofree char *behind =
		g_strconcat(*label ? ":" : "", *label && strchr(label, '=') ? "legend=" : "", label, NULL);
	pen_add(pen->front, "COMMENT: \\j");
	g_ptr_array_add(pen->front, rule(value, colour, behind));
}

/* Both ends of "warning min:max". */
static void add_range_rules(struct pen *pen, const struct drawing_line *line, const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, ":", 2);
	for (size_t i = 0; i < 2 && parts[i]; i++) {
		double value;
		if (is_finite(parts[i], &value)) {
			g_ptr_array_add(pen->front, rule(value, line->colour, ":dashes"));
		}
	}
}

void pen_write_field_rules(struct pen *pen, const struct drawing_line *line, bool mirrored)
{
	const struct drawing_line *of = mirrored ? line->negative : line;
	const struct attributes *a = of->curve->attributes;
	const char *text = attributes_get(a, "line");
	const char *warning = attributes_get(a, "warning");
	if (text && *text) {
		add_line_rule(pen, line, text, mirrored);
	} else if (warning) {
		add_range_rules(pen, line, warning);
	}
}

/* -- notes -- */

static void add_note(struct pen *pen, const struct drawing_note *note)
{
	const char *colour = pen->palette->note;
	time_t at = (time_t)note->at_s;
	struct tm local;
	char time_text[32] = "";
	if (localtime_r(&at, &local)) {
		strftime(time_text, sizeof(time_text), "%Y-%m-%d %H:%M", &local);
	}
	bool cut = g_utf8_strlen(note->text, -1) > NOTE_TEXT_MAX;
	g_autofree char *shown =
		g_utf8_substring(note->text, 0, MIN(g_utf8_strlen(note->text, -1), NOTE_TEXT_MAX));
	g_autofree char *whole = g_strdup_printf("%s %s%s", time_text, shown, cut ? "…" : "");
	g_autofree char *text = drawing_escape(whole);
	pen_add(pen->end, "VRULE:%lld#%s:%s%s\\l", (long long)note->at_s, colour,
		strchr(text, '=') ? "legend=" : "", text);
	if (note->to_s > note->at_s) {
		pen_add(pen->end, "VRULE:%lld#%s:dashes=1,2", (long long)note->to_s, colour);
	}
}

void pen_write_marks(struct pen *pen)
{
	const struct drawing *d = pen->drawing;
	for (size_t i = 0; i < d->limit_count; i++) {
		const struct drawing_limit *limit = &d->limits[i];
		unsigned level = limit->level >= 2 ? DRAWING_CRITICAL : DRAWING_WARNING;
		if (isfinite(limit->value)) {
			g_ptr_array_add(
				pen->end, rule(limit->value, pen->palette->levels[level].edge, ":dashes"));
		}
	}
	for (size_t i = 0; i < d->note_count; i++) {
		if (in_view(pen, d->notes[i].at_s,
				d->notes[i].to_s ? d->notes[i].to_s : d->notes[i].at_s + 1)) {
			add_note(pen, &d->notes[i]);
		}
	}
}
