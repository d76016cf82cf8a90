#include "collector/host/stat.h"
#include "collector/host/plugin.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/banned.h"

/*
 * /proc/stat (proc_stat(5)): cpu, forks, interrupts, vmstat. Processor time is counted in ticks of
 * 1/USER_HZ; as DERIVE of hundredths of a second it reads as percent of one processor.
 */

static const struct field_row cpu_fields[] = {
	{"system", "system", FIELD_DERIVE, .min = "0", .draw = "AREA", .unit = "%",
		.info = "The kernel working for programs and for itself"},
	{"user", "user", FIELD_DERIVE, .min = "0", .draw = "STACK", .unit = "%",
		.info = "Programs at normal or raised priority"},
	{"nice", "nice", FIELD_DERIVE, .min = "0", .draw = "STACK", .unit = "%",
		.info = "Programs at lowered priority"},
	{"idle", "idle", FIELD_DERIVE, .min = "0", .draw = "STACK", .unit = "%",
		.info = "Nothing to do"},
	{"iowait", "iowait", FIELD_DERIVE, .min = "0", .draw = "STACK", .unit = "%",
		.info = "Nothing to do until some disk answers"},
	{"irq", "irq", FIELD_DERIVE, .min = "0", .draw = "STACK", .unit = "%",
		.info = "Serving hardware interrupts"},
	{"softirq", "softirq", FIELD_DERIVE, .min = "0", .draw = "STACK", .unit = "%",
		.info = "Serving the deferred part of interrupts, mostly network packets"},
	{"steal", "steal", FIELD_DERIVE, .min = "0", .draw = "STACK", .unit = "%",
		.info = "Wanted to run, but the hypervisor gave the processor to another guest"},
	{"guest", "guest", FIELD_DERIVE, .min = "0", .draw = "STACK", .unit = "%",
		.info = "Running guests of this machine; also counted as user"},
};

static const struct graph_row cpu_graph = {
	.name = "cpu",
	.title = "CPU usage",
	.vlabel = "%",
	.category = "system",
	.info = "Where the processors spend their time; 100 % is one processor.",
	.order = "system user nice idle iowait irq softirq",
	.period = "second",
	.no_scale = true,
	.fields = cpu_fields,
	.field_count = ARRAY_LENGTH(cpu_fields),
};

static const struct field_row forks_fields[] = {
	{"forks", "forks", FIELD_DERIVE, .min = "0", .max = "100000", .unit = "/s",
		.info = "Processes and threads started"},
};

static const struct graph_row forks_graph = {
	.name = "forks",
	.title = "Fork rate",
	.args = "--base 1000 -l 0",
	.vlabel = "forks / ${graph_period}",
	.category = "processes",
	.info = "How many processes and threads were started.",
	.fields = forks_fields,
	.field_count = ARRAY_LENGTH(forks_fields),
};

static const struct field_row interrupts_fields[] = {
	{"intr", "interrupts", FIELD_DERIVE, .min = "0", .unit = "/s",
		.info = "Devices, timers and other processors asking for attention"},
	{"ctx", "context switches", FIELD_DERIVE, .min = "0", .unit = "/s",
		.info = "A processor changing from one thread to another"},
};

static const struct graph_row interrupts_graph = {
	.name = "interrupts",
	.title = "Interrupts and context switches",
	.args = "--base 1000 -l 0",
	.vlabel = "interrupts & ctx switches / ${graph_period}",
	.category = "system",
	.info = "How often the processors were interrupted, and how often they changed threads.",
	.fields = interrupts_fields,
	.field_count = ARRAY_LENGTH(interrupts_fields),
};

static const struct field_row vmstat_fields[] = {
	{"wait", "running", FIELD_GAUGE, .max = "500000", .info = "Threads that run or could run"},
	{"sleep", "I/O sleep", FIELD_GAUGE, .max = "500000", .info = "Threads that wait for a disk"},
};

static const struct graph_row vmstat_graph = {
	.name = "vmstat",
	.title = "VMstat",
	.args = "--base 1000 -l 0",
	.vlabel = "process states",
	.category = "processes",
	.info = "Threads that want a processor and threads that wait for a disk.",
	.fields = vmstat_fields,
	.field_count = ARRAY_LENGTH(vmstat_fields),
};

/* Columns of the line "cpu" in the order of proc_stat(5), as places in cpu_fields. */
static const uint8_t stat_columns[STAT_CPU_FIELDS] = {1, 2, 0, 3, 4, 5, 6, 7, 8};

void stat_parse(const char *text, size_t length, struct stat_reading *reading)
{
	struct scan all = scan_text(text, length);
	struct scan line;
	*reading = (struct stat_reading){
		.forks = NAN, .interrupts = NAN, .switches = NAN, .running = NAN, .blocked = NAN};
	for (size_t i = 0; i < STAT_CPU_FIELDS; i++) {
		reading->cpu[i] = NAN;
	}
	while (scan_line(&all, &line)) {
		if (scan_take(&line, "cpu ")) {
			for (size_t i = 0; i < STAT_CPU_FIELDS; i++) {
				reading->cpu[stat_columns[i]] = scan_number(&line);
			}
		} else if (scan_take(&line, "cpu")) {
			reading->cpus++;
		} else if (scan_take(&line, "intr ")) {
			reading->interrupts = scan_number(&line);
		} else if (scan_take(&line, "ctxt ")) {
			reading->switches = scan_number(&line);
		} else if (scan_take(&line, "processes ")) {
			reading->forks = scan_number(&line);
		} else if (scan_take(&line, "procs_running ")) {
			reading->running = scan_number(&line);
		} else if (scan_take(&line, "procs_blocked ")) {
			reading->blocked = scan_number(&line);
		}
	}
}

struct stat_state {
	struct kept file;
	struct feed *cpu, *forks, *interrupts, *vmstat;
	double ticks_per_s;
	unsigned cpus; /* in the declaration */
};

/* The graph's upper end is all processors; they may come and go. */
static struct service *stat_cpu_service(const struct plugin *plugin, unsigned cpus)
{
	char args[80];
	snprintf(args, sizeof(args), "--base 1000 -r --lower-limit 0 --upper-limit %u", cpus * 100);
	struct service *service = plugin_service(plugin, &cpu_graph);
	graph_attribute(service, "graph_args", args);
	return service;
}

static bool stat_start(struct plugin *plugin)
{
	struct stat_state *s = plugin->state;
	struct scan text;
	s->file = kept_file("proc/stat");
	if (!kept_read(&plugin->site->files, &s->file, &text)) {
		return false;
	}
	struct stat_reading r;
	stat_parse(text.at, scan_length(&text), &r);
	s->cpus = r.cpus;
	s->cpu = source_add(&plugin->site->source, NULL, stat_cpu_service(plugin, r.cpus));
	s->forks = plugin_feed(plugin, &forks_graph);
	s->interrupts = plugin_feed(plugin, &interrupts_graph);
	s->vmstat = plugin_feed(plugin, &vmstat_graph);
	s->ticks_per_s = (double)sysconf(_SC_CLK_TCK);
	return true;
}

static void stat_sample(struct plugin *plugin)
{
	struct stat_state *s = plugin->state;
	struct scan text;
	struct stat_reading r;
	if (!kept_read(&plugin->site->files, &s->file, &text)) {
		text = scan_text("", 0);
	}
	stat_parse(text.at, scan_length(&text), &r);
	if (r.cpus && r.cpus != s->cpus) {
		s->cpus = r.cpus;
		source_redeclare(s->cpu, stat_cpu_service(plugin, r.cpus));
	}
	for (size_t i = 0; i < STAT_CPU_FIELDS; i++) {
		s->cpu->values[i] = trunc(r.cpu[i] * 100 / s->ticks_per_s);
	}
	s->forks->values[0] = r.forks;
	s->interrupts->values[0] = r.interrupts;
	s->interrupts->values[1] = r.switches;
	s->vmstat->values[0] = r.running;
	s->vmstat->values[1] = r.blocked;
	s->cpu->fresh = s->forks->fresh = s->interrupts->fresh = s->vmstat->fresh = true;
}

static void stat_stop(struct plugin *plugin)
{
	struct stat_state *s = plugin->state;
	kept_close(&s->file);
}

const struct plugin_kind plugin_stat = {
	.name = "stat",
	.state_size = sizeof(struct stat_state),
	.start = stat_start,
	.sample = stat_sample,
	.stop = stat_stop,
};
