#include "engine/rate.h"

#include "tests/support/test.h"

#include "base/attr.h"

/* One reading after another at instants of 10 s; what holds at the second. */
struct row {
	const char *what;
	enum field_type type;
	double min, max;
	double first, second;
	int64_t took_ms;
	double expected;
};

static const double two_32 = 4294967296.0;

static void readings_become_what_is_graphed(void **state)
{
	/* hostile 21 */
	const struct row rows[] = {
		{"gauge", FIELD_GAUGE, NAN, NAN, 1, 2.5, 10000, 2.5},
		{"gauge below min", FIELD_GAUGE, 0, NAN, 1, -1, 10000, NAN},
		{"gauge at max", FIELD_GAUGE, 0, 100, 1, 100, 10000, 100},
		{"gauge above max", FIELD_GAUGE, 0, 100, 1, 100.5, 10000, NAN},
		{"gauge after a long gap", FIELD_GAUGE, NAN, NAN, 1, 2, 86400000, 2},
		{"gauge unknown", FIELD_GAUGE, NAN, NAN, 1, NAN, 10000, NAN},
		{"derive", FIELD_DERIVE, NAN, NAN, 100, 250, 10000, 15},
		{"derive falls", FIELD_DERIVE, NAN, NAN, 250, 100, 10000, -15},
		{"derive falls, min 0", FIELD_DERIVE, 0, NAN, 250, 100, 10000, NAN},
		{"derive, two steps", FIELD_DERIVE, 0, NAN, 0, 200, 20000, 10},
		{"derive, more than two steps", FIELD_DERIVE, 0, NAN, 0, 200, 20001, NAN},
		{"derive after unknown", FIELD_DERIVE, 0, NAN, NAN, 200, 10000, NAN},
		{"counter", FIELD_COUNTER, NAN, NAN, 100, 250, 10000, 15},
		{"counter wraps at 32 bits", FIELD_COUNTER, NAN, NAN, two_32 - 50, 50, 10000, 10},
		{"counter wraps at 64 bits", FIELD_COUNTER, NAN, NAN, two_32 * two_32 - 1048576, 0, 10000,
			104857.6},
		{"counter is reset", FIELD_COUNTER, NAN, NAN, 1000000, 5, 10000, NAN},
		{"counter beyond 32 bits is reset", FIELD_COUNTER, NAN, NAN, 1e12, 5, 10000, NAN},
		{"counter is reset, limit tells", FIELD_COUNTER, 0, 1e6, 1000000, 5, 10000, NAN},
		{"counter wraps within the limit", FIELD_COUNTER, 0, 1e9, 1000, 5, 10000,
			(two_32 - 995) / 10},
		{"absolute", FIELD_ABSOLUTE, NAN, NAN, 7, 50, 10000, 5},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct row *row = &rows[i];
		AUTO(service) service = service_create("g", "h", "s", 10);
		struct field *field = service_add_field(service, "f", "f", row->type);
		field->min = row->min;
		field->max = row->max;
		struct rate rate = {0};
		double first = rate_step(&rate, field, (struct wall){1000000}, row->first);
		if (row->type != FIELD_GAUGE && !isnan(first)) {
			fail_msg("%s: the first reading gives %g", row->what, first);
		}
		double second = rate_step(&rate, field, (struct wall){1000000 + row->took_ms}, row->second);
		if (!(isnan(second) && isnan(row->expected)) &&
			!(fabs(second - row->expected) < 1e-6 * fabs(row->expected) + 1e-9)) {
			fail_msg("%s: %.12g, not %.12g", row->what, second, row->expected);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readings_become_what_is_graphed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
