#pragma once
#include "web/archive.h"
#include "web/request.h"

/*
 * The part of the past that a request asks for: parameters `from`, `to`, `step`, `cf`.
 */
struct span {
	int64_t from_s, to_s, step_s; /* step 0: the finest there is */
	enum archive_cf cf;
};

/*
 * Reads and checks. Without parameters: the last `default_s` seconds until now. `to` is brought
 * back to a day ahead at most, a step that would give more than ARCHIVE_POINTS_MAX points is
 * raised. CONFIG: not a time, or an empty span.
 */
MUST_USE bool span_read(
	const struct request *request, int64_t default_s, struct span *span, struct error *err);

/* The same without `cf` (AVERAGE) and without a limit of points: for what is read in slices. */
MUST_USE bool span_read_bounds(
	const struct request *request, int64_t default_s, struct span *span, struct error *err);
