#pragma once
#include "base/lexer.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Numbers with a unit, as people write them: `92%`, `1h30m`, `500MB`, `100Mbit/s`. In memory every
 * quantity is in the canonical unit of its dimension (seconds, bytes, 1 for 100 %, degrees Celsius,
 * …), so that two of one dimension compare as they are.
 */
enum dimension {
	DIMENSION_UNKNOWN, /* no unit was ever said */
	DIMENSION_COUNT,
	DIMENSION_RATIO,
	DIMENSION_TIME,
	DIMENSION_INFORMATION,
	DIMENSION_TEMPERATURE,
	DIMENSION_ROTATION,
	DIMENSION_FREQUENCY,
	DIMENSION_VOLTAGE,
	DIMENSION_CURRENT,
	DIMENSION_POWER,
	DIMENSION_ENERGY,
	DIMENSION_ANGLE,
	DIMENSION_INSTANT, /* a point in time, seconds since 1970 */
	DIMENSION_COUNT_OF_ALL,
};

/* What a number means: `per_time` 1 is "per second", 2 "per second per second". */
struct unit {
	enum dimension dimension;
	int per_time;
};

struct quantity {
	double value; /* canonical */
	struct unit unit;
	bool bare; /* written without a unit */
};

/* How a scale of its own (a field in %, in milliseconds) becomes canonical: v * factor + offset. */
struct unit_scale {
	struct unit unit;
	double factor, offset;
};

/*
 * Reads a NUMBER token. What is wrong is added to `diags`: E005 malformed, E006 unknown unit, E007
 * ambiguous unit, each with a proposal where there is one; a token that is no number at all is
 * E102. False: nothing was read.
 */
MUST_USE bool quantity_read(const struct token *token, const struct diag_source *source,
	struct diag_list *diags, struct quantity *out);

/* As quantity_read, for a duration: any unit but time is E406 (with a proposal for a bare number),
 * zero E407. `*ms` is at least 1. */
MUST_USE bool quantity_read_duration(const struct token *token, const struct diag_source *source,
	struct diag_list *diags, int64_t *ms);

/* A unit by its name ("%", "MB", "bit/s", "C"); false: there is none of that name. */
MUST_USE bool unit_parse(const char *text, size_t length, struct unit_scale *out);

/* "bytes", "a percentage", "a time", "bytes per second": for messages. */
void unit_describe(struct unit unit, GString *out);

bool unit_same(struct unit a, struct unit b);

/* A canonical value for people, with its unit in a fitting size: "97.5 %", "1.5 GiB", "12m30s",
 * "3.2 MB/s", "unknown" for NaN. */
void quantity_format(double value, struct unit unit, GString *out);

/* A duration in its shortest exact form: "10m", "1h30m", "500ms". */
void duration_format(int64_t ms, GString *out);
