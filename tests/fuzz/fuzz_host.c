/*
 * What the kernel prints, made up: the first byte chooses the parser, the rest is the text. Nothing
 * may be read beyond it, and what comes out stays within its bounds.
 */
#include "collector/host/conntrack.h"
#include "collector/host/df.h"
#include "collector/host/diskstats.h"
#include "collector/host/entropy.h"
#include "collector/host/filetable.h"
#include "collector/host/interface.h"
#include "collector/host/irqstats.h"
#include "collector/host/loadavg.h"
#include "collector/host/meminfo.h"
#include "collector/host/pressure.h"
#include "collector/host/process.h"
#include "collector/host/snmp.h"
#include "collector/host/stat.h"
#include "collector/host/tcp.h"
#include "collector/host/uptime.h"
#include "collector/host/users.h"
#include "collector/host/vmstat.h"
#include "model/ident.h"

#include <assert.h>
#include <string.h>

static void numbers(const char *text, size_t size)
{
	struct stat_reading stat;
	struct filetable_reading table;
	struct vmstat_reading vmstat;
	struct meminfo_reading meminfo;
	struct pressure_reading pressure;
	struct snmp_reading snmp;
	stat_parse(text, size, &stat);
	filetable_parse(text, size, &table);
	vmstat_parse(text, size, &vmstat);
	meminfo_parse(text, size, &meminfo);
	pressure_parse(text, size, &pressure);
	snmp_parse(text, size, &snmp);
	(void)loadavg_parse(text, size);
	(void)uptime_parse(text, size);
	(void)entropy_parse(text, size);
}

static void processes(const char *text, size_t size)
{
	struct process_reading process;
	struct users_reading users;
	if (process_parse(text, size, &process)) {
		assert(process.nice >= -20 && process.nice <= 20);
	}
	(void)process_locked(text, size);
	users_parse(text, size, NULL, &users);
}

static void network(const char *text, size_t size)
{
	struct scan all = scan_text(text, size);
	struct interface_reading interface;
	struct conntrack_reading conntrack;
	struct tcp_reading tcp = {{0}};
	while (interface_next(&all, &interface)) {
		assert(strlen(interface.name) <= INTERFACE_NAME_MAX);
		(void)interface_watched(interface.name);
	}
	conntrack_parse(text, size, &conntrack);
	assert(conntrack.local + conntrack.forward <= conntrack.established);
	tcp_parse(text, size, &tcp);
	(void)tcp_parse_diag(text, size, &tcp);
}

static void disks(const char *text, size_t size)
{
	struct scan all = scan_text(text, size);
	struct disk_reading now;
	struct disk_reading before = {.reads = 1};
	struct disk_rates rates;
	while (diskstats_next(&all, &now)) {
		assert(strlen(now.name) <= DISK_NAME_MAX);
		diskstats_rates(&before, &now, 10, &rates);
		assert(!(rates.utilization < 0));
		before = now;
	}
}

static void mounts(const char *text, size_t size)
{
	struct scan all = scan_text(text, size);
	struct df_mount mount;
	char point[64];
	char source[64];
	char name[IDENT_FIELD_MAX + 1];
	while (df_next(&all, &mount)) {
		if (df_unescape(&mount.point, point, sizeof(point)) &&
			df_unescape(&mount.source, source, sizeof(source)) &&
			df_field_name(source, point, name)) {
			assert(ident_is_field(name));
			(void)df_is_remote(point, source);
		}
	}
}

static void interrupts(const char *text, size_t size)
{
	struct scan all = scan_text(text, size);
	unsigned cpus = irqstats_cpus(&all);
	struct irq_reading irq;
	char label[50];
	while (irqstats_next(&all, cpus, &irq)) {
		irqstats_label(&irq, label, sizeof(label));
		assert(strlen(label) < sizeof(label));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parsers[])(const char *, size_t) = {
		numbers, processes, network, disks, mounts, interrupts};
	if (size) {
		parsers[data[0] % 6]((const char *)data + 1, size - 1);
	}
	return 0;
}
