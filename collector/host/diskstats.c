#include "collector/host/diskstats.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

/*
 * /proc/diskstats (Documentation/admin-guide/iostats.rst) and what is computed from two readings of
 * it. Stock Munin computes these values itself, from the counters since its last call, and stores
 * them as GAUGE; so do we, from round to round.
 */
enum { DISK_SECTOR_BYTES = 512 };

/* MAJOR MINOR NAME and at least eleven numbers */
bool diskstats_next(struct scan *text, struct disk_reading *reading)
{
	struct scan line;
	struct scan name;
	while (scan_line(text, &line)) {
		uint64_t n[11];
		size_t count = 0;
		scan_skip(&line, 2);
		if (!scan_word(&line, &name) || scan_length(&name) > DISK_NAME_MAX) {
			continue;
		}
		while (count < ARRAY_LENGTH(n) && scan_u64(&line, &n[count])) {
			count++;
		}
		if (count < ARRAY_LENGTH(n)) {
			continue;
		}
		*reading = (struct disk_reading){.reads = n[0],
			.read_sectors = n[2],
			.read_ms = n[3],
			.writes = n[4],
			.write_sectors = n[6],
			.write_ms = n[7],
			.busy_ms = n[9]};
		memcpy(reading->name, name.at, scan_length(&name));
		return true;
	}
	return false;
}

/* NaN: the counter was begun anew. Times are counted in 32 bits by some kernels and wrap after 49
 * days of I/O. */
static double diskstats_growth(uint64_t before, uint64_t now)
{
	if (now >= before) {
		return (double)(now - before);
	}
	bool wrapped = before <= UINT32_MAX && before > UINT32_MAX / 4 * 3 && now < UINT32_MAX / 4;
	return wrapped ? (double)now + 4294967296.0 - (double)before : NAN;
}

static double diskstats_per(double amount, double count)
{
	return count == 0 ? 0 : amount / count; /* NaN stays NaN */
}

void diskstats_rates(const struct disk_reading *before, const struct disk_reading *now,
	double seconds, struct disk_rates *rates)
{
	double reads = diskstats_growth(before->reads, now->reads);
	double writes = diskstats_growth(before->writes, now->writes);
	double read_ms = diskstats_growth(before->read_ms, now->read_ms);
	double write_ms = diskstats_growth(before->write_ms, now->write_ms);
	double read_bytes =
		diskstats_growth(before->read_sectors, now->read_sectors) * DISK_SECTOR_BYTES;
	double write_bytes =
		diskstats_growth(before->write_sectors, now->write_sectors) * DISK_SECTOR_BYTES;
	double busy_ms = diskstats_growth(before->busy_ms, now->busy_ms);
	if (!(seconds > 0) ||
		isnan(reads + writes + read_ms + write_ms + read_bytes + write_bytes + busy_ms)) {
		*rates = (struct disk_rates){{NAN, NAN, NAN, NAN}, NAN, {NAN, NAN}, {NAN, NAN, NAN, NAN}};
		return;
	}
	*rates = (struct disk_rates){
		.latency = {diskstats_per(busy_ms, reads + writes) / 1000,
			diskstats_per(read_ms + write_ms, reads + writes) / 1000,
			diskstats_per(read_ms, reads) / 1000, diskstats_per(write_ms, writes) / 1000},
		.utilization = busy_ms / seconds / 10,
		.throughput = {read_bytes / seconds, write_bytes / seconds},
		.iops = {reads / seconds, writes / seconds, diskstats_per(read_bytes, reads) / 1000,
			diskstats_per(write_bytes, writes) / 1000},
	};
}
