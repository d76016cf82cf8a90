#pragma once
#include "base/auto.h"
#include "base/error.h"
#include "base/loop.h"

#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/*
 * Pictures, drawn in child processes: librrd's graphs are not safe beside anything else in a
 * process, may crash on a file, and take milliseconds that the role does not have. Children are
 * forked from a small nursery, born with the role, and replaced when they die or are too slow.
 */
struct render;

enum {
	RENDER_CHILDREN_MAX = 8,
	RENDER_IDLE_MS = 60000, /* then a further child ends */
	RENDER_QUEUE_MAX = 64,
	RENDER_SECONDS = 10, /* for one picture; then its child is ended by a signal */
	RENDER_BYTES_MAX = 32 << 20,
};

/*
 * One picture. `prepare` is called when a child is free and no other picture with the same key is
 * being drawn: it gives the arguments of rrd_graph_v (texts, g_malloc; taken) or NULL and an error.
 * Then `done` is called exactly once, with the picture or with an error (picture NULL). After
 * render_destroy() it is not called any more, `drop` is.
 */
struct render_job {
	uint64_t key;
	GPtrArray *(*prepare)(void *owner, struct error *err);
	void (*done)(void *owner, const void *picture, size_t length, const struct error *why);
	void (*drop)(void *owner);
	void *owner;
};

/* How many children draw at the same time at most: one per core. The first one is always there, the
 * others come with the work and go when there is none. */
unsigned render_children(void);

/* Forks the nursery: to be called while the process has one thread and few descriptors. */
MUST_USE struct render *render_create(struct loop *loop, struct error *err);
void render_destroy(struct render *render);
DEFINE_AUTO(render)

/* False (CONFLICT): too many wait already; nothing is called then. */
MUST_USE bool render_submit(struct render *render, const struct render_job *job, struct error *err);

/* Children that ended without being asked to, since the start. */
uint64_t render_deaths(const struct render *render);
