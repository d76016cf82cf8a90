#include "collector/host/interface.h"
#include "collector/host/plugin.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * /proc/net/dev (proc_net_dev(5)): if_NAME and if_err_NAME for every interface. One file tells of
 * all of them, and who is missing in it is gone. The link speed is looked up when an interface
 * appears and now and then after: a driver may have to be asked, and a link may renegotiate.
 */
enum { INTERFACE_SPEED_S = 300 };

static const struct field_row traffic_fields[] = {
	{"down", "received", FIELD_DERIVE, .min = "0", .cdef = "down,8,*", .unit = "B/s",
		.hidden = true, .info = "Bytes received; drawn as bits"},
	{"up", "bps", FIELD_DERIVE, .min = "0", .negative = "down", .cdef = "up,8,*", .unit = "B/s",
		.info = "Bytes sent; drawn as bits"},
};

static const struct graph_row traffic_graph = {
	.name = "if_",
	.title = "traffic",
	.args = "--base 1000",
	.vlabel = "bits in (-) / out (+) per ${graph_period}",
	.category = "network",
	.info = "Bits that this network interface received and sent.",
	.order = "down up",
	.fields = traffic_fields,
	.field_count = ARRAY_LENGTH(traffic_fields),
};

static const struct field_row error_fields[] = {
	{"rcvd", "errors", FIELD_COUNTER, .warning = "1", .unit = "/s", .hidden = true,
		.info = "Damaged packets received"},
	{"trans", "errors", FIELD_COUNTER, .negative = "rcvd", .warning = "1", .unit = "/s",
		.info = "Packets that could not be sent"},
	{"rxdrop", "drops", FIELD_COUNTER, .unit = "/s", .hidden = true,
		.info = "Packets thrown away on the way in"},
	{"txdrop", "drops", FIELD_COUNTER, .negative = "rxdrop", .unit = "/s",
		.info = "Packets thrown away on the way out"},
	{"collisions", "collisions", FIELD_COUNTER, .unit = "/s",
		.info = "Packets that met another one on the wire"},
};

static const struct graph_row error_graph = {
	.name = "if_err_",
	.title = "errors",
	.args = "--base 1000",
	.vlabel = "packets in (-) / out (+) per ${graph_period}",
	.category = "network",
	.info = "Packets that this network interface lost, and why.",
	.order = "rcvd trans",
	.fields = error_fields,
	.field_count = ARRAY_LENGTH(error_fields),
};

bool interface_next(struct scan *text, struct interface_reading *reading)
{
	struct scan line;
	struct scan name;
	while (scan_line(text, &line)) {
		scan_blanks(&line);
		if (!scan_until(&line, ':', &name) || !scan_length(&name) ||
			scan_length(&name) > INTERFACE_NAME_MAX) {
			continue;
		}
		memcpy(reading->name, name.at, scan_length(&name));
		reading->name[scan_length(&name)] = '\0';
		reading->in_bytes = scan_number(&line);
		scan_skip(&line, 1);
		reading->in_errors = scan_number(&line);
		reading->in_drops = scan_number(&line);
		scan_skip(&line, 4);
		reading->out_bytes = scan_number(&line);
		scan_skip(&line, 1);
		reading->out_errors = scan_number(&line);
		reading->out_drops = scan_number(&line);
		scan_skip(&line, 1);
		reading->collisions = scan_number(&line);
		return true;
	}
	return false;
}

/* `prefix` and then one digit (more may follow only if `many`) */
static bool interface_numbered(const char *name, const char *prefix, bool many)
{
	size_t length = strlen(prefix);
	size_t digits = strncmp(name, prefix, length) ? 0 : strspn(name + length, "0123456789");
	return digits && !name[length + digits] && (many || digits == 1);
}

bool interface_watched(const char *name)
{
	size_t base = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789");
	bool vlan = base && name[base] == '.' && name[base + 1] &&
				!name[base + 1 + strspn(name + base + 1, "0123456789")];
	return strcmp(name, "lo") != 0 && !interface_numbered(name, "gre", false) &&
		   !interface_numbered(name, "sit", true) && !vlan;
}

struct interface {
	char name[INTERFACE_NAME_MAX + 1];
	struct feed *traffic, *errors;
	uint64_t seen;     /* round in which it was there last */
	uint64_t speed_at; /* round in which its speed was looked up last */
};

struct interface_state {
	struct kept file;
	GArray *all; /* struct interface */
	uint64_t round;
};

/* Mbit/s as the driver says; 0: not known. */
static unsigned long interface_speed(struct plugin *plugin, const char *name)
{
	char path[64];
	struct scan text;
	uint64_t speed = 0;
	snprintf(path, sizeof(path), "sys/class/net/%s/speed", name);
	if (kept_read_once(&plugin->site->files, path, &text) && scan_u64(&text, &speed) &&
		speed < 100 * 1000 * 1000) {
		return (unsigned long)speed;
	}
	return 0;
}

static struct service *interface_service(
	const struct plugin *plugin, const struct graph_row *row, const char *device)
{
	char name[IDENT_SERVICE_MAX + 1];
	char clean[IDENT_SERVICE_MAX + 1];
	char title[128];
	snprintf(title, sizeof(title), "%.60s %.60s", device, row->title);
	snprintf(name, sizeof(name), "%.60s%.60s", row->name, device);
	return ident_clean_service(name, clean) ? plugin_service_named(plugin, row, clean, title)
											: NULL;
}

static struct service *interface_traffic(struct plugin *plugin, const char *device)
{
	struct service *service = interface_service(plugin, &traffic_graph, device);
	unsigned long speed = interface_speed(plugin, device);
	if (speed) {
		char text[160];
		struct field *up = service_find_field(service, "up");
		service_find_field(service, "down")->max = up->max = (double)speed * 1000 * 1000;
		snprintf(
			text, sizeof(text), "Bytes sent; drawn as bits. The link carries %lu Mbit/s.", speed);
		graph_field_attribute(up, "info", text);
	}
	return service;
}

static struct interface *interface_find(struct plugin *plugin, const char *name)
{
	struct interface_state *s = plugin->state;
	for (guint i = 0; i < s->all->len; i++) {
		struct interface *known = &g_array_index(s->all, struct interface, i);
		if (!strcmp(known->name, name)) {
			return known;
		}
	}
	struct interface fresh = {.speed_at = s->round};
	g_strlcpy(fresh.name, name, sizeof(fresh.name));
	fresh.traffic = source_add(&plugin->site->source, NULL, interface_traffic(plugin, name));
	fresh.errors =
		source_add(&plugin->site->source, NULL, interface_service(plugin, &error_graph, name));
	g_array_append_val(s->all, fresh);
	return &g_array_index(s->all, struct interface, s->all->len - 1);
}

static void interface_fill(struct plugin *plugin, const struct interface_reading *r)
{
	struct interface_state *s = plugin->state;
	struct interface *i = interface_find(plugin, r->name);
	if ((s->round - i->speed_at) * plugin->step_s >= INTERFACE_SPEED_S) {
		i->speed_at = s->round;
		source_redeclare(i->traffic, interface_traffic(plugin, r->name));
	}
	i->seen = s->round;
	i->traffic->fresh = i->errors->fresh = true;
	i->traffic->values[0] = r->in_bytes;
	i->traffic->values[1] = r->out_bytes;
	const double lost[] = {r->in_errors, r->out_errors, r->in_drops, r->out_drops, r->collisions};
	memcpy(i->errors->values, lost, sizeof(lost));
}

static bool interface_start(struct plugin *plugin)
{
	struct interface_state *s = plugin->state;
	struct scan text;
	s->file = kept_file("proc/net/dev");
	if (!kept_read(&plugin->site->files, &s->file, &text)) {
		return false;
	}
	s->all = g_array_new(FALSE, FALSE, sizeof(struct interface));
	return true;
}

static void interface_sample(struct plugin *plugin)
{
	enum { AT_MOST = 512 };
	struct interface_state *s = plugin->state;
	struct interface_reading found[AT_MOST]; /* looking up a speed reuses the buffer of the text */
	size_t count = 0;
	struct scan text;
	s->round++;
	if (!kept_read(&plugin->site->files, &s->file, &text)) {
		return;
	}
	while (count < AT_MOST && interface_next(&text, &found[count])) {
		count += interface_watched(found[count].name);
	}
	for (size_t i = 0; i < count; i++) {
		interface_fill(plugin, &found[i]);
	}
	for (guint i = s->all->len; i-- > 0;) {
		struct interface *known = &g_array_index(s->all, struct interface, i);
		if (known->seen != s->round) {
			source_end(known->traffic);
			source_end(known->errors);
			g_array_remove_index(s->all, i);
		}
	}
}

static void interface_stop(struct plugin *plugin)
{
	struct interface_state *s = plugin->state;
	kept_close(&s->file);
	if (s->all) {
		g_array_unref(s->all);
	}
}

const struct plugin_kind plugin_interface = {
	.name = "interface",
	.state_size = sizeof(struct interface_state),
	.start = interface_start,
	.sample = interface_sample,
	.stop = interface_stop,
};
