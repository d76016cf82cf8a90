#include "collector/host/irqstats.h"
#include "collector/host/plugin.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * /proc/interrupts (proc_interrupts(5)): irqstats, one field per line. Devices come and go: the
 * names of the last round are kept as one text, and when they read differently the graph is
 * declared anew.
 */
enum { IRQ_LABEL_MAX = 47, IRQ_LABEL_SIZE = 160 };

static const struct graph_row irqstats_graph = {
	.name = "irqstats",
	.title = "Individual interrupts",
	.args = "--base 1000 --logarithmic",
	.vlabel = "interrupts / ${graph_period}",
	.category = "system",
	.info = "Interrupts by source, all processors together.",
};

unsigned irqstats_cpus(struct scan *text)
{
	struct scan line;
	struct scan word;
	unsigned cpus = 0;
	while (scan_line(text, &line)) {
		while (scan_word(&line, &word)) {
			cpus += scan_take(&word, "CPU");
		}
		break;
	}
	return cpus;
}

static bool irqstats_number_follows(struct scan *line)
{
	scan_blanks(line);
	return line->at < line->end && *line->at >= '0' && *line->at <= '9';
}

bool irqstats_next(struct scan *text, unsigned cpus, struct irq_reading *reading)
{
	struct scan line;
	do {
		if (!scan_line(text, &line)) {
			return false;
		}
		scan_blanks(&line);
	} while (!scan_until(&line, ':', &reading->name) || !scan_length(&reading->name));
	reading->numbered = *reading->name.at >= '0' && *reading->name.at <= '9';
	uint64_t sum = 0;
	uint64_t value = 0;
	bool known = true;
	unsigned columns = 0;
	for (; columns < cpus && irqstats_number_follows(&line); columns++) {
		known = scan_u64(&line, &value) && known;
		sum += value;
	}
	reading->count = columns && known ? (double)sum : NAN;
	scan_blanks(&line);
	reading->comment = line;
	return true;
}

/* Blanks at both ends off, in numbered lines those between words stay as the kernel set them. */
static size_t irqstats_text(struct scan s, bool squeeze, char *out, size_t size)
{
	size_t used = 0;
	scan_blanks(&s);
	for (; s.at < s.end && used + 1 < size; s.at++) {
		bool blank = *s.at == ' ' || *s.at == '\t';
		if (!(squeeze && blank && used && out[used - 1] == ' ')) {
			out[used++] = squeeze && blank ? ' ' : *s.at;
		}
	}
	while (used && out[used - 1] == ' ') {
		used--;
	}
	out[used] = '\0';
	return used;
}

/* "5 eth0" of a line numbered 5 is "eth0", of another "eth0 [5]"; a bare "Level" or "Edge" in front
 * goes. */
static void irqstats_device(
	const struct irq_reading *reading, struct scan rest, char *label, size_t size)
{
	struct scan at = rest;
	struct scan pin;
	uint64_t number = 0;
	bool numbered = false;
	scan_blanks(&at);
	const char *begin = at.at;
	if (scan_word(&at, &pin)) {
		numbered = scan_u64(&pin, &number) && pin.at == pin.end;
	}
	if (!numbered) {
		at.at = begin;
	}
	scan_blanks(&at);
	struct scan word = at;
	if ((scan_take(&word, "Level") || scan_take(&word, "Edge")) && word.at < word.end &&
		*word.at == ' ') {
		at = word;
	}
	size_t used = irqstats_text(at, false, label, size);
	char text[24];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	if (numbered && used && !scan_equal(&reading->name, text)) {
		snprintf(label + used, size - used, " [%s]", text);
	}
}

void irqstats_label(const struct irq_reading *reading, char *label, size_t size)
{
	struct scan rest = reading->comment;
	label[0] = '\0';
	if (reading->numbered) {
		scan_skip(&rest, 1); /* the controller */
		irqstats_device(reading, rest, label, size);
	} else {
		irqstats_text(rest, true, label, size);
	}
	if (!label[0] || strlen(label) > IRQ_LABEL_MAX) {
		snprintf(label, size, "%.*s", (int)scan_length(&reading->name), reading->name.at);
	}
}

struct irqstats_state {
	struct kept file;
	struct feed *feed;
	GString *shape; /* names and comments of the lines that are declared */
	GArray *places; /* int: field of each line, -1: it has none */
};

static void irqstats_declare(struct plugin *plugin, struct scan text)
{
	struct irqstats_state *s = plugin->state;
	struct service *service = plugin_service(plugin, &irqstats_graph);
	g_autoptr(GString) order = g_string_new(NULL);
	unsigned cpus = irqstats_cpus(&text);
	struct irq_reading r;
	g_array_set_size(s->places, 0);
	g_string_truncate(s->shape, 0);
	while (irqstats_next(&text, cpus, &r)) {
		int place = (int)service_field_count(service);
		char raw[IDENT_FIELD_MAX + 2];
		char name[IDENT_FIELD_MAX + 1];
		char label[IRQ_LABEL_SIZE];
		snprintf(raw, sizeof(raw), "i%.*s",
			(int)(scan_length(&r.name) < IDENT_FIELD_MAX ? scan_length(&r.name) : IDENT_FIELD_MAX),
			r.name.at);
		irqstats_label(&r, label, sizeof(label));
		if (plugin_clean(raw, name) &&
			graph_field(service,
				&(struct field_row){name, label, FIELD_DERIVE, .min = "0", .unit = "/s"})) {
			g_string_append_printf(order, "%s%s", order->len ? " " : "", name);
		} else {
			place = -1; /* a name that is there already */
		}
		g_array_append_val(s->places, place);
		g_string_append_printf(s->shape, "%.*s:", (int)scan_length(&r.name), r.name.at);
		g_string_append_len(s->shape, r.comment.at, (gssize)scan_length(&r.comment));
		g_string_append_c(s->shape, '\n');
	}
	if (order->len <= ATTRIBUTES_VALUE_MAX) {
		graph_attribute(service, "graph_order", order->str);
	}
	if (s->feed) {
		source_redeclare(s->feed, service);
	} else {
		s->feed = source_add(&plugin->site->source, NULL, service);
	}
}

/* Whether `shape` goes on with `part` and then `end`; steps over it. */
static bool irqstats_goes_on(const GString *shape, size_t *at, const struct scan *part, char end)
{
	size_t length = scan_length(part);
	if (shape->len - *at <= length || memcmp(shape->str + *at, part->at, length) != 0 ||
		shape->str[*at + length] != end) {
		return false;
	}
	*at += length + 1;
	return true;
}

/* Fills in the values. False: the lines are not those that were declared. */
static bool irqstats_fill(const struct irqstats_state *s, struct scan text)
{
	unsigned cpus = irqstats_cpus(&text);
	size_t at = 0;
	guint i = 0;
	struct irq_reading r;
	for (; irqstats_next(&text, cpus, &r); i++) {
		if (i >= s->places->len || !irqstats_goes_on(s->shape, &at, &r.name, ':') ||
			!irqstats_goes_on(s->shape, &at, &r.comment, '\n')) {
			return false;
		}
		int place = g_array_index(s->places, int, i);
		if (place >= 0) {
			s->feed->values[place] = r.count;
		}
	}
	return i == s->places->len;
}

static bool irqstats_start(struct plugin *plugin)
{
	struct irqstats_state *s = plugin->state;
	struct scan text;
	s->file = kept_file("proc/interrupts");
	s->shape = g_string_new(NULL);
	s->places = g_array_new(FALSE, FALSE, sizeof(int));
	if (!kept_read(&plugin->site->files, &s->file, &text) || !irqstats_cpus(&text)) {
		return false;
	}
	return true;
}

static void irqstats_sample(struct plugin *plugin)
{
	struct irqstats_state *s = plugin->state;
	struct scan text;
	if (!kept_read(&plugin->site->files, &s->file, &text)) {
		return;
	}
	if (!s->feed || !irqstats_fill(s, text)) {
		irqstats_declare(plugin, text);
		(void)irqstats_fill(s, text);
	}
	s->feed->fresh = true;
}

static void irqstats_stop(struct plugin *plugin)
{
	struct irqstats_state *s = plugin->state;
	kept_close(&s->file);
	if (s->shape) {
		g_string_free(s->shape, TRUE);
		g_array_unref(s->places);
	}
}

const struct plugin_kind plugin_irqstats = {
	.name = "irqstats",
	.state_size = sizeof(struct irqstats_state),
	.start = irqstats_start,
	.sample = irqstats_sample,
	.stop = irqstats_stop,
};
