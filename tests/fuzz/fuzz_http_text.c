#include "collector/services/http_text.h"

#include <stdlib.h>

#include "base/banned.h"

/* Any bytes, whole and cut in two: the same end, never more body than allowed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct http_text *t, const char *bytes, size_t length, size_t cut)
{
	http_text_begin(t, 1000, false);
	size_t used = http_text_feed(t, bytes, cut);
	if (used > cut) {
		abort();
	}
	used += http_text_feed(t, bytes + used, length - used);
	if (used > length || t->body->len > 1000) {
		abort();
	}
	http_text_end(t);
	if (t->state == HTTP_TEXT_MORE) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_text whole, halves;
	feed(&whole, (const char *)data, size, size);
	feed(&halves, (const char *)data, size, size / 2);
	if (whole.state != halves.state || whole.status != halves.status ||
		!g_string_equal(whole.body, halves.body)) {
		abort();
	}
	return 0;
}
