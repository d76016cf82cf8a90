#include "collector/host/pressure.h"
#include "collector/host/plugin.h"

#include <math.h>

#include "base/banned.h"

/*
 * /proc/pressure (Documentation/accounting/psi.rst): pressure, a graph of Magpie's own. As with
 * cpu, a DERIVE of hundredths of a second reads as percent of the time. The kernel's own averages
 * are left alone: they lag.
 */

static const struct field_row pressure_fields[] = {
	{"cpu_some", "cpu, some", FIELD_DERIVE, .min = "0", .unit = "%",
		.info = "Somebody waited for a processor"},
	{"io_some", "io, some", FIELD_DERIVE, .min = "0", .unit = "%",
		.info = "Somebody waited for a disk"},
	{"io_full", "io, all", FIELD_DERIVE, .min = "0", .unit = "%",
		.info = "Everybody who had work waited for a disk"},
	{"memory_some", "memory, some", FIELD_DERIVE, .min = "0", .unit = "%",
		.info = "Somebody waited for memory to be freed or read back"},
	{"memory_full", "memory, all", FIELD_DERIVE, .min = "0", .unit = "%",
		.info = "Everybody who had work waited for memory"},
};

static const struct graph_row pressure_graph = {
	.name = "pressure",
	.title = "Pressure stall",
	.args = "--base 1000 -l 0",
	.vlabel = "% of time stalled",
	.category = "system",
	.info = "Share of the time in which work stood still for want of processor, disk or memory.",
	.no_scale = true,
	.fields = pressure_fields,
	.field_count = ARRAY_LENGTH(pressure_fields),
};

void pressure_parse(const char *text, size_t length, struct pressure_reading *reading)
{
	struct scan all = scan_text(text, length);
	struct scan line;
	struct scan before;
	*reading = (struct pressure_reading){NAN, NAN};
	while (scan_line(&all, &line)) {
		double *into = scan_take(&line, "some ")   ? &reading->some
					   : scan_take(&line, "full ") ? &reading->full
												   : NULL;
		while (into && scan_until(&line, '=', &before)) {
			if (scan_length(&before) >= 5 && before.end[-5] == 't' && before.end[-1] == 'l') {
				*into = scan_number(&line); /* total= */
			}
		}
	}
}

struct pressure_state {
	struct kept cpu, io, memory;
	struct feed *feed;
};

static struct pressure_reading pressure_read(struct plugin *plugin, struct kept *file)
{
	struct scan text;
	struct pressure_reading r;
	if (!kept_read_small(&plugin->site->files, file, &text)) {
		text = scan_text("", 0);
	}
	pressure_parse(text.at, scan_length(&text), &r);
	return r;
}

static bool pressure_start(struct plugin *plugin)
{
	struct pressure_state *s = plugin->state;
	s->cpu = kept_file("proc/pressure/cpu");
	s->io = kept_file("proc/pressure/io");
	s->memory = kept_file("proc/pressure/memory");
	if (isnan(pressure_read(plugin, &s->cpu).some)) {
		return false; /* not built in, or switched off at boot */
	}
	s->feed = plugin_feed(plugin, &pressure_graph);
	return true;
}

static void pressure_sample(struct plugin *plugin)
{
	struct pressure_state *s = plugin->state;
	struct pressure_reading cpu = pressure_read(plugin, &s->cpu);
	struct pressure_reading io = pressure_read(plugin, &s->io);
	struct pressure_reading memory = pressure_read(plugin, &s->memory);
	const double stalled[] = {cpu.some, io.some, io.full, memory.some, memory.full};
	for (size_t i = 0; i < ARRAY_LENGTH(stalled); i++) {
		s->feed->values[i] = trunc(stalled[i] / 10000);
	}
	s->feed->fresh = true;
}

static void pressure_stop(struct plugin *plugin)
{
	struct pressure_state *s = plugin->state;
	kept_close(&s->cpu);
	kept_close(&s->io);
	kept_close(&s->memory);
}

const struct plugin_kind plugin_pressure = {
	.name = "pressure",
	.state_size = sizeof(struct pressure_state),
	.start = pressure_start,
	.sample = pressure_sample,
	.stop = pressure_stop,
};
