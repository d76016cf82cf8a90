#include "web/choice.h"
#include "base/text.h"

#include <string.h>

#include "base/banned.h"

/* The texts are cut apart once; matching is globs only, so a choice among any number of series is
 * cheap. */
struct choice {
	GPtrArray *all; /* char **: host, service, field; the last ones may be missing */
	char *group;
};

static void free_parts(gpointer data)
{
	g_strfreev(data);
}

static bool read_match(struct choice *choice, const char *match, struct error *err)
{
	g_auto(GStrv) parts = g_strsplit(*match ? match : ",", ",", CHOICE_MAX + 1);
	for (size_t i = 0; parts[i]; i++) {
		char **three = g_strsplit(parts[i], ":", 4);
		g_ptr_array_add(choice->all, three);
		if (i == CHOICE_MAX || g_strv_length(three) > 3 || !*parts[i]) {
			return error_set(err, ERR_CONFIG,
				"match is HOST:SERVICE:FIELD with * and ?, at most %d of them by comma",
				CHOICE_MAX);
		}
	}
	return true;
}

struct choice *choice_create(const char *match, const char *group, struct error *err)
{
	AUTO(choice) choice = g_new0(struct choice, 1);
	choice->all = g_ptr_array_new_with_free_func(free_parts);
	size_t length = group ? strlen(group) : 0;
	while (length && group[length - 1] == '/') {
		length--;
	}
	choice->group = length ? g_strndup(group, length) : NULL;
	if (match && !read_match(choice, match, err)) {
		return NULL;
	}
	return STEAL(choice);
}

void choice_destroy(struct choice *choice)
{
	if (choice) {
		g_ptr_array_unref(choice->all);
		g_free(choice->group);
		g_free(choice);
	}
}

static bool in_group(const struct choice *choice, const struct service *service)
{
	size_t length = choice->group ? strlen(choice->group) : 0;
	return !length || (!strncmp(service->group, choice->group, length) &&
						  (!service->group[length] || service->group[length] == '/'));
}

static bool part_matches(char **three, guint index, const char *name)
{
	for (guint i = 0; i <= index; i++) {
		if (!three[i]) {
			return true;
		}
	}
	return text_glob(three[index], name);
}

bool choice_takes_service(const struct choice *choice, const struct service *service)
{
	bool matches = !choice->all->len;
	for (guint i = 0; i < choice->all->len && !matches; i++) {
		char **three = choice->all->pdata[i];
		matches =
			part_matches(three, 0, service->host_name) && part_matches(three, 1, service->name);
	}
	return matches && in_group(choice, service);
}

bool choice_takes(const struct choice *choice, const struct field *field)
{
	const struct service *service = field->service;
	bool matches = !choice->all->len;
	for (guint i = 0; i < choice->all->len && !matches; i++) {
		char **three = choice->all->pdata[i];
		matches = part_matches(three, 0, service->host_name) &&
				  part_matches(three, 1, service->name) && part_matches(three, 2, field->name);
	}
	return matches && !field->gone && field->series_id && in_group(choice, service);
}

static bool each_of_service(const struct choice *choice, const struct service *service,
	bool (*fn)(void *owner, const struct field *field), void *owner)
{
	for (size_t i = 0; i < service_field_count(service); i++) {
		const struct field *field = service_field(service, i);
		if (choice_takes(choice, field) && !fn(owner, field)) {
			return false;
		}
	}
	return true;
}

bool choice_each(const struct choice *choice, const struct catalog *catalog,
	bool (*fn)(void *owner, const struct field *field), void *owner)
{
	const GPtrArray *hosts = catalog_hosts(catalog);
	for (guint h = 0; h < hosts->len; h++) {
		const struct host *host = hosts->pdata[h];
		for (guint s = 0; s < host->services->len; s++) {
			const struct service *service = host->services->pdata[s];
			if (choice_takes_service(choice, service) &&
				!each_of_service(choice, service, fn, owner)) {
				return false;
			}
		}
	}
	return true;
}
