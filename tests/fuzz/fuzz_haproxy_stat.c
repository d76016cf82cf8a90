#include "collector/services/haproxy_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* The table of HAProxy. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct haproxy_stat stat;
	(void)!haproxy_stat_parse((const char *)data, size, &stat);
	if (stat.frontends->len > HAPROXY_PROXIES_MAX || stat.backends->len > HAPROXY_PROXIES_MAX) {
		abort();
	}
	haproxy_stat_finish(&stat);
	return 0;
}
