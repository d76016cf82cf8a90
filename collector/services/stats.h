#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/*
 * What services say of themselves as names with values ("used_memory:1048576", "STAT curr_items 3",
 * rows of SHOW STATUS): bounded, looked up by name. Names are compared without regard to case, as
 * MySQL does. Pure.
 */
enum { STATS_MAX = 4096, STATS_NAME_MAX = 80, STATS_VALUE_MAX = 400 };

struct stats {
	GHashTable *values; /* name in lower case -> text, both owned */
};

void stats_init(struct stats *stats);
void stats_clear(struct stats *stats);
void stats_finish(struct stats *stats); /* also of one that is all zero */

/* Keeps a value, the first of a name counts. Names and values that are too long, and more than
 * STATS_MAX of them, are left out. Bytes as they came. */
void stats_set(struct stats *stats, const char *name, size_t name_length, const char *value,
	size_t value_length);

/* As text, NULL: not there. */
const char *stats_text(const struct stats *stats, const char *name);
/* As number, NaN: not there or no number. "ON" and "Yes" are 1, "OFF" and "No" 0. */
double stats_number(const struct stats *stats, const char *name);

/* Every line "NAME<separator>VALUE" of a text; other lines are left out. A CR before the line end
 * goes. */
void stats_read_lines(struct stats *stats, const char *text, size_t length, char separator);
