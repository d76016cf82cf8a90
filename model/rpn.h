#pragma once
#include "base/auto.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/*
 * The expressions of Munin's `cdef`: reverse Polish notation as rrdtool understands it
 * (rrdgraph_rpn(3)), checked before anything is computed: known operators only, at most
 * RPN_TOKENS_MAX tokens, the stack never empty and never deeper than RPN_DEPTH_MAX, exactly one
 * value left. So evaluation cannot fail; what is undefined (a division by zero, a logarithm of
 * nothing) is unknown, NaN.
 *
 * Names in an expression are fields of the same service, as stored; a cdef never sees the result of
 * another one, so there are no cycles.
 */
struct rpn;

enum { RPN_TOKENS_MAX = 256, RPN_DEPTH_MAX = 32, RPN_NAMES_MAX = 64, RPN_TEXT_MAX = 4096 };

/*
 * Reads `length` bytes. CONFIG: what is wrong, with the token; NULL then. Operators that need other
 * rows than the one before (TREND, PREDICT and their like) are refused.
 */
MUST_USE struct rpn *rpn_parse(const char *text, size_t length, struct error *err);
void rpn_destroy(struct rpn *rpn);
DEFINE_AUTO(rpn)

/* The names the expression reads, each once, in the order of their first use. */
size_t rpn_name_count(const struct rpn *rpn);
const char *rpn_name(const struct rpn *rpn, size_t index);

/* Where a span of values lies: row i ends at t0_s + (i + 1) * step_s. */
struct rpn_span {
	int64_t t0_s, step_s, now_s;
	size_t rows;
};

/*
 * Computes `span.rows` values into `out`. `columns[i]` holds the rows of rpn_name(i), or is NULL:
 * all unknown. Infinite results are unknown.
 */
void rpn_evaluate(
	const struct rpn *rpn, const struct rpn_span *span, const double *const *columns, double *out);

/*
 * Appends the expression in rrdtool's own syntax, each name replaced by what `name` appends for its
 * index; nothing of the original text but checked operators and numbers is passed on.
 */
void rpn_append(const struct rpn *rpn,
	void (*name)(void *owner, const struct rpn *rpn, size_t index, GString *out), void *owner,
	GString *out);
