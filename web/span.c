#include "web/span.h"

#include <string.h>

#include "base/banned.h"

/*
 * Limits stand here once, so that no way to ask (data, picture, export) can ask for more
 * (hostile 53).
 */
enum { AHEAD_MAX_S = 86400, STEP_MAX_S = 366 * 86400 };

static const char *const cf_names[] = {"average", "min", "max", NULL};

bool span_read(
	const struct request *request, int64_t default_s, struct span *span, struct error *err)
{
	size_t cf = ARCHIVE_AVERAGE;
	if (!span_read_bounds(request, default_s, span, err) ||
		!request_choice(request, "cf", cf_names, &cf, err)) {
		return false;
	}
	span->cf = (enum archive_cf)cf;
	int64_t least = (span->to_s - span->from_s + ARCHIVE_POINTS_MAX - 1) / ARCHIVE_POINTS_MAX;
	if (span->step_s && span->step_s < least) {
		span->step_s = least;
	}
	return true;
}

bool span_read_bounds(
	const struct request *request, int64_t default_s, struct span *span, struct error *err)
{
	int64_t now_s = wall_s(request->now);
	*span = (struct span){.to_s = now_s, .from_s = INT64_MIN};
	if (!request_time(request, "from", &span->from_s, err) ||
		!request_time(request, "to", &span->to_s, err) ||
		!request_int(request, "step", 1, STEP_MAX_S, &span->step_s, err)) {
		return false;
	}
	if (span->to_s > now_s + AHEAD_MAX_S) {
		span->to_s = now_s + AHEAD_MAX_S;
	}
	if (span->from_s == INT64_MIN) {
		span->from_s = span->to_s > default_s ? span->to_s - default_s : 0;
	}
	if (span->from_s >= span->to_s) {
		return error_set(err, ERR_CONFIG, "from must be before to");
	}
	return true;
}
