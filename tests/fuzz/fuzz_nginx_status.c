#include "collector/services/nginx_text.h"

#include <stdint.h>

#include "base/banned.h"

/* A page of stub_status, or whatever stands in its place. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nginx_status status;
	(void)!nginx_status_parse((const char *)data, size, &status);
	return 0;
}
