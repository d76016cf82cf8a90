#include "collector/checks/http_url.h"

#include <string.h>

#include <glib.h>

#include "base/address.h"

#include "base/banned.h"

/* What a server says of where to go is foreign: it is resolved by GLib's rules and then has to be
 * a URL as strict as a configured one. */

char *http_url_resolve(const char *base, const char *location, struct error *err)
{
	static const char *const schemes[] = {"http", "https", NULL};
	struct address_url parts;
	struct error why = {.kind = ERR_NONE};
	size_t length = strcspn(location, "#");
	if (length >= ADDRESS_URL_MAX) {
		error_set(err, ERR_DENIED, "that is too long");
		return NULL;
	}
	g_autofree char *text = g_strndup(location, length);
	char *whole = g_uri_resolve_relative(base, text, G_URI_FLAGS_ENCODED, NULL);
	if (!whole || !address_parse_url(whole, schemes, &parts, &why)) {
		error_set(err, ERR_DENIED, "that is not followed: %s", whole ? why.text : "it is no URL");
		g_free(whole);
		return NULL;
	}
	return whole;
}
