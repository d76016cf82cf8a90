#include "model/ident.h"

#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * Names. What passes here may become a part of a path, a URL or a rule without further care; the
 * cleaning of field names is Munin's own, so that existing RRD files are found.
 */

bool ident_clean_field(const char *raw, char out[IDENT_FIELD_MAX + 1])
{
	size_t n = 0;
	for (; raw[n] && n < IDENT_FIELD_MAX; n++) {
		bool fits = g_ascii_isalpha(raw[n]) || raw[n] == '_' || (n && g_ascii_isdigit(raw[n]));
		out[n] = fits ? raw[n] : '_';
	}
	out[n] = '\0';
	return n > 0;
}

static bool service_char(char c)
{
	return g_ascii_isalnum(c) || c == '_' || c == '-';
}

bool ident_clean_service(const char *raw, char out[IDENT_SERVICE_MAX + 1])
{
	size_t n = 0;
	for (; raw[n] && n < IDENT_SERVICE_MAX; n++) {
		out[n] = service_char(raw[n]) ? raw[n] : '_';
	}
	out[n] = '\0';
	return n > 0 && out[0] != '-';
}

bool ident_is_field(const char *name)
{
	char cleaned[IDENT_FIELD_MAX + 1];
	return ident_clean_field(name, cleaned) && !strcmp(cleaned, name);
}

bool ident_is_service(const char *name)
{
	unsigned parts = 1;
	size_t n = 0;
	if (!service_char(name[0]) || name[0] == '-') {
		return false;
	}
	for (; name[n]; n++) {
		if (name[n] == '.') {
			parts++;
			if (!service_char(name[n + 1])) {
				return false;
			}
		} else if (!service_char(name[n])) {
			return false;
		}
	}
	return n <= IDENT_SERVICE_MAX && parts <= IDENT_DEPTH_MAX;
}

/* [A-Za-z0-9_][A-Za-z0-9_.-]* without "..", up to `end` */
static bool name_part(const char *name, const char *end)
{
	if (name == end || name[0] == '.' || name[0] == '-') {
		return false;
	}
	for (const char *p = name; p < end; p++) {
		if (!service_char(*p) && (*p != '.' || p[1] == '.')) {
			return false;
		}
	}
	return true;
}

bool ident_is_host(const char *name)
{
	size_t length = strlen(name);
	return length <= IDENT_HOST_MAX && name_part(name, name + length);
}

bool ident_is_group(const char *name)
{
	if (strlen(name) > IDENT_GROUP_MAX) {
		return false;
	}
	for (unsigned parts = 1;; parts++) {
		const char *end = strchrnul(name, '/');
		if (parts > IDENT_DEPTH_MAX || !name_part(name, end)) {
			return false;
		}
		if (!*end) {
			return true;
		}
		name = end + 1;
	}
}

static bool take_part(const char **at, char *out, size_t size, char until)
{
	const char *end = until ? strchr(*at, until) : *at + strlen(*at);
	if (!end || (size_t)(end - *at) >= size) {
		return false;
	}
	memcpy(out, *at, (size_t)(end - *at));
	out[end - *at] = '\0';
	*at = until ? end + 1 : end;
	return true;
}

bool ident_split_series(const char *id, char host[IDENT_HOST_MAX + 1],
	char service[IDENT_SERVICE_MAX + 1], char field[IDENT_FIELD_MAX + 1])
{
	return take_part(&id, host, IDENT_HOST_MAX + 1, ':') &&
		   take_part(&id, service, IDENT_SERVICE_MAX + 1, ':') &&
		   take_part(&id, field, IDENT_FIELD_MAX + 1, '\0') && ident_is_host(host) &&
		   ident_is_service(service) && ident_is_field(field);
}
