#include "collector/services/fastcgi.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* Records in the place of those of FastCGI, whole and in two pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fastcgi whole, halves;
	int status;
	const char *page;
	size_t length;
	fastcgi_begin(&whole);
	fastcgi_begin(&halves);
	size_t used = fastcgi_feed(&whole, data, size);
	size_t part = fastcgi_feed(&halves, data, size / 2);
	part += fastcgi_feed(&halves, data + part, size - part);
	if (used > size || used != part || whole.state != halves.state ||
		!g_string_equal(whole.output, halves.output)) {
		abort();
	}
	if (fastcgi_page(&whole, &status, &page, &length) &&
		page + length != whole.output->str + whole.output->len) {
		abort();
	}
	return 0;
}
