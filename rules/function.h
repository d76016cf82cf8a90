#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The functions of the rule language as a table: names, arguments, and what becomes of units.
 */
enum function_id {
#define FUNCTION(id, name, least, most, shape, result) FUNCTION_##id,
#include "rules/function.def"
#undef FUNCTION
	FUNCTION_COUNT,
};

/* What the arguments are. */
enum function_shape {
	SHAPE_WINDOW,      /* (series, duration) */
	SHAPE_QUANTILE,    /* (series, duration, p) */
	SHAPE_SERIES,      /* (series) */
	SHAPE_NUMBERS,     /* (number, …) of one unit */
	SHAPE_PLAIN,       /* (number) of any unit, a further one without */
	SHAPE_COND_NUMBER, /* (number, condition) */
	SHAPE_IF,          /* (condition, number, number) */
	SHAPE_COND,        /* (condition) */
	SHAPE_LATER,       /* part of the language, not of this version */
};

enum function_result {
	RESULT_SAME, /* unit of the first number */
	RESULT_COUNT,
	RESULT_TIME,
	RESULT_RATE,  /* per second */
	RESULT_TOTAL, /* of a rate over time */
	RESULT_CONDITION,
};

struct function {
	const char *name;
	unsigned least, most; /* arguments */
	enum function_shape shape;
	enum function_result result;
	enum function_id id;
};

/* NULL: there is none of that name. */
const struct function *function_find(const char *name, size_t length);

/* The nearest name, or NULL. */
const char *function_nearest(const char *name);

/* Whether this name can stand before `by`, `without`, `all`: an aggregate over instances. */
bool function_aggregates(const char *name);
