#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/*
 * Times as Graphite writes them: "-1h", "now-2d", epoch seconds, "HH:MM_YYYYMMDD", "20261120",
 * "midnight", "6pm_yesterday", "today-1h"; and RFC 3339. Words and dates are those of `zone`.
 */
MUST_USE bool graphite_time_parse(
	const char *text, int64_t now_s, GTimeZone *zone, int64_t *value_s);

/*
 * The zone of a name such as "Europe/Berlin" or "UTC"; the machine's own for "". NULL: there is
 * none. Names are looked up among the system's zones only: they lead to no other file.
 */
MUST_USE GTimeZone *graphite_zone(const char *name);

/* A span: "5min", "-1h", "+1d12h"; `*span_s` has the sign. */
MUST_USE bool graphite_span_parse(const char *text, int64_t *span_s);
