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

struct loadavg_state {
	struct kept file;
	struct feed *load;
};

static bool loadavg_start(struct plugin *plugin)
{
	struct loadavg_state *s = plugin->state;
	struct scan text;
	s->file = kept_file("proc/loadavg");
	if (!kept_read(&plugin->site->files, &s->file, &text)) {
		return false;
	}
	s->load = plugin_feed(plugin, &load_graph);
	return true;
}

static void loadavg_sample(struct plugin *plugin)
{
	struct loadavg_state *s = plugin->state;
	struct scan text;
	s->load->fresh = true;
	if (kept_read(&plugin->site->files, &s->file, &text)) {
		s->load->values[0] = loadavg_parse(text.at, scan_length(&text));
	}
}

static void loadavg_stop(struct plugin *plugin)
{
	struct loadavg_state *s = plugin->state;
	kept_close(&s->file);
}

const struct plugin_kind plugin_loadavg = {
	.name = "loadavg",
	.state_size = sizeof(struct loadavg_state),
	.start = loadavg_start,
	.sample = loadavg_sample,
	.stop = loadavg_stop,
};
