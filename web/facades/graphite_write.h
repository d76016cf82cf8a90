#pragma once
#include "web/facades/graphite_eval.h"

/*
 * Series as /render answers them. Pure: from series to bytes. A value stands at the end of the time
 * it is of, as everywhere in Magpie.
 */
struct graphite_answer {
	const GPtrArray *series; /* struct graphite_series */
	int64_t step_s;
	const char *title; /* of pictures; "": none */
	unsigned width, height;
	GTimeZone *zone; /* of times that are written as words */
};

void graphite_write_json(const struct graphite_answer *answer, GString *out);
void graphite_write_csv(const struct graphite_answer *answer, GString *out);
void graphite_write_raw(const struct graphite_answer *answer, GString *out);
void graphite_write_svg(const struct graphite_answer *answer, GString *out);
