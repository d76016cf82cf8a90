#pragma once
#include "rules/alert.h"
#include "rules/plan.h"

/*
 * What a rule set is made of behind ruleset.h.
 */
enum { WHEEL_SLOTS = 4096 /* seconds */, PAUSES_KEPT = 16 };

/* A host as rules see it. */
struct rule_host {
	char *name, *group;
	int64_t seen_ms;      /* the host answered; 0: not yet */
	int64_t carried_ms;   /* silence before a restart or reload, counted on; see state.c */
	int64_t first_ms;     /* first tick that knew it: node:age of a host that never answered */
	GPtrArray *instances; /* struct instance *, of all rules */
	uint64_t version;     /* of the catalog's host when all of it was looked at; 0: not yet */
	bool retired;         /* nobody watches it any more: its age says nothing */
};

/* Units of the operands of an instance; shared by all with the same. */
struct shape {
	unsigned count;
	struct series_type *types;
	struct unit unit; /* of the value */
	bool fits;
};

struct instance {
	struct bound_rule *bound;
	const struct plan *plan;
	const struct shape *shape;
	struct rule_host *host;
	struct alert alert;
	int64_t sample_ms; /* instant judged last; 0: none */
	int64_t known_ms;  /* newest instant with a known value; 0: none ever */
	double value;      /* canonical; NaN: unknown */
	uint32_t number;
	uint32_t step_s;
	bool live;     /* all series of the value are there: it is judged */
	bool dirty;    /* changed since the last save */
	bool pristine; /* ok, and nothing runs */
	bool idle;     /* `only when` was false when last known: ok, whatever is missing */
	bool on_wheel;
	bool retired;           /* nobody watches it: ok until a newer sample comes */
	uint32_t told_stamp;    /* batch that told something of it last */
	uint32_t stamp;         /* batch that judged it last */
	uint32_t active_index;  /* place in ruleset->active + 1; 0: not there */
	const char *suppressor; /* name of the parent rule; NULL: none */
	int64_t release_ms;     /* the parent is over: suppressed until then; 0: it is not over */
	struct instance *wheel_next;
	const char *key;   /* in ruleset->texts */
	const char **dims; /* values, beside rule->dims (for those of the instance); behind operands */
	const char *service, *field,
		*label;                    /* of the series it is about; "" if there is no single one */
	struct operand_ref operands[]; /* beside rule->operands */
};

/* The instances that read a series. There is one of these for every series: it is kept small. */
struct listeners {
	uint32_t count;
	struct instance *instances[];
};

/* A rule with what it is bound to. Keys are in ruleset->texts. */
struct bound_rule {
	struct rule *rule;
	struct ruleset *set;
	GHashTable *instances; /* key of dimensions -> struct instance * (owned) */
	GHashTable **found;    /* per operand: key of its dimensions -> struct field * */
	GPtrArray *incomplete; /* instances that miss a series */
	GPtrArray *plans;      /* struct plan *, owned */
	GPtrArray *shapes;     /* struct shape *, owned */
};

struct ruleset {
	struct syntax *syntax;
	GPtrArray *rules;      /* struct bound_rule *, owned, by rank then order of files */
	GHashTable *by_name;   /* name -> struct bound_rule * */
	GHashTable *literal;   /* plugin name -> GArray of struct watch_entry */
	GArray *patterns;      /* struct watch_entry: operands with a pattern as plugin */
	GPtrArray *host_rules; /* struct bound_rule * driven by node:age */
	GHashTable *hosts;     /* name -> struct rule_host * (owned) */
	GHashTable *services;  /* struct service * -> number of fields seen, and its step; see bind.c */
	GPtrArray *by_series;  /* series id -> struct listeners *, owned; NULL: none */
	GPtrArray *timed;      /* instances that are judged on every tick */
	GPtrArray *active;     /* instances whose level or candidate is not ok */
	struct instance *wheel[WHEEL_SLOTS];
	int64_t wheel_s;     /* second up to which the wheel has turned; 0: not begun */
	GHashTable *saved;   /* key -> GBytes: states of instances that are not bound yet */
	GPtrArray *dirty;    /* instances changed since the last save */
	GStringChunk *texts; /* names and keys that instances point to */
	struct diag_list *complaints;
	GArray *events;                /* struct transition of this batch */
	const struct window *window;   /* given last */
	const struct catalog *catalog; /* bound last */
	uint64_t catalog_version;
	bool bound_once;
	uint32_t stamp, numbers;
	int64_t started_ms; /* first instant it heard of, or of the first tick after a pause */
	int64_t ticked_ms;  /* last tick; 0: none yet */
	struct pause pauses[PAUSES_KEPT]; /* the latest ones */
	size_t pause_count;
	size_t live;
};

struct watch_entry {
	struct bound_rule *bound;
	unsigned operand;
};

/* -- between the files of the rule set -- */
struct rule_host *bind_host(struct ruleset *set, const char *name);
void instance_destroy(struct instance *instance);
void judge_wheel_add(struct ruleset *set, struct instance *instance, int64_t due_ms);
void judge_mark(struct ruleset *set, struct instance *instance);
void judge_activate(struct ruleset *set, struct instance *instance);

/* Notes what became of an alert at `at_ms`; to be told with judge_tell(). */
void judge_collect(
	struct ruleset *set, struct instance *instance, const struct alert *before, int64_t at_ms);
void judge_tell(struct ruleset *set, struct wall now, ruleset_transition_fn fn, void *owner);

/* The newest instant for which all its series have spoken, ms 0: none. */
int64_t judge_instant(const struct instance *instance, const struct window *window);

/* Whether its value can be missing: it comes from samples, not from the clock alone. */
bool judge_by_samples(const struct instance *instance);
void state_apply(struct ruleset *set, struct instance *instance);
