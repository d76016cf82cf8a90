#pragma once
#include "base/auto.h"
#include "base/bundle.h"
#include "base/clock.h"
#include "model/catalog.h"
#include "model/window.h"

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/*
 * A rule set in force: checked rules bound to the catalog, and one state machine per instance.
 * Pure: time and samples come in by argument, transitions go out by callback; the same input gives
 * the same transitions, live, in a test or a replay.
 */
struct diag_list;
struct ruleset;
struct instance; /* one rule on one combination of its value's dimensions */

enum level { LEVEL_OK, LEVEL_NOTICE, LEVEL_WARN, LEVEL_CRIT, LEVEL_UNKNOWN, LEVEL_COUNT };

/* "ok", "notice", "warning", "critical", "unknown": the words of the API. */
const char *level_name(enum level level);

/* What rules may name beside series: the administrator's names from magpie.conf. */
struct ruleset_names {
	const char *const *contacts; /* channels, people, teams */
	size_t contact_count;
};

/*
 * Parses and checks all rule files of the bundle (all names ending in ".magpie"), and the rules
 * that come with Magpie if `with_default`. All complaints of all files go to `diags`; NULL if one
 * of them is an error.
 */
MUST_USE struct ruleset *ruleset_load(const struct bundle *bundle, bool with_default,
	const struct ruleset_names *names, struct diag_list *diags);
void ruleset_destroy(struct ruleset *ruleset);
DEFINE_AUTO(ruleset)

/*
 * What became known only when rules met series: overrides that tie for an instance (E310), units
 * that do not fit (E401; such an instance is not judged) or were assumed (W402). Grows with
 * ruleset_bind; lives as long as the rule set.
 */
struct diag_list *ruleset_complaints(struct ruleset *ruleset);

/* Whether a file of that name belongs to a rule set (ends in ".magpie" and is no magpie.conf). */
bool ruleset_is_rule_file(const char *name);

/* Makes instances for what the catalog has now and had not at the last call; cheap when its version
 * is the same. */
void ruleset_bind(struct ruleset *ruleset, const struct catalog *catalog);

/* A change of an instance's level, or of what is pending; valid during the callback. */
struct transition {
	struct instance *instance;
	enum level from, to; /* equal when only pending, recovering or a suppression began or ended */
	struct wall at;      /* sample time that decided */
	bool level_changed;
};

typedef void (*ruleset_transition_fn)(void *owner, const struct transition *transition);

/*
 * Samples of one batch are in the window: judges the instances that read one of these series.
 * `window` must live as long as texts of instances are asked for: they may hold expressions.
 */
void ruleset_step(struct ruleset *ruleset, const struct window *window, const uint32_t *series_ids,
	size_t count, struct wall now, ruleset_transition_fn fn, void *owner);

/* Samples older than this, and than so many steps, are in the window only (hostile 32). */
enum { RULESET_LATE_MS = 10 * 60 * 1000, RULESET_LATE_STEPS = 3 };

/* The host answered (feeds the built-in series node:age). */
void ruleset_host_seen(struct ruleset *ruleset, const char *host, struct wall at);

/*
 * What depends on time alone: missing samples, node:age. Once a second, while there is anybody to
 * hear from: a pause of more than five seconds between two ticks does not count as anybody's
 * silence.
 */
void ruleset_tick(struct ruleset *ruleset, const struct window *window, struct wall now,
	ruleset_transition_fn fn, void *owner);

/* -- an instance, for people -- */
struct instance_view {
	const char *key; /* stable over restarts and reloads: rule and dimensions */
	uint32_t number; /* of this process, from 1 */
	const char *rule, *host, *service, *field; /* "" where the rule has no such dimension */
	enum level level;                          /* in force */
	enum level candidate; /* pending: the higher level whose condition holds; recovering: LEVEL_OK;
							 else == level */
	struct wall since;    /* of the level, or of the condition while pending from ok */
	struct wall sample_at;
	uint32_t
		series_id; /* of the value if it is one bare series, else the first one it reads; 0: none */
	double value;  /* canonical: seconds, bytes, 1 for 100 %; NaN: unknown */
	const char *suppressed_by; /* the parent rule (`unless`) that hides it, "" if none does */
	const char *const
		*notify; /* contacts the rule names, NULL-terminated; empty: the default ones */
	enum level notify_at;
};

struct instance_view instance_view(const struct instance *instance);

/* Value and threshold in the value's own unit ("97.5 %", "> 92 % for 10 m"), rendered texts.
 * Appended to `out`. */
void instance_value_text(const struct instance *instance, GString *out);
void instance_threshold_text(const struct instance *instance, GString *out);
void instance_summary(const struct instance *instance, GString *out);
void instance_info(const struct instance *instance, GString *out);
void instance_runbook(const struct instance *instance, GString *out);

/* Calls `fn` for all instances whose level is not ok or that are pending (`all`: for every one). */
void ruleset_each(const struct ruleset *ruleset, bool all,
	void (*fn)(void *owner, struct instance *instance), void *owner);

/* Constant thresholds on a bare series, in the field's own scale, to be drawn. Returns how many
 * were written. */
struct ruleset_limit {
	const char *rule;
	enum level level;
	bool below; /* a problem below the limit, else above */
	double value;
};
size_t ruleset_limits(
	const struct ruleset *ruleset, uint32_t series_id, struct ruleset_limit *out, size_t most);

/* -- state over a restart or reload -- */
/* Hands out the state of each instance that changed since the last save (or all): key and a
 * versioned block of bytes. */
void ruleset_save(struct ruleset *ruleset, bool all,
	void (*row)(void *owner, const char *key, const void *state, size_t length), void *owner);

/* Puts a saved state back; takes effect when the instance is (or becomes) bound. Unknown keys are
 * kept until then. */
void ruleset_restore(struct ruleset *ruleset, const char *key, const void *state, size_t length);

/* Names of rules and their source text, for pages. Index < ruleset_rule_count(). */
struct ruleset_rule {
	const char *name, *file, *source;
	unsigned line;
	size_t instances;
};
size_t ruleset_rule_count(const struct ruleset *ruleset);
struct ruleset_rule ruleset_rule(const struct ruleset *ruleset, size_t index);
