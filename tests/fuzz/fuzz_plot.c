/* Attributes of a graph as a node may write them: a line each, "graph_order …" or "field.sum …". A
 * plot is made whatever they say; what it calls computable has sources and inputs. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/plot.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_line(struct service *service, char *line)
{
	char name[IDENT_FIELD_MAX + 1];
	char *value = strchr(line, ' ');
	char *dot = strchr(line, '.');
	if (!value) {
		return;
	}
	*value++ = 0;
	dot = dot && dot < value ? dot : NULL;
	if (!dot) {
		(void)!attributes_set(&service->attributes, ATTRIBUTES_GRAPH, line, value);
		return;
	}
	*dot++ = 0;
	if (ident_clean_field(line, name) && service_field_count(service) < 1000) {
		struct field *field = service_find_field(service, name);
		field = field ? field : service_add_field(service, name, name, strlen(value) % FIELD_TYPES);
		(void)!attributes_set(&field->attributes, ATTRIBUTES_FIELD, dot, value);
	}
}

static void check_curve(const struct plot *plot, const struct plot_curve *curve)
{
	size_t names = curve->cdef ? rpn_name_count(curve->cdef) : 0;
	if (!ident_is_field(curve->name) || plot_find(plot, curve->name) != curve ||
		(curve->drawn && curve->broken) || (!curve->broken && !curve->source_count)) {
		abort();
	}
	for (size_t i = 0; !curve->broken && i < names; i++) {
		if (!curve->inputs[i].curve) {
			abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(catalog) catalog = catalog_create();
	struct service *other = service_create("g", "other", "load", 60);
	(void)service_add_field(other, "load", "load", FIELD_GAUGE);
	catalog_declare(catalog, other, NULL);
	struct service *service = service_create("g", "here", "top.sub", 60);
	g_autofree char *text = g_utf8_make_valid((const char *)data, (gssize)size);
	g_auto(GStrv) lines = g_strsplit(text, "\n", 2000);
	for (char **line = lines; *line; line++) {
		take_line(service, *line);
	}
	AUTO(plot) plot = plot_create(catalog, catalog_declare(catalog, service, NULL));
	for (size_t i = 0; i < plot->count; i++) {
		check_curve(plot, &plot->curves[i]);
	}
	return 0;
}
