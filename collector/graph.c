#include "collector/graph.h"
#include "base/number.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/* From tables to declarations. A value that the attribute table refuses is left out: it is
 * decoration. */
enum { GRAPH_FIELDS_MAX = 1000 };

static bool graph_set(
	struct attributes *a, enum attributes_level level, const char *key, const char *value)
{
	if (!value) {
		return true;
	}
	char *clean = text_clean(value, strlen(value), attributes_longest(key));
	bool taken = attributes_set(a, level, key, clean);
	g_free(clean);
	return taken;
}

void graph_attribute(struct service *service, const char *key, const char *value)
{
	(void)graph_set(&service->attributes, ATTRIBUTES_GRAPH, key, value);
}

void graph_field_attribute(struct field *field, const char *key, const char *value)
{
	(void)graph_set(&field->attributes, ATTRIBUTES_FIELD, key, value);
}

static void graph_limit(const char *text, double *limit)
{
	if (text && !number_parse(text, strlen(text), limit)) {
		*limit = NAN;
	}
}

bool graph_field(struct service *service, const struct field_row *row)
{
	if (!ident_is_field(row->name) || service_find_field(service, row->name) ||
		service_field_count(service) >= GRAPH_FIELDS_MAX) {
		return false;
	}
	char *label = text_clean(row->label, strlen(row->label), ATTRIBUTES_VALUE_MAX);
	struct field *field = service_add_field(service, row->name, label, row->type);
	g_free(label);
	graph_limit(row->min, &field->min);
	graph_limit(row->max, &field->max);
	graph_field_attribute(field, "draw", row->draw);
	graph_field_attribute(field, "colour", row->colour);
	graph_field_attribute(field, "negative", row->negative);
	graph_field_attribute(field, "cdef", row->cdef);
	graph_field_attribute(field, "warning", row->warning);
	graph_field_attribute(field, "critical", row->critical);
	graph_field_attribute(field, "unit", row->unit);
	graph_field_attribute(field, "info", row->info);
	graph_field_attribute(field, "graph", row->hidden ? "no" : NULL);
	return true;
}

struct service *graph_service_named(const struct source *source, const struct graph_row *row,
	uint32_t step_s, const char *name, const char *title)
{
	struct service *service = service_create(source->group, source->host, name, step_s);
	graph_attribute(service, "graph_title", title);
	graph_attribute(service, "graph_args", row->args);
	graph_attribute(service, "graph_vlabel", row->vlabel);
	graph_attribute(service, "graph_category", row->category);
	graph_attribute(service, "graph_info", row->info);
	graph_attribute(service, "graph_order", row->order);
	graph_attribute(service, "graph_period", row->period);
	graph_attribute(service, "graph_printf", row->printf_format);
	graph_attribute(service, "graph_width", row->width);
	graph_attribute(service, "graph_scale", row->no_scale ? "no" : NULL);
	for (size_t i = 0; i < row->field_count; i++) {
		(void)graph_field(service, &row->fields[i]);
	}
	return service;
}

struct service *graph_service(
	const struct source *source, const struct graph_row *row, uint32_t step_s)
{
	return graph_service_named(source, row, step_s, row->name, row->title);
}
