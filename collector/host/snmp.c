#include "collector/host/snmp.h"
#include "collector/host/plugin.h"

#include <math.h>

#include "base/banned.h"

/*
 * /proc/net/snmp: netstat, netstat_established, fw_packets. Every protocol has two lines, one of
 * names and one of numbers; columns are found by name, because kernels add some. The names are
 * those of RFC 1213.
 */

static const struct field_row netstat_fields[] = {
	{"active", "active", FIELD_DERIVE, .min = "0", .max = "50000", .unit = "/s",
		.info = "Connections begun by this machine"},
	{"passive", "passive", FIELD_DERIVE, .min = "0", .max = "50000", .unit = "/s",
		.info = "Connections taken from others"},
	{"failed", "failed", FIELD_DERIVE, .min = "0", .max = "50000", .unit = "/s",
		.info = "Attempts that came to nothing"},
	{"resets", "resets", FIELD_DERIVE, .min = "0", .max = "50000", .unit = "/s",
		.info = "Connections torn down by either side"},
	{"established", "established", FIELD_GAUGE, .info = "Connections that are open now"},
};

static const struct graph_row netstat_graph = {
	.name = "netstat",
	.plugin = "netstat",
	.title = "Netstat, combined",
	.args = "--units=si -l 1 --base 1000 --logarithmic",
	.vlabel = "TCP connections",
	.category = "network",
	.info = "How TCP connections begin and end, on all interfaces together.",
	.period = "second",
	.fields = netstat_fields,
	.field_count = ARRAY_LENGTH(netstat_fields),
};

static const struct graph_row established_graph = {
	.name = "netstat_established",
	.plugin = "netstat",
	.title = "Netstat, established only",
	.args = "--lower-limit 0",
	.vlabel = "TCP connections",
	.category = "network",
	.info = "TCP connections that are open, on all interfaces together.",
	.period = "second",
	.fields = &netstat_fields[4],
	.field_count = 1,
};

static const struct field_row packets_fields[] = {
	{"received", "Received", FIELD_DERIVE, .min = "0", .draw = "AREA", .unit = "/s",
		.info = "Packets that arrived"},
	{"forwarded", "Forwarded", FIELD_DERIVE, .min = "0", .draw = "LINE2", .unit = "/s",
		.info = "Packets passed on to other machines"},
};

static const struct graph_row packets_graph = {
	.name = "fw_packets",
	.title = "Firewall Throughput",
	.args = "--base 1000 -l 0",
	.vlabel = "Packets/${graph_period}",
	.category = "network",
	.info = "IPv4 packets that arrived, and those passed on.",
	.fields = packets_fields,
	.field_count = ARRAY_LENGTH(packets_fields),
};

struct snmp_column {
	const char *name;
	size_t offset; /* of the double in struct snmp_reading */
};

/* Walks a line of names and the line of numbers below it side by side. */
static void snmp_pair(struct scan names, struct scan numbers, const struct snmp_column *columns,
	size_t count, struct snmp_reading *reading)
{
	struct scan name;
	while (scan_word(&names, &name)) {
		double value = scan_number(&numbers);
		for (size_t i = 0; i < count; i++) {
			if (scan_equal(&name, columns[i].name)) {
				*(double *)((char *)reading + columns[i].offset) = value;
			}
		}
	}
}

void snmp_parse(const char *text, size_t length, struct snmp_reading *reading)
{
	static const struct snmp_column ip[] = {
		{"InReceives", offsetof(struct snmp_reading, received)},
		{"ForwDatagrams", offsetof(struct snmp_reading, forwarded)},
	};
	static const struct snmp_column tcp[] = {
		{"ActiveOpens", offsetof(struct snmp_reading, active)},
		{"PassiveOpens", offsetof(struct snmp_reading, passive)},
		{"AttemptFails", offsetof(struct snmp_reading, failed)},
		{"EstabResets", offsetof(struct snmp_reading, resets)},
		{"CurrEstab", offsetof(struct snmp_reading, established)},
	};
	struct scan all = scan_text(text, length);
	struct scan names;
	struct scan numbers;
	*reading = (struct snmp_reading){NAN, NAN, NAN, NAN, NAN, NAN, NAN};
	while (scan_line(&all, &names) && scan_line(&all, &numbers)) {
		if (scan_take(&names, "Ip: ") && scan_take(&numbers, "Ip: ")) {
			snmp_pair(names, numbers, ip, ARRAY_LENGTH(ip), reading);
		} else if (scan_take(&names, "Tcp: ") && scan_take(&numbers, "Tcp: ")) {
			snmp_pair(names, numbers, tcp, ARRAY_LENGTH(tcp), reading);
		}
	}
}

struct snmp_state {
	struct kept file;
	struct feed *netstat, *established, *packets;
};

static bool snmp_start(struct plugin *plugin)
{
	struct snmp_state *s = plugin->state;
	struct scan text;
	s->file = kept_file("proc/net/snmp");
	if (!kept_read(&plugin->site->files, &s->file, &text)) {
		return false;
	}
	s->netstat = plugin_feed(plugin, &netstat_graph);
	s->established = plugin_feed(plugin, &established_graph);
	s->packets = plugin_feed(plugin, &packets_graph);
	return true;
}

static void snmp_sample(struct plugin *plugin)
{
	struct snmp_state *s = plugin->state;
	struct scan text;
	struct snmp_reading r;
	if (!kept_read(&plugin->site->files, &s->file, &text)) {
		text = scan_text("", 0);
	}
	snmp_parse(text.at, scan_length(&text), &r);
	double *netstat = s->netstat->values;
	netstat[0] = r.active;
	netstat[1] = r.passive;
	netstat[2] = r.failed;
	netstat[3] = r.resets;
	netstat[4] = r.established;
	s->established->values[0] = r.established;
	s->packets->values[0] = r.received;
	s->packets->values[1] = r.forwarded;
	s->netstat->fresh = s->established->fresh = s->packets->fresh = true;
}

static void snmp_stop(struct plugin *plugin)
{
	struct snmp_state *s = plugin->state;
	kept_close(&s->file);
}

const struct plugin_kind plugin_snmp = {
	.name = "snmp",
	.state_size = sizeof(struct snmp_state),
	.start = snmp_start,
	.sample = snmp_sample,
	.stop = snmp_stop,
};
