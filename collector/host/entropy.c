#include "collector/host/entropy.h"
#include "collector/host/plugin.h"

#include <math.h>

#include "base/banned.h"

/* /proc/sys/kernel/random/entropy_avail (random(4)): entropy. The kernel counts bits; Munin's graph
 * calls them bytes. */

static const struct field_row entropy_fields[] = {
	{"entropy", "entropy", FIELD_GAUGE,
		.info = "What the kernel's pool of randomness is believed to hold"},
};

static const struct graph_row entropy_graph = {
	.name = "entropy",
	.title = "Available entropy",
	.args = "--base 1000 -l 0",
	.vlabel = "entropy (bytes)",
	.category = "system",
	.info = "Randomness at hand for keys; 256 is all there can be since Linux 5.18.",
	.no_scale = true,
	.fields = entropy_fields,
	.field_count = ARRAY_LENGTH(entropy_fields),
};

double entropy_parse(const char *text, size_t length)
{
	struct scan all = scan_text(text, length);
	struct scan line;
	return scan_line(&all, &line) ? scan_number(&line) : NAN;
}

static bool entropy_start(struct plugin *plugin)
{
	return plugin_single_start(plugin, "proc/sys/kernel/random/entropy_avail", &entropy_graph);
}

static void entropy_sample(struct plugin *plugin)
{
	struct plugin_single *s = plugin->state;
	struct scan text;
	if (plugin_single_read(plugin, &text)) {
		s->feed->values[0] = entropy_parse(text.at, scan_length(&text));
	}
}

const struct plugin_kind plugin_entropy = {
	.name = "entropy",
	.state_size = sizeof(struct plugin_single),
	.start = entropy_start,
	.sample = entropy_sample,
	.stop = plugin_single_stop,
};
