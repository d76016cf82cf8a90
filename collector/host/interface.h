#pragma once
#include "collector/host/scan.h"

/* One line of /proc/net/dev; NaN where a column is missing. */
enum { INTERFACE_NAME_MAX = 15 };

struct interface_reading {
	char name[INTERFACE_NAME_MAX + 1];
	double in_bytes, in_errors, in_drops;
	double out_bytes, out_errors, out_drops, collisions;
};

/* Takes the next interface out of the text of /proc/net/dev. False: no more. */
bool interface_next(struct scan *text, struct interface_reading *reading);

/* Whether Munin would suggest to watch it: no loopback, tunnel stub or VLAN with a dot in its name.
 */
bool interface_watched(const char *name);
