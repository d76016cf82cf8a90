#pragma once
#include <stddef.h>

/* Pages swapped in and out since boot, out of /proc/vmstat; NaN where a line is missing. */
struct vmstat_reading {
	double in, out;
};

void vmstat_parse(const char *text, size_t length, struct vmstat_reading *reading);
