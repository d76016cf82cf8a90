#pragma once
#include "base/auto.h"
#include "model/plot.h"

#include <glib.h>

/*
 * A plot with the files of its series: what of it can be drawn, by which names librrd knows it, in
 * which colour, how wide its legend is.
 */
enum { LINES_NAME_MAX = 15 /* characters that Munin leaves to a name inside a graph */ };

/* A file of a series, as far as a picture needs it. */
struct drawing_file {
	char *path;     /* absolute, owned; NULL: there is one that cannot be read */
	int64_t last_s; /* its newest sample; 0: not known */
};

/* const struct field * -> struct drawing_file *, owned: to be filled by drawing_files_add(). */
GHashTable *drawing_files_create(void);
void drawing_files_add(
	GHashTable *files, const struct field *field, const char *path, int64_t last_s);

struct drawing_source {
	const struct drawing_file *file;
	char name[LINES_NAME_MAX + 1];  /* as in "DEF:gNAME=…" */
	char known[LINES_NAME_MAX + 1]; /* of a sum: unknown counts as 0 */
};

struct drawing_line {
	const struct plot_curve *curve;
	struct drawing_source *sources; /* those that have a file */
	size_t source_count;
	char scaled[LINES_NAME_MAX + 1]; /* "cdefload" with graph_period, else that of its source */
	char value[LINES_NAME_MAX + 1];  /* the result: "cdefload" if it is computed, "load" if not */
	int64_t last_s;                  /* newest sample of its files; 0: not known */
	const struct drawing_line *negative; /* drawn mirrored, or NULL */
	bool drawn;
	bool written;    /* its sources are among the arguments */
	bool unreadable; /* a file of it cannot be read */
	char colour[8];
};

/* A curve that is left out, and why. */
struct drawing_missing {
	const struct plot_curve *curve;
	const char *why;
	bool unreadable; /* it has files, and none can be read */
};

struct drawing_lines {
	struct drawing_line *line; /* every curve that can be computed, in order of drawing */
	size_t count;
	size_t drawn;
	GArray *missing;    /* struct drawing_missing */
	size_t label_width; /* characters, of the longest label in the legend */
	bool mirrored;      /* some curve is drawn below zero */
	GHashTable *names;  /* const char *: taken */
};

/* Both are borrowed for the life of the result. */
MUST_USE struct drawing_lines *drawing_lines_create(const struct plot *plot, GHashTable *files);
void drawing_lines_destroy(struct drawing_lines *lines);
DEFINE_AUTO(drawing_lines)

/* Whether its value is an expression of its (scaled) source. */
bool drawing_line_is_computed(const struct drawing_line *line);

/* The line of a curve of that name, or NULL. */
struct drawing_line *drawing_lines_find(const struct drawing_lines *lines, const char *name);

/*
 * `name` as librrd gets it: of more than LINES_NAME_MAX characters the last of its MD5, as Munin
 * does; another one if that is taken already. Marks it as taken.
 */
void drawing_lines_name(
	struct drawing_lines *lines, const char *name, char out[LINES_NAME_MAX + 1]);
