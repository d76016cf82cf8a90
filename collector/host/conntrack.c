#include "collector/host/conntrack.h"
#include "collector/host/plugin.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * /proc/net/nf_conntrack: fw_conntrack, fw_forwarded_local. A line per connection, with two pairs
 * of addresses: as asked, and as answers are expected; they mirror each other unless addresses are
 * translated. With more than CONNTRACK_MOST connections the list is left unread (every line costs
 * the kernel and us) and all but the total is unknown.
 */
enum { CONNTRACK_MOST = 50000 };

static const struct field_row conntrack_fields[] = {
	{"established", "Established", FIELD_GAUGE, .draw = "AREA", .info = "TCP connections in use"},
	{"fin_wait", "FIN_WAIT", FIELD_GAUGE, .draw = "STACK",
		.info = "TCP connections that one side has ended"},
	{"time_wait", "TIME_WAIT", FIELD_GAUGE, .draw = "STACK",
		.info = "TCP connections over, kept for late packets"},
	{"syn_sent", "SYN_SENT", FIELD_GAUGE, .draw = "STACK",
		.info = "TCP connections without an answer yet"},
	{"udp", "UDP connections", FIELD_GAUGE, .draw = "STACK", .info = "Exchanges of UDP packets"},
	{"assured", "Assured", FIELD_GAUGE, .draw = "LINE2",
		.info = "With traffic both ways: the last to be forgotten when the table is full"},
	{"nated", "NATed", FIELD_GAUGE, .draw = "LINE1", .info = "With translated addresses"},
	{"total", "Total", FIELD_GAUGE, .info = "All entries of the table", .hidden = true},
};

static const struct graph_row conntrack_graph = {
	.name = "fw_conntrack",
	.title = "Connections through firewall",
	.args = "-l 0",
	.vlabel = "Connections",
	.category = "network",
	.info = "Connections that the kernel keeps track of, by state.",
	.fields = conntrack_fields,
	.field_count = ARRAY_LENGTH(conntrack_fields),
};

static const struct field_row forwarded_fields[] = {
	{"forward", "forward", FIELD_GAUGE, .info = "Passed on, with addresses translated"},
	{"local", "local", FIELD_GAUGE, .info = "Answered to who asked"},
};

static const struct graph_row forwarded_graph = {
	.name = "fw_forwarded_local",
	.title = "ipconntrack",
	.args = "-l 0 --base 1000",
	.vlabel = "established connections",
	.category = "network",
	.info = "Established connections with and without translated addresses.",
	.fields = forwarded_fields,
	.field_count = ARRAY_LENGTH(forwarded_fields),
};

struct conntrack_line {
	bool tcp, udp, assured, ports;
	struct scan state;
	struct scan source[2], destination[2];
};

static bool conntrack_same(const struct scan *a, const struct scan *b)
{
	return scan_length(a) == scan_length(b) && !memcmp(a->at, b->at, scan_length(a));
}

/* FAMILY NUMBER PROTOCOL NUMBER TIMEOUT [STATE] src=… dst=… [sport=…] … src=… dst=… … [ASSURED] …
 */
static void conntrack_split(struct scan line, struct conntrack_line *c)
{
	struct scan word;
	unsigned sources = 0;
	unsigned destinations = 0;
	*c = (struct conntrack_line){.tcp = false};
	scan_skip(&line, 2);
	if (scan_word(&line, &word)) {
		c->tcp = scan_equal(&word, "tcp");
		c->udp = scan_equal(&word, "udp");
	}
	scan_skip(&line, 2);
	for (bool first = true; scan_word(&line, &word); first = false) {
		if (first && c->tcp) {
			c->state = word;
		} else if (scan_take(&word, "src=") && sources < 2) {
			c->source[sources++] = word;
		} else if (scan_take(&word, "dst=") && destinations < 2) {
			c->destination[destinations++] = word;
		} else if (scan_take(&word, "sport=")) {
			c->ports = true;
		} else if (scan_equal(&word, "[ASSURED]")) {
			c->assured = true;
		}
	}
	c->ports = c->ports && sources == 2 && destinations == 2;
}

static void conntrack_count(const struct conntrack_line *c, struct conntrack_reading *r)
{
	const struct {
		const char *state;
		unsigned *into;
	} states[] = {{"ESTABLISHED", &r->established}, {"FIN_WAIT", &r->fin_wait},
		{"TIME_WAIT", &r->time_wait}, {"SYN_SENT", &r->syn_sent}};
	r->total++;
	r->udp += c->udp;
	r->assured += c->assured;
	for (size_t i = 0; c->tcp && i < ARRAY_LENGTH(states); i++) {
		*states[i].into += scan_equal(&c->state, states[i].state);
	}
	if (!c->ports) {
		return;
	}
	bool back = conntrack_same(&c->source[0], &c->destination[1]);
	r->nated += !back || !conntrack_same(&c->destination[0], &c->source[1]);
	if (c->tcp && scan_equal(&c->state, "ESTABLISHED")) {
		r->local += back;
		r->forward += !back;
	}
}

void conntrack_parse(const char *text, size_t length, struct conntrack_reading *reading)
{
	struct scan all = scan_text(text, length);
	struct scan line;
	struct conntrack_line c;
	*reading = (struct conntrack_reading){0};
	while (scan_line(&all, &line)) {
		conntrack_split(line, &c);
		conntrack_count(&c, reading);
	}
}

struct conntrack_state {
	struct kept file, count, most;
	struct feed *conntrack, *forwarded;
	double declared_most;
};

static double conntrack_number(struct plugin *plugin, struct kept *file)
{
	struct scan text;
	struct scan line;
	return kept_read_small(&plugin->site->files, file, &text) && scan_line(&text, &line)
			   ? scan_number(&line)
			   : NAN;
}

static struct service *conntrack_service(const struct plugin *plugin, double most)
{
	struct service *service = plugin_service(plugin, &conntrack_graph);
	struct field *total = service_find_field(service, "total");
	char text[40];
	if (most > 0) {
		snprintf(text, sizeof(text), "%.15g", most * 0.8);
		graph_field_attribute(total, "warning", text);
		snprintf(text, sizeof(text), "%.15g", most * 0.9);
		graph_field_attribute(total, "critical", text);
	}
	return service;
}

static bool conntrack_start(struct plugin *plugin)
{
	struct conntrack_state *s = plugin->state;
	struct scan text;
	s->file = kept_file("proc/net/nf_conntrack");
	s->count = kept_file("proc/sys/net/netfilter/nf_conntrack_count");
	s->most = kept_file("proc/sys/net/netfilter/nf_conntrack_max");
	/* an empty table reads as nothing: then what counts is that it opened */
	bool there = kept_read_small(&plugin->site->files, &s->file, &text) || s->file.fd >= 0;
	if (!there || isnan(conntrack_number(plugin, &s->count))) {
		return false;
	}
	s->declared_most = conntrack_number(plugin, &s->most);
	s->conntrack =
		source_add(&plugin->site->source, NULL, conntrack_service(plugin, s->declared_most));
	s->forwarded = plugin_feed(plugin, &forwarded_graph);
	return true;
}

static void conntrack_fill(struct conntrack_state *s, const struct conntrack_reading *r)
{
	const unsigned counts[] = {r->established, r->fin_wait, r->time_wait, r->syn_sent, r->udp,
		r->assured, r->nated, r->total};
	for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
		s->conntrack->values[i] = counts[i];
	}
	s->forwarded->values[0] = r->forward;
	s->forwarded->values[1] = r->local;
}

static void conntrack_sample(struct plugin *plugin)
{
	struct conntrack_state *s = plugin->state;
	struct scan text;
	double most = conntrack_number(plugin, &s->most);
	double count = conntrack_number(plugin, &s->count);
	if (!isnan(most) && most != s->declared_most) {
		s->declared_most = most;
		source_redeclare(s->conntrack, conntrack_service(plugin, most));
	}
	s->conntrack->fresh = s->forwarded->fresh = true;
	if (isnan(count) || count > CONNTRACK_MOST) {
		s->conntrack->values[ARRAY_LENGTH(conntrack_fields) - 1] = count;
		return;
	}
	if (!kept_read(&plugin->site->files, &s->file, &text)) {
		if (s->file.fd < 0) {
			return;
		}
		text = scan_text("", 0); /* no connections, no text */
	}
	struct conntrack_reading r;
	conntrack_parse(text.at, scan_length(&text), &r);
	conntrack_fill(s, &r);
}

static void conntrack_stop(struct plugin *plugin)
{
	struct conntrack_state *s = plugin->state;
	kept_close(&s->file);
	kept_close(&s->count);
	kept_close(&s->most);
}

const struct plugin_kind plugin_conntrack = {
	.name = "conntrack",
	.state_size = sizeof(struct conntrack_state),
	.slow = true,
	.start = conntrack_start,
	.sample = conntrack_sample,
	.stop = conntrack_stop,
};
