#pragma once
#include "base/role.h"
#include "engine/account.h"
#include "engine/apply.h"
#include "engine/dispatch.h"
#include "engine/feed.h"
#include "engine/fleet.h"
#include "engine/graphs.h"
#include "engine/hosts.h"
#include "engine/intake.h"
#include "engine/inventory.h"
#include "engine/keeper.h"
#include "engine/marks.h"
#include "engine/orders.h"
#include "engine/publish.h"
#include "engine/seen.h"
#include "engine/sources.h"
#include "engine/steady.h"
#include "engine/tasks.h"
#include "model/config.h"
#include "rules/ruleset.h"

/*
 * The parts of the engine and what joins them. Each part knows only those above it in its own
 * header; what happens across them is in the callbacks of engine/engine.c.
 */
struct engine {
	struct role *role;
	struct loop *loop;
	struct catalog *catalog;
	struct window *window;
	struct journal *journal;
	struct hosts *hosts;
	struct sources *sources;
	struct seen *seen;
	struct marks *marks;
	struct fleet fleet;
	struct graphs *graphs;
	struct frame_writer *writer; /* for what is stored as a frame's payload */
	struct keeper *keeper;
	struct inventory *inventory;
	struct apply *apply;
	struct intake *intake;
	struct feed *feed;
	struct tasks *tasks;
	struct backup *backup;
	uint64_t backup_task; /* of which the rrd roles have just done their part; 0: none */
	struct publish *publish;
	struct dispatch *dispatch;
	struct account *account;
	struct channel *runner;  /* NULL: gone */
	struct config *config;   /* in force */
	struct ruleset *ruleset; /* in force */
	GArray *alerts_waiting;  /* of engine/evaluate.c: to be shown when stored */
	GHashTable *alerts_told; /* of engine/evaluate.c: number of instance -> what is shown, owned */
	GArray *changed;         /* uint32_t ids of services whose limits are to be told */
	struct loop_timer *tick, *ending;
	uint64_t applied; /* last journal sequence that took effect */
	uint64_t turns;   /* progress, for the supervisor */
	uint64_t samples_before;
	double samples_per_s;
	struct wall rules_loaded;
	struct steady steady;        /* the time that samples and rules go by */
	size_t rules_complaints;     /* about rules in force, told so far */
	char *complaint;             /* about a configuration that was refused; "" */
	struct store_batch *early;   /* events from before there was a keeper */
	uint64_t stored_position;    /* journal sequence that the state on disk has seen */
	uint64_t datafile_changed_s; /* of Munin's datafile that was read last; 0: none was */
	unsigned ticks;
	bool retiring; /* a problem ends because nobody watches the host or service any more */
	bool stopping; /* the end is clean: the rest is stored */
	bool anew;     /* it ends to begin anew with what engine/change.h has stored */
	struct mono stop_until;
};

/* Everything up to and including recovery; NULL: the data directory cannot be used. */
struct engine *engine_create(struct role *role, struct error *err);
void engine_destroy(struct engine *engine);

/* A new socket to another role (taken). */
void engine_peer(struct engine *engine, unsigned peer, unsigned instance, int fd);

/*
 * The end is near: what has been gathered is journalled, made durable and given to the rrd roles (5
 * s at most), then role_stopped(); engine_destroy() will store the rest.
 */
void engine_stop(struct engine *engine);

/* Looks at the clocks; the time now. */
struct wall engine_now(struct engine *engine);

/* Tells people: log, store, page. */
void engine_event(struct engine *engine, const char *kind, const char *object, const char *text);

/* The same without a line in the log: another role has logged it. */
void engine_note(struct engine *engine, const char *kind, const char *object, const char *text);
