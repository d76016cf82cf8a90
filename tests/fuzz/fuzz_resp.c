/* Replies of Redis and the text of INFO, made up: nothing is read beyond the bytes, and what is
 * used is at most what is there. */
#include "collector/services/resp.h"
#include "collector/services/stats.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	struct stats stats;
	struct resp_value value;
	size_t used = 0;
	stats_init(&stats);
	while (resp_parse(bytes, size, &value, &used) == RESP_DONE) {
		assert(used > 0 && used <= size);
		assert(value.text >= bytes && value.text + value.length <= bytes + used);
		(void)resp_is_error(&value, "LOADING");
		stats_read_lines(&stats, value.text, value.length, ':');
		(void)stats_number(&stats, "used_memory");
		bytes += used;
		size -= used;
	}
	stats_finish(&stats);
	return 0;
}
