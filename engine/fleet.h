#pragma once
#include "base/clock.h"
#include "engine/intake.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * What collectors tell of hosts and sources beside samples, and what follows from it: events, what
 * is stored of them, when they were seen, hosts that nobody watches any more.
 */
struct engine;

/* Events about hosts and sources within a minute; beyond it they are counted and told as one. */
enum { FLEET_EVENTS_PER_MINUTE = 60 };

struct fleet {
	int64_t minute;
	unsigned told, untold;
	size_t turn;         /* of the hosts whose spans are stored next */
	GHashTable *unsaved; /* names of hosts whose spans have to be stored now, owned */
};

void fleet_init(struct fleet *fleet);
void fleet_finish(struct fleet *fleet);

/* What engine/intake.h calls. */
void fleet_round(struct engine *engine, const struct intake_round *round);
void fleet_source(struct engine *engine, unsigned collector, struct source_state *state);
void fleet_source_gone(struct engine *engine, const char *id);
void fleet_collector_lost(struct engine *engine, unsigned collector);

/* A service is new or differs. */
void fleet_declared(struct engine *engine, const struct service *service);

/* What engine/publish.h calls: adds what magpie.conf says of a host to its frame. */
void fleet_host_facts(struct engine *engine, const char *host, struct frame_writer *w);

/* Each second. */
void fleet_tick(struct engine *engine, struct wall now);

/* Everything into the batch that is stored next: the end is near. */
void fleet_save(struct engine *engine);
