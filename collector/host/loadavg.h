#pragma once
#include <stddef.h>

/* The mean of the last five minutes out of /proc/loadavg; NaN if the text is not as promised. */
double loadavg_parse(const char *text, size_t length);
