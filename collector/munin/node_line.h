#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The lines in which a munin-node answers `config` and `fetch` (reference: munin, section 2), one
 * at a time, out of memory, without copies. Pure; bytes may be anything.
 */
struct node_lines {
	const char *at, *end;
};

enum node_line_kind {
	NODE_LINE_END,       /* no further line */
	NODE_LINE_GRAPH,     /* "multigraph NAME": value */
	NODE_LINE_ATTRIBUTE, /* "KEY VALUE" of the graph: key, value */
	NODE_LINE_FIELD,     /* "FIELD.KEY VALUE": field, key, value */
	NODE_LINE_VALUE,     /* the same with the key "value": field, value */
	NODE_LINE_EMPTY,     /* "FIELD.KEY" without a value, which plugins do: nothing is said */
	NODE_LINE_TROUBLE,   /* the node's word that the plugin failed: trouble */
	NODE_LINE_OTHER,     /* not understood: value is the line */
};

enum node_trouble {
	NODE_TROUBLE_NONE,
	NODE_TROUBLE_TIMED_OUT,       /* "# Timed out", "# timeout" */
	NODE_TROUBLE_BAD_EXIT,        /* "# Bad exit" */
	NODE_TROUBLE_UNKNOWN_SERVICE, /* "# Unknown service" */
};

/* Parts of the text, not terminated; blanks around them are cut off. */
struct node_part {
	const char *text;
	size_t length;
};

struct node_line {
	enum node_line_kind kind;
	enum node_trouble trouble;
	struct node_part field, key, value;
};

/* The next line that says anything; blank lines and comments are skipped, CR before LF as well. */
enum node_line_kind node_line_next(struct node_lines *lines, struct node_line *line);

/* For people: "timed out", "ended with an error", "is not known to the node"; "" for NONE. */
const char *node_trouble_text(enum node_trouble trouble);

/*
 * A value: "V", "N:V" or "EPOCH:V" where V is a finite decimal or "U"; only the first word counts.
 * `*at_s` is the EPOCH, or NODE_NO_TIME. False: it is none of them; nothing is set.
 */
#define NODE_NO_TIME INT64_MIN
MUST_USE bool node_value_parse(struct node_part part, int64_t *at_s, double *value);

/* "300", "5m", "1h aligned" (units s m h d w t y; reference 4.1); false: none of these. */
MUST_USE bool node_rate_parse(struct node_part part, uint32_t *seconds, bool *aligned);

/* A part as a clean text of at most `limit` bytes: UTF-8 as it is, all else taken for Latin-1;
 * control characters become U+FFFD. The caller frees it. */
char *node_part_text(struct node_part part, size_t limit);

bool node_part_is(struct node_part part, const char *word);

/* What was wrong with an answer: how many things, and the first in words. All zero is ready. */
struct node_notes {
	unsigned count;
	char text[200];
};
void node_note(struct node_notes *notes, const char *format, ...) PRINTF_LIKE(2, 3);

/* The same with a piece of the answer in it, cleaned and cut: "WHAT: \"piece\"". */
void node_note_part(struct node_notes *notes, const char *what, struct node_part piece);
