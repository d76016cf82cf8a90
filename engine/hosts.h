#pragma once
#include "incidents/store_batch.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What is known of each host beside its series: when it answered last, what went wrong, and the
 * worst level of each of the last 24 hours.
 */
struct hosts;

struct hosts *hosts_create(void);
void hosts_destroy(struct hosts *hosts);

/* What the store had of a host. */
void hosts_restore(struct hosts *hosts, const struct store_host *host);

/* One round with the host is over. `error` is clean text, "" if all was well. */
struct hosts_round {
	struct wall at;
	bool up;
	uint32_t step_s;
	const char *error;
};

/* True if it is up now and was not, or the other way round, or is new. */
bool hosts_seen(struct hosts *hosts, const char *name, const struct hosts_round *round);

/* Notes a level (0 ok to 4 unknown) for the hour of `now`; true if the strip's letters changed. */
bool hosts_level(struct hosts *hosts, const char *name, unsigned level, struct wall now);

/* NULL: never heard of. Until the host changes. */
const struct store_host *hosts_find(const struct hosts *hosts, const char *name);

/* The strip as of `now`, oldest hour first. */
void hosts_strip(const struct store_host *host, struct wall now, char strip[STORE_STRIP + 1]);

/* All, in no order. */
void hosts_each(
	const struct hosts *hosts, void (*fn)(void *owner, const struct store_host *host), void *owner);
