#pragma once
#include "incidents/store_batch.h"
#include "model/catalog.h"
#include "model/window.h"

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/*
 * Since when each series exists and when it had a known value last, over restarts. The last instant
 * is read from the window when somebody asks; what is kept here is what was true before the window
 * began. Costs 8 bytes per series and nothing per sample.
 */
struct seen;

struct seen_span {
	uint32_t first_s, last_s; /* seconds since 1970; 0: not known, never */
};

/* Both must outlive it. */
struct seen *seen_create(const struct catalog *catalog, const struct window *window);
void seen_destroy(struct seen *seen);

/* The series of a service exist since now, those that were there before keep what they have. */
void seen_begin(struct seen *seen, const struct service *service, struct wall now);

struct seen_span seen_of(const struct seen *seen, uint32_t series_id);

/* All series of a host as bytes for the store (nothing if it has none), and back; false: not
 * readable. */
void seen_pack(const struct seen *seen, const struct host *host, GByteArray *out);
MUST_USE bool seen_restore(struct seen *seen, const void *bytes, size_t length);
