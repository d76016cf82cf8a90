#pragma once
#include "collector/source.h"
#include "collector/world.h"

/*
 * A source at work: one thing that is asked each round (a munin-node, a probed service, a check …).
 * What is alike for all kinds is here (feeds, who owns which service of a host, complaints) and in
 * collector/poller.h (when it is due, the deadline, back-off, what is told to the engine). What
 * differs is a `struct target_kind`: one row of targets.def per enum config_source_kind.
 *
 * A round: begin() -> the kind fills feeds and hands values over -> target_done(), exactly once,
 * now or later. Between rounds the kind keeps what it likes. All in the loop's thread.
 */
struct target;

struct target_kind {
	/* Makes the kind's state from target->settings (which outlive it). NULL: it cannot work; the
	 * error is shown as the source's, and it is tried again at the next round. */
	void *(*create)(struct target *target, struct error *err);
	/* A round begins; `at` is its stamp for values that carry no time of their own. */
	void (*begin)(void *state, struct wall at);
	/* The deadline passed, or the target ends: let go of every socket and run; target_done() is not
	 * called any more for this round. What was fed and not handed over is dropped. */
	void (*cancel)(void *state);
	void (*destroy)(void *state);
	/* Whether its answer says that the host as such is alive (node, exporter), as against one
	 * service of it. */
	bool speaks_for_host;
	/* Its feeds, where they are not target->source (which is what NULL means). */
	struct source *(*feeds)(void *state);
};

/* How a round ended. */
struct target_result {
	bool alive;         /* something answered: the host is there */
	struct error error; /* kind not ERR_NONE: the source failed, text says at which stage and why */
	const char *version; /* of what answered ("munin-node 2.0.73"); NULL: as before */
};

/* Who runs a target: the poller, `magpie doctor`, a test. Values are to be taken before the call
 * returns. */
struct target_sink {
	/* Values measured at `at`: those of `feed`, or NULL: of all feeds of `source` that are fresh.
	 */
	void (*samples)(void *owner, struct target *target, struct source *source, struct feed *feed,
		struct wall at);
	/* The round is over. The target may be destroyed or begun anew inside. */
	void (*done)(void *owner, struct target *target, const struct target_result *result);
};

struct target {
	const struct target_kind *kind;
	const struct config_source *settings;
	struct world *world;
	struct source source;     /* its feeds: see target_declare() */
	void *state;              /* the kind's; NULL: create() failed */
	struct target_state *own; /* collector/target.c's */
};

/* -- for who runs it -- */

/* `settings` and `world` are borrowed and outlive the target. Never NULL: where the kind cannot
 * work, each round says so. */
struct target *target_create(const struct config_source *settings, struct world *world,
	const struct target_sink *sink, void *owner);
void target_destroy(struct target *target); /* NULL allowed; cancels a round */

/* A round begins, which has `deadline_ms` from now. The target must not be busy. */
void target_begin(struct target *target, struct wall at, int64_t deadline_ms);

/* Ends a round: done() is called with TIMEOUT and the stage it was at, if known. */
void target_expire(struct target *target);

bool target_busy(const struct target *target);
struct source *target_feeds(struct target *target);
struct mono target_began(const struct target *target);

/* What plugins complained about last, sorted by name; borrowed until the next call on the target.
 */
struct target_complaint {
	const char *plugin, *text;
};
size_t target_complaints(const struct target *target, struct target_complaint *out, size_t room);

/* -- for kinds -- */

/*
 * Declares a service of the host (takes `service`), anew or again: the feed, in which values can be
 * set; valid until the service is ended. NULL: another source of this host has a service of that
 * name already ("service collision", told as complaint about `plugin`), or it is a reserved name.
 */
struct feed *target_declare(struct target *target, const char *plugin, struct service *service);

/* The service's feed; NULL: not declared. */
struct feed *target_find(const struct target *target, const char *service);

/* Service that the source does not have any more: its fields are marked gone. Handed over at once.
 */
void target_end(struct target *target, struct feed *feed);

/*
 * Hands over the values of all feeds that are fresh, measured at `at`, and begins anew (values
 * unknown, not fresh). Any number of times in a round, so that several samples of a series, older
 * ones too, can be given: in rising order of time per series.
 */
void target_hand_over(struct target *target, struct wall at);

/* As target_hand_over for one feed only. */
void target_hand_over_feed(struct target *target, struct feed *feed, struct wall at);

/* For kinds that keep feeds of their own (feeds()): whether this source may yield the service;
 * target_declare() asks by itself. False: told as complaint. */
bool target_claim_feed(struct target *target, struct feed *feed);

/* The last thing a plugin (or stage) of the source had to complain about, shown with the source
 * until target_content(). Text need not be clean. At most TARGET_COMPLAINTS_MAX are kept. */
enum { TARGET_COMPLAINTS_MAX = 64 };
void target_complain(struct target *target, const char *plugin, const char *format, ...)
	PRINTF_LIKE(3, 4);
void target_content(struct target *target, const char *plugin);

/* The round is over; fresh feeds are handed over with the round's stamp. */
void target_done(struct target *target, const struct target_result *result);

/* A step for people (doctor); costs nothing where nobody listens. */
void target_trace(struct target *target, const char *step, bool good, const char *format, ...)
	PRINTF_LIKE(4, 5);
bool target_traced(const struct target *target);

/* What the round is doing now ("connect", "fetch df"), named if the deadline passes. Copied. */
void target_doing(struct target *target, const char *stage);

/* Milliseconds left of the round's deadline. */
int64_t target_left_ms(const struct target *target);

/* The table: kind by number; NULL: none of that number. */
const struct target_kind *target_kind(enum config_source_kind kind);
