#include "collector/host/sampler.h"
#include "collector/munin/print.h"
#include "tests/support/test.h"

#include "base/attr.h"
#include "base/file.h"

#include <fcntl.h>

#include <glib.h>

/* A made-up machine: a directory with the files the readers look for. */
struct machine {
	char *root;
	struct sampler *sampler;
	int64_t slot;
};

static void put(const struct machine *m, const char *path, const char *text)
{
	struct error err;
	g_autofree char *whole = g_strdup_printf("%s/%s", m->root, path);
	g_autofree char *directory = g_path_get_dirname(whole);
	assert_true(file_make_directory(directory, &err));
	/* in place, as the kernel does it: descriptors that are open see the new text */
	int fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0 && file_write_all(fd, text, strlen(text), &err));
	close(fd);
}

static void drop(const struct machine *m, const char *path)
{
	g_autofree char *whole = g_strdup_printf("%s/%s", m->root, path);
	assert_int_equal(unlink(whole), 0);
}

static void begin(struct machine *m)
{
	*m = (struct machine){.root = test_directory()};
	put(m, "proc/stat", "cpu  10 0 20 30 0 0 0 0 0 0\ncpu0 10 0 20 30 0 0 0 0 0 0\n");
}

static struct source *sample(struct machine *m)
{
	if (!m->sampler) {
		m->sampler = sampler_create(&(struct sampler_options){
			.group = "group", .host = "host", .step_s = 10, .root = m->root});
		assert_non_null(m->sampler);
	} else {
		source_sweep(sampler_source(m->sampler));
	}
	sampler_round(m->sampler, m->slot++);
	return sampler_source(m->sampler);
}

static void finish(struct machine *m)
{
	sampler_destroy(m->sampler);
	test_directory_remove(m->root);
}

static const struct feed *feed_of(const struct source *source, const char *service)
{
	for (guint i = 0; i < source->feeds->len; i++) {
		const struct feed *feed = source->feeds->pdata[i];
		if (!strcmp(feed->declaration->service->name, service)) {
			return feed;
		}
	}
	return NULL;
}

static double value_of(const struct source *source, const char *service, const char *field)
{
	const struct feed *feed = feed_of(source, service);
	assert_non_null(feed);
	const struct field *f = service_find_field(feed->declaration->service, field);
	assert_non_null(f);
	return feed->values[f->index];
}

static const char net_head[] = "Inter-| Receive | Transmit\n face |bytes\n";

static void interfaces_come_and_go(void **state)
{
	(void)state;
	struct machine m;
	begin(&m);
	g_autofree char *one = g_strconcat(net_head,
		"lo: 1 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0\neth0: 7 0 1 2 0 0 0 0 8 0 3 4 0 5 0 0\n", NULL);
	g_autofree char *two = g_strconcat(one, "eth1: 9 0 0 0 0 0 0 0 9 0 0 0 0 0 0 0\n", NULL);
	put(&m, "proc/net/dev", one);
	put(&m, "sys/class/net/eth0/speed", "1000\n");
	struct source *source = sample(&m);
	assert_near(value_of(source, "if_eth0", "down"), 7, 0);
	assert_near(value_of(source, "if_err_eth0", "collisions"), 5, 0);
	assert_near(
		service_find_field(feed_of(source, "if_eth0")->declaration->service, "up")->max, 1e9, 0);
	assert_null(feed_of(source, "if_lo"));
	put(&m, "proc/net/dev", two);
	source = sample(&m);
	assert_near(value_of(source, "if_eth1", "up"), 9, 0);
	put(&m, "proc/net/dev", one);
	source = sample(&m);
	const struct feed *gone = feed_of(source, "if_eth1");
	assert_true(gone && gone->ended && gone->fresh && !feed_count(gone));
	source = sample(&m);
	assert_null(feed_of(source, "if_eth1"));
	assert_near(value_of(source, "if_eth0", "down"), 7, 0);
	finish(&m);
}

static void devices_come_work_and_go(void **state)
{
	(void)state;
	struct machine m;
	begin(&m);
	put(&m, "proc/diskstats", "8 0 sda 0 0 0 0 0 0 0 0 0 0 0\n8 1 sda1 5 0 0 0 0 0 0 0 0 0 0\n");
	put(&m, "sys/block/sda/stat", "");
	put(&m, "sys/block/dm-0/dm/name", "vg--one-root\n");
	put(&m, "dev/vg-one/root", "");
	put(&m, "sys/block/dm-1/dm/name", "luks-5\n");
	struct source *source = sample(&m);
	assert_int_equal(
		feed_count(feed_of(source, "diskstats_iops")), 0); /* did nothing yet; a partition */
	put(&m, "proc/diskstats",
		"8 0 sda 10 0 80 0 0 0 0 0 0 50 0\n8 1 sda1 5 0 0 0 0 0 0 0 0 0 0\n"
		"253 0 dm-0 1 0 8 9 1 0 8 9 0 9 9\n253 1 dm-1 1 0 8 9 1 0 8 9 0 9 9\n");
	source = sample(&m);
	assert_true(value_of(source, "diskstats_iops", "sda_rdio") > 0);
	assert_true(value_of(source, "diskstats_iops.sda", "avgrdrqsz") == 4.096);
	assert_null(feed_of(source, "diskstats_latency.sda")); /* its driver measures no time */
	assert_non_null(feed_of(source, "diskstats_latency.vg_one_root"));
	assert_non_null(feed_of(source, "diskstats_latency.mapper_luks_5"));
	assert_true(isnan(value_of(source, "diskstats_iops", "vg_one_root_wrio"))); /* seen once only */
	source = sample(&m);
	assert_near(value_of(source, "diskstats_iops", "vg_one_root_wrio"), 0, 0);
	put(&m, "proc/diskstats", "253 0 dm-0 1 0 8 9 1 0 8 9 0 9 9\n");
	source = sample(&m);
	assert_true(feed_of(source, "diskstats_iops.sda")->ended);
	assert_null(
		service_find_field(feed_of(source, "diskstats_iops")->declaration->service, "sda_rdio"));
	source = sample(&m);
	assert_null(feed_of(source, "diskstats_iops.sda"));
	finish(&m);
}

static void processes_are_counted_by_state(void **state)
{
	(void)state;
	static const char behind[] = " 1 2 3 4 -1 0 1 2 3 4 5 6 7 8 20 ";
	struct machine m;
	begin(&m);
	for (unsigned pid = 1; pid <= 600; pid++) {
		char path[64];
		char text[128];
		char letter = pid % 100 == 0 ? 'Z' : pid % 10 == 0 ? 't' : 'S';
		snprintf(path, sizeof(path), "proc/%u/stat", pid);
		snprintf(text, sizeof(text), "%u (p) %c%s%d 2 0\n", pid, letter, behind,
			pid == 1   ? -5
			: pid == 2 ? 5
					   : 0);
		put(&m, path, text);
	}
	put(&m, "proc/7/status", "VmLck:\t 4 kB\n");
	put(&m, "proc/7x/stat", "no process\n");
	struct source *source = sample(&m);
	for (int round = 0; round < 2; round++) {
		assert_near(value_of(source, "processes", "processes"), 600 - 2 * round, 0);
		assert_near(value_of(source, "processes", "zombie"), 6 - round, 0);
		assert_near(value_of(source, "processes", "stopped"), 54, 0);
		assert_near(value_of(source, "threads", "threads"), 1200 - 4 * round, 0);
		assert_near(value_of(source, "proc_pri", "high"), 1, 0);
		assert_near(value_of(source, "proc_pri", "low"), 1, 0);
		assert_near(value_of(source, "proc_pri", "locked"), 1, 0);
		if (!round) {
			put(&m, "proc/3/stat", ""); /* how a kept descriptor of one that ended reads */
			drop(&m, "proc/3/stat");
			drop(&m, "proc/600/stat");
			source = sample(&m);
		}
	}
	finish(&m);
}

static void interrupts_are_declared_anew_when_devices_change(void **state)
{
	(void)state;
	struct machine m;
	begin(&m);
	put(&m, "proc/interrupts",
		" CPU0 CPU1\n 1: 2 3 PIC 1-edge kbd\nNMI: 4 5 Non-maskable interrupts\n");
	struct source *source = sample(&m);
	assert_near(value_of(source, "irqstats", "i1"), 5, 0);
	assert_near(value_of(source, "irqstats", "iNMI"), 9, 0);
	const struct declaration *before = feed_of(source, "irqstats")->declaration;
	source = sample(&m);
	assert_ptr_equal(before, feed_of(source, "irqstats")->declaration);
	put(&m, "proc/interrupts",
		" CPU0\n 1: 2 PIC 1-edge kbd\n 9: 8 PIC 9-edge acpi\n 9: 8 PIC 9-edge twice\nNMI: 7 "
		"Non-maskable interrupts\n");
	source = sample(&m);
	assert_near(value_of(source, "irqstats", "i9"), 8, 0);
	assert_near(value_of(source, "irqstats", "iNMI"), 7, 0);
	finish(&m);
}

static void memory_has_the_fields_the_kernel_prints(void **state)
{
	(void)state;
	struct machine m;
	begin(&m);
	put(&m, "proc/meminfo",
		"MemTotal: 1000 kB\nMemFree: 100 kB\nCached: 300 kB\nShmem: 50 kB\nSwapTotal: 10 "
		"kB\nSwapFree: 4 kB\n");
	struct source *source = sample(&m);
	assert_near(value_of(source, "memory", "apps"), 600 * 1024, 0);
	assert_near(value_of(source, "memory", "cached"), 250 * 1024, 0);
	assert_near(value_of(source, "memory", "swap"), 6 * 1024, 0);
	const struct service *service = feed_of(source, "memory")->declaration->service;
	assert_null(service_find_field(service, "slab"));
	assert_string_equal(
		attributes_get(&service->attributes, "graph_order"), "apps shmem cached free swap");
	put(&m, "sys/kernel/mm/ksm/run", "1\n");
	put(&m, "sys/kernel/mm/ksm/pages_sharing", "3\n");
	put(&m, "proc/meminfo", "MemTotal: 2000 kB\nMemFree: 100 kB\nCached: 300 kB\nSlab: 5 kB\n");
	source = sample(&m);
	assert_near(value_of(source, "memory", "slab"), 5 * 1024, 0);
	assert_near(value_of(source, "memory", "ksm_sharing"), 3.0 * (double)sysconf(_SC_PAGESIZE), 0);
	put(&m, "proc/meminfo", "MemTo");
	source = sample(&m);
	assert_true(isnan(value_of(source, "memory", "apps"))); /* unreadable now: unknown, not gone */
	finish(&m);
}

static void what_is_slow_waits_for_its_slot(void **state)
{
	(void)state;
	struct machine m;
	begin(&m);
	put(&m, "proc/net/tcp", "sl local remote st\n 0: A B 0A\n");
	m.slot = 61;
	struct source *source = sample(&m); /* the first round has everything */
	assert_near(value_of(source, "tcp", "listen"), 1, 0);
	assert_int_equal(feed_of(source, "tcp")->declaration->service->step_s, 60);
	for (int slot = 62; slot < 72; slot++) {
		source = sample(&m);
		assert_int_equal(feed_of(source, "tcp")->fresh, slot == 66);
		assert_true(feed_of(source, "cpu")->fresh);
	}
	finish(&m);
}

static void what_is_missing_is_looked_for_again(void **state)
{
	(void)state;
	struct machine m;
	begin(&m);
	m.slot = 1;
	struct source *source = sample(&m);
	assert_null(feed_of(source, "entropy"));
	put(&m, "proc/sys/kernel/random/entropy_avail", "256\n");
	while (m.slot < 30) {
		source = sample(&m);
		assert_null(feed_of(source, "entropy"));
	}
	source = sample(&m); /* every five minutes */
	assert_near(value_of(source, "entropy", "entropy"), 256, 0);
	drop(&m, "proc/sys/kernel/random/entropy_avail");
	finish(&m);
}

static void munin_is_answered_per_plugin(void **state)
{
	(void)state;
	struct machine m;
	begin(&m);
	put(&m, "proc/net/snmp",
		"Ip: InReceives ForwDatagrams\nIp: 7 8\nTcp: ActiveOpens CurrEstab\nTcp: 5 x\n");
	struct source *source = sample(&m);
	g_autoptr(GString) out = g_string_new(NULL);
	print_list(out, source);
	assert_non_null(strstr(out->str, "cpu\nforks\ninterrupts\nvmstat\n"));
	assert_non_null(strstr(out->str, "netstat\nfw_packets\n"));
	g_string_truncate(out, 0);
	print_fetch(out, source, "netstat");
	assert_string_equal(out->str,
		"multigraph netstat\nactive.value 5\npassive.value U\nfailed.value U\nresets.value U\n"
		"established.value U\nmultigraph netstat_established\nestablished.value U\n");
	g_string_truncate(out, 0);
	print_config(out, source, "fw_packets");
	assert_true(g_str_has_prefix(out->str, "graph_title Firewall Throughput\n"));
	assert_non_null(
		strstr(out->str, "received.label Received\nreceived.type DERIVE\nreceived.min 0\n"));
	g_string_truncate(out, 0);
	print_config(out, source, "nothing");
	assert_int_equal(out->len, 0);
	finish(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interfaces_come_and_go),
		cmocka_unit_test(devices_come_work_and_go),
		cmocka_unit_test(processes_are_counted_by_state),
		cmocka_unit_test(interrupts_are_declared_anew_when_devices_change),
		cmocka_unit_test(memory_has_the_fields_the_kernel_prints),
		cmocka_unit_test(what_is_slow_waits_for_its_slot),
		cmocka_unit_test(what_is_missing_is_looked_for_again),
		cmocka_unit_test(munin_is_answered_per_plugin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
