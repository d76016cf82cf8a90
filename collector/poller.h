#pragma once
#include "base/channel.h"
#include "collector/outbox.h"
#include "collector/target.h"

/*
 * Who is asked, and when: all sources of the configuration. Each has its own slots (spread by its
 * name, so that a thousand are not asked at once), its own deadline, and after failures of a node a
 * back-off of at most a few minutes. None waits for another: a source is begun when it is due and
 * ended when it answers or its deadline passes. What came in goes to the outbox, what is to be said
 * of the source itself to the engine (SOURCE), and whether its host is alive too (HOST_SEEN).
 */
struct poller;

enum {
	POLLER_BUSY_MAX = 4000,  /* rounds under way at a time */
	POLLER_BACK_OFF_S = 300, /* greatest time between two tries of a node that does not answer */
	POLLER_FIRST_MS = 10000, /* first rounds are spread over this */
	POLLER_LATE_MS = 1000,   /* a round begun later than this after its slot counts as late */
};

/* `world` and `outbox` outlive it. */
struct poller *poller_create(struct world *world, struct outbox *outbox);
void poller_destroy(struct poller *poller); /* NULL allowed */

/*
 * These sources from now on; takes `config`. One whose fingerprint is the same goes on undisturbed,
 * one that is gone is told to the engine, a changed or new one begins anew.
 */
void poller_configure(struct poller *poller, struct config *config);

/* What poller_configure() was given last; until the next call. */
const struct config *poller_config(const struct poller *poller);

/*
 * Services of this machine that were found (collector/services/discover.h), borrowed; to be called
 * after every scan that brought something new. They are sources beside those of the configuration
 * for as long as they are in that list.
 */
struct discovery;
void poller_discovered(struct poller *poller, const struct discovery *discovery);

/* The channel to the engine (borrowed; NULL: none): all states are said again. */
void poller_connect(struct poller *poller, struct channel *channel);

/* Sends what waits: rounds, declarations, states. To be called when the channel drained. */
void poller_push(struct poller *poller);

/* Begins no more rounds. */
void poller_stop(struct poller *poller);

struct poller_state {
	size_t sources, busy;
	uint64_t rounds, late; /* begun since the start; of these late */
	int64_t overdue_ms;    /* how long the source that is due first has waited, 0: none waits */
};
struct poller_state poller_state(const struct poller *poller);
