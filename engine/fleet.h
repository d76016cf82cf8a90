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

/* A host that magpie.conf does not name and no source is asked for ends when it was silent so long.
 */
enum { FLEET_SILENT_MS = 60 * 1000 };

struct fleet {
	int64_t minute;
	unsigned told, untold;
	size_t turn;            /* of the hosts whose spans are stored next */
	GHashTable *unsaved;    /* names of hosts whose spans have to be stored now, owned */
	GHashTable *heard;      /* host name -> int64_t: ms of the last round with it, owned */
	GHashTable *late;       /* host name -> hour in which it was told that its samples are late */
	GHashTable *ended;      /* names of hosts of which a source went, owned */
	GHashTable *configured; /* host name -> struct config_host of the engine's config */
	struct wall since;      /* nobody can have been heard of before */
};

void fleet_init(struct fleet *fleet);
void fleet_finish(struct fleet *fleet);

/* What engine/intake.h calls. */
void fleet_round(struct engine *engine, const struct intake_round *round);
void fleet_source(struct engine *engine, unsigned collector, struct source_state *state);
void fleet_source_gone(struct engine *engine, const char *id);
void fleet_collector_lost(struct engine *engine, unsigned collector);
void fleet_late(struct engine *engine, uint32_t series_id, struct wall at);

/* A service is new or differs. */
void fleet_declared(struct engine *engine, const struct service *service);

/* What engine/publish.h calls: adds what magpie.conf says of a host to its frame. */
void fleet_host_facts(struct engine *engine, const char *host, struct frame_writer *w);

/* Another configuration and rule set are in force: hosts that it does not name any more end. */
void fleet_configure(struct engine *engine);

/* Whether magpie.conf names it, a source of it is asked, or it was heard of lately. */
bool fleet_is_watched(const struct engine *engine, const char *host);

/* Each second. */
void fleet_tick(struct engine *engine, struct wall now);

/* Everything into the batch that is stored next: the end is near. */
void fleet_save(struct engine *engine);
