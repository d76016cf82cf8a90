#pragma once
#include "base/auto.h"
#include "base/error.h"

#include <stddef.h>

#include <glib.h>

/*
 * The text of a Graphite target as a tree: paths, numbers, texts and calls of functions. Pure;
 * which functions there are, and what they take, is checked when the tree is bound
 * (graphite_function.h).
 */
enum { GRAPHITE_TARGET_MAX = 16384, GRAPHITE_DEPTH_MAX = 24, GRAPHITE_NODES_MAX = 1000 };

enum graphite_kind {
	GRAPHITE_PATH,
	GRAPHITE_CALL,
	GRAPHITE_NUMBER,
	GRAPHITE_TEXT,
	GRAPHITE_FLAG,
	GRAPHITE_NONE, /* None: not given */
};

struct graphite_function;
struct graphite_pattern;

struct graphite_expression {
	enum graphite_kind kind;
	char *text;           /* of a path, a text; name of a call */
	double number;        /* of a number; of a flag 0 or 1 */
	char *keyword;        /* "name=" before an argument; NULL: by its place */
	GPtrArray *arguments; /* of a call: struct graphite_expression *, owned */
	/* -- set by graphite_bind() -- */
	const struct graphite_function *function;
	struct graphite_pattern *pattern;
	/* -- of the evaluation: struct graphite_leaf *, owned; of paths -- */
	GPtrArray *leaves;
};

/* CONFIG: not a target, or larger than the limits; the text says at which character. */
MUST_USE struct graphite_expression *graphite_parse(const char *text, struct error *err);
void graphite_expression_destroy(struct graphite_expression *expression);
DEFINE_AUTO(graphite_expression)
