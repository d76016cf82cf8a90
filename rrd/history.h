#pragma once
#include "base/attr.h"
#include "base/error.h"
#include "rrd/header.h"
#include "rrd/layout.h"

/*
 * What an RRD file knows, at any time: its archives by time, the finest first, and the step under
 * way. Reads the bytes of a file in memory; checks them first.
 */
struct history_view {
	enum layout_cf cf;
	int64_t row_s, end_s; /* end of its newest row */
	uint64_t rows, newest, steps_per_row;
	size_t at;    /* offset of its rows */
	size_t index; /* in the file */
};

struct history {
	const unsigned char *bytes;
	struct header header;
	struct history_view views[HEADER_ARCHIVES_MAX]; /* the finest first */
	size_t count;
	int64_t begin_s;    /* before that nothing is known */
	int64_t step_end_s; /* of the newest whole step */
	double under_way;   /* mean of the step under way, NaN: unknown */
};

/* A sum over time: of values and of the seconds in which they were known. */
struct history_sum {
	double total, least, greatest;
	int64_t known_s;
};

/* The bytes are borrowed. STORAGE: no good RRD file. */
MUST_USE bool history_open(
	struct history *history, const unsigned char *bytes, size_t length, struct error *err);

/*
 * Adds what is known of (from_s, to_s] for that consolidation, where `more` histories behind this
 * one stand in for what the ones before do not know.
 */
void history_add(const struct history *histories, size_t count, enum layout_cf cf, int64_t from_s,
	int64_t to_s, struct history_sum *sum);

/* The row of an archive of just that width, known or not; false: no archive has it. */
MUST_USE bool history_exact(
	const struct history *history, enum layout_cf cf, int64_t row_s, int64_t end_s, double *value);

extern const struct history_sum history_nothing;

/* The sum as one value; NaN if nothing is known. */
double history_value(const struct history_sum *sum, enum layout_cf cf);
