#include "rrd/pen.h"

#include <string.h>

#include "base/banned.h"

/*
 * Names inside the graph: g, i and a before a name for average, least and greatest, c for the
 * current value. A field is computed in at most two steps, each of which puts "cdef" in front:
 * times graph_period, then its own expression. Of a sum "z1_0 … z1_n" are the sources; all but the
 * last get "cdef" by counting unknown as 0, and the last is the sum.
 *
 * The current value of a field that is plainly stored is unknown once its last sample is old: a
 * graph must not show as current what was measured yesterday. (Munin's limit is 900 s for all.)
 */
#define MEASURES "gia" /* average, least, greatest */

enum { OLD_S = 900, OLD_STEPS = 3 };

static void add_defs(struct pen *pen, const struct drawing_line *line)
{
	static const char *const cfs[] = {"AVERAGE", "MIN", "MAX"};
	for (size_t i = 0; i < line->source_count; i++) {
		const struct drawing_source *source = &line->sources[i];
		GString *path = g_string_new(source->file->path);
		g_string_replace(path, "\\", "\\\\", 0);
		g_string_replace(path, ":", "\\:", 0);
		for (size_t m = 0; m < ARRAY_LENGTH(cfs); m++) {
			pen_add(pen->front, "DEF:%c%s=%s:42:%s", MEASURES[m], source->name, path->str, cfs[m]);
		}
		g_string_free(path, TRUE);
	}
}

static const char *or_unknown(const struct pen *pen, int64_t last_s)
{
	int64_t old_s = MAX((int64_t)pen->service->step_s * OLD_STEPS, OLD_S);
	return last_s && pen->drawing->now_s - last_s > old_s ? ",POP,UNKN" : "";
}

/* -- expressions -- */

/*
 * The sources as one value. Of a sum unknown counts as 0; but its end is the newest sample of any
 * of them, for what is under way is not known yet. (Munin has the picture end a row earlier.)
 */
static void append_sources(
	const struct pen *pen, GString *out, const struct drawing_line *line, char measure)
{
	const struct drawing_source *last = &line->sources[line->source_count - 1];
	enum plot_kind kind = line->curve->kind;
	bool sum = kind == PLOT_SUM || kind == PLOT_STACKED;
	bool ends = sum && line->last_s && pen->drawing->theme != DRAWING_MUNIN;
	if (ends) {
		g_string_append_printf(out, "TIME,%lld,GT,UNKN,", (long long)line->last_s);
	}
	if (sum) {
		g_string_append_printf(out, "%c%s,UN,0,%c%s,IF", measure, last->name, measure, last->name);
	} else {
		g_string_append_printf(out, "%c%s", measure, last->name);
	}
	for (size_t i = 0; i + 1 < line->source_count; i++) {
		g_string_append_printf(out, ",%c%s,ADDNAN", measure, line->sources[i].known);
	}
	g_string_append(out, ends ? ",IF" : "");
}

struct naming {
	const struct pen *pen;
	const struct drawing_line *line;
	char measure;
};

static void append_input(void *owner, const struct rpn *rpn UNUSED, size_t index, GString *out)
{
	const struct naming *n = owner;
	const struct plot_input *input = &n->line->curve->inputs[index];
	const struct drawing_line *of = drawing_lines_find(n->pen->lines, input->curve->name);
	switch (input->value) {
	case PLOT_RESULT: g_string_append_printf(out, "%c%s", n->measure, of->value); break;
	case PLOT_SCALED:
		if (of->curve->scale != 1) {
			g_string_append_printf(out, "%c%s", n->measure, of->scaled);
			break;
		}
		append_sources(n->pen, out, of, n->measure);
		break;
	default: append_sources(n->pen, out, of, n->measure);
	}
}

static void add_expression(struct pen *pen, const struct drawing_line *line, char measure)
{
	GString *text = g_string_new(NULL);
	g_string_append_printf(text, "CDEF:%c%s=", measure, line->value);
	if (line->curve->cdef) {
		struct naming naming = {pen, line, measure};
		rpn_append(line->curve->cdef, append_input, &naming, text);
	} else {
		append_sources(pen, text, line, measure);
	}
	g_ptr_array_add(pen->body, g_string_free(text, FALSE));
}

/* -- steps -- */

static void add_parts_of_sum(struct pen *pen, const struct drawing_line *line)
{
	static const char measures[] = "aig";
	for (size_t i = 0; i + 1 < line->source_count; i++) {
		const struct drawing_source *s = &line->sources[i];
		for (const char *m = measures; *m; m++) {
			pen_add(
				pen->body, "CDEF:%c%s=%c%s,UN,0,%c%s,IF", *m, s->known, *m, s->name, *m, s->name);
		}
		pen_add(pen->body, "CDEF:c%s=g%s", s->known, s->known);
	}
}

/* What a curve of another line needs of this one must be there before it. */
static void write_inputs(struct pen *pen, const struct drawing_line *line)
{
	const struct plot_curve *curve = line->curve;
	for (size_t i = 0; curve->cdef && i < rpn_name_count(curve->cdef); i++) {
		struct drawing_line *of = drawing_lines_find(pen->lines, curve->inputs[i].curve->name);
		if (of != line && of->curve->kind == PLOT_SUM) {
			pen_write_sources(pen, of);
		}
	}
}

static void add_sum_over_time(struct pen *pen, const struct drawing_line *line)
{
	if (pen_sum_name(pen) && line->curve->sources[0]->type != FIELD_GAUGE) {
		pen_add(pen->body, "CDEF:xg%s=g%s,%u,TRENDNAN,%u,*", line->value, line->value,
			pen_sum_seconds(pen), pen_sum_seconds(pen) / line->curve->scale);
	} else if (pen_sum_name(pen)) {
		pen_add(pen->body, "CDEF:xg%s=g%s", line->value, line->value);
	}
}

void pen_write_sources(struct pen *pen, struct drawing_line *line)
{
	static const char measures[] = "aig";
	if (line->written) {
		return;
	}
	line->written = true;
	pen->last_update_s = MAX(pen->last_update_s, line->last_s);
	add_defs(pen, line);
	write_inputs(pen, line);
	add_parts_of_sum(pen, line);
	if (line->curve->kind == PLOT_STACKED && !line->curve->cdef) {
		pen_add(
			pen->body, "CDEF:c%s=g%s%s", line->scaled, line->scaled, or_unknown(pen, line->last_s));
	}
	for (const char *m = measures; line->curve->scale != 1 && *m; m++) {
		const char *name = line->sources[line->source_count - 1].name;
		pen_add(pen->body, "CDEF:%c%s=%c%s,%u,*", *m, line->scaled, *m, name, line->curve->scale);
	}
	bool computed = drawing_line_is_computed(line);
	for (const char *m = measures; computed && *m; m++) {
		add_expression(pen, line, *m);
	}
	pen_add(pen->body, "CDEF:c%s=g%s%s", line->value, line->value,
		computed ? "" : or_unknown(pen, line->last_s));
	add_sum_over_time(pen, line);
}
