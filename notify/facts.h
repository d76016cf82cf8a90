#pragma once
#include "notify/notice.h"

#include <stdbool.h>

/*
 * The facts of a notice that people are told, as rows: "Where", "db1 · df · _var". One table, so
 * that text and HTML say the same in the same order. Rows without content are left out.
 */
typedef void (*facts_fn)(void *owner, const char *label, const char *text, bool is_link);

void facts_each(const struct notice *notice, facts_fn fn, void *owner);

/* One sentence on what happened: "This is over after 12 min." or how long it holds; never empty. */
char *facts_lead(const struct notice *notice);

/* Whether `link` may become an anchor in HTML: http, https and nothing that has to be escaped. */
bool facts_is_link(const char *link);
