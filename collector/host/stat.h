#pragma once
#include <stddef.h>

/* What /proc/stat tells in one reading; what is missing or not a number is NaN. */
enum { STAT_CPU_FIELDS = 9 };

struct stat_reading {
	double cpu[STAT_CPU_FIELDS]; /* ticks since boot: system user nice idle iowait irq softirq steal
									guest */
	double interrupts, switches, forks; /* since boot */
	double running, blocked;            /* threads, now */
	unsigned cpus;                      /* processors that are online */
};

void stat_parse(const char *text, size_t length, struct stat_reading *reading);
