#pragma once
#include "base/loop.h"
#include "base/record.h"
#include "engine/apply.h"
#include "engine/inventory.h"
#include "model/journal.h"
#include "model/source_state.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The gate for what collectors send: declarations, samples, rounds that are over. What passes is
 * gathered for one turn of the loop, journalled as one record and then applied.
 */
struct intake;

struct intake_round {
	const char *group, *host, *error; /* error: clean text, "" if all was well */
	struct wall at;
	bool up;
	double took_s;
	uint32_t step_s, cpus; /* cpus 0: not known */
};

struct intake_handlers {
	/* A record is in the journal (sequence 0: the journal takes nothing) and was applied. */
	void (*applied)(void *owner, uint64_t sequence, size_t samples);
	/* One round with a host is over. */
	void (*round)(void *owner, const struct intake_round *round);
	/* One round with a source is over; what `state` holds may be taken. A source is gone. That
	 * collector is gone. */
	void (*source)(void *owner, unsigned collector, struct source_state *state);
	void (*source_gone)(void *owner, const char *id);
	void (*lost)(void *owner, unsigned collector);
	/* The first word to a collector that joined (KNOWN_SOURCES); borrowed. */
	struct frame_writer *(*known)(void *owner);
	/* A sample is too old to tell anything of now (rules/ruleset.h); it is taken all the same. */
	void (*late)(void *owner, uint32_t series_id, struct wall at);
	/* The time that the gate goes by; instants of collectors are translated into it. */
	struct wall (*now)(void *owner);
	struct wall (*translate)(void *owner, struct wall at);
	/* Store what was declared now; intake_stored() must follow, whatever comes of it. */
	void (*store)(void *owner);
	/* The generation in which a declaration made now will be stored. */
	uint64_t (*generation)(void *owner);
	void (*event)(void *owner, const char *kind, const char *object, const char *text);
	/* Puts in what the configuration says of a declaration; false: its name is taken by a graph of
	 * the configuration. */
	bool (*declared)(void *owner, struct service *service);
};

struct intake_parts {
	struct loop *loop;
	struct inventory *inventory;
	struct apply *apply;
	struct journal *journal;
};

struct intake_counts {
	uint64_t samples;  /* let in */
	uint64_t refused;  /* wrong instant */
	uint64_t unknown;  /* not declared, or its number is not stored */
	uint64_t late;     /* of those let in: too old to be judged */
	uint64_t declared; /* declarations */
};

struct intake *intake_create(
	const struct intake_parts *parts, const struct intake_handlers *handlers, void *owner);
void intake_destroy(struct intake *intake);

/* A new socket to that collector (taken); an earlier one of the same instance is dead. */
void intake_peer(struct intake *intake, unsigned instance, int fd);

/* Whether any collector is there to be heard. */
bool intake_hears(const struct intake *intake);

/* Numbers were given past the intake: samples wait until what is gathered now is stored. */
void intake_numbered(struct intake *intake);

/* All generations up to this one are on disk; those up to `released` will not be soon. Collectors
 * that waited go on. */
void intake_stored(struct intake *intake, uint64_t stored, uint64_t released);

/* Writes and applies what has been gathered. */
void intake_flush(struct intake *intake);

struct intake_counts intake_counts(const struct intake *intake);
