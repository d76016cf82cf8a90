#include "collector/checks/http_url.h"

#include <string.h>

#include <glib.h>

#include "base/address.h"

#include "base/banned.h"

/*
 * What a server says of where to go is foreign: it is joined with the base by the rules of RFC
 * 3986, section 5.2, and the result has to be a URL as strict as a configured one.
 */

/* Whether it begins with "scheme:". */
static bool http_url_is_absolute(const char *text)
{
	size_t n = 0;
	while (g_ascii_isalnum(text[n]) || (n && strchr("+-.", text[n]) && text[n])) {
		n++;
	}
	return n && g_ascii_isalpha(text[0]) && text[n] == ':';
}

/* Appends a path, which begins with "/", without its "." and ".." (section 5.2.4). */
static void http_url_put_path(GString *out, const char *path, size_t length)
{
	size_t root = out->len;
	for (size_t at = 0; at < length;) {
		const char *part = path + at + 1; /* behind the "/" */
		const char *next = memchr(part, '/', length - at - 1);
		size_t n = next ? (size_t)(next - part) : length - at - 1;
		if (n == 2 && memcmp(part, "..", 2) == 0) {
			const char *last = strrchr(out->str + root, '/');
			g_string_truncate(out, last ? (gsize)(last - out->str) : root);
		} else if (n != 1 || part[0] != '.') {
			g_string_append_c(out, '/');
			g_string_append_len(out, part, (gssize)n);
		}
		bool dots = n && n <= 2 && strspn(part, ".") >= n;
		at += n + 1;
		if (dots && at >= length) {
			g_string_append_c(out, '/'); /* "a/.." is the folder */
		}
	}
}

/* `location` as seen from `base`, which is a good URL. */
static char *http_url_join(const char *base, const char *location)
{
	if (http_url_is_absolute(location)) {
		return g_strdup(location);
	}
	const char *host = strstr(base, "://") + 3;
	size_t origin = (size_t)(host - base) + strcspn(host, "/?");
	size_t path = strcspn(base + origin, "?"); /* of the base */
	size_t own = strcspn(location, "?");       /* of the location */
	if (g_str_has_prefix(location, "//")) {
		return g_strdup_printf("%.*s%s", (int)(host - base - 2), base, location);
	}
	GString *out = g_string_new_len(base, (gssize)origin);
	if (!own) {
		g_string_append_len(
			out, base + origin, (gssize)(location[0] ? path : strlen(base + origin)));
		g_string_append(out, location);
		return g_string_free(out, FALSE);
	}
	g_autoptr(GString) whole = g_string_new(NULL);
	if (location[0] != '/') {
		const char *last = memrchr(base + origin, '/', path);
		g_string_append_len(whole, base + origin, last ? last - (base + origin) : 0);
		g_string_append_c(whole, '/');
	}
	g_string_append_len(whole, location, (gssize)own);
	http_url_put_path(out, whole->str, whole->len);
	g_string_append(out, location + own);
	return g_string_free(out, FALSE);
}

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
	char *whole = http_url_join(base, text);
	if (!address_parse_url(whole, schemes, &parts, &why)) {
		error_set(err, ERR_DENIED, "that is not followed: %s", why.text);
		g_free(whole);
		return NULL;
	}
	return whole;
}
