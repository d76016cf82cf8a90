#pragma once
#include <stddef.h>

/* Connections of /proc/net/nf_conntrack, counted as Munin does. */
struct conntrack_reading {
	unsigned established, fin_wait, time_wait, syn_sent, udp, assured, nated, total;
	unsigned forward,
		local; /* established ones whose answers go to somebody else, or to who asked */
};

void conntrack_parse(const char *text, size_t length, struct conntrack_reading *reading);
