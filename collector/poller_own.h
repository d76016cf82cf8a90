#pragma once
#include "collector/poller.h"
#include "collector/schedule.h"
#include "model/source_state.h"

/*
 * The poller's own structs, for its two files: poller.c says when each source is asked,
 * poller_tell.c tells the engine how it is.
 */
/* What all sources of a host have in common. */
struct watched {
	unsigned refs;
	char *name;
	const struct entry
		*speaker;        /* the source that says whether the host as such is alive; NULL: none */
	struct mono up_at;   /* when anything of it answered last, or it was heard of first */
	int64_t patience_ms; /* so long nothing may answer */
};

struct entry {
	struct poller *poller;
	const struct config_source *settings; /* its host is held on to */
	struct watched *host;
	struct target *target;
	struct schedule plan;
	struct wall due;      /* the next round; while at work the slot of this one */
	struct wall at;       /* stamp of the round */
	GSequenceIter *place; /* NULL: at work */
	struct loop_timer *deadline;
	bool dirty; /* its state is to be told */
	/* as told */
	enum source_condition condition;
	struct wall since, last;
	uint32_t took_ms;
	char *version, *error;
};

struct poller {
	struct world *world;
	struct outbox *outbox;
	struct channel *channel;
	struct config *config;             /* in force */
	GHashTable *entries;               /* id -> struct entry *, owned */
	GHashTable *hosts;                 /* name -> struct watched * */
	GSequence *waiting;                /* struct entry *, by due */
	GPtrArray *gone;                   /* char *: ids to be told as gone */
	const struct discovery *discovery; /* NULL: nothing was looked for yet */
	struct loop_timer *timer;
	struct frame_writer *writer;
	struct wall looked; /* last time at the clock */
	size_t busy, dirty;
	uint64_t rounds, late;
	bool stopped;
};

/* Its state is to be told. */
void entry_mark(struct entry *entry);

/* Tells all that is marked, as far as the channel takes it. */
void poller_tell(struct poller *poller);

/* The same after a round of that entry, with what it brought. */
void poller_push_entry(struct poller *poller, struct entry *entry);
