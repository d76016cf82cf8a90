#pragma once
#include "collector/host/scan.h"

#include <stdint.h>

/* What /proc/PID/stat tells of one process. */
struct process_reading {
	char state; /* 'S', 'R' … */
	int nice;   /* -20 to 19 */
	uint32_t threads;
	bool kernel; /* a thread of the kernel: has no memory to lock */
};

/* False: the text is not as promised. */
bool process_parse(const char *text, size_t length, struct process_reading *reading);

/* Whether /proc/PID/status says that the process has locked memory. */
bool process_locked(const char *text, size_t length);
