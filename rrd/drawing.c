#include "rrd/pen.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * The arguments in Munin's order: frame (options), files and rules across the graph, times in which
 * something was wrong, curves with their expressions, marks, the end. Each part is a file of its
 * own: pen_*.c.
 */

/* graph_printf, if it is one plain conversion of a double; else Munin's own. */
static void choose_numbers(struct pen *pen)
{
	const struct attributes *a = &pen->service->attributes;
	const char *given = attributes_get(a, "graph_printf");
	pen->average = pen->args.base == 1024 ? "%7.2lf" : "%6.2lf";
	snprintf(pen->number, sizeof(pen->number), "%s", pen->average);
	if (given && graphargs_is_format(given)) {
		g_autofree char *escaped = drawing_escape(given);
		snprintf(pen->number, sizeof(pen->number), "%s", escaped);
	}
	pen->scale_mark = attributes_flag(a, "graph_scale", true) ? "%s" : "";
}

static void append_all(GPtrArray *to, GPtrArray *from)
{
	for (guint i = 0; i < from->len; i++) {
		g_ptr_array_add(to, g_steal_pointer(&from->pdata[i]));
	}
}

static void append_backwards(GPtrArray *to, GPtrArray *from)
{
	for (guint i = from->len; i > 0; i--) {
		g_ptr_array_add(to, g_steal_pointer(&from->pdata[i - 1]));
	}
}

static GPtrArray *write_all(struct pen *pen)
{
	GPtrArray *all = g_ptr_array_new_with_free_func(g_free);
	choose_numbers(pen);
	pen_write_frame(pen);
	pen_write_spans(pen);
	pen_write_curves(pen);
	pen_write_options_after(pen);
	pen_write_marks(pen);
	pen_write_end(pen);
	pen_add(all, "graph");
	pen_add(all, "-");
	append_all(all, pen->frame);
	append_backwards(all, pen->front);
	append_all(all, pen->body);
	append_all(all, pen->end);
	return all;
}

static void refuse(const struct drawing_lines *lines, struct error *err)
{
	for (guint i = 0; i < lines->missing->len; i++) {
		const struct drawing_missing *m = &g_array_index(lines->missing, struct drawing_missing, i);
		if (m->curve->broken || m->unreadable) {
			error_set(err, m->unreadable ? ERR_STORAGE : ERR_NOT_FOUND, "%.60s: %s",
				m->curve->label, m->why);
			return;
		}
	}
	error_set(err, ERR_NOT_FOUND, "no data yet");
}

GPtrArray *drawing_arguments(const struct drawing *drawing, struct error *err)
{
	AUTO(drawing_lines) lines = drawing_lines_create(drawing->plot, drawing->files);
	if (!lines->drawn) {
		refuse(lines, err);
		return NULL;
	}
	g_autoptr(GPtrArray) frame = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) front = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) body = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) below = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) end = g_ptr_array_new_with_free_func(g_free);
	struct pen pen = {.drawing = drawing,
		.service = drawing->plot->service,
		.palette = palette_of(drawing->theme),
		.lines = lines,
		.frame = frame,
		.front = front,
		.body = body,
		.below = below,
		.end = end};
	graphargs_read(attributes_get(&pen.service->attributes, "graph_args"), &pen.args);
	return write_all(&pen);
}
