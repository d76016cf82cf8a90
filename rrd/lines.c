#include "rrd/lines.h"
#include "rrd/palette.h"

#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * A field whose cdef is refused, or names a field without a file, is not drawn: its raw value would
 * be a wrong one. The array is allocated for all fields at once, so lines may point at each other.
 */

static struct drawing_line *find_line(struct drawing_lines *lines, const char *name)
{
	for (size_t i = 0; i < lines->count; i++) {
		if (!strcmp(lines->line[i].field->name, name)) {
			return &lines->line[i];
		}
	}
	return NULL;
}

static bool is_hidden(const struct field *field)
{
	return !attributes_flag(&field->attributes, "graph", true) ||
		   attributes_flag(&field->attributes, "skipdraw", false);
}

static unsigned period_scale(const struct service *service, const struct field *field)
{
	const char *period = attributes_or(&service->attributes, "graph_period", "second");
	if (field->type == FIELD_GAUGE) {
		return 1;
	}
	return !strcmp(period, "minute") ? 60 : !strcmp(period, "hour") ? 3600 : 1;
}

static void add_line(struct drawing_lines *lines, const struct field *field, const char *file)
{
	if (!file || find_line(lines, field->name)) {
		return;
	}
	struct drawing_line line = {
		.field = field, .file = file, .scale = period_scale(field->service, field)};
	const char *cdef = attributes_get(&field->attributes, "cdef");
	if (cdef) {
		line.cdef = rpn_parse(cdef, strlen(cdef), NULL);
		line.broken = !line.cdef;
	}
	line.drawn = !is_hidden(field) && !line.broken;
	lines->line[lines->count++] = line;
}

/* graph_order first ("-name" hides, "name=path" is another series and not drawn), then the rest. */
static void collect_lines(
	struct drawing_lines *lines, const struct service *service, const char *const *files)
{
	const char *order = attributes_or(&service->attributes, "graph_order", "");
	g_auto(GStrv) names = g_strsplit_set(order, " \t", -1);
	for (char **name = names; *name; name++) {
		bool hide = **name == '-';
		const struct field *field = service_find_field(service, *name + hide);
		if (field) {
			add_line(lines, field, files[field->index]);
			struct drawing_line *line = find_line(lines, field->name);
			if (line) {
				line->drawn = line->drawn && !hide;
			}
		}
	}
	for (size_t i = 0; i < service_field_count(service); i++) {
		const struct field *field = service_field(service, i);
		if (!field->gone) {
			add_line(lines, field, files[i]);
		}
	}
}

static void check_cdefs(struct drawing_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		struct drawing_line *line = &lines->line[i];
		bool whole = true;
		for (size_t k = 0; line->cdef && k < rpn_name_count(line->cdef); k++) {
			whole = whole && find_line(lines, rpn_name(line->cdef, k));
		}
		if (!whole) {
			line->drawn = false;
			line->broken = true;
			rpn_destroy(line->cdef);
			line->cdef = NULL;
		}
	}
}

/* A mirrored field may be declared `graph no` (most are): it is drawn through its partner only. */
static void pair_negatives(struct drawing_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		struct drawing_line *line = &lines->line[i];
		const char *name = attributes_get(&line->field->attributes, "negative");
		struct drawing_line *below = name && line->drawn ? find_line(lines, name) : NULL;
		if (below && below != line && !below->negative && !below->broken) {
			line->negative = below;
			below->drawn = false;
			lines->mirrored = true;
		}
	}
}

static void widen(struct drawing_lines *lines, const char *label)
{
	size_t width = (size_t)g_utf8_strlen(label, -1);
	lines->label_width = width > lines->label_width ? width : lines->label_width;
}

static void give_colours(struct drawing_lines *lines, const struct service *service)
{
	for (size_t i = 0; i < lines->count; i++) {
		struct drawing_line *line = &lines->line[i];
		if (line->drawn) {
			widen(lines, line->field->label);
			palette_colour(attributes_get(&line->field->attributes, "colour"),
				(unsigned)lines->drawn++, line->colour);
		}
	}
	const char *total = attributes_get(&service->attributes, "graph_total");
	if (total && lines->drawn > 1) {
		widen(lines, total);
	}
}

struct drawing_lines *drawing_lines_create(const struct service *service, const char *const *files)
{
	struct drawing_lines *lines = g_new0(struct drawing_lines, 1);
	lines->line = g_new0(struct drawing_line, service_field_count(service) + 1);
	lines->label_width = 1;
	collect_lines(lines, service, files);
	check_cdefs(lines);
	pair_negatives(lines);
	give_colours(lines, service);
	return lines;
}

void drawing_lines_destroy(struct drawing_lines *lines)
{
	if (lines) {
		for (size_t i = 0; i < lines->count; i++) {
			rpn_destroy(lines->line[i].cdef);
		}
		g_free(lines->line);
		g_free(lines);
	}
}
