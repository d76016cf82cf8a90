/* Stored declarations: what is taken can be packed again and is the same. */
#include "engine/inventory.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(service) service = inventory_unpack(data, size);
	if (service) {
		g_autoptr(GByteArray) bytes = g_byte_array_new();
		inventory_pack(service, bytes);
		AUTO(service) again = inventory_unpack(bytes->data, bytes->len);
		assert(again && service_same(service, again));
	}
	return 0;
}
