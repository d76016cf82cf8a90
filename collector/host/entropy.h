#pragma once
#include <stddef.h>

/* The number in /proc/sys/kernel/random/entropy_avail; NaN if it is none. */
double entropy_parse(const char *text, size_t length);
