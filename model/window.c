/*
 * The recent past of all series. One entry of 32 bytes for each series, in pages addressed by the
 * series' number; behind it a ring that grows with the samples (8, 16, 32, 60), so that a series
 * that was seen once costs little and a full one 640 bytes.
 *
 * A slot is a value and the distance to the sample before it, 16 bits in thousandths of the step:
 * instants are rounded to a thousandth of the step on one absolute grid, so that errors do not add
 * up. The newest instant is kept exactly.
 *
 * I1: distances are differences of grid numbers: instant i = grid(last) - sum of the later
 *     distances, in units of `step_s` milliseconds.
 * I2: a gap that does not fit into 16 bits (65 steps) drops what is older: it would be outside of
 *     every window that is asked for.
 */
#include "model/window.h"

#include <math.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

enum { PAGE = 1024, MALLOC_OVERHEAD = 8, INDEX_BITS = 10, INDEX_MASK = (1 << INDEX_BITS) - 1 };

struct entry {
	double *ring;     /* capacity values, then capacity distances (uint16_t) */
	int64_t last_ms;  /* instant of the newest sample */
	int64_t known_ms; /* of the newest known one; 0: none */
	uint64_t step_s : 32;
	uint64_t head : INDEX_BITS; /* slot that is written next */
	uint64_t count : INDEX_BITS, capacity : INDEX_BITS;
};

struct window {
	struct entry **pages;
	size_t page_count, bytes;
};

G_STATIC_ASSERT(sizeof(struct entry) == 32 && (int)WINDOW_MOST <= (int)INDEX_MASK);

/* How many samples of a step are held. */
static unsigned samples_most(uint32_t step_s)
{
	return MAX((unsigned)WINDOW_SAMPLES, (WINDOW_SPAN_S + step_s - 1) / step_s);
}

static size_t ring_bytes(unsigned capacity)
{
	return capacity * (sizeof(double) + sizeof(uint16_t));
}

static uint16_t *distances(const struct entry *e)
{
	return (uint16_t *)(void *)(e->ring + e->capacity);
}

struct window *window_create(void)
{
	struct window *w = g_new0(struct window, 1);
	w->bytes = sizeof(*w) + MALLOC_OVERHEAD;
	return w;
}

void window_destroy(struct window *window)
{
	if (!window) {
		return;
	}
	for (size_t p = 0; p < window->page_count; p++) {
		for (size_t i = 0; window->pages[p] && i < PAGE; i++) {
			g_free(window->pages[p][i].ring);
		}
		g_free(window->pages[p]);
	}
	g_free(window->pages);
	g_free(window);
}

static const struct entry *find(const struct window *w, uint32_t id)
{
	size_t page = id / PAGE;
	if (page >= w->page_count || !w->pages[page]) {
		return NULL;
	}
	const struct entry *e = &w->pages[page][id % PAGE];
	return e->count ? e : NULL;
}

static struct entry *make(struct window *w, uint32_t id)
{
	size_t page = id / PAGE;
	if (page >= w->page_count) {
		size_t count = MAX(page + 1, w->page_count * 2);
		w->pages = g_renew(struct entry *, w->pages, count);
		memset(w->pages + w->page_count, 0, (count - w->page_count) * sizeof(*w->pages));
		w->bytes += (count - w->page_count) * sizeof(*w->pages);
		w->page_count = count;
	}
	if (!w->pages[page]) {
		w->pages[page] = g_new0(struct entry, PAGE);
		w->bytes += PAGE * sizeof(struct entry) + MALLOC_OVERHEAD;
	}
	return &w->pages[page][id % PAGE];
}

/* The ring with the next capacity, its samples moved to the front in order. */
static void grow(struct window *w, struct entry *e)
{
	unsigned most = samples_most(e->step_s);
	unsigned next = e->capacity ? 2U * e->capacity : 8;
	struct entry wide = *e;
	wide.capacity = MIN(next, most) & INDEX_MASK;
	wide.ring = g_malloc(ring_bytes(wide.capacity));
	uint16_t *to = distances(&wide);
	for (unsigned i = 0; i < e->count; i++) {
		unsigned slot = (e->head + e->capacity - e->count + i) % e->capacity;
		wide.ring[i] = e->ring[slot];
		to[i] = distances(e)[slot];
	}
	wide.head = e->count;
	w->bytes += ring_bytes(wide.capacity) - ring_bytes(e->capacity);
	w->bytes += e->ring ? 0 : MALLOC_OVERHEAD;
	g_free(e->ring);
	*e = wide;
}

static int64_t grid(int64_t ms, uint32_t step_s)
{
	return ms / (int64_t)step_s;
}

/* A series whose step changes begins anew: its distances were in another unit. */
static void restep(struct entry *e, uint32_t step_s)
{
	e->step_s = step_s;
	e->count = 0;
	e->head = 0;
}

void window_push(
	struct window *window, uint32_t series_id, uint32_t step_s, struct wall at, double value)
{
	struct entry *e = make(window, series_id);
	step_s = step_s ? step_s : 1;
	if (at.ms <= e->last_ms) {
		return;
	}
	if (e->step_s != step_s) {
		restep(e, step_s);
	}
	int64_t distance = e->count ? grid(at.ms, e->step_s) - grid(e->last_ms, e->step_s) : 0;
	if (distance > UINT16_MAX) {
		distance = 0;
		e->count = 0;
	}
	if (e->count == e->capacity && e->capacity < samples_most(step_s)) {
		grow(window, e);
	}
	unsigned head = e->head == e->capacity ? 0 : e->head;
	e->ring[head] = value;
	distances(e)[head] = (uint16_t)distance;
	e->head = (head + 1) & INDEX_MASK;
	e->count = (e->count + (e->count < e->capacity)) & INDEX_MASK;
	e->last_ms = at.ms;
	if (!isnan(value)) {
		e->known_ms = at.ms;
	}
}

static unsigned newest(const struct entry *e)
{
	return e->head ? e->head - 1U : e->capacity - 1U;
}

bool window_last(const struct window *window, uint32_t series_id, struct sample *sample)
{
	const struct entry *e = find(window, series_id);
	if (!e) {
		return false;
	}
	*sample = (struct sample){{e->last_ms}, e->ring[newest(e)]};
	return true;
}

struct wall window_known_at(const struct window *window, uint32_t series_id)
{
	const struct entry *e = find(window, series_id);
	return (struct wall){e ? e->known_ms : 0};
}

size_t window_copy(const struct window *window, uint32_t series_id, struct wall from,
	struct wall to, struct sample *out, size_t most)
{
	const struct entry *e = find(window, series_id);
	if (!e || !most) {
		return 0;
	}
	/* Backwards from the newest; then turned round. */
	size_t n = 0;
	unsigned slot = newest(e);
	int64_t at = e->last_ms;
	int64_t number = grid(at, e->step_s);
	for (unsigned i = 0; i < e->count && at > from.ms && n < most; i++) {
		if (at <= to.ms) {
			out[n++] = (struct sample){{at}, e->ring[slot]};
		}
		number -= distances(e)[slot];
		at = number * (int64_t)e->step_s;
		slot = slot ? slot - 1 : e->capacity - 1U;
	}
	for (size_t i = 0; i < n / 2; i++) {
		struct sample later = out[i];
		out[i] = out[n - 1 - i];
		out[n - 1 - i] = later;
	}
	return n;
}

size_t window_bytes(const struct window *window)
{
	return window->bytes;
}
