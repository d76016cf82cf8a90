#pragma once
#include "base/number.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Munin's graph_args: options for rrdtool, written by whoever wrote the plugin, so by anybody
 * (hostile 15). Read here into typed values and written anew; what is not in the table, or has a
 * value of the wrong kind, is left out. Only titles are passed on as texts, each as one argument
 * behind its option.
 */
enum { GRAPHARGS_MAX = 32, GRAPHARGS_TEXT_MAX = 120 /* bytes */ };

struct graphargs_option {
	char option[28]; /* "--lower-limit" or "-l": as it was written, from the table */
	bool is_flag;    /* no value */
	bool is_lower, is_upper;
	double number;                      /* of a limit */
	char value[GRAPHARGS_TEXT_MAX + 1]; /* in rrdtool's own notation */
};

struct graphargs {
	struct graphargs_option options[GRAPHARGS_MAX]; /* in their order */
	size_t count;
	unsigned base;       /* 1000 or 1024 */
	double lower, upper; /* of the y axis, NaN: not given; the last one counts */
	bool rigid, logarithmic;
};

/* Reads `text` (NULL: nothing given). Returns how many words were left out. */
unsigned graphargs_read(const char *text, struct graphargs *args);

/*
 * Whether `text` is a format of one double and nothing that librrd's printf could misread:
 * "%6.2lf", "%5.1lf%s", "%lg MB".
 */
bool graphargs_is_format(const char *text);
