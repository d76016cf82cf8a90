#pragma once
#include "model/sample.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The recent past of every series in memory: of each the last 60 samples, or those of ten minutes
 * if that are more; values as graphed before cdef (counters as rate per second). Series are
 * addressed by their number; a series begins to exist with its first sample. What rules judge and
 * live graphs show comes from here; longer spans are in the archive.
 */
struct window;

enum {
	WINDOW_SAMPLES = 60,
	WINDOW_SPAN_S = 600,
	WINDOW_MOST = WINDOW_SPAN_S /* at a step of 1 s */
};

struct window *window_create(void);
void window_destroy(struct window *window);

/* Adds a sample; `at` must be newer than the series' last one (else it is dropped). NaN is a sample
 * that is unknown. */
void window_push(
	struct window *window, uint32_t series_id, uint32_t step_s, struct wall at, double value);

/* The newest sample, known or not. False: none yet. */
bool window_last(const struct window *window, uint32_t series_id, struct sample *sample);

/* Instant of the newest known sample; ms 0: none. */
struct wall window_known_at(const struct window *window, uint32_t series_id);

/* Copies the samples in (from, to], oldest first, at most `most` (then the newest ones); returns
 * how many. */
size_t window_copy(const struct window *window, uint32_t series_id, struct wall from,
	struct wall to, struct sample *out, size_t most);

/* Bytes held in all, for the budget. */
size_t window_bytes(const struct window *window);
