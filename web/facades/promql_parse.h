#pragma once
#include "base/auto.h"
#include "base/error.h"
#include "web/facades/promql_labels.h"

#include <stdint.h>

#include <glib.h>

/*
 * A query in the part of PromQL that Magpie answers, as a tree. Pure. Text that is no PromQL is
 * refused as CONFIG; what is PromQL but not answered here (subqueries, "@", functions of
 * histograms …) as NOT_FOUND; both say at which character.
 */
enum {
	PROMQL_TEXT_MAX = 16384,
	PROMQL_DEPTH_MAX = 32,
	PROMQL_NODES_MAX = 500,
	PROMQL_ARGUMENTS_MAX = 3,
};

enum promql_type { PROMQL_SCALAR, PROMQL_VECTOR, PROMQL_RANGE, PROMQL_STRING };

enum promql_kind {
	PROMQL_NUMBER,
	PROMQL_TEXT,
	PROMQL_SELECTOR,
	PROMQL_CALL,
	PROMQL_AGGREGATE,
	PROMQL_BINARY,
	PROMQL_MINUS,
};

enum promql_operator {
	PROMQL_OR,
	PROMQL_AND,
	PROMQL_UNLESS,
	PROMQL_EQUAL,
	PROMQL_UNEQUAL,
	PROMQL_LESS,
	PROMQL_GREATER,
	PROMQL_AT_MOST,
	PROMQL_AT_LEAST,
	PROMQL_ADD,
	PROMQL_SUBTRACT,
	PROMQL_MULTIPLY,
	PROMQL_DIVIDE,
	PROMQL_MODULO,
	PROMQL_POWER,
};

static inline bool promql_is_set(enum promql_operator op)
{
	return op <= PROMQL_UNLESS;
}

static inline bool promql_is_comparison(enum promql_operator op)
{
	return op >= PROMQL_EQUAL && op <= PROMQL_AT_LEAST;
}

struct promql_function;
struct promql_aggregation;

struct promql_node {
	enum promql_kind kind;
	enum promql_type type;
	double number;
	char *text;
	/* -- selector -- */
	GPtrArray *matchers; /* struct promql_matcher *, owned */
	int64_t range_s;     /* 0: none */
	int64_t offset_s;
	/* -- call, aggregation -- */
	const struct promql_function *function;
	const struct promql_aggregation *aggregation;
	struct promql_node *arguments[PROMQL_ARGUMENTS_MAX];
	unsigned argument_count;
	/* -- operator -- */
	enum promql_operator op;
	bool gives_bool;
	/* labels that count: of by and on if `listed`, all but those of without and ignoring if not */
	bool listed;
	unsigned labels;
	int many;         /* group_left -1, group_right 1, else 0 */
	unsigned include; /* labels that come along from the one side */
	/* -- set by the evaluation: struct promql_leaf *, owned -- */
	GPtrArray *leaves;
};

MUST_USE struct promql_node *promql_parse(const char *text, struct error *err);

/* Only a selector without range, as match[] has it. */
MUST_USE struct promql_node *promql_parse_selector(const char *text, struct error *err);
void promql_node_destroy(struct promql_node *node);
DEFINE_AUTO(promql_node)

/* "5m", "1h30m", "1500ms"; milliseconds, more than 0. Returns its length, 0: none. */
size_t promql_read_duration(const char *text, int64_t *duration_ms);
