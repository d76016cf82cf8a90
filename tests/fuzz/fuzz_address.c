/* Any bytes as an address: what is taken can stand in a command, a header or a request line. */
#include "base/address.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <glib.h>

static void check_plain(const char *text)
{
	for (const char *p = text; *p; p++) {
		assert(*p > ' ' && *p < 0x7f && *p != '<' && *p != '>' && *p != '"');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const schemes[] = {"http", "https", "smtp", "smtps", NULL};
	g_autofree char *text = g_strndup((const char *)data, size);
	char host[ADDRESS_HOST_MAX + 1];
	uint16_t port;
	struct address_url url;
	if (address_check_mail(text, NULL)) {
		check_plain(text);
		assert(strchr(text, '@'));
	}
	if (address_parse_url(text, schemes, &url, NULL)) {
		check_plain(text);
		assert(*url.host && !strpbrk(url.host, "/@?#"));
	}
	if (address_parse_endpoint(text, host, &port, NULL)) {
		check_plain(host);
	}
	return 0;
}
