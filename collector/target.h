#pragma once
#include "collector/source.h"
#include "collector/world.h"

/*
 * A source at work: one thing that is asked each round (a munin-node, a probed service, a check …).
 * What is alike for all kinds is here and in collector/poller.h: when it is due, the deadline, the
 * splay, back-off, who owns which service of a host, what is told to the engine. What differs is a
 * `struct target_kind`, one per enum config_source_kind.
 *
 * A round: begin() -> the kind fills feeds and hands values over -> target_done(), exactly once,
 * now or later. Between rounds the kind keeps what it likes. All in the loop's thread.
 */
struct target;
struct poller;

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
};

/* How a round ended. */
struct target_result {
	bool alive;         /* something answered: the host is there */
	struct error error; /* kind not ERR_NONE: the source failed, text says at which stage and why */
	const char *version; /* of what answered ("munin-node 2.0.73"); NULL: as before */
};

struct target {
	const struct config_source *settings;
	struct world *world;
	struct source source;     /* its feeds: see target_declare() */
	void *state;              /* the kind's; NULL: create() failed */
	struct poller *poller;    /* NULL where there is none (doctor, tests) */
	struct target_state *own; /* collector/target.c's */
};

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

/* Milliseconds left of the round's deadline. */
int64_t target_left_ms(const struct target *target);

/* The table: kind by number; NULL: none of that number. */
const struct target_kind *target_kind(enum config_source_kind kind);
extern const struct target_kind target_host, target_node, target_push, target_service, target_check,
	target_exporter, target_plugin;
