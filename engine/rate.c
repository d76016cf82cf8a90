/*
 * A COUNTER that fell has either wrapped or been reset, and only its limit can tell: RRDtool adds
 * 2^32, or 2^64 if that is not enough, and drops a rate above `max`. Without a `max` that makes an
 * absurd rate of every restart of a service; so there a wrap is believed only if the reading before
 * was in the upper half of the counter's range.
 */
#include "engine/rate.h"

#include <math.h>

#include "base/banned.h"

enum { HEARTBEAT_STEPS = 2 }; /* as in RRD files: beyond it nothing is known of the time between */

static const double wrap_32 = 4294967296.0;
static const double wrap_64 = 18446744073709551616.0;

static double counted(double before, double now, bool has_max)
{
	if (now >= before) {
		return now - before;
	}
	double wrap = before < wrap_32 ? wrap_32 : wrap_64;
	if (!has_max && before < wrap / 2) {
		return NAN;
	}
	return now - before + wrap;
}

static double per_second(
	const struct rate *previous, const struct field *field, struct wall at, double raw)
{
	int64_t took_ms = at.ms - previous->at_ms;
	if (!previous->at_ms || took_ms <= 0 ||
		took_ms > (int64_t)field->service->step_s * 1000 * HEARTBEAT_STEPS) {
		return NAN;
	}
	double took_s = (double)took_ms / 1000;
	switch ((enum field_type)field->type) {
	case FIELD_COUNTER: return counted(previous->raw, raw, !isnan(field->max)) / took_s;
	case FIELD_DERIVE: return (raw - previous->raw) / took_s;
	case FIELD_ABSOLUTE: return raw / took_s;
	default: return raw;
	}
}

double rate_step(struct rate *previous, const struct field *field, struct wall at, double raw)
{
	double value = field->type == FIELD_GAUGE ? raw : per_second(previous, field, at, raw);
	previous->at_ms = at.ms;
	previous->raw = raw;
	if (!isfinite(value) || value < field->min || value > field->max) {
		return NAN;
	}
	return value;
}
