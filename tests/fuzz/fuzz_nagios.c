#include "collector/nagios_text.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/*
 * What a plugin says, and ranges: names are safe and there once, numbers finite or unknown, a range
 * alerts for the same values as the Munin limit it becomes.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_range(const struct nagios_range *range)
{
	char limit[NAGIOS_LIMIT_TEXT];
	struct nagios_range back;
	assert(range->low <= range->high);
	assert(!nagios_range_alerts(range, NAN));
	if (nagios_range_limit(range, 1, limit)) {
		bool open_low = limit[0] == ':';
		assert(strchr(limit, ':'));
		if (!open_low && nagios_range_parse(limit, strlen(limit), &back)) {
			assert(back.low == range->low && back.high == range->high);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const reserved[] = {"state", "time", NULL};
	struct nagios_text text;
	struct nagios_range range;
	if (nagios_range_parse((const char *)data, size, &range)) {
		check_range(&range);
	}
	nagios_text_parse(&text, (const char *)data, size, reserved);
	assert(strlen(text.summary) <= NAGIOS_SUMMARY_MAX);
	for (size_t i = 0; i < text.fields->len; i++) {
		const struct nagios_field *f = g_ptr_array_index(text.fields, i);
		assert(ident_is_field(f->name) && strcmp(f->name, "state") && strcmp(f->name, "time"));
		assert(isnan(f->value) || isfinite(f->value));
		for (size_t k = 0; k < i; k++) {
			const struct nagios_field *other = g_ptr_array_index(text.fields, k);
			assert(strcmp(f->name, other->name));
		}
		if (f->has_warning) {
			check_range(&f->warning);
		}
	}
	nagios_text_finish(&text);
	return 0;
}
