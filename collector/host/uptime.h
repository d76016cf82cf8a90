#pragma once
#include <stddef.h>

/* Days since boot out of /proc/uptime; NaN if the text is not as promised. */
double uptime_parse(const char *text, size_t length);
