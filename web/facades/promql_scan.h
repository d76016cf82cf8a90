#pragma once
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads a query word by word; all but the last four skip blanks and comments first.
 */
struct promql_scanner {
	const char *text, *at;
	unsigned depth;
	size_t nodes;
	struct error *err;
};

void promql_skip(struct promql_scanner *p);

/* Whether `token` comes next; words in any case, and only as whole words. */
bool promql_peek(struct promql_scanner *p, const char *token);
bool promql_accept(struct promql_scanner *p, const char *token); /* and moves behind it */
bool promql_expect(struct promql_scanner *p, const char *token); /* or refuses */

/* Whole seconds, at least one. */
bool promql_scan_duration(struct promql_scanner *p, int64_t *duration_s);

/* A text in quotes (g_malloc), or NULL. */
char *promql_scan_text(struct promql_scanner *p);

bool promql_in_word(char c);
size_t promql_word_length(const char *at);

/* Always NULL: the text is no PromQL; or it is, but not answered here. */
void *promql_refuse(const struct promql_scanner *p, const char *what);
void *promql_outside(const struct promql_scanner *p, const char *what);
