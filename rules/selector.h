#pragma once
#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/*
 * `[host:]plugin:field` with globs, alternatives and captures, as a rule names its series. A part
 * is a list of elements that match a name from its first to its last character.
 */
enum { SELECTOR_CAPTURES = 4, SELECTOR_ELEMENTS = 63, SELECTOR_NAME_MAX = 255 };

enum element_kind { ELEMENT_TEXT, ELEMENT_ANY, ELEMENT_ONE, ELEMENT_CAPTURE, ELEMENT_CHOICE };

struct element {
	enum element_kind kind;
	char *text;       /* of TEXT; name of CAPTURE */
	GPtrArray *texts; /* of CHOICE: each a text that may hold globs */
};

struct pattern {
	char *source;     /* as written, quotes resolved */
	GArray *elements; /* struct element; NULL: matches everything (a host part that is not there) */
	bool literal;     /* nothing but text: equal to `source` */
	bool wild;        /* holds a glob or alternatives: a dimension of its own */
	unsigned literals; /* characters that are given, for specificity */
};

struct selector {
	char *source; /* as written */
	bool has_host;
	struct pattern host, plugin, field;
	char *captures[SELECTOR_CAPTURES]; /* names in order of appearance */
	unsigned capture_count;
};

/* From the text of a SELECTOR token whose shape the lexer has checked. NULL: `*why` says what is
 * wrong (a literal). */
struct selector *selector_parse(const char *text, size_t length, const char **why);
void selector_destroy(struct selector *selector);

/* A host name or glob outside of a selector (no captures). */
void pattern_init_glob(struct pattern *pattern, const char *text);
void pattern_finish(struct pattern *pattern);

/* What the captures of one match hold; index as in struct selector. */
struct selector_match {
	char capture[SELECTOR_CAPTURES][SELECTOR_NAME_MAX + 1];
};

/*
 * Whether the whole `name` matches. `selector` (may be NULL) says which captures there are, `match`
 * (may be NULL) gets them; a capture that was filled before, by another part, must agree.
 */
bool pattern_match(const struct pattern *pattern, const char *name, const struct selector *selector,
	struct selector_match *match);

/* All three parts. `match` is emptied first. */
bool selector_match(const struct selector *selector, const char *host, const char *plugin,
	const char *field, struct selector_match *match);
