#include "collector/host/uptime.h"
#include "base/number.h"
#include "collector/host/plugin.h"

#include <math.h>

#include "base/banned.h"

/* /proc/uptime (proc_uptime(5)): uptime. */

static const struct field_row uptime_fields[] = {
	{"uptime", "uptime", FIELD_GAUGE, .draw = "AREA", .unit = "d",
		.info = "Days since this machine was started"},
};

static const struct graph_row uptime_graph = {
	.name = "uptime",
	.title = "Uptime",
	.args = "--base 1000 -l 0",
	.vlabel = "uptime in days",
	.category = "system",
	.info = "How long this machine has been running.",
	.no_scale = true,
	.fields = uptime_fields,
	.field_count = ARRAY_LENGTH(uptime_fields),
};

double uptime_parse(const char *text, size_t length)
{
	struct scan all = scan_text(text, length);
	struct scan line;
	struct scan word;
	double seconds;
	if (!scan_line(&all, &line) || !scan_word(&line, &word) ||
		!number_parse(word.at, scan_length(&word), &seconds)) {
		return NAN;
	}
	return seconds / 86400;
}

static bool uptime_start(struct plugin *plugin)
{
	return plugin_single_start(plugin, "proc/uptime", &uptime_graph);
}

static void uptime_sample(struct plugin *plugin)
{
	struct plugin_single *s = plugin->state;
	struct scan text;
	if (plugin_single_read(plugin, &text)) {
		s->feed->values[0] = uptime_parse(text.at, scan_length(&text));
	}
}

const struct plugin_kind plugin_uptime = {
	.name = "uptime",
	.state_size = sizeof(struct plugin_single),
	.start = uptime_start,
	.sample = uptime_sample,
	.stop = plugin_single_stop,
};
