#pragma once
#include "base/auto.h"
#include "base/error.h"
#include "model/catalog.h"

/*
 * Series as Graphite addresses them: GROUP[.SUB…].HOST.SERVICE[.SUB…].FIELD. A dot inside the name
 * of a group or host becomes "_"; all else stays as it is. Names that differ only there have the
 * same path, which then means all of those series.
 */
enum { GRAPHITE_PARTS_MAX = 2 * IDENT_DEPTH_MAX + 2, GRAPHITE_PATTERN_MAX = 1024 };

/*
 * `*` any run of characters, `?` one character, `[a-z]` and `[!a-z]` one of a set, `{a,b}` one of
 * these texts; none of them crosses a dot.
 */
struct graphite_pattern;

/* CONFIG: too long, too many parts, an empty part, a bracket that is not closed, braces within
 * braces. */
MUST_USE struct graphite_pattern *graphite_pattern_parse(const char *text, struct error *err);
void graphite_pattern_destroy(struct graphite_pattern *pattern);
DEFINE_AUTO(graphite_pattern)

/* Whether one part of a path matches one part of the pattern; pure, for tests. */
bool graphite_part_matches(const struct graphite_pattern *pattern, size_t part, const char *name);
size_t graphite_pattern_parts(const struct graphite_pattern *pattern);

/* A place in the tree: a branch, told once per path, or a leaf, told for each of its series. */
struct graphite_node {
	const char *path;          /* all of it; lives during the call */
	const char *name;          /* its last part */
	const struct field *field; /* NULL: a branch */
};
typedef void (*graphite_node_fn)(void *owner, const struct graphite_node *node);

/* Calls `fn` for whatever matches, sorted by group and host. Fields that are gone count only if
 * `gone`. Returns what it cost: about as many names as were compared. */
size_t graphite_find(const struct catalog *catalog, const struct graphite_pattern *pattern,
	bool gone, graphite_node_fn fn, void *owner);

/* The path of a series (g_malloc). */
char *graphite_path(const struct field *field);
