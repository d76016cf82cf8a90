#pragma once
#include "base/clock.h"
#include "base/quantity.h"
#include "model/window.h"
#include "rules/typing.h"

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/*
 * An expression as code for a small stack machine. Evaluation allocates nothing and asks no clock.
 */
enum op_code {
	OP_PUSH,        /* number */
	OP_PUSH_SCALED, /* number in the own scale of an operand */
	OP_LOAD,        /* operand: its value at the instant of judging */
	OP_VALUE,       /* the rule's value */
	OP_HOST_AGE,    /* node:age */
	OP_WINDOW,      /* which: enum function_id; operand; window_ms; number: p */
	OP_AGE,
	OP_KNOWN,
	OP_ABSENT,
	OP_NEGATE,
	OP_ARITHMETIC, /* which: + - * / */
	OP_COMPARE,    /* which: of the lexer */
	OP_INSIDE,
	OP_AND,
	OP_OR,
	OP_NOT,
	OP_NUMBER, /* which: enum function_id of a function of numbers; count: arguments */
	OP_COALESCE,
	OP_ONLY_IF,
	OP_IF,
	OP_NUM,
};

enum { OPERAND_NONE = 0xffff, OPERANDS_MOST = 32, STACK_MOST = 128 };

struct op {
	uint8_t code, count;
	uint16_t operand;
	int which;
	double number;
	int64_t window_ms;
};

struct program {
	struct op *ops; /* g_malloc; NULL: there is none */
	unsigned count;
	bool timed;    /* depends on time alone: age, node:age */
	bool constant; /* one PUSH: `ops[0].number` is it */
	bool plain;    /* one LOAD */
};

void program_finish(struct program *program);

/* A number or condition (1 and 0) that may be missing or undefined. */
enum known { KNOWN, MISSING, UNDEFINED };

struct outcome {
	double v;
	enum known known;
};

/* A series as an operand of one instance. */
struct operand_ref {
	uint32_t series_id; /* 0: there is none (yet) */
	uint32_t step_s;
	bool counter;
	struct unit_scale scale;
};

/* A time in which nobody was heard, because we were not there. */
struct pause {
	int64_t until_ms, length_ms;
};

struct evaluation {
	const struct window *window;
	const struct operand_ref *operands;
	struct wall at;       /* instant that is judged */
	struct wall now;      /* for ages */
	struct outcome value; /* of the rule */
	double host_age_s;
	const struct pause *pauses; /* are nobody's silence */
	size_t pause_count;
};

/* Value of an operand at the instant of judging: the newest sample at or before it that is not
 * older than three steps. */
struct outcome operand_value(const struct evaluation *e, const struct operand_ref *operand);

struct outcome program_run(const struct program *program, const struct evaluation *e);

/* `a op b` with three values. */
struct outcome outcome_compare(int op, struct outcome a, struct outcome b);
