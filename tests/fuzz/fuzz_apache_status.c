#include "collector/services/apache_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* A page of mod_status, or whatever stands in its place. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct apache_status status;
	(void)!apache_status_parse((const char *)data, size, &status);
	return 0;
}
