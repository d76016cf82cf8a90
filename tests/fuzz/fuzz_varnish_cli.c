#include "collector/services/varnish_cli.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* What answers in the place of a manager of Varnish. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct varnish_answer answer;
	size_t used = 0;
	char text[VARNISH_DIGEST];
	if (varnish_cli_read((const char *)data, size, &answer, &used) == VARNISH_CLI_WHOLE) {
		if (used > size || answer.length > used) {
			abort();
		}
		(void)!varnish_cli_prove(&answer, "secret\n", text);
		(void)!varnish_cli_state(&answer, text, sizeof text);
	}
	return 0;
}
