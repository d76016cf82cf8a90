#pragma once
#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/*
 * How far long work of a command has come: one line on stderr that is written over, and wiped at
 * the end. It is there only where a person sees it: stderr is a terminal, -q was not said, and the
 * work takes longer than PROGRESS_QUIET_MS.
 *
 *     struct progress *progress = progress_create(&(struct progress_options){.what = "export"});
 *     progress_step(progress, done, total, "web1");      // as often as you like
 *     progress_destroy(progress);                        // before anything else is printed
 */
struct progress;

enum { PROGRESS_QUIET_MS = 500, PROGRESS_EVERY_MS = 200, PROGRESS_WIDTH_MAX = 200 };

struct progress_options {
	const char *what; /* a word that stands in front: "export"; copied */
	const char *unit; /* "files", "series"; NULL: bytes */
	bool quiet;       /* -q: nothing is shown */
	int fd;           /* 0: stderr if it is a terminal; else shown there, whatever it is (tests) */
};

struct progress *progress_create(const struct progress_options *options);

/*
 * `done` of `total` (0: not known; may change). `detail` (NULL: none) is shown behind if there is
 * room; control characters in it do not reach the terminal.
 */
void progress_step(struct progress *progress, uint64_t done, uint64_t total, const char *detail);

/* Wipes the line. NULL allowed. */
void progress_destroy(struct progress *progress);

/* -- the line by itself, for tests -- */

struct progress_state {
	const char *what, *unit, *detail; /* unit, detail may be NULL */
	uint64_t done, total;
	double rate;  /* per second; <= 0: not known yet */
	size_t width; /* columns of the terminal */
};

/* Appends the line without line end, at most `width` - 1 columns. */
void progress_format(const struct progress_state *state, GString *out);

/* 1234567 as "1.2 MB" (powers of 1000); without unit as "1234567". */
void progress_append_amount(GString *out, double amount, bool bytes);

/* 75 as "1m15s", 7322 as "2h02m", 200000 as "2d07h". */
void progress_append_time(GString *out, double seconds);
