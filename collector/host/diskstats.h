#pragma once
#include "collector/host/scan.h"

#include <stdint.h>

/* One line of /proc/diskstats, or of several of its numbers the growth between two of them. */
enum { DISK_NAME_MAX = 32 };

struct disk_reading {
	char name[DISK_NAME_MAX + 1];
	uint64_t reads, read_sectors, read_ms;
	uint64_t writes, write_sectors, write_ms;
	uint64_t busy_ms;
};

/* Takes the next device out of the text; lines that are not as promised are passed over. False: no
 * more. */
bool diskstats_next(struct scan *text, struct disk_reading *reading);

/* What Munin shows of a device, computed from two readings that lie `seconds` apart. */
struct disk_rates {
	double latency[4];    /* svctm avgwait avgrdwait avgwrwait, seconds */
	double utilization;   /* percent */
	double throughput[2]; /* rdbytes wrbytes per second */
	double iops[4];       /* rdio wrio per second, avgrdrqsz avgwrrqsz in kB of 1000 bytes */
};

/* A counter that went back was wrapped at 32 bits (some drivers) or begun anew: then everything is
 * NaN. */
void diskstats_rates(const struct disk_reading *before, const struct disk_reading *now,
	double seconds, struct disk_rates *rates);
