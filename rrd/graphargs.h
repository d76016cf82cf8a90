#pragma once
#include <stdbool.h>

/*
 * Munin's graph_args: options for rrdtool, written by whoever wrote the plugin, so by anybody
 * (hostile 15). Read here into typed values; what is not in the table, or has a value of the wrong
 * kind, is left out. The text itself never goes any further.
 */
struct graphargs {
	unsigned base;       /* 1000 or 1024 */
	double lower, upper; /* NaN: not given */
	bool rigid, logarithmic, units_si;
	bool alt_autoscale, alt_autoscale_min, alt_autoscale_max, alt_y_grid;
	bool has_units_exponent;
	int units_exponent; /* -18 to 18, a multiple of 3 */
};

/* Reads `text` (NULL: nothing given). Returns how many words were left out. */
unsigned graphargs_read(const char *text, struct graphargs *args);
