#include "model/reference.h"
#include "base/text.h"

#include <string.h>

#include "base/banned.h"

/*
 * A path is read from its end: the field is behind the last "." (or the second ":"), the service
 * behind the last ":" before it, the host behind the last ";" before that. Everything is checked as
 * a name before it is looked for, so that a complaint can quote it.
 */

/* Copies a part into `out` of `size` bytes; false: empty or too long. */
static bool take(char *out, size_t size, const char *from, const char *to)
{
	size_t length = (size_t)(to - from);
	if (!length || length >= size || memchr(from, 0, length)) {
		return false;
	}
	memcpy(out, from, length);
	out[length] = 0;
	return true;
}

static const char *last(const char *from, const char *to, char wanted)
{
	while (to > from) {
		if (*--to == wanted) {
			return to;
		}
	}
	return NULL;
}

static bool is_glob(const char *text)
{
	return strpbrk(text, "*?") != NULL;
}

/* A name in which "*" and "?" stand for something: made of letters otherwise. */
static bool is_pattern(const char *pattern, bool (*valid)(const char *name))
{
	char name[IDENT_HOST_MAX + 1];
	text_copy(name, sizeof(name), pattern);
	for (char *c = name; *c; c++) {
		*c = *c == '*' || *c == '?' ? 'x' : *c;
	}
	return valid(name);
}

/* "Grp;Sub;host", up to `to`. */
static bool parse_place(
	const char *text, const char *to, struct reference *reference, struct error *err)
{
	const char *border = last(text, to, ';');
	const char *host = border ? border + 1 : text;
	if (!take(reference->host, sizeof(reference->host), host, to) ||
		!is_pattern(reference->host, ident_is_host)) {
		return error_set(err, ERR_CONFIG, "no name of a host before \":\"");
	}
	reference->many = is_glob(reference->host);
	if (border) {
		if (!take(reference->group, sizeof(reference->group), text, border)) {
			return error_set(err, ERR_CONFIG, "no group before \";\"");
		}
		g_strdelimit(reference->group, ";", '/');
		if (!is_pattern(reference->group, ident_is_group)) {
			return error_set(err, ERR_CONFIG, "no name of a group before \";\"");
		}
	}
	return true;
}

/* "service.sub.field" or, after a second colon, "field" alone. */
static bool parse_graph(
	const char *text, const char *to, struct reference *reference, struct error *err)
{
	const char *border = last(text, to, '.');
	if (border && !take(reference->service, sizeof(reference->service), text, border)) {
		return error_set(err, ERR_CONFIG, "no service before the field");
	}
	if (!take(reference->field, sizeof(reference->field), border ? border + 1 : text, to) ||
		!ident_is_field(reference->field)) {
		return error_set(err, ERR_CONFIG, "no name of a field at its end");
	}
	return !*reference->service || ident_is_service(reference->service) ||
		   error_set(err, ERR_CONFIG, "no name of a service before its field");
}

bool reference_parse(
	const char *text, size_t length, struct reference *reference, struct error *err)
{
	const char *end = text + length;
	const char *colon = last(text, end, ':');
	*reference = (struct reference){0};
	if (!length || memchr(text, 0, length)) {
		return error_set(err, ERR_CONFIG, "an empty path");
	}
	if (!colon) {
		return parse_graph(text, end, reference, err);
	}
	const char *first = last(text, colon, ':');
	if (first) {
		if (!take(reference->service, sizeof(reference->service), first + 1, colon) ||
			!ident_is_service(reference->service)) {
			return error_set(err, ERR_CONFIG, "no name of a service between \":\" and \":\"");
		}
		if (!take(reference->field, sizeof(reference->field), colon + 1, end) ||
			!ident_is_field(reference->field)) {
			return error_set(err, ERR_CONFIG, "no name of a field at its end");
		}
		return parse_place(text, first, reference, err);
	}
	if (!parse_graph(colon + 1, end, reference, err) || !parse_place(text, colon, reference, err)) {
		return false;
	}
	return *reference->service || error_set(err, ERR_CONFIG, "no service between host and field");
}

static struct field *living(const struct service *service, const char *name)
{
	struct field *field = service ? service_find_field(service, name) : NULL;
	return field && !field->gone ? field : NULL;
}

/* Beside the service in which it is written, on every level upwards. */
static struct field *find_near(
	const struct catalog *catalog, const struct service *from, const struct reference *reference)
{
	char level[IDENT_SERVICE_MAX + 1];
	text_copy(level, sizeof(level), from->name);
	while (*level) {
		g_autofree char *name = g_strconcat(level, ".", reference->service, NULL);
		struct field *field =
			living(catalog_service(catalog, from->host_name, name), reference->field);
		if (field) {
			return field;
		}
		char *dot = strrchr(level, '.');
		*(dot ? dot : level) = 0;
	}
	return living(catalog_service(catalog, from->host_name, reference->service), reference->field);
}

static struct field *find_one(
	const struct catalog *catalog, const struct service *from, const struct reference *reference)
{
	if (!*reference->service) {
		return living(from, reference->field);
	}
	return *reference->host ? living(catalog_service(catalog, reference->host, reference->service),
								  reference->field)
							: find_near(catalog, from, reference);
}

/* Whether a host lies in a group or below it. */
static bool in_group(const struct host *host, const char *group)
{
	g_autofree char *below = g_strconcat(group, "/*", NULL);
	return !*group || text_glob(group, host->group) || text_glob(below, host->group);
}

bool reference_collect(const struct catalog *catalog, const struct service *from,
	const struct reference *reference, size_t limit, GPtrArray *found)
{
	if (!reference->many) {
		struct field *field = find_one(catalog, from, reference);
		if (field && found->len >= limit) {
			return false;
		}
		if (field) {
			g_ptr_array_add(found, field);
		}
		return true;
	}
	const GPtrArray *hosts = catalog_hosts(catalog);
	for (guint i = 0; i < hosts->len; i++) {
		const struct host *host = hosts->pdata[i];
		if (!text_glob(reference->host, host->name) || !in_group(host, reference->group)) {
			continue;
		}
		struct field *field =
			living(catalog_service(catalog, host->name, reference->service), reference->field);
		if (field && found->len >= limit) {
			return false;
		}
		if (field) {
			g_ptr_array_add(found, field);
		}
	}
	return true;
}

struct field *reference_find(
	const struct catalog *catalog, const struct service *from, const struct reference *reference)
{
	if (!reference->many) {
		return find_one(catalog, from, reference);
	}
	g_autoptr(GPtrArray) found = g_ptr_array_new();
	(void)!reference_collect(catalog, from, reference, 1, found);
	return found->len ? found->pdata[0] : NULL;
}
