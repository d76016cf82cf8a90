#include "model/service.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * A service and its fields: plain data with one owner, made by whoever reads a declaration and
 * handed to the catalog.
 */

static void field_destroy(gpointer data)
{
	struct field *field = data;
	g_free(field->name);
	g_free(field->label);
	attributes_finish(&field->attributes);
	g_free(field);
}

struct service *service_create(
	const char *group, const char *host, const char *name, uint32_t step_s)
{
	struct service *service = g_new0(struct service, 1);
	service->group = g_strdup(group);
	service->host_name = g_strdup(host);
	service->name = g_strdup(name);
	service->step_s = step_s;
	service->fields = g_ptr_array_new_with_free_func(field_destroy);
	return service;
}

void service_destroy(struct service *service)
{
	if (service) {
		g_free(service->name);
		g_free(service->host_name);
		g_free(service->group);
		attributes_finish(&service->attributes);
		g_ptr_array_unref(service->fields);
		g_free(service);
	}
}

struct field *service_add_field(
	struct service *service, const char *name, const char *label, enum field_type type)
{
	struct field *field = g_new0(struct field, 1);
	field->name = g_strdup(name);
	field->label = g_strdup(label);
	field->type = (uint8_t)type;
	field->min = NAN;
	field->max = NAN;
	field->index = (uint16_t)service->fields->len;
	field->service = service;
	g_ptr_array_add(service->fields, field);
	return field;
}

struct field *service_find_field(const struct service *service, const char *name)
{
	for (size_t i = 0; i < service->fields->len; i++) {
		struct field *field = service->fields->pdata[i];
		if (!strcmp(field->name, name)) {
			return field;
		}
	}
	return NULL;
}

struct field *service_field(const struct service *service, size_t index)
{
	return index < service->fields->len ? service->fields->pdata[index] : NULL;
}

size_t service_field_count(const struct service *service)
{
	return service->fields->len;
}

static bool same_limit(double a, double b)
{
	return (isnan(a) && isnan(b)) || a == b;
}

static bool same_field(const struct field *a, const struct field *b)
{
	return a->type == b->type && same_limit(a->min, b->min) && same_limit(a->max, b->max) &&
		   a->gone == b->gone && !strcmp(a->name, b->name) && !strcmp(a->label, b->label) &&
		   attributes_equal(&a->attributes, &b->attributes);
}

bool service_same(const struct service *a, const struct service *b)
{
	if (strcmp(a->name, b->name) || strcmp(a->host_name, b->host_name) ||
		strcmp(a->group, b->group) || a->step_s != b->step_s || a->fields->len != b->fields->len ||
		!attributes_equal(&a->attributes, &b->attributes)) {
		return false;
	}
	for (size_t i = 0; i < a->fields->len; i++) {
		if (!same_field(a->fields->pdata[i], b->fields->pdata[i])) {
			return false;
		}
	}
	return true;
}

static const char *const type_names[FIELD_TYPES] = {"GAUGE", "COUNTER", "DERIVE", "ABSOLUTE"};

const char *field_type_name(enum field_type type)
{
	return type < FIELD_TYPES ? type_names[type] : "?";
}

enum field_type field_type_parse(const char *name)
{
	for (size_t i = 0; i < FIELD_TYPES; i++) {
		if (!g_ascii_strcasecmp(name, type_names[i])) {
			return (enum field_type)i;
		}
	}
	return FIELD_TYPES;
}

char *field_series_name(const struct field *field, char *out)
{
	snprintf(out, IDENT_SERIES_MAX + 1, "%s:%s:%s", field->service->host_name, field->service->name,
		field->name);
	return out;
}
