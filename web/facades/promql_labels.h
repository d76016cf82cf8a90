#pragma once
#include "base/attr.h"
#include "base/error.h"
#include "model/service.h"

#include <stdbool.h>

#include <glib.h>

/*
 * Series as Prometheus names them: the metric is SERVICE:FIELD with "_" for what may not stand in
 * such a name, and the labels field, group, host and service are the names as they are; so each
 * series can be told from its labels, whatever the metric became.
 */
enum promql_label {
	PROMQL_NAME,
	PROMQL_FIELD,
	PROMQL_GROUP,
	PROMQL_HOST,
	PROMQL_SERVICE,
	PROMQL_LABELS, /* how many; in the order of their names */
};

/* "__name__", "field" …; and back, PROMQL_LABELS for others. */
const char *promql_label_name(enum promql_label label);
enum promql_label promql_label_find(const char *name);

enum { PROMQL_METRIC_MAX = IDENT_SERVICE_MAX + IDENT_FIELD_MAX + 3 };
/* Writes the name of the metric into `out` and returns it. */
const char *promql_metric(const struct field *field, char out[PROMQL_METRIC_MAX]);

/* The value of a label of a series; `metric` is room for the name. */
const char *promql_label_of(
	const struct field *field, enum promql_label label, char metric[PROMQL_METRIC_MAX]);

/* -- matchers -- */
struct promql_matcher;

enum promql_match { PROMQL_IS, PROMQL_IS_NOT, PROMQL_LIKE, PROMQL_UNLIKE };

/* `label` may be one that no series has. CONFIG: not a regular expression, or one that is refused
 * (references backwards, looking around: not in RE2 either). */
MUST_USE struct promql_matcher *promql_matcher_create(
	const char *label, enum promql_match match, const char *value, struct error *err);
void promql_matcher_destroy(struct promql_matcher *matcher);

/* Whether a value matches; "" for a label that is not there. Remembers what it was asked. */
bool promql_matcher_matches(struct promql_matcher *matcher, const char *value);

/*
 * False once an expression took more steps on some value than are allowed, or more time on all
 * (hostile 40).
 */
enum { PROMQL_MATCHING_US = 300000 };
bool promql_matcher_sane(const struct promql_matcher *matcher);

/* Whether all matchers of a list are, and `*spent_us`, grown by what they took, is no more either.
 */
MUST_USE bool promql_matchers_sane(const GPtrArray *matchers, int64_t *spent_us, struct error *err);

enum promql_label promql_matcher_label(const struct promql_matcher *matcher);
enum promql_match promql_matcher_kind(const struct promql_matcher *matcher);
const char *promql_matcher_value(const struct promql_matcher *matcher);

/* -- selection -- */
struct catalog;
typedef bool (*promql_visible_fn)(void *owner, const struct field *field);
typedef void (*promql_field_fn)(void *owner, const struct field *field);

struct promql_selection {
	const GPtrArray *matchers;
	promql_visible_fn visible; /* of fields that match; NULL: those that are not gone */
	promql_field_fn found;
	void *owner;
};

/* Calls `found` for every series with values that matches, by group, host, service. Returns what it
 * cost: how many names were compared. */
size_t promql_select(const struct catalog *catalog, const struct promql_selection *selection);
