/* Any bytes as a bundle: what is taken packs to the same bytes again. */
#include "base/bundle.h"

#include <assert.h>
#include <string.h>

#include <glib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(bundle) bundle = bundle_unpack((const char *)data, size, NULL);
	if (bundle) {
		size_t length;
		g_autofree char *packed = bundle_pack(bundle, &length);
		assert(length == size && !memcmp(packed, data, size));
	}
	return 0;
}
