#include "rrd/pen.h"

#include <string.h>

#include "base/banned.h"

/*
 * Each curve above the zero line with its line of the legend, then what is drawn below it, then the
 * total. In a picture of sums over time the curve is their average and the legend is made of it
 * alone.
 *
 * Text for librrd: a colon parts arguments, a backslash begins a control code, and "color=…" in a
 * legend would be taken for an option, so a legend with "=" is named as what it is.
 */
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

static void add_header(struct pen *pen, bool pairs)
{
	static const char *const plain[] = {" Cur\\:", "Min\\:", "Avg\\:", "Max\\:  \\j"};
	static const char *const paired[] = {"Cur (-/+)", "Min (-/+)", "Avg (-/+)", "Max (-/+) \\j"};
	pen_add(pen->body, "COMMENT:%*s", (int)pen->lines->label_width, "");
	for (size_t i = 0; i < ARRAY_LENGTH(plain); i++) {
		pen_add(pen->body, "COMMENT:%s", pairs ? paired[i] : plain[i]);
	}
}

static char *legend(const struct pen *pen, const char *label)
{
	g_autofree char *text = pen_with_period(pen, label, pen_sum_name(pen));
	g_autofree char *escaped = drawing_escape(text);
	size_t width = (size_t)g_utf8_strlen(text, -1);
	int pad = (int)(pen->lines->label_width > width ? pen->lines->label_width - width : 0) + 1;
	return g_strdup_printf("%s%s%*s", strchr(text, '=') ? "legend=" : "", escaped, pad, "");
}

/* -- numbers of the legend -- */

static const struct column {
	char measure;
	const char *cf, *end;
} columns[] = {{'c', "LAST", ""}, {'i', "MIN", ""}, {'g', "AVERAGE", ""}, {'a', "MAX", "\\j"}};

/* `above` and `below` (NULL: nothing) are names without the letter of what is measured. */
static void add_numbers(struct pen *pen, const char *above, const char *below)
{
	bool sums = pen_sum_name(pen);
	for (size_t i = 0; i < ARRAY_LENGTH(columns); i++) {
		const struct column *c = &columns[i];
		const char *format = c->measure == 'g' ? pen->average : pen->number;
		char prefix[3] = {c->measure, '\0', '\0'};
		if (sums) {
			memcpy(prefix, "xg", sizeof(prefix));
		}
		if (below) {
			pen_add(pen->body, "GPRINT:%s%s:%s:%s%s/\\g", prefix, below, c->cf, format,
				pen->scale_mark);
		}
		pen_add(pen->body, "GPRINT:%s%s:%s:%s%s%s", prefix, above, c->cf, format, pen->scale_mark,
			c->end);
	}
}

/* -- above the zero line -- */

/* Others on which it would lie may have no file. */
static const char *draw_type(const struct drawing_line *line, bool first)
{
	return first && !strcmp(line->curve->draw, "STACK") ? "AREA" : line->curve->draw;
}

static const char *average_of(const struct pen *pen)
{
	return pen_sum_name(pen) ? "xg" : "g";
}

static void add_curve(struct pen *pen, struct drawing_line *line, bool first)
{
	g_autofree char *text = legend(pen, line->curve->label);
	if (first) {
		add_header(pen, line->negative);
	}
	pen_add(pen->body, "%s:%s%s#%s:%s", draw_type(line, first), average_of(pen), line->value,
		line->colour, text);
	add_numbers(pen, line->value, line->negative ? line->negative->value : NULL);
}

/* -- below it -- */

static void add_mirror(struct pen *pen, const struct drawing_line *line, bool first)
{
	const char *below = line->negative->value;
	const char *average = average_of(pen);
	if (!pen->below->len) {
		pen_add(pen->below, "CDEF:re_zero=%s%s,UN,0,0,IF", average, below);
	}
	pen_add(pen->below, "CDEF:n%s%s=%s%s,-1,*", average, below, average, below);
	pen_add(pen->below, "%s:n%s%s#%s", draw_type(line, first), average, below, line->colour);
}

/* -- the total -- */

static void add_total_of(struct pen *pen, char measure, bool below)
{
	GString *text = g_string_new(NULL);
	bool sums = pen_sum_name(pen);
	unsigned count = 0;
	g_string_append_printf(
		text, "CDEF:%s%c%stotal=", sums ? "x" : "", measure, below ? "neg" : "pos");
	for (size_t i = 0; i < pen->lines->count; i++) {
		const struct drawing_line *line = &pen->lines->line[i];
		const struct drawing_line *of = below ? line->negative : line;
		if (line->drawn && of) {
			g_string_append_printf(
				text, "%s%s%c%s", count++ ? "," : "", sums ? "x" : "", measure, of->value);
		}
	}
	while (count-- > 1) {
		g_string_append(text, ",ADDNAN");
	}
	g_ptr_array_add(pen->body, g_string_free(text, FALSE));
}

static void add_total(struct pen *pen)
{
	static const char measures[] = "iga";
	const char *label = attributes_get(&pen->service->attributes, "graph_total");
	if (!label) {
		return;
	}
	bool below = pen->lines->mirrored;
	bool sums = pen_sum_name(pen);
	for (size_t i = 0; i < 6; i++) {
		char measure = measures[i % 3];
		if ((i < 3 || below) && (!sums || measure == 'g')) {
			add_total_of(pen, measure, i >= 3);
		}
	}
	g_autofree char *text = legend(pen, label);
	pen_add(pen->body, "LINE1:%spostotal#%s:%s", average_of(pen), pen->palette->zero, text);
	for (size_t i = 0; i < ARRAY_LENGTH(columns); i++) {
		const struct column *c = &columns[i];
		const char *format = c->measure == 'g' ? pen->average : pen->number;
		g_autofree char *prefix = g_strdup(sums                ? "xg"
										   : c->measure == 'c' ? "g"
															   : (char[]){c->measure, '\0'});
		if (below) {
			pen_add(
				pen->body, "GPRINT:%snegtotal:%s:%s%s/\\g", prefix, c->cf, format, pen->scale_mark);
		}
		pen_add(pen->body, "GPRINT:%spostotal:%s:%s%s%s", prefix, c->cf, format, pen->scale_mark,
			c->end);
	}
}

void pen_write_curves(struct pen *pen)
{
	bool first = true;
	for (size_t i = 0; i < pen->lines->count; i++) {
		struct drawing_line *line = &pen->lines->line[i];
		if (line->negative) {
			pen_write_sources(pen, drawing_lines_find(pen->lines, line->negative->curve->name));
		}
		pen_write_sources(pen, line);
		if (!line->drawn) {
			continue;
		}
		add_curve(pen, line, first);
		if (line->negative) {
			add_mirror(pen, line, first);
			pen_write_field_rules(pen, line, true);
		}
		pen_write_field_rules(pen, line, false);
		first = false;
	}
	for (guint i = 0; i < pen->below->len; i++) {
		g_ptr_array_add(pen->body, g_strdup(pen->below->pdata[i]));
	}
	if (pen->below->len) {
		pen_add(pen->body, "LINE1:re_zero#%s", pen->palette->zero);
	}
	add_total(pen);
}
