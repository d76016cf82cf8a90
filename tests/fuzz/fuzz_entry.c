/* Payloads of journal records: the first byte says which; what is taken has to be as promised. */
#include "model/entry.h"
#include "model/ident.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

static void read_samples(const uint8_t *data, size_t size)
{
	struct entry_samples samples;
	struct entry_section section;
	size_t bytes = 8;
	if (!entry_samples_read(&samples, data, size)) {
		return;
	}
	while (entry_samples_next(&samples, &section)) {
		bytes += 12 + (size_t)section.count * ENTRY_PAIR;
		for (uint32_t i = 0; i < section.count; i++) {
			(void)entry_section_series(&section, i);
			(void)entry_section_value(&section, i);
		}
	}
	assert(bytes == size);
}

static void read_series(const uint8_t *data, size_t size)
{
	struct entry_series series;
	struct entry_series again;
	unsigned char out[ENTRY_SERIES_MAX];
	if (entry_series_read(&series, data, size)) {
		assert(ident_is_host(series.host) && ident_is_field(series.field));
		assert(entry_series_write(&series, out) == size);
		assert(entry_series_read(&again, out, size));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wall now;
	if (!size) {
		return 0;
	}
	switch (data[0] % 3) {
	case 0: read_samples(data + 1, size - 1); break;
	case 1: read_series(data + 1, size - 1); break;
	default:
		if (entry_tick_read(&now, data + 1, size - 1)) {
			assert(size == 9);
		}
		break;
	}
	return 0;
}
