#pragma once
#include "base/quantity.h"
#include "rules/function.h"
#include "rules/selector.h"

#include <stdint.h>

/*
 * Expressions, texts and conditions as written. All of it belongs to one `struct syntax`
 * (rules/syntax.h).
 */
enum node_kind {
	NODE_NUMBER,
	NODE_TEXT,     /* a quoted text inside an expression */
	NODE_SELECTOR, /* */
	NODE_NAME,     /* a `let`, or `value` */
	NODE_CALL,
	NODE_NEGATE,
	NODE_ARITHMETIC, /* op + - * / */
	NODE_COMPARE,    /* op as of the lexer */
	NODE_INSIDE,     /* args: x, low, high */
	NODE_AND,
	NODE_OR,
	NODE_NOT,
};

enum { NODE_ARGS = 4 };

struct node {
	enum node_kind kind;
	int op;
	struct diag_place place;    /* first token */
	struct diag_place op_place; /* of the operator between the arguments */
	struct node *args[NODE_ARGS];
	unsigned argc;
	struct quantity number;
	struct selector *selector;
	char *text; /* NAME, TEXT: the name; NUMBER: as written */
	const struct function *function;
};

/* A text with `${…}` in it: pieces in order. */
struct piece {
	char *text;        /* a literal piece, or the name of a variable */
	struct node *node; /* `${expression}`; else NULL */
	bool variable;
	struct diag_place place;
};

struct text {
	GArray *pieces; /* struct piece; NULL: not set */
};

enum cond_kind { COND_NONE, COND_COMPARE, COND_OUTSIDE, COND_INSIDE, COND_WHEN };

struct cond {
	enum cond_kind kind;
	int op;
	struct node *a, *b; /* COMPARE: limit; OUTSIDE, INSIDE: low and high; WHEN: the condition */
	bool has_for;
	int64_t for_ms;
	unsigned m, n; /* m of the last n samples; n 0: by time */
	struct diag_place place;
};
