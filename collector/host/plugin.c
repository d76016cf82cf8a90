#include "collector/host/plugin.h"
#include "base/number.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/* From tables to declarations. A value that the attribute table refuses is left out: it is
 * decoration. */
enum { PLUGIN_FIELDS_MAX = 1000 };

/* All readers, in the order in which their graphs are offered. */
#define PLUGIN(name) extern const struct plugin_kind plugin_##name;
#include "collector/host/plugins.def"
#undef PLUGIN
#define PLUGIN(name) &plugin_##name,
const struct plugin_kind *const plugin_kinds[] = {
#include "collector/host/plugins.def"
};
#undef PLUGIN
const size_t plugin_kind_count = ARRAY_LENGTH(plugin_kinds);

static bool plugin_attribute(
	struct attributes *a, enum attributes_level level, const char *key, const char *value)
{
	if (!value) {
		return true;
	}
	char *clean = text_clean(value, strlen(value), ATTRIBUTES_VALUE_MAX);
	bool taken = attributes_set(a, level, key, clean);
	g_free(clean);
	return taken;
}

void plugin_graph_attribute(struct service *service, const char *key, const char *value)
{
	(void)plugin_attribute(&service->attributes, ATTRIBUTES_GRAPH, key, value);
}

void plugin_field_attribute(struct field *field, const char *key, const char *value)
{
	(void)plugin_attribute(&field->attributes, ATTRIBUTES_FIELD, key, value);
}

static void plugin_limit(const char *text, double *limit)
{
	if (text && !number_parse(text, strlen(text), limit)) {
		*limit = NAN;
	}
}

bool plugin_field(struct service *service, const struct field_row *row)
{
	if (!ident_is_field(row->name) || service_find_field(service, row->name) ||
		service_field_count(service) >= PLUGIN_FIELDS_MAX) {
		return false;
	}
	char *label = text_clean(row->label, strlen(row->label), ATTRIBUTES_VALUE_MAX);
	struct field *field = service_add_field(service, row->name, label, row->type);
	g_free(label);
	plugin_limit(row->min, &field->min);
	plugin_limit(row->max, &field->max);
	plugin_field_attribute(field, "draw", row->draw);
	plugin_field_attribute(field, "colour", row->colour);
	plugin_field_attribute(field, "negative", row->negative);
	plugin_field_attribute(field, "cdef", row->cdef);
	plugin_field_attribute(field, "warning", row->warning);
	plugin_field_attribute(field, "critical", row->critical);
	plugin_field_attribute(field, "unit", row->unit);
	plugin_field_attribute(field, "info", row->info);
	plugin_field_attribute(field, "graph", row->hidden ? "no" : NULL);
	return true;
}

struct service *plugin_service_named(
	const struct plugin *plugin, const struct graph_row *row, const char *name, const char *title)
{
	const struct source *source = &plugin->site->source;
	struct service *service = service_create(source->group, source->host, name, plugin->step_s);
	plugin_graph_attribute(service, "graph_title", title);
	plugin_graph_attribute(service, "graph_args", row->args);
	plugin_graph_attribute(service, "graph_vlabel", row->vlabel);
	plugin_graph_attribute(service, "graph_category", row->category);
	plugin_graph_attribute(service, "graph_info", row->info);
	plugin_graph_attribute(service, "graph_order", row->order);
	plugin_graph_attribute(service, "graph_period", row->period);
	plugin_graph_attribute(service, "graph_printf", row->printf_format);
	plugin_graph_attribute(service, "graph_width", row->width);
	plugin_graph_attribute(service, "graph_scale", row->no_scale ? "no" : NULL);
	for (size_t i = 0; i < row->field_count; i++) {
		(void)plugin_field(service, &row->fields[i]);
	}
	return service;
}

struct service *plugin_service(const struct plugin *plugin, const struct graph_row *row)
{
	return plugin_service_named(plugin, row, row->name, row->title);
}

struct feed *plugin_feed(struct plugin *plugin, const struct graph_row *row)
{
	return source_add(&plugin->site->source, row->plugin, plugin_service(plugin, row));
}

static bool plugin_single_text(struct plugin *plugin, struct scan *text)
{
	struct plugin_single *single = plugin->state;
	bool small = !strncmp(single->file.path, "proc/sys/", 9);
	return small ? kept_read_small(&plugin->site->files, &single->file, text)
				 : kept_read(&plugin->site->files, &single->file, text);
}

bool plugin_single_start(struct plugin *plugin, const char *path, const struct graph_row *row)
{
	struct plugin_single *single = plugin->state;
	struct scan text;
	single->file = kept_file(path);
	if (!plugin_single_text(plugin, &text)) {
		return false;
	}
	single->feed = plugin_feed(plugin, row);
	return true;
}

bool plugin_single_read(struct plugin *plugin, struct scan *text)
{
	struct plugin_single *single = plugin->state;
	single->feed->fresh = true;
	return plugin_single_text(plugin, text);
}

void plugin_single_stop(struct plugin *plugin)
{
	struct plugin_single *single = plugin->state;
	kept_close(&single->file);
}

/* Munin replaces a whole run of unfit characters at the beginning by one "_" (Munin::Plugin,
 * clean_fieldname). */
bool plugin_clean(const char *raw, char out[IDENT_FIELD_MAX + 1])
{
	size_t run = 0;
	while (raw[run] && !g_ascii_isalpha(raw[run]) && raw[run] != '_') {
		run++;
	}
	if (!ident_clean_field(run ? raw + run - 1 : raw, out)) {
		return false;
	}
	if (!strcmp(out, "root")) {
		snprintf(out, IDENT_FIELD_MAX + 1, "__root");
	}
	return true;
}
