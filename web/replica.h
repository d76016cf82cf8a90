#pragma once
#include "base/channel.h"
#include "model/catalog.h"
#include "model/mark.h"
#include "model/sample.h"
#include "model/source_state.h"
#include "rules/ruleset.h"

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/*
 * The web role's copy of the engine's state: what is answered comes from here, without asking
 * anybody. The engine sends a whole picture first (SYNC) and then each change. While a new picture
 * comes in the old one is shown; when the engine is gone the copy stays and says since when it is
 * stale.
 */
struct replica;

enum { REPLICA_EVENTS = 50, REPLICA_STRIP = 24 };

/* Levels are those of rules/ruleset.h, as on the wire. */
enum replica_state { ALERT_PENDING, ALERT_FIRING, ALERT_RECOVERING };

const char *replica_level_name(unsigned level); /* "ok" … "unknown" */
const char *replica_state_name(unsigned state); /* "pending", "firing", "recovering" */

struct replica_alert {
	uint32_t id, series_id;
	uint8_t level, state;
	int64_t since_ms;
	double value;  /* the rule's, canonical */
	double sample; /* of its series when it was told: in the field's own scale; NaN: none */
	char *rule, *host, *service, *field;
	char *value_text, *threshold_text, *summary, *info, *runbook;
	char *suppressed_by; /* "" if not */
};

struct replica_host {
	char *name, *group;
	bool up;
	int64_t last_seen_ms; /* 0: never */
	uint32_t step_s;
	char *error;
	char strip[REPLICA_STRIP + 1];
	bool configured; /* magpie.conf names it */
	char **tags;     /* NULL-terminated; NULL: none */
};

/* When a series began to exist and had a known value last, seconds since 1970; 0: not known. */
struct replica_span {
	uint32_t first_s, last_s;
};

struct replica_limit {
	char *rule;
	uint8_t level;
	bool below;
	double value;
};

struct replica_event {
	int64_t t_ms;
	char *kind, *object, *text;
};

struct replica_status {
	uint64_t series, samples, journal_sequence;
	double samples_per_s;
	int64_t rules_loaded_ms;
	char *complaint; /* "": none */
};

enum replica_change {
	CHANGE_PICTURE,     /* everything may be different; object NULL */
	CHANGE_DECLARED,    /* struct service * */
	CHANGE_ALERT,       /* struct replica_alert * */
	CHANGE_ALERT_GONE,  /* struct replica_alert *, for the last time */
	CHANGE_HOST,        /* struct replica_host * */
	CHANGE_SOURCE,      /* struct source_state * */
	CHANGE_SOURCE_GONE, /* its id */
	CHANGE_STATUS,      /* struct replica_status * */
	CHANGE_EVENT,       /* struct replica_event * */
	CHANGE_STALE,       /* stale or not any more; NULL */
};

typedef void (*replica_changed_fn)(void *owner, enum replica_change change, const void *object);

struct replica *replica_create(replica_changed_fn changed, void *owner);
void replica_destroy(struct replica *replica);

/* Takes a frame of the engine. PROTOCOL: it is not as promised. */
MUST_USE bool replica_take(struct replica *replica, const struct frame *frame, struct error *err);

/* The engine is gone. */
void replica_lost(struct replica *replica, struct wall now);

/* Whether a whole picture ever came, and whether it is out of date (`*since_ms`, may be NULL). */
bool replica_complete(const struct replica *replica);
bool replica_stale(const struct replica *replica, int64_t *since_ms);

/* All of these live until the loop's next turn at least; lists are sorted. */
const struct catalog *replica_catalog(const struct replica *replica);
const GPtrArray *replica_hosts(const struct replica *replica);  /* by group, then name */
const GPtrArray *replica_alerts(const struct replica *replica); /* worst first, then oldest */
const GPtrArray *replica_events(const struct replica *replica); /* newest first */
const struct replica_host *replica_host(const struct replica *replica, const char *name);
const struct replica_status *replica_status(const struct replica *replica);

/* struct source_state, by group, then id; one by its id (NULL: there is none). */
const GPtrArray *replica_sources(const struct replica *replica);
const struct source_state *replica_source(const struct replica *replica, const char *id);

/* struct replica_alert of one host, in no order; NULL: none. */
const GPtrArray *replica_alerts_of(const struct replica *replica, const char *host);

/* const struct mark *, by their begin, of one host or ("") of all hosts; NULL: none. */
const GPtrArray *replica_marks(const struct replica *replica, const char *host);

struct replica_span replica_span(const struct replica *replica, uint32_t series_id);

/* Newest value of a series; false: none yet. */
bool replica_last(const struct replica *replica, uint32_t series_id, struct sample *last);

/* struct replica_limit, or NULL. */
const GPtrArray *replica_limits(const struct replica *replica, uint32_t series_id);

/* Calls `fn` for the engine's and rrd's own numbers, sorted by name. */
void replica_each_statistic(const struct replica *replica,
	void (*fn)(void *owner, const char *name, double value), void *owner);
