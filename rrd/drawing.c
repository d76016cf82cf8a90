#include "rrd/drawing.h"
#include "base/number.h"
#include "model/rpn.h"
#include "rrd/graphargs.h"
#include "rrd/lines.h"
#include "rrd/palette.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"

/*
 * Three passes over the fields in their order: sources (DEF and CDEF of every field that has a
 * file), marks (what is drawn above the zero line, each with its line of the legend), mirrors (what
 * is drawn below it). Names inside the graph: g, i and a before the field's name for average, least
 * and greatest; "cdef" between for the result of an expression; c for the current value.
 *
 * Text for librrd: a colon parts arguments, a backslash begins a control code, and "color=…" in a
 * legend would be taken for an option, so a legend with "=" is named as what it is.
 */
#define MEASURES "gia" /* average, least, greatest */

static const char *const measure_cf[] = {"AVERAGE", "MIN", "MAX"};

struct work {
	const struct drawing *drawing;
	const struct service *service;
	const struct drawing_palette *palette;
	GPtrArray *out;
	struct drawing_lines *lines;
	struct graphargs args;
	char number[16]; /* "%6.2lf" */
	const char *scale_mark;
};

static void add(struct work *w, const char *format, ...) PRINTF_LIKE(2, 3);

static void add(struct work *w, const char *format, ...)
{
	va_list values;
	va_start(values, format);
	g_ptr_array_add(w->out, g_strdup_vprintf(format, values));
	va_end(values);
}

char *drawing_escape(const char *text)
{
	GString *out = g_string_new(NULL);
	for (const char *p = text; *p; p++) {
		switch (*p) {
		case ':': g_string_append(out, "\\:"); break;
		case '\\': g_string_append(out, "\xe2\x88\x96"); break; /* U+2216: looks the same */
		case '\t': g_string_append_c(out, ' '); break;
		default: g_string_append_c(out, *p); break;
		}
	}
	return g_string_free(out, FALSE);
}

/* -- sources -- */

static char *escape_path(const char *path)
{
	GString *out = g_string_new(NULL);
	for (const char *p = path; *p; p++) {
		if (*p == ':' || *p == '\\') {
			g_string_append_c(out, '\\');
		}
		g_string_append_c(out, *p);
	}
	return g_string_free(out, FALSE);
}

static void name_in_cdef(void *owner, const struct rpn *rpn, size_t index, GString *out)
{
	const char *measure = owner;
	g_string_append_c(out, *measure);
	g_string_append(out, rpn_name(rpn, index));
}

static bool is_computed(const struct drawing_line *line)
{
	return line->cdef || line->scale != 1;
}

/* "gload", or "gcdefload" if it is computed. */
static char *value_name(const struct drawing_line *line, char measure)
{
	return g_strdup_printf("%c%s%s", measure, is_computed(line) ? "cdef" : "", line->field->name);
}

static void add_sources(struct work *w)
{
	for (size_t i = 0; i < w->lines->count; i++) {
		const struct drawing_line *line = &w->lines->line[i];
		g_autofree char *path = escape_path(line->file);
		for (size_t m = 0; m < ARRAY_LENGTH(measure_cf); m++) {
			add(w, "DEF:%c%s=%s:42:%s", MEASURES[m], line->field->name, path, measure_cf[m]);
		}
	}
	for (size_t i = 0; i < w->lines->count; i++) {
		const struct drawing_line *line = &w->lines->line[i];
		for (size_t m = 0; is_computed(line) && m < ARRAY_LENGTH(measure_cf); m++) {
			GString *text = g_string_new(NULL);
			char measure = MEASURES[m];
			g_string_append_printf(text, "CDEF:%ccdef%s=", measure, line->field->name);
			if (line->cdef) {
				rpn_append(line->cdef, name_in_cdef, &measure, text);
			} else {
				g_string_append_printf(text, "%c%s", measure, line->field->name);
			}
			if (line->scale != 1) {
				g_string_append_printf(text, ",%u,*", line->scale);
			}
			g_ptr_array_add(w->out, g_string_free(text, FALSE));
		}
	}
}

/* -- marks -- */

/*
 * Munin's draw types: AREASTACK and LINESTACKn draw the first of a run as AREA or LINEn and the
 * others as STACK; a STACK that comes first is a line.
 */
static const char *draw_type(const struct field *field, bool first, char out[16])
{
	const char *draw = attributes_or(&field->attributes, "draw", "LINE1");
	const char *width = strpbrk(draw, "0123456789");
	char digit = width && *width >= '1' && *width <= '9' ? *width : '1';
	if (!g_ascii_strncasecmp(draw, "LINESTACK", 9)) {
		snprintf(out, 16, first ? "LINE%c" : "STACK", digit);
	} else if (!g_ascii_strcasecmp(draw, "AREASTACK")) {
		snprintf(out, 16, "%s", first ? "AREA" : "STACK");
	} else if (!g_ascii_strcasecmp(draw, "AREA")) {
		snprintf(out, 16, "AREA");
	} else if (!g_ascii_strcasecmp(draw, "STACK")) {
		snprintf(out, 16, "%s", first ? "LINE1" : "STACK");
	} else {
		snprintf(out, 16, "LINE%c", digit);
	}
	return out;
}

static void add_header(struct work *w)
{
	static const char *const plain[] = {" Cur\\:", "Min\\:", "Avg\\:", "Max\\:  \\j"};
	static const char *const pairs[] = {"Cur (-/+)", "Min (-/+)", "Avg (-/+)", "Max (-/+) \\j"};
	add(w, "COMMENT:%*s", (int)w->lines->label_width, "");
	for (size_t i = 0; i < ARRAY_LENGTH(plain); i++) {
		add(w, "COMMENT:%s", w->lines->mirrored ? pairs[i] : plain[i]);
	}
}

static char *legend(const struct work *w, const char *label)
{
	g_autofree char *escaped = drawing_escape(label);
	size_t width = (size_t)g_utf8_strlen(label, -1);
	int pad = (int)(w->lines->label_width > width ? w->lines->label_width - width : 0) + 1;
	return g_strdup_printf("%s%s%*s", strchr(label, '=') ? "legend=" : "", escaped, pad, "");
}

struct column {
	char measure;
	const char *cf, *end;
};

static void add_numbers(
	struct work *w, const struct drawing_line *line, const struct drawing_line *below)
{
	static const struct column columns[] = {
		{'c', "LAST", ""}, {'i', "MIN", ""}, {'g', "AVERAGE", ""}, {'a', "MAX", "\\j"}};
	for (size_t i = 0; i < ARRAY_LENGTH(columns); i++) {
		const struct column *c = &columns[i];
		bool current = c->measure == 'c';
		if (below) {
			g_autofree char *name = current ? g_strdup_printf("c%s", below->field->name)
											: value_name(below, c->measure);
			add(w, "GPRINT:%s:%s:%s%s/\\g", name, c->cf, w->number, w->scale_mark);
		}
		g_autofree char *name =
			current ? g_strdup_printf("c%s", line->field->name) : value_name(line, c->measure);
		add(w, "GPRINT:%s:%s:%s%s%s", name, c->cf, w->number, w->scale_mark, c->end);
	}
}

static void add_marks(struct work *w)
{
	bool first = true;
	for (size_t i = 0; i < w->lines->count; i++) {
		const struct drawing_line *line = &w->lines->line[i];
		if (!line->drawn) {
			continue;
		}
		const struct drawing_line *below = line->negative;
		char draw[16];
		g_autofree char *value = value_name(line, 'g');
		g_autofree char *text = legend(w, line->field->label);
		if (below) {
			g_autofree char *under = value_name(below, 'g');
			add(w, "CDEF:c%s=%s", below->field->name, under);
		}
		add(w, "CDEF:c%s=%s", line->field->name, value);
		if (first) {
			add_header(w);
		}
		add(w, "%s:%s#%s:%s", draw_type(line->field, first, draw), value, line->colour, text);
		add_numbers(w, line, below);
		first = false;
	}
}

static void add_mirrors(struct work *w)
{
	bool first = true;
	for (size_t i = 0; i < w->lines->count; i++) {
		const struct drawing_line *line = &w->lines->line[i];
		if (!line->drawn || !line->negative) {
			continue;
		}
		const struct drawing_line *below = line->negative;
		char draw[16];
		g_autofree char *value = value_name(below, 'g');
		if (first) {
			add(w, "CDEF:re_zero=%s,UN,0,0,IF", value);
		}
		add(w, "CDEF:n%s=%s,-1,*", value, value);
		add(w, "%s:n%s#%s", draw_type(line->field, first, draw), value, line->colour);
		first = false;
	}
	if (!first) {
		add(w, "LINE1:re_zero#%s", w->palette->zero);
	}
}

/* The sum of what is drawn; names that no field can have begin with x. */
static void add_total(struct work *w)
{
	const char *label = attributes_get(&w->service->attributes, "graph_total");
	unsigned count = 0;
	GString *sums[3] = {g_string_new(NULL), g_string_new(NULL), g_string_new(NULL)};
	for (guint i = 0; label && i < w->lines->count; i++) {
		const struct drawing_line *line = &w->lines->line[i];
		for (size_t m = 0; line->drawn && m < ARRAY_LENGTH(sums); m++) {
			g_autofree char *name = value_name(line, MEASURES[m]);
			g_string_append_printf(
				sums[m], "%s%s%s", count ? "," : "", name, count ? ",ADDNAN" : "");
		}
		count += line->drawn;
	}
	if (count > 1) {
		g_autofree char *text = legend(w, label);
		for (size_t m = 0; m < ARRAY_LENGTH(sums); m++) {
			add(w, "CDEF:x%c=%s", MEASURES[m], sums[m]->str);
		}
		add(w, "LINE1:xg#%s:%s", w->palette->zero, text);
		add(w, "GPRINT:xg:LAST:%s%s", w->number, w->scale_mark);
		add(w, "GPRINT:xi:MIN:%s%s", w->number, w->scale_mark);
		add(w, "GPRINT:xg:AVERAGE:%s%s", w->number, w->scale_mark);
		add(w, "GPRINT:xa:MAX:%s%s\\j", w->number, w->scale_mark);
	}
	for (size_t m = 0; m < ARRAY_LENGTH(sums); m++) {
		g_string_free(sums[m], TRUE);
	}
}

/* -- rules across the graph -- */

static void add_rule(struct work *w, double value, const char *colour)
{
	char text[NUMBER_TEXT];
	if (isfinite(value)) {
		number_format(value, text);
		add(w, "HRULE:%s#%s:dashes", text, colour);
	}
}

/* "line value[:colour[:label]]", else both ends of "warning min:max". */
static void add_field_rules(struct work *w, const struct drawing_line *line)
{
	const char *rule = attributes_get(&line->field->attributes, "line");
	const char *text = rule ? rule : attributes_get(&line->field->attributes, "warning");
	if (!text) {
		return;
	}
	g_auto(GStrv) parts = g_strsplit(text, ":", 3);
	double value;
	if (rule) {
		char colour[8];
		palette_colour(parts[0] ? parts[1] : NULL, 0, colour);
		if (parts[0] && number_parse(parts[0], strlen(parts[0]), &value)) {
			add_rule(w, value, parts[1] ? colour : line->colour);
		}
		return;
	}
	for (size_t i = 0; i < 2 && parts[i]; i++) {
		if (number_parse(parts[i], strlen(parts[i]), &value)) {
			add_rule(w, value, line->colour);
		}
	}
}

static void add_rules(struct work *w)
{
	for (size_t i = 0; i < w->lines->count; i++) {
		const struct drawing_line *line = &w->lines->line[i];
		if (line->drawn) {
			add_field_rules(w, line);
		}
	}
	for (size_t i = 0; i < w->drawing->limit_count; i++) {
		const struct drawing_limit *limit = &w->drawing->limits[i];
		add_rule(w, limit->value, limit->level >= 2 ? w->palette->critical : w->palette->warning);
	}
}

static void add_last_update(struct work *w)
{
	int64_t at = w->drawing->last_update_s;
	time_t t = (time_t)at;
	struct tm local;
	char text[64];
	if (at <= 0 || !localtime_r(&t, &local) ||
		!strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local)) {
		return;
	}
	if (at >= w->drawing->from_s && at <= w->drawing->to_s) {
		add(w, "VRULE:%lld#%s", (long long)at, w->palette->update);
	}
	g_autofree char *escaped = drawing_escape(text);
	add(w, "COMMENT:Last update\\: %s\\r", escaped);
}

/* -- options -- */

static void add_scaling(struct work *w)
{
	const struct graphargs *a = &w->args;
	char number[NUMBER_TEXT];
	add(w, "--base");
	add(w, "%u", a->base);
	if (!isnan(a->lower)) {
		number_format(a->lower, number);
		add(w, "--lower-limit");
		add(w, "%s", number);
	}
	if (!isnan(a->upper)) {
		number_format(a->upper, number);
		add(w, "--upper-limit");
		add(w, "%s", number);
	}
	if (a->has_units_exponent || !attributes_flag(&w->service->attributes, "graph_scale", true)) {
		add(w, "--units-exponent");
		add(w, "%d", a->has_units_exponent ? a->units_exponent : 0);
	}
	const struct {
		bool on;
		const char *option;
	} flags[] = {{a->rigid, "--rigid"}, {a->logarithmic, "--logarithmic"},
		{a->units_si, "--units=si"}, {a->alt_autoscale, "--alt-autoscale"},
		{a->alt_autoscale_min, "--alt-autoscale-min"},
		{a->alt_autoscale_max, "--alt-autoscale-max"}, {a->alt_y_grid, "--alt-y-grid"}};
	for (size_t i = 0; i < ARRAY_LENGTH(flags); i++) {
		if (flags[i].on) {
			add(w, "%s", flags[i].option);
		}
	}
}

/* A text with ${graph_period} replaced. */
static char *with_period(const struct service *service, const char *text)
{
	const char *period = attributes_or(&service->attributes, "graph_period", "second");
	g_auto(GStrv) parts = g_strsplit(text, "${graph_period}", -1);
	return g_strjoinv(period, parts);
}

static void add_texts(struct work *w)
{
	const struct service *s = w->service;
	g_autofree char *title = with_period(s, attributes_or(&s->attributes, "graph_title", s->name));
	const char *behind = w->drawing->title;
	add(w, "--title");
	add(w, "%s%s%s", title, behind && *behind ? " - " : "", behind ? behind : "");
	const char *vlabel = attributes_get(&s->attributes, "graph_vlabel");
	if (vlabel) {
		g_autofree char *label = with_period(s, vlabel);
		add(w, "--vertical-label");
		add(w, "%s", label);
	}
}

static void add_looks(struct work *w)
{
	static const char *const formats[DRAWING_FORMATS] = {"PNG", "SVG", "PDF", "EPS"};
	static const char *const fonts[] = {
		"DEFAULT:0:DejaVuSans,DejaVu Sans,DejaVu LGC Sans,Bitstream Vera Sans",
		"LEGEND:7:DejaVuSansMono,DejaVu Sans Mono,DejaVu LGC Sans Mono,"
		"Bitstream Vera Sans Mono,monospace"};
	const struct drawing *d = w->drawing;
	add(w, "--slope-mode");
	add(w, "--height");
	add(w, "%u", d->height);
	add(w, "--width");
	add(w, "%u", d->width);
	add(w, "--imgformat");
	add(w, "%s", formats[d->format]);
	for (size_t i = 0; i < ARRAY_LENGTH(fonts); i++) {
		add(w, "--font");
		add(w, "%s", fonts[i]);
	}
	for (size_t i = 0; i < PALETTE_PARTS; i++) {
		add(w, "--color");
		add(w, "%s", w->palette->parts[i]);
	}
	add(w, "--border");
	add(w, "0");
	add(w, "--watermark");
	add(w, "Magpie");
}

/* graph_printf, if it is one plain conversion of a double; else Munin's own. */
static void choose_number(struct work *w)
{
	const char *given = attributes_get(&w->service->attributes, "graph_printf");
	snprintf(w->number, sizeof(w->number), w->args.base == 1024 ? "%%7.2lf" : "%%6.2lf");
	if (given && strlen(given) < sizeof(w->number) &&
		g_regex_match_simple("\\A%[0-9]{0,2}(\\.[0-9])?l[efg]\\z", given, 0, 0)) {
		snprintf(w->number, sizeof(w->number), "%s", given);
	}
	w->scale_mark = attributes_flag(&w->service->attributes, "graph_scale", true) ? "%s" : "";
}

static void add_everything(struct work *w)
{
	add(w, "graph");
	add(w, "-");
	add_texts(w);
	add(w, "--start");
	add(w, "%lld", (long long)w->drawing->from_s);
	add(w, "--end");
	add(w, "%lld", (long long)w->drawing->to_s);
	add_scaling(w);
	add_looks(w);
	add_sources(w);
	add_rules(w);
	add_marks(w);
	add_total(w);
	add_mirrors(w);
	add_last_update(w);
}

GPtrArray *drawing_arguments(const struct drawing *drawing, struct error *err)
{
	AUTO(drawing_lines) lines = drawing_lines_create(drawing->service, drawing->files);
	if (!lines->drawn) {
		error_set(err, ERR_NOT_FOUND, "no data yet");
		return NULL;
	}
	struct work w = {.drawing = drawing,
		.service = drawing->service,
		.palette = palette_of(drawing->theme),
		.out = g_ptr_array_new_with_free_func(g_free),
		.lines = lines};
	graphargs_read(attributes_get(&w.service->attributes, "graph_args"), &w.args);
	choose_number(&w);
	add_everything(&w);
	return w.out;
}
