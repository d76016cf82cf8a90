#include "collector/munin/print.h"
#include "base/number.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * The protocol's text form of declarations and values. Attributes come out as they went in; type
 * and limits, which Magpie keeps apart, are written back as attributes.
 */

static const char *print_plugin(const struct feed *feed)
{
	return feed->plugin ? feed->plugin : feed->declaration->service->name;
}

static bool print_wanted(const struct feed *feed, const char *plugin)
{
	return !feed->ended && !strcmp(print_plugin(feed), plugin);
}

static bool print_is_multigraph(const struct feed *feed)
{
	return strcmp(print_plugin(feed), feed->declaration->service->name) != 0 || feed->plugin;
}

/* "unit" is Magpie's own: a munin-update complains about what it does not know. */
static void print_attributes(GString *out, const struct attributes *a, const char *before)
{
	for (size_t at = 0; at < a->length;) {
		const char *key = a->packed + at;
		const char *value = key + strlen(key) + 1;
		if (strcmp(key, "unit") != 0) {
			g_string_append_printf(out, "%s%s %s\n", before, key, value);
		}
		at += strlen(key) + strlen(value) + 2;
	}
}

static void print_limit(GString *out, const char *field, const char *key, double limit)
{
	char text[NUMBER_TEXT];
	if (!isnan(limit)) {
		number_format(limit, text);
		g_string_append_printf(out, "%s.%s %s\n", field, key, text);
	}
}

static void print_field(GString *out, const struct field *field)
{
	char before[IDENT_FIELD_MAX + 2];
	g_snprintf(before, sizeof(before), "%s.", field->name);
	g_string_append_printf(out, "%s.label %s\n", field->name, field->label);
	g_string_append_printf(
		out, "%s.type %s\n", field->name, field_type_name((enum field_type)field->type));
	print_limit(out, field->name, "min", field->min);
	print_limit(out, field->name, "max", field->max);
	print_attributes(out, &field->attributes, before);
}

static void print_graph_config(GString *out, const struct service *service)
{
	print_attributes(out, &service->attributes, "");
	for (size_t k = 0; k < service_field_count(service); k++) {
		print_field(out, service_field(service, k));
	}
}

static void print_graph_values(GString *out, const struct feed *feed)
{
	const struct service *service = feed->declaration->service;
	for (size_t k = 0; k < service_field_count(service); k++) {
		char text[NUMBER_TEXT];
		number_format(feed->values[k], text);
		g_string_append_printf(out, "%s.value %s\n", service_field(service, k)->name, text);
	}
}

static void print_graphs(
	GString *out, const struct source *source, const char *plugin, bool config, bool values)
{
	for (guint i = 0; i < source->feeds->len; i++) {
		const struct feed *feed = source->feeds->pdata[i];
		const struct service *service = feed->declaration->service;
		if (!print_wanted(feed, plugin)) {
			continue;
		}
		if (print_is_multigraph(feed)) {
			g_string_append_printf(out, "multigraph %s\n", service->name);
		}
		if (config) {
			print_graph_config(out, service);
		}
		if (values) {
			print_graph_values(out, feed);
		}
	}
}

void print_config(GString *out, const struct source *source, const char *plugin)
{
	print_graphs(out, source, plugin, true, false);
}

void print_fetch(GString *out, const struct source *source, const char *plugin)
{
	print_graphs(out, source, plugin, false, true);
}

void print_dirty_config(GString *out, const struct source *source, const char *plugin)
{
	print_graphs(out, source, plugin, true, true);
}

bool print_has_multigraph(const struct source *source, const char *plugin)
{
	for (guint i = 0; i < source->feeds->len; i++) {
		const struct feed *feed = source->feeds->pdata[i];
		if (print_wanted(feed, plugin) && print_is_multigraph(feed)) {
			return true;
		}
	}
	return false;
}

void print_list(GString *out, const struct source *source)
{
	for (guint i = 0; i < source->feeds->len; i++) {
		const char *name = print_plugin(source->feeds->pdata[i]);
		bool seen = false;
		for (guint k = 0; k < i && !seen; k++) {
			seen = !strcmp(print_plugin(source->feeds->pdata[k]), name);
		}
		if (!seen) {
			g_string_append_printf(out, "%s\n", name);
		}
	}
}
