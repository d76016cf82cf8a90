#pragma once
#include "collector/source.h"

/*
 * Graphs as tables: what a built-in plugin or a probe declares is a row with rows of fields, and
 * these functions make a declaration of them.
 */

/* A field as declared; texts as in Munin's config, NULL: not set. */
struct field_row {
	const char *name, *label;
	enum field_type type;
	const char *min, *max, *draw, *colour, *negative, *cdef, *warning, *critical;
	const char *unit; /* of the rule language, of the value as graphed before cdef */
	const char *info;
	bool hidden; /* graph no */
};

/* A graph as declared, with its fixed fields; a reader may add more. */
struct graph_row {
	const char *name;   /* of the service */
	const char *plugin; /* under which munin-node offers it; NULL: as the name */
	const char *title, *args, *vlabel, *category, *info;
	const char *order, *period, *printf_format, *width;
	bool no_scale; /* graph_scale no */
	const struct field_row *fields;
	size_t field_count;
};

/* A declaration made of the row and its fields, for the caller to add to. */
MUST_USE struct service *graph_service(
	const struct source *source, const struct graph_row *row, uint32_t step_s);

/* As graph_service under another name and title (subgraphs, one graph per device). */
MUST_USE struct service *graph_service_named(const struct source *source,
	const struct graph_row *row, uint32_t step_s, const char *name, const char *title);

/*
 * Adds a field. False: the name is not valid, is there already, or the service has as many fields
 * as a declaration may have; then nothing is added.
 */
bool graph_field(struct service *service, const struct field_row *row);

/* Sets an attribute of a graph or field that the tables cannot know; the value is cleaned. */
void graph_attribute(struct service *service, const char *key, const char *value);
void graph_field_attribute(struct field *field, const char *key, const char *value);
