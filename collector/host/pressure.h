#pragma once
#include <stddef.h>

/* Microseconds stalled since boot, out of a file of /proc/pressure; NaN where a line is missing. */
struct pressure_reading {
	double some, full;
};

void pressure_parse(const char *text, size_t length, struct pressure_reading *reading);
