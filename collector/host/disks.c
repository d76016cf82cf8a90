#include "collector/host/diskstats.h"
#include "collector/host/plugin.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/banned.h"

/*
 * diskstats: four graphs of all devices and four of each. Shown are whole devices (those that have
 * a place in /sys/block) that did any I/O since boot; latency and utilization only where the driver
 * measures time at all. All devices of /proc/diskstats are remembered, partitions too, so that
 * /sys/block is asked once per name only.
 */
enum { DISKS_MAX = 4096, DISK_PRETTY_MAX = 160, DISK_GRAPH_WIDTH = 400 };

enum disk_graph { DISK_LATENCY, DISK_UTILIZATION, DISK_THROUGHPUT, DISK_IOPS, DISK_GRAPHS };

#define DISK_GAUGE(name, label, ...)                                                               \
	{                                                                                              \
		name, label, FIELD_GAUGE, .min = "0", .draw = "LINE1", __VA_ARGS__                         \
	}

static const struct field_row latency_fields[] = {
	DISK_GAUGE(
		"svctm", "Device IO time", .unit = "s", .info = "Time the device was busy, per request"),
	DISK_GAUGE("avgwait", "IO Wait time", .unit = "s",
		.info = "Time from request to answer, waiting in the queue included"),
	DISK_GAUGE("avgrdwait", "Read IO Wait time", .warning = "0:3", .unit = "s",
		.info = "Time from request to answer, reading"),
	DISK_GAUGE("avgwrwait", "Write IO Wait time", .warning = "0:3", .unit = "s",
		.info = "Time from request to answer, writing"),
};
static const struct field_row utilization_fields[] = {
	DISK_GAUGE("util", "Utilization", .unit = "%",
		.info = "Share of the time in which at least one request was under way"),
};
static const struct field_row throughput_fields[] = {
	DISK_GAUGE("rdbytes", "invisible", .unit = "B/s", .hidden = true),
	DISK_GAUGE(
		"wrbytes", "Bytes", .negative = "rdbytes", .unit = "B/s", .info = "Read and written"),
};
static const struct field_row iops_fields[] = {
	DISK_GAUGE("rdio", "dummy", .unit = "/s", .hidden = true),
	DISK_GAUGE("wrio", "IO/sec", .negative = "rdio", .unit = "/s",
		.info = "Requests to read and to write"),
	DISK_GAUGE("avgrdrqsz", "dummy", .unit = "kB", .hidden = true),
	DISK_GAUGE("avgwrrqsz", "Req Size (KB)", .negative = "avgrdrqsz", .unit = "kB",
		.info = "Mean size of a request, in kilobytes of 1000 bytes"),
};

/* The graph of one device; its title ends with the device. */
static const struct graph_row device_graphs[DISK_GRAPHS] = {
	[DISK_LATENCY] = {.name = "diskstats_latency",
		.plugin = "diskstats",
		.title = "Average latency for /dev/",
		.args = "--base 1000 --logarithmic",
		.vlabel = "seconds",
		.category = "disk",
		.info = "How long requests take. What counts the queue too tells how busy the system is.",
		.fields = latency_fields,
		.field_count = ARRAY_LENGTH(latency_fields)},
	[DISK_UTILIZATION] = {.name = "diskstats_utilization",
		.plugin = "diskstats",
		.title = "Disk utilization for /dev/",
		.args = "--base 1000 --lower-limit 0 --upper-limit 100 --rigid",
		.vlabel = "% busy",
		.category = "disk",
		.info = "How much of the time the device is at work.",
		.no_scale = true,
		.fields = utilization_fields,
		.field_count = ARRAY_LENGTH(utilization_fields)},
	[DISK_THROUGHPUT] = {.name = "diskstats_throughput",
		.plugin = "diskstats",
		.title = "Disk throughput for /dev/",
		.args = "--base 1024",
		.vlabel = "Pr ${graph_period} read (-) / write (+)",
		.category = "disk",
		.info = "Bytes read and written.",
		.fields = throughput_fields,
		.field_count = ARRAY_LENGTH(throughput_fields)},
	[DISK_IOPS] = {.name = "diskstats_iops",
		.plugin = "diskstats",
		.title = "IOs for /dev/",
		.args = "--base 1000",
		.vlabel = "Units read (-) / write (+)",
		.category = "disk",
		.info = "Number and mean size of requests.",
		.fields = iops_fields,
		.field_count = ARRAY_LENGTH(iops_fields)},
};

/* The graph of all devices: one or two fields each, named DEVICE_SUFFIX. */
static const struct graph_row root_graphs[DISK_GRAPHS] = {
	[DISK_LATENCY] = {.name = "diskstats_latency",
		.plugin = "diskstats",
		.title = "Disk latency per device",
		.args = "--base 1000",
		.vlabel = "Average IO Wait (seconds)",
		.category = "disk",
		.width = "400",
		.info = "How long requests take, waiting in the queue included."},
	[DISK_UTILIZATION] = {.name = "diskstats_utilization",
		.plugin = "diskstats",
		.title = "Utilization per device",
		.args = "--base 1000 --lower-limit 0 --upper-limit 100 --rigid",
		.vlabel = "% busy",
		.category = "disk",
		.width = "400",
		.info = "How much of the time the devices are at work.",
		.no_scale = true},
	[DISK_THROUGHPUT] = {.name = "diskstats_throughput",
		.plugin = "diskstats",
		.title = "Throughput per device",
		.args = "--base 1024",
		.vlabel = "Bytes/${graph_period} read (-) / write (+)",
		.category = "disk",
		.width = "400",
		.info = "Bytes read and written."},
	[DISK_IOPS] = {.name = "diskstats_iops",
		.plugin = "diskstats",
		.title = "Disk IOs per device",
		.args = "--base 1000",
		.vlabel = "IOs/${graph_period} read (-) / write (+)",
		.category = "disk",
		.width = "400",
		.info = "Number of requests."},
};

/* Endings and units of the fields in the graphs of all devices; the first of a pair is hidden. */
static const struct {
	const char *suffix[2], *unit;
} root_fields[DISK_GRAPHS] = {
	[DISK_LATENCY] = {{"avgwait", NULL}, "s"},
	[DISK_UTILIZATION] = {{"util", NULL}, "%"},
	[DISK_THROUGHPUT] = {{"rdbytes", "wrbytes"}, "B/s"},
	[DISK_IOPS] = {{"rdio", "wrio"}, "/s"},
};

struct disk {
	struct disk_reading last;
	struct feed *feeds[DISK_GRAPHS]; /* NULL: not shown */
	int places[DISK_GRAPHS];         /* first field in the graphs of all devices, -1: none */
	char pretty[DISK_PRETTY_MAX];    /* "vda", "vg/root" */
	char id[IDENT_FIELD_MAX + 1];    /* the same as a field name */
	bool whole;                      /* no partition */
	bool shown, timed;
	uint64_t seen;
};

/* A line of this round. */
struct disk_work {
	struct disk_reading reading;
	struct disk_rates rates;
	struct disk *disk;
};

struct diskstats_state {
	struct kept file;
	GPtrArray *disks; /* struct disk *, owned */
	GArray *work;     /* struct disk_work */
	struct feed *roots[DISK_GRAPHS];
	uint64_t round;
	double read_at_s; /* of the round before; 0: none */
	bool changed;     /* devices came, went, or began to work */
};

/*
 * Volume group and volume out of a device mapper's name: "vg-lv", where "--" is a dash inside a
 * name. False: it has no such form.
 */
static bool disk_volume(const char *name, char *volume, size_t size)
{
	size_t used = 0;
	bool parted = false;
	for (const char *p = name; *p && used + 1 < size; p++) {
		bool single = *p == '-' && p[1] != '-';
		bool parts = single && !parted;
		volume[used++] = parts ? '/' : *p;
		parted = parted || parts;
		p += *p == '-' && p[1] == '-';
	}
	volume[used] = '\0';
	return parted && used && volume[0] != '/' && volume[used - 1] != '/';
}

/* What Munin calls a device of the mapper: its volume if /dev has one of that name, else what
 * /dev/mapper says. */
static void disk_mapper_name(struct plugin *plugin, const char *kernel, char *pretty)
{
	char path[DISK_PRETTY_MAX + 8];
	char name[DISK_PRETTY_MAX - 8];
	char volume[DISK_PRETTY_MAX - 8];
	struct scan text;
	struct scan line;
	struct stat st;
	snprintf(path, sizeof(path), "sys/block/%s/dm/name", kernel);
	if (!kept_read_once(&plugin->site->files, path, &text) || !scan_line(&text, &line) ||
		scan_length(&line) >= sizeof(name) || !scan_length(&line)) {
		return;
	}
	memcpy(name, line.at, scan_length(&line));
	name[scan_length(&line)] = '\0';
	snprintf(pretty, DISK_PRETTY_MAX, "mapper/%s", name);
	if (disk_volume(name, volume, sizeof(volume))) {
		snprintf(path, sizeof(path), "dev/%s", volume);
		if (!fstatat(plugin->site->files.root_fd, path, &st, 0)) {
			snprintf(pretty, DISK_PRETTY_MAX, "%s", volume);
		}
	}
}

static struct disk *disk_create(struct plugin *plugin, const struct disk_reading *reading)
{
	struct disk *disk = g_new0(struct disk, 1);
	char path[64];
	char name[DISK_NAME_MAX + 1];
	struct stat st;
	disk->last = *reading;
	g_strlcpy(name, reading->name, sizeof(name));
	g_strdelimit(name, "/", '!');
	snprintf(path, sizeof(path), "sys/block/%s", name);
	disk->whole = strcmp(name, "..") != 0 && strcmp(name, ".") != 0 &&
				  !fstatat(plugin->site->files.root_fd, path, &st, 0);
	g_strlcpy(disk->pretty, reading->name, sizeof(disk->pretty));
	if (disk->whole && !strncmp(name, "dm-", 3)) {
		disk_mapper_name(plugin, name, disk->pretty);
	}
	if (!plugin_clean(disk->pretty, disk->id)) {
		disk->whole = false;
	}
	return disk;
}

static struct disk *disk_find(struct plugin *plugin, const struct disk_reading *reading)
{
	struct diskstats_state *s = plugin->state;
	for (guint i = 0; i < s->disks->len; i++) {
		struct disk *known = s->disks->pdata[i];
		if (!strcmp(known->last.name, reading->name)) {
			return known;
		}
	}
	struct disk *fresh = disk_create(plugin, reading);
	g_ptr_array_add(s->disks, fresh);
	return fresh;
}

/* The part behind the last slash. */
static const char *disk_short(const struct disk *disk)
{
	const char *slash = strrchr(disk->pretty, '/');
	return slash ? slash + 1 : disk->pretty;
}

static bool disk_in_graph(const struct disk *disk, enum disk_graph graph)
{
	return disk->shown && (disk->timed || graph == DISK_THROUGHPUT || graph == DISK_IOPS);
}

/*
 * Stock widens the graph with the longest label: 6 pixels a character, 97 beside the picture, and
 * room for the numbers of the legend (64 characters for pairs, else 32) and 10 more; in steps
 * of 50.
 */
static unsigned diskstats_width(size_t longest, bool pairs)
{
	unsigned needed = 6 * (10 + (pairs ? 64 : 32) + (unsigned)longest);
	unsigned over = needed > DISK_GRAPH_WIDTH + 97 ? needed - DISK_GRAPH_WIDTH - 97 : 0;
	return DISK_GRAPH_WIDTH + (over + 49) / 50 * 50;
}

/* Adds the fields of `disk` to the graph of all devices. */
static void diskstats_add(struct service *service, struct disk *disk, enum disk_graph graph)
{
	bool pairs = root_fields[graph].suffix[1];
	const char *label = pairs ? disk_short(disk) : disk->pretty;
	char first[IDENT_FIELD_MAX + 16];
	char second[IDENT_FIELD_MAX + 16];
	int place = (int)service_field_count(service);
	snprintf(first, sizeof(first), "%s_%s", disk->id, root_fields[graph].suffix[0]);
	snprintf(second, sizeof(second), "%s_%s", disk->id, pairs ? root_fields[graph].suffix[1] : "");
	struct field_row row =
		DISK_GAUGE(first, label, .unit = root_fields[graph].unit, .hidden = pairs);
	disk->places[graph] = graph_field(service, &row) ? place : -1;
	if (pairs && disk->places[graph] >= 0) {
		struct field_row other =
			DISK_GAUGE(second, label, .negative = first, .unit = root_fields[graph].unit);
		(void)graph_field(service, &other);
	}
}

static void diskstats_declare_root(struct plugin *plugin, enum disk_graph graph)
{
	struct diskstats_state *s = plugin->state;
	struct service *service = plugin_service(plugin, &root_graphs[graph]);
	bool pairs = root_fields[graph].suffix[1];
	size_t longest = 0;
	for (guint i = 0; i < s->disks->len; i++) {
		struct disk *disk = s->disks->pdata[i];
		disk->places[graph] = -1;
		if (disk_in_graph(disk, graph)) {
			size_t length = strlen(pairs ? disk_short(disk) : disk->pretty);
			longest = length > longest ? length : longest;
			diskstats_add(service, disk, graph);
		}
	}
	char width[16];
	snprintf(width, sizeof(width), "%u", diskstats_width(longest, pairs));
	graph_attribute(service, "graph_width", width);
	if (s->roots[graph]) {
		source_redeclare(s->roots[graph], service);
	} else {
		s->roots[graph] = source_add(&plugin->site->source, "diskstats", service);
	}
}

/* The graphs of one device that are not there yet. */
static void diskstats_declare_device(struct plugin *plugin, struct disk *disk)
{
	for (unsigned graph = 0; graph < DISK_GRAPHS; graph++) {
		const struct graph_row *row = &device_graphs[graph];
		char name[IDENT_SERVICE_MAX + 1];
		char title[DISK_PRETTY_MAX + 64];
		if (disk->feeds[graph] || !disk_in_graph(disk, graph)) {
			continue;
		}
		snprintf(name, sizeof(name), "%s.%s", row->name, disk->id);
		snprintf(title, sizeof(title), "%s%s", row->title, disk->pretty);
		disk->feeds[graph] = source_add(
			&plugin->site->source, row->plugin, plugin_service_named(plugin, row, name, title));
	}
}

static void diskstats_declare(struct plugin *plugin)
{
	struct diskstats_state *s = plugin->state;
	for (unsigned graph = 0; graph < DISK_GRAPHS; graph++) {
		diskstats_declare_root(plugin, (enum disk_graph)graph);
	}
	for (guint i = 0; i < s->disks->len; i++) {
		diskstats_declare_device(plugin, s->disks->pdata[i]);
	}
	s->changed = false;
}

/* Takes the reading in; the rates since the last one are for the caller, NaN if there was none. */
static void disk_take(struct diskstats_state *s, struct disk *disk, const struct disk_reading *r,
	double seconds, struct disk_rates *rates)
{
	bool before = disk->seen && disk->seen + 1 == s->round;
	bool shown = disk->whole && (r->reads || r->writes);
	bool timed = r->read_ms || r->write_ms;
	diskstats_rates(&disk->last, r, before ? seconds : 0, rates);
	if (shown != disk->shown || timed != disk->timed) {
		disk->shown = disk->shown || shown; /* what was shown once stays */
		disk->timed = disk->timed || timed;
		s->changed = true;
	}
	disk->last = *r;
	disk->seen = s->round;
}

static void disk_fill(
	const struct diskstats_state *s, const struct disk *disk, const struct disk_rates *r)
{
	const double *values[DISK_GRAPHS] = {r->latency, &r->utilization, r->throughput, r->iops};
	/* of these the graphs of all devices show: avgwait, util, both, the first two */
	static const unsigned first[DISK_GRAPHS] = {1, 0, 0, 0};
	for (unsigned graph = 0; graph < DISK_GRAPHS; graph++) {
		if (disk->feeds[graph]) {
			disk->feeds[graph]->fresh = true;
			memcpy(disk->feeds[graph]->values, values[graph],
				feed_count(disk->feeds[graph]) * sizeof(double));
		}
		if (disk->places[graph] >= 0) {
			double *root = s->roots[graph]->values + disk->places[graph];
			root[0] = values[graph][first[graph]];
			if (root_fields[graph].suffix[1]) {
				root[1] = values[graph][first[graph] + 1];
			}
		}
	}
}

/* Devices that were not in this round's text are gone. */
static void diskstats_sweep(struct diskstats_state *s)
{
	for (guint i = s->disks->len; i-- > 0;) {
		struct disk *disk = s->disks->pdata[i];
		if (disk->seen == s->round) {
			continue;
		}
		for (unsigned graph = 0; graph < DISK_GRAPHS; graph++) {
			if (disk->feeds[graph]) {
				source_end(disk->feeds[graph]);
			}
		}
		s->changed = s->changed || disk->shown;
		g_ptr_array_remove_index(s->disks, i);
	}
}

static double diskstats_now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool diskstats_start(struct plugin *plugin)
{
	struct diskstats_state *s = plugin->state;
	struct scan text;
	s->file = kept_file("proc/diskstats");
	if (!kept_read(&plugin->site->files, &s->file, &text)) {
		return false;
	}
	s->disks = g_ptr_array_new_with_free_func(g_free);
	s->work = g_array_new(FALSE, FALSE, sizeof(struct disk_work));
	s->changed = true;
	return true;
}

static void diskstats_sample(struct plugin *plugin)
{
	struct diskstats_state *s = plugin->state;
	struct disk_work line = {.disk = NULL};
	struct scan text;
	if (!kept_read(&plugin->site->files, &s->file, &text)) {
		return;
	}
	double now_s = diskstats_now_s();
	double seconds = s->read_at_s > 0 ? now_s - s->read_at_s : 0;
	s->read_at_s = now_s;
	s->round++;
	g_array_set_size(s->work,
		0); /* all lines first: names of new devices are looked up in the buffer of the text */
	while (s->work->len < DISKS_MAX && diskstats_next(&text, &line.reading)) {
		g_array_append_val(s->work, line);
	}
	for (guint i = 0; i < s->work->len; i++) {
		struct disk_work *w = &g_array_index(s->work, struct disk_work, i);
		w->disk = disk_find(plugin, &w->reading);
		disk_take(s, w->disk, &w->reading, seconds, &w->rates);
	}
	diskstats_sweep(s);
	if (s->changed) {
		diskstats_declare(plugin);
	}
	for (guint i = 0; i < s->work->len; i++) {
		const struct disk_work *w = &g_array_index(s->work, struct disk_work, i);
		disk_fill(s, w->disk, &w->rates);
	}
	for (unsigned graph = 0; graph < DISK_GRAPHS; graph++) {
		s->roots[graph]->fresh = true;
	}
}

static void diskstats_stop(struct plugin *plugin)
{
	struct diskstats_state *s = plugin->state;
	kept_close(&s->file);
	if (s->disks) {
		g_ptr_array_unref(s->disks);
		g_array_unref(s->work);
	}
}

const struct plugin_kind plugin_diskstats = {
	.name = "diskstats",
	.state_size = sizeof(struct diskstats_state),
	.start = diskstats_start,
	.sample = diskstats_sample,
	.stop = diskstats_stop,
};
