#include "rrd/lines.h"
#include "rrd/palette.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * A curve whose cdef is refused, or names a curve without a file, is not drawn: its raw value would
 * be a wrong one. A sum is drawn of the sources there are, as an unknown one would count. The array
 * is allocated for all curves at once, so lines may point at each other.
 */

/* -- files -- */

static void file_free(gpointer data)
{
	struct drawing_file *file = data;
	g_free(file->path);
	g_free(file);
}

GHashTable *drawing_files_create(void)
{
	return g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, file_free);
}

void drawing_files_add(
	GHashTable *files, const struct field *field, const char *path, int64_t last_s)
{
	struct drawing_file *file = g_new0(struct drawing_file, 1);
	file->path = g_strdup(path);
	file->last_s = last_s;
	g_hash_table_replace(files, (gpointer)field, file);
}

/* -- names -- */

static void shorten(const char *name, char out[LINES_NAME_MAX + 1])
{
	if (strlen(name) <= LINES_NAME_MAX) {
		g_strlcpy(out, name, LINES_NAME_MAX + 1);
		return;
	}
	g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_MD5, name, -1);
	g_strlcpy(out, sum + strlen(sum) - LINES_NAME_MAX, LINES_NAME_MAX + 1);
}

void drawing_lines_name(struct drawing_lines *lines, const char *name, char out[LINES_NAME_MAX + 1])
{
	shorten(name, out);
	for (unsigned i = 0; g_hash_table_contains(lines->names, out); i++) {
		g_autofree char *other = g_strdup_printf("%s another one %u", name, i);
		shorten(other, out);
	}
	g_hash_table_add(lines->names, g_strdup(out));
}

struct drawing_line *drawing_lines_find(const struct drawing_lines *lines, const char *name)
{
	for (size_t i = 0; i < lines->count; i++) {
		if (!strcmp(lines->line[i].curve->name, name)) {
			return &lines->line[i];
		}
	}
	return NULL;
}

/* -- lines -- */

/* The sources of a sum are called z1_0, z1_1 … by its place among the curves. */
static void add_sources(
	struct drawing_lines *lines, struct drawing_line *line, GHashTable *files, size_t place)
{
	const struct plot_curve *curve = line->curve;
	line->sources = g_new0(struct drawing_source, curve->source_count + 1);
	for (size_t i = 0; i < curve->source_count; i++) {
		const struct drawing_file *file = g_hash_table_lookup(files, curve->sources[i]);
		struct drawing_source *source = &line->sources[line->source_count];
		if (!file || !file->path) {
			line->unreadable = line->unreadable || file;
			continue;
		}
		g_autofree char *name = curve->kind == PLOT_SUM
									? g_strdup_printf("z%zu_%zu", place + 1, line->source_count)
									: g_strdup(curve->name);
		drawing_lines_name(lines, name, source->name);
		source->file = file;
		line->last_s = MAX(line->last_s, file->last_s);
		line->source_count++;
	}
}

/* "cdef" before `name`. */
static void name_computed(
	struct drawing_lines *lines, const char *name, char out[LINES_NAME_MAX + 1])
{
	g_autofree char *computed = g_strconcat("cdef", name, NULL);
	drawing_lines_name(lines, computed, out);
}

/* What is computed of the sources: see drawing.c, "sources". */
static void name_values(struct drawing_lines *lines, struct drawing_line *line)
{
	const struct plot_curve *curve = line->curve;
	const char *last = line->sources[line->source_count - 1].name;
	for (size_t i = 0; i + 1 < line->source_count; i++) {
		name_computed(lines, line->sources[i].name, line->sources[i].known);
	}
	g_strlcpy(line->scaled, last, sizeof(line->scaled));
	if (curve->scale != 1) {
		name_computed(lines, last, line->scaled);
	}
	g_strlcpy(line->value, line->scaled, sizeof(line->value));
	if (drawing_line_is_computed(line)) {
		name_computed(lines, line->scaled, line->value);
	}
}

bool drawing_line_is_computed(const struct drawing_line *line)
{
	enum plot_kind kind = line->curve->kind;
	return line->curve->cdef || kind == PLOT_SUM || kind == PLOT_STACKED;
}

static void leave_out(struct drawing_lines *lines, const struct drawing_line *line)
{
	const char *broken = line->curve->broken;
	struct drawing_missing missing = {line->curve,
		broken             ? broken
		: line->unreadable ? "its file cannot be read"
						   : "no data yet",
		line->unreadable};
	if (line->curve->drawn || broken) {
		g_array_append_val(lines->missing, missing);
	}
}

static void add_line(
	struct drawing_lines *lines, const struct plot *plot, size_t place, GHashTable *files)
{
	const struct plot_curve *curve = &plot->curves[place];
	struct drawing_line line = {.curve = curve};
	add_sources(lines, &line, files, place);
	line.drawn = curve->drawn;
	if (!line.source_count || curve->broken) {
		g_free(line.sources);
		leave_out(lines, &line);
		return;
	}
	name_values(lines, &line);
	lines->line[lines->count++] = line;
}

/* Until nothing changes: a curve may need one that needs one without a file. */
static void drop_incomplete(struct drawing_lines *lines)
{
	for (bool again = true; again;) {
		again = false;
		for (size_t i = 0; i < lines->count && !again; i++) {
			const struct drawing_line *line = &lines->line[i];
			const struct rpn *cdef = line->curve->cdef;
			for (size_t k = 0; cdef && k < rpn_name_count(cdef) && !again; k++) {
				again = !drawing_lines_find(lines, rpn_name(cdef, k));
			}
			if (again) {
				leave_out(lines, line);
				g_free(line->sources);
				lines->count--;
				memmove(&lines->line[i], &lines->line[i + 1],
					(lines->count - i) * sizeof(lines->line[0]));
			}
		}
	}
}

static void widen(struct drawing_lines *lines, const char *label)
{
	size_t width = (size_t)g_utf8_strlen(label, -1);
	lines->label_width = MAX(lines->label_width, width);
}

static void finish_lines(struct drawing_lines *lines, const struct plot *plot)
{
	for (size_t i = 0; i < lines->count; i++) {
		struct drawing_line *line = &lines->line[i];
		const struct plot_curve *below = line->curve->negative;
		line->negative = line->drawn && below ? drawing_lines_find(lines, below->name) : NULL;
		lines->mirrored = lines->mirrored || line->negative;
		if (line->drawn) {
			widen(lines, line->curve->label);
			palette_colour(attributes_get(line->curve->attributes, "colour"),
				(unsigned)lines->drawn++, line->colour);
		}
	}
	const char *total = attributes_get(&plot->service->attributes, "graph_total");
	if (total) {
		widen(lines, total);
	}
}

struct drawing_lines *drawing_lines_create(const struct plot *plot, GHashTable *files)
{
	struct drawing_lines *lines = g_new0(struct drawing_lines, 1);
	lines->line = g_new0(struct drawing_line, plot->count + 1);
	lines->missing = g_array_new(FALSE, FALSE, sizeof(struct drawing_missing));
	lines->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (size_t i = 0; i < plot->count; i++) {
		add_line(lines, plot, i, files);
	}
	drop_incomplete(lines);
	finish_lines(lines, plot);
	return lines;
}

void drawing_lines_destroy(struct drawing_lines *lines)
{
	if (lines) {
		for (size_t i = 0; i < lines->count; i++) {
			g_free(lines->line[i].sources);
		}
		g_free(lines->line);
		g_array_unref(lines->missing);
		g_hash_table_unref(lines->names);
		g_free(lines);
	}
}
