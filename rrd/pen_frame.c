#include "rrd/pen.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * Options before the files, in Munin's order: where two say the same, the later one counts, so the
 * plugin's graph_args cannot change size and colours.
 */
static void add_texts(struct pen *pen)
{
	const struct attributes *a = &pen->service->attributes;
	g_autofree char *title =
		pen_with_period(pen, attributes_or(a, "graph_title", pen->service->name), NULL);
	const char *behind = pen->drawing->title;
	pen_add(pen->frame, "--title");
	pen_add(pen->frame, "%s%s%s", title, behind && *behind ? " - " : "", behind ? behind : "");
	pen_add(pen->frame, "--start");
	pen_add(pen->frame, "%lld", (long long)pen->drawing->from_s);
	pen_add(pen->frame, "--end");
	pen_add(pen->frame, "%lld", (long long)pen->drawing->to_s);
}

static void add_number(GPtrArray *to, const char *option, double value)
{
	char text[NUMBER_TEXT];
	number_format(value, text);
	pen_add(to, "%s", option);
	pen_add(to, "%s", text);
}

/* What came together in an hour is greater than what comes in a second. */
static void add_option(const struct pen *pen, GPtrArray *to, const struct graphargs_option *o)
{
	const struct drawing *d = pen->drawing;
	double limit = o->number * pen_sum_seconds(pen);
	if (o->is_lower) {
		add_number(to, o->option, isnan(d->lower) ? limit : d->lower);
	} else if (o->is_upper) {
		add_number(to, o->option, isnan(d->upper) ? limit : d->upper);
	} else {
		pen_add(to, "%s", o->option);
		if (!o->is_flag) {
			pen_add(to, "%s", o->value);
		}
	}
}

static void add_vlabel(struct pen *pen)
{
	const struct attributes *a = &pen->service->attributes;
	const char *sum = pen_sum_name(pen);
	const char *label = attributes_or(a, "graph_vlabel", attributes_get(a, "graph_vtitle"));
	if (!label) {
		label = sum;
	}
	if (label) {
		g_autofree char *text = pen_with_period(pen, label, sum);
		pen_add(pen->frame, "--vertical-label");
		pen_add(pen->frame, "%s", text);
	}
}

/* A limit of who asks holds for what is drawn, and takes the place of the graph's own. */
static void add_limits(struct pen *pen)
{
	const struct drawing *d = pen->drawing;
	bool positive = !pen->args.logarithmic || d->lower > 0;
	if (!isnan(d->lower) && isnan(pen->args.lower) && positive) {
		add_number(pen->frame, "--lower-limit", d->lower);
	}
	if (!isnan(d->upper) && isnan(pen->args.upper)) {
		add_number(pen->frame, "--upper-limit", d->upper);
	}
}

static void add_size(struct pen *pen)
{
	const struct drawing *d = pen->drawing;
	pen_add(pen->frame, "--slope-mode");
	pen_add(pen->frame, "--height");
	pen_add(pen->frame, "%u", d->height);
	pen_add(pen->frame, "--width");
	pen_add(pen->frame, "%u", d->width);
	if (d->full_size) {
		pen_add(pen->frame, "--full-size-mode");
	}
	if (d->only_graph) {
		pen_add(pen->frame, "--only-graph");
	}
	if (!isnan(d->lower) || !isnan(d->upper)) {
		pen_add(pen->frame, "--rigid");
	}
}

static bool scales_units(const struct attributes *a)
{
	return attributes_get(a, "graph_scale") ? attributes_flag(a, "graph_scale", true)
											: !attributes_flag(a, "graph_noscale", false);
}

static void add_looks(struct pen *pen)
{
	static const char *const formats[DRAWING_FORMATS] = {"PNG", "SVG", "PDF", "EPS"};
	static const char *const fonts[] = {
		"DEFAULT:0:DejaVuSans,DejaVu Sans,DejaVu LGC Sans,Bitstream Vera Sans",
		"LEGEND:7:DejaVuSansMono,DejaVu Sans Mono,DejaVu LGC Sans Mono,"
		"Bitstream Vera Sans Mono,monospace"};
	pen_add(pen->frame, "--imgformat");
	pen_add(pen->frame, "%s", formats[pen->drawing->format]);
	if (!scales_units(&pen->service->attributes)) {
		pen_add(pen->frame, "--units-exponent");
		pen_add(pen->frame, "0");
	}
	for (size_t i = 0; i < ARRAY_LENGTH(fonts); i++) {
		pen_add(pen->frame, "--font");
		pen_add(pen->frame, "%s", fonts[i]);
	}
	for (size_t i = 0; i < PALETTE_PARTS && pen->palette->parts[i]; i++) {
		pen_add(pen->frame, "--color");
		pen_add(pen->frame, "%s", pen->palette->parts[i]);
	}
	pen_add(pen->frame, "--border");
	pen_add(pen->frame, "0");
	pen_add(pen->frame, "-W");
	pen_add(pen->frame, "Magpie");
}

void pen_write_frame(struct pen *pen)
{
	add_texts(pen);
	for (size_t i = 0; i < pen->args.count; i++) {
		add_option(pen, pen->frame, &pen->args.options[i]);
	}
	add_vlabel(pen);
	add_size(pen);
	add_limits(pen);
	add_looks(pen);
}

void pen_write_options_after(struct pen *pen)
{
	struct graphargs after;
	graphargs_read(attributes_get(&pen->service->attributes, "graph_args_after"), &after);
	for (size_t i = 0; i < after.count; i++) {
		add_option(pen, pen->end, &after.options[i]);
	}
}
