#pragma once
/* What a small engine says: one host with two graphs, an alert, limits. See picture.c for values.
 */
#include "harness.h"
#include "model/source_state.h"

#include <stdint.h>

enum { PICTURE_T = 1800000000 }; /* of the live values, seconds */

/* Frames of one kind each. */
void picture_sync(struct harness *h, unsigned phase);
void picture_alert(struct harness *h, uint32_t id, unsigned level, unsigned state, const char *host,
	const char *suppressed_by);
void picture_host(struct harness *h, const char *host, int64_t last_seen_ms);
void picture_source(struct harness *h, const char *id, enum source_condition condition);
void picture_live(struct harness *h, uint32_t series, int64_t t_ms, double value);
void picture_service(struct harness *h, uint32_t id, const char *host, const char *name,
	const char *category, uint32_t first_series);

/* The whole of it. After it returns the role has taken it. */
void picture_send(struct harness *h);
