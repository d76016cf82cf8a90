#include "collector/host/loadavg.h"
#include "base/number.h"
#include "collector/host/plugin.h"

#include <math.h>

#include "base/banned.h"

/* /proc/loadavg (proc_loadavg(5)): load. Munin graphs the second of the three means. */

static const struct field_row load_fields[] = {
	{"load", "load", FIELD_GAUGE, .info = "Mean of the last five minutes"},
};

static const struct graph_row load_graph = {
	.name = "load",
	.title = "Load average",
	.args = "--base 1000 -l 0",
	.vlabel = "load",
	.category = "system",
	.info = "How many threads run, want to run or wait for a disk, on average.",
	.no_scale = true,
	.fields = load_fields,
	.field_count = ARRAY_LENGTH(load_fields),
};

double loadavg_parse(const char *text, size_t length)
{
	struct scan all = scan_text(text, length);
	struct scan line;
	struct scan word;
	double value = NAN;
	if (!scan_line(&all, &line)) {
		return NAN;
	}
	scan_skip(&line, 1);
	if (!scan_word(&line, &word) || !number_parse(word.at, scan_length(&word), &value)) {
		return NAN;
	}
	return value;
}

static bool loadavg_start(struct plugin *plugin)
{
	return plugin_single_start(plugin, "proc/loadavg", &load_graph);
}

static void loadavg_sample(struct plugin *plugin)
{
	struct plugin_single *s = plugin->state;
	struct scan text;
	if (plugin_single_read(plugin, &text)) {
		s->feed->values[0] = loadavg_parse(text.at, scan_length(&text));
	}
}

const struct plugin_kind plugin_loadavg = {
	.name = "loadavg",
	.state_size = sizeof(struct plugin_single),
	.start = loadavg_start,
	.sample = loadavg_sample,
	.stop = plugin_single_stop,
};
