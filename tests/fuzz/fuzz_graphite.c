/* Targets, patterns, times of Graphite: whatever is taken is bound, and matching ends. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "web/facades/graphite_function.h"
#include "web/facades/graphite_path.h"
#include "web/facades/graphite_time.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_autoptr(GTimeZone) zone = g_time_zone_new_utc();
	int64_t value = 0;
	AUTO(graphite_expression) e = graphite_parse(text, NULL);
	if (e && graphite_bind(e, NULL) && e->kind == GRAPHITE_CALL && !e->function) {
		abort();
	}
	AUTO(graphite_pattern) pattern = graphite_pattern_parse(text, NULL);
	if (pattern && (graphite_pattern_parts(pattern) > GRAPHITE_PARTS_MAX ||
					   (!strpbrk(text, "*?[{}.") && !graphite_part_matches(pattern, 0, text)))) {
		abort();
	}
	if (graphite_time_parse(text, 1700000000, zone, &value) && value < 0) {
		abort();
	}
	return 0;
}
