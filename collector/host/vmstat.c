#include "collector/host/vmstat.h"
#include "collector/host/plugin.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/* /proc/vmstat (proc_vmstat(5)): swap. */

static const struct field_row swap_fields[] = {
	{"swap_in", "swap", FIELD_DERIVE, .min = "0", .max = "100000", .unit = "/s",
		.info = "Pages brought back", .hidden = true},
	{"swap_out", "swap", FIELD_DERIVE, .min = "0", .max = "100000", .negative = "swap_in",
		.unit = "/s", .info = "Pages moved out"},
};

static const struct graph_row swap_graph = {
	.name = "swap",
	.title = "Swap in/out",
	.args = "-l 0 --base 1000",
	.vlabel = "pages per ${graph_period} in (-) / out (+)",
	.category = "system",
	.info = "Pages of memory moved to swap space and back.",
	.fields = swap_fields,
	.field_count = ARRAY_LENGTH(swap_fields),
};

/* The file has some 190 lines of which two are wanted: found as bytes, not line by line. */
static double vmstat_find(const char *text, size_t length, const char *name)
{
	const char *found = length ? memmem(text, length, name, strlen(name)) : NULL;
	if (!found) {
		return NAN;
	}
	struct scan rest = scan_text(found + 1, length - (size_t)(found + 1 - text));
	struct scan line;
	if (!scan_line(&rest, &line)) {
		return NAN;
	}
	scan_skip(&line, 1);
	return scan_number(&line);
}

void vmstat_parse(const char *text, size_t length, struct vmstat_reading *reading)
{
	reading->in = vmstat_find(text, length, "\npswpin ");
	reading->out = vmstat_find(text, length, "\npswpout ");
}

static bool vmstat_start(struct plugin *plugin)
{
	return plugin_single_start(plugin, "proc/vmstat", &swap_graph);
}

static void vmstat_sample(struct plugin *plugin)
{
	struct plugin_single *s = plugin->state;
	struct scan text;
	struct vmstat_reading r;
	if (plugin_single_read(plugin, &text)) {
		vmstat_parse(text.at, scan_length(&text), &r);
		s->feed->values[0] = r.in;
		s->feed->values[1] = r.out;
	}
}

const struct plugin_kind plugin_vmstat = {
	.name = "vmstat",
	.state_size = sizeof(struct plugin_single),
	.start = vmstat_start,
	.sample = vmstat_sample,
	.stop = plugin_single_stop,
};
