#pragma once
#include <stddef.h>

/* What /proc/net/snmp tells of IP and TCP; NaN where a column is missing. */
struct snmp_reading {
	double received, forwarded;                          /* packets since boot */
	double active, passive, failed, resets, established; /* connections since boot; the last: now */
};

void snmp_parse(const char *text, size_t length, struct snmp_reading *reading);
