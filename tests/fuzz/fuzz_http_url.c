#include "collector/checks/http_url.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <glib.h>

/* Where redirects lead: whatever a server says, the result is a clean URL of http or https. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err;
	char *location = g_strndup((const char *)data, size);
	char *url = http_url_resolve("https://a.example/b/c?d", location, &err);
	if (url) {
		assert(g_ascii_strncasecmp(url, "http://", 7) == 0 ||
			   g_ascii_strncasecmp(url, "https://", 8) == 0);
		for (const char *p = url; *p; p++) {
			assert((unsigned char)*p > ' ' && *p != 0x7f && *p != '#');
		}
	}
	g_free(url);
	g_free(location);
	return 0;
}
