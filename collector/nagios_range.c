/* Thresholds of Nagios plugins, pure. The values are compared as they are written: nothing is
 * rounded, so a value on the edge is judged as the plugin's own library judges it. */
#include "collector/nagios_range.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/number.h"

#include "base/banned.h"

enum { RANGE_TEXT_MAX = 128 };

/* One end; `when_empty` if nothing is there. */
static bool range_end(const char *text, size_t length, double when_empty, double *value)
{
	*value = when_empty;
	if (length == 1 && text[0] == '~') {
		*value = -INFINITY;
		return true;
	}
	double number = 0;
	if (length == 0) {
		return true;
	}
	if (!number_parse(text, length, &number) || isnan(number)) {
		return false;
	}
	*value = number;
	return true;
}

bool nagios_range_parse(const char *text, size_t length, struct nagios_range *range)
{
	char bare[RANGE_TEXT_MAX];
	size_t n = 0;
	for (size_t i = 0; i < length; i++) {
		if (g_ascii_isspace(text[i])) {
			continue;
		}
		if (n + 1 >= sizeof(bare)) {
			return false;
		}
		bare[n++] = text[i];
	}
	struct nagios_range r = {.inside = n > 0 && bare[0] == '@'};
	const char *at = bare + r.inside;
	const char *end = bare + n;
	const char *colon = memchr(at, ':', (size_t)(end - at));
	if (end - at == 0 || (colon && end - at == 1)) {
		return false; /* nothing, or only ":" */
	}
	if (!colon) {
		bool high = at[0] != '~' && range_end(at, (size_t)(end - at), 0, &r.high);
		if (!high || r.high < 0) {
			return false;
		}
	} else if (!range_end(at, (size_t)(colon - at), 0, &r.low) || colon[1] == '~' ||
			   !range_end(colon + 1, (size_t)(end - colon - 1), INFINITY, &r.high) ||
			   r.low > r.high) {
		return false;
	}
	*range = r;
	return true;
}

bool nagios_range_alerts(const struct nagios_range *range, double value)
{
	if (isnan(value)) {
		return false;
	}
	bool within = value >= range->low && value <= range->high;
	return within == range->inside;
}

bool nagios_range_limit(
	const struct nagios_range *range, double factor, char out[NAGIOS_LIMIT_TEXT])
{
	char low[NUMBER_TEXT] = "", high[NUMBER_TEXT] = "";
	out[0] = '\0';
	if (range->inside || (isinf(range->low) && isinf(range->high))) {
		return false;
	}
	if (isfinite(range->low)) {
		number_format(range->low * factor, low);
	}
	if (isfinite(range->high)) {
		number_format(range->high * factor, high);
	}
	snprintf(out, NAGIOS_LIMIT_TEXT, "%s:%s", low, high);
	return true;
}
