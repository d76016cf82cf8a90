#include "collector/services/elasticsearch_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* JSON in the place of Elasticsearch's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elasticsearch_health health;
	struct elasticsearch_memory memory;
	char *index;
	(void)!elasticsearch_health_parse((const char *)data, size, &health);
	elasticsearch_health_finish(&health);
	(void)!elasticsearch_blocks_parse((const char *)data, size, &index);
	g_free(index);
	(void)!elasticsearch_memory_parse((const char *)data, size, &memory);
	return 0;
}
