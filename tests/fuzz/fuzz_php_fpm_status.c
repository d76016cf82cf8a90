#include "collector/services/php_fpm_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* The status page of a pool. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct php_fpm_status status;
	(void)!php_fpm_status_parse((const char *)data, size, &status);
	return 0;
}
