/*
 * Units of series. Plugins say little about them: so the stock plugins are in a table, and of the
 * others graph_vlabel is read where it is unambiguous.
 */
#include "rules/typing.h"

#include <string.h>

#include "base/text.h"

#include "base/banned.h"

static const struct {
	const char *plugin, *field, *unit;
} stock[] = {
#define STOCK(plugin, field, unit) {plugin, field, unit},
#include "rules/stock.def"
#undef STOCK
};

static const struct unit_scale plain = {{DIMENSION_UNKNOWN, 0}, 1, 0};

static struct series_type found(struct unit_scale scale)
{
	return (struct series_type){.scale = scale, .known = true, .counter = scale.unit.per_time > 0};
}

static struct series_type from_table(const char *plugin, const char *field)
{
	for (size_t i = 0; i < ARRAY_LENGTH(stock); i++) {
		struct unit_scale scale;
		if (text_glob(stock[i].plugin, plugin) && text_glob(stock[i].field, field) &&
			unit_parse(stock[i].unit, strlen(stock[i].unit), &scale)) {
			return found(scale);
		}
	}
	return (struct series_type){.scale = plain};
}

struct series_type typing_of_selector(const struct selector *s)
{
	/* A glob is looked up as it stands: "df:*" and "if_{dev}:up" find rows that match all of it. */
	return from_table(s->plugin.source, s->field.source);
}

/* graph_vlabel, as stock and contributed plugins write it. */
static bool from_vlabel(const char *label, struct unit_scale *scale)
{
	static const struct {
		const char *label, *unit;
	} labels[] = {
		{"%", "%"},
		{"bytes", "B"},
		{"byte", "B"},
		{"seconds", "s"},
		{"time in seconds", "s"},
		{"days", "d"},
		{"hours", "h"},
		{"milliseconds", "ms"},
		{"celsius", "C"},
		{"degrees celsius", "C"},
		{"volt", "V"},
		{"volts", "V"},
		{"watt", "W"},
		{"rpm", "rpm"},
		{"bytes per ${graph_period}", "B/s"},
		{"bytes/${graph_period}", "B/s"},
		{"bytes per second", "B/s"},
		{"bytes/second", "B/s"},
		{"bits per second", "bit/s"},
		{"bits per ${graph_period}", "bit/s"},
		{"bits/${graph_period}", "bit/s"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(labels); i++) {
		if (!g_ascii_strcasecmp(labels[i].label, label)) {
			return unit_parse(labels[i].unit, strlen(labels[i].unit), scale);
		}
	}
	return false;
}

struct series_type typing_of_field(const struct field *field)
{
	const struct service *service = field->service;
	const char *unit = attributes_get(&field->attributes, "unit");
	bool counter = field->type != FIELD_GAUGE;
	struct unit_scale scale;
	struct series_type type;
	if (unit && unit_parse(unit, strlen(unit), &scale)) {
		type = found(scale);
	} else {
		type = from_table(service->name, field->name);
		const char *label = attributes_get(&service->attributes, "graph_vlabel");
		bool changed = attributes_get(&field->attributes, "cdef") != NULL;
		if (!type.known && label && !changed && from_vlabel(label, &scale)) {
			type = found(scale);
		}
	}
	type.counter = counter;
	type.real = true;
	return type;
}
