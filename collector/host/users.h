#pragma once
#include <stddef.h>

/* Logins in a utmp(5) file by the kind of line they came in on. */
struct users_reading {
	unsigned tty, pty, pts, x, other;
};

/* `alive` says whether a process still runs (NULL: all do); records of dead logins do not count. */
void users_parse(
	const char *text, size_t length, int (*alive)(int pid), struct users_reading *reading);
