#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * A threshold as Nagios plugins write it (Monitoring Plugins Development Guidelines, "Threshold and
 * Ranges"): "[@][LOW:][HIGH]" where LOW is 0 if it is missing before a ":" or altogether, "~" is
 * minus infinity, and no HIGH behind a ":" is plus infinity. It alerts outside [LOW, HIGH], with
 * "@" inside; both ends belong to the range.
 */
struct nagios_range {
	double low, high; /* infinities where it is open */
	bool inside;      /* "@" */
};

/* False: no range (also LOW above HIGH); `*range` is untouched. Blanks count for nothing. */
MUST_USE bool nagios_range_parse(const char *text, size_t length, struct nagios_range *range);

/* Whether that value alerts; unknown (NaN) never does. */
bool nagios_range_alerts(const struct nagios_range *range, double value);

/*
 * The same as a Munin limit, "LOW:HIGH" with open ends left out, of values `factor` times as large.
 * False: Munin has no word for it (alerts inside; alerts never); `out` is "".
 */
enum { NAGIOS_LIMIT_TEXT = 80 };
bool nagios_range_limit(
	const struct nagios_range *range, double factor, char out[NAGIOS_LIMIT_TEXT]);
